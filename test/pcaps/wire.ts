/** What the makers of cases share: bytes of messages, one peer pair, captures as bytes. Everything is fixed, so a case is the same each time. */

import { type BuiltFrame, buildConversation, type ConversationSpec, type Turn } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'

export const peers: ConversationSpec = {
  clientIp: '192.0.2.10',
  clientPort: 40_000,
  serverIp: '198.51.100.20',
  serverPort: 8_080,
}
/** 2026-09-21T14:13:20Z. */
export const startUs = 1_790_000_000_000_000

export function client(text: string | Uint8Array): Turn {
  return { direction: 'c2s', bytes: bytesOf(text) }
}

export function server(text: string | Uint8Array): Turn {
  return { direction: 's2c', bytes: bytesOf(text) }
}

/** Head lines and content as one message. */
export function message(lines: readonly string[], content: string | Uint8Array = ''): Uint8Array {
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), bytesOf(content)])
}

export function get(target: string): Uint8Array {
  return message([`GET ${target} HTTP/1.1`, 'Host: shop.example'])
}

export function ok(content: string): Uint8Array {
  return message(['HTTP/1.1 200 OK', 'Content-Type: text/plain', `Content-Length: ${content.length}`], content)
}

/** The frames of a whole connection: 0 to 2 open it, then each turn's segments with an acknowledgement after each turn. */
export function conversation(turns: readonly Turn[], spec: Partial<ConversationSpec> = {}): BuiltFrame[] {
  return buildConversation({ ...peers, ...spec }, turns, startUs)
}

export function ethernetPcap(frames: readonly BuiltFrame[]): Uint8Array {
  return writePcap(frames, { linkType: linkTypeEthernet })
}

/** Those at `order`, each at the time of its new place; positions may repeat or be left out. */
export function reordered(frames: readonly BuiltFrame[], order: readonly number[]): BuiltFrame[] {
  return order.map((from, place) => ({
    bytes: frames[from]?.bytes ?? new Uint8Array(0),
    timestampUs: startUs + place * 100,
  }))
}

/** RFC 9113 §3.4. */
export const http2Preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
export const frameType = { data: 0, headers: 1, reset: 3, settings: 4, promise: 5, goAway: 7, continuation: 9 } as const
export const frameFlag = { endStream: 1, endHeaders: 4, padded: 8 } as const

/** A frame of HTTP/2. RFC 9113 §4.1. */
export function frame(type: number, flags: number, streamId: number, payload: string | Uint8Array = ''): Buffer {
  const bytes = Buffer.from(bytesOf(payload))
  const head = Buffer.alloc(9)
  head.writeUIntBE(bytes.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(streamId, 5)
  return Buffer.concat([head, bytes])
}

/** Fields for HPACK as literals, added to the table or not; a number stands for an entry. Names and values below 127 octets. RFC 7541 §6. */
export function fieldBlock(fields: readonly (readonly [string, string] | number)[], isAdded = false): Buffer {
  const parts = fields.map((field) => {
    if (typeof field === 'number') return Buffer.from([0x80 | field])
    const [name, value] = field.map((text) => Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]))
    return Buffer.concat([Buffer.from([isAdded ? 0x40 : 0]), name ?? Buffer.alloc(0), value ?? Buffer.alloc(0)])
  })
  return Buffer.concat(parts)
}

/** A whole header block in one frame. */
export function headers(streamId: number, block: Uint8Array, flags = 0): Buffer {
  return frame(frameType.headers, frameFlag.endHeaders | flags, streamId, block)
}

/** The fields that every request of HTTP/2 begins with. RFC 9113 §8.3.1. */
export function requestFields(method: string, path: string): (readonly [string, string])[] {
  return [
    [':method', method],
    [':scheme', 'http'],
    [':authority', 'shop.example'],
    [':path', path],
  ]
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text, 'latin1') : text
}
