/** Ordinary API traffic, a transaction at a time: on connections that stay open, and each fourth on a new one. */

import { ConversationBuilder } from '@tapwarden/net/frame-builder'

const keptCount = 16

export function isCleanAddress(address: string): boolean {
  return address.startsWith('172.29.')
}

export class CleanTraffic {
  readonly #kept = Array.from({ length: keptCount }, (_, index) => connection(index))
  readonly #isOpen = new Set<number>()

  /** The frames of transaction `index`, its request on time or, each eighth, in two segments. */
  transaction(index: number): Uint8Array[] {
    const request = Buffer.from(
      `POST /api/orders/${index} HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer ${index % 50}-0123456789abcdef\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{"item":"${String(index).padStart(29, 'i')}"}`,
    )
    const content = JSON.stringify({
      id: index,
      items: Array.from({ length: 12 }, (_, id) => ({ id, name: `item ${id}`, price: id * 1.5 })),
    })
    const response = Buffer.from(
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
    )
    const slot = index % keptCount
    const isNew = index % 4 === 3
    const builder = isNew ? connection(keptCount + index) : this.#kept[slot]!
    const opens = isNew || !this.#isOpen.has(slot)
    if (!isNew) this.#isOpen.add(slot)
    const cut = index % 8 === 0 ? 60 : request.length
    return [
      ...(opens ? builder.open(0) : []),
      ...builder.data('c2s', request.subarray(0, cut), 0),
      ...(cut < request.length ? builder.data('c2s', request.subarray(cut), 0) : []),
      ...builder.data('s2c', response, 0),
      ...(isNew ? [...builder.finish('c2s', 0), ...builder.finish('s2c', 0)] : []),
    ].map(({ bytes }) => bytes)
  }
}

function connection(index: number): ConversationBuilder {
  return new ConversationBuilder({
    clientIp: `172.29.${(index >> 8) & 255}.${index & 255}`,
    clientPort: 20_000 + (index % 40_000),
    serverIp: '198.51.100.80',
    serverPort: 8_080,
    clientIsn: Math.imul(index, 0x9e37_79b1) >>> 0,
    serverIsn: Math.imul(index, 0x85eb_ca6b) >>> 0,
  })
}
