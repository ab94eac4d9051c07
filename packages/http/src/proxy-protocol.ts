/**
 * PROXY protocol, versions 1 and 2: what a proxy says, in front of the first byte of a connection, about whom it speaks for. HAProxy's
 * "The PROXY protocol", §2.1 (text) and §2.2 (binary); the numbers of sections below are of that document.
 *
 *            first octets of either signature
 *     start ──────────────────────────────────► held ──header complete──► skipping (v2: the rest by its length) ──► known
 *       │ anything else                           │ not a header after all
 *       ▼                                         ▼
 *     no header                                 no header: what was held goes to whoever reads the stream
 *
 * Invariant: at most `v1MaxBytes` octets are held, whatever the header's length says. Resumable at any byte; never throws on input.
 */

/** §2.1: the longest line of version 1, CRLF included. */
export const v1MaxBytes = 107
/** Of version 2, with its 16 octets: HAProxy's own buffer. A longer one is none. */
export const v2MaxBytes = 16_384
const v2FixedBytes = 16

export const needMoreOctets = -1
export const notProxyHeader = -2

/** Whom a connection is made for, as its sender says. */
export type Proxied =
  /** `address` as text, not normalized; IPv6 without brackets. */
  | { readonly kind: 'address'; readonly address: string; readonly port: number }
  /** Version 2, command LOCAL: the proxy speaks for itself (a health check). */
  | { readonly kind: 'local' }
  /** UNKNOWN, AF_UNSPEC, AF_UNIX or no stream: for somebody whose address cannot be said. */
  | { readonly kind: 'unknown' }

const local: Proxied = { kind: 'local' }
const unknown: Proxied = { kind: 'unknown' }

const v1Signature = Uint8Array.from(Buffer.from('PROXY '))
const v2Signature = Uint8Array.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a])

/** Whether `bytes[from, to)`, which is not empty, starts like a header, as far as it goes. */
export function mayStartProxyHeader(bytes: Uint8Array, from: number, to: number): boolean {
  const first = bytes[from]
  if (first === 0x50) return agrees(bytes, from, to, v1Signature)
  return first === 0x0d && agrees(bytes, from, to, v2Signature)
}

function agrees(bytes: Uint8Array, from: number, to: number, signature: Uint8Array): boolean {
  const count = Math.min(to - from, signature.length)
  for (let i = 0; i < count; i++) if (bytes[from + i] !== signature[i]) return false
  return true
}

/** Reads the header of one connection. Times and numbers of its first byte are kept, for when it turns out to be none. */
export class ProxyHeader {
  /** Known once `push` has returned an index. */
  proxied: Proxied = unknown
  readonly held: Uint8Array = new Uint8Array(v1MaxBytes)
  /** Octets held of segments before the one last pushed. */
  heldBeforeCount = 0
  readonly atUs: number
  readonly seq: number
  readonly ack: number
  #heldCount = 0
  /** Octets of a version 2 header whose addresses are read that are still to come. */
  #skipBytes = 0

  constructor(atUs: number, seq: number, ack: number) {
    this.atUs = atUs
    this.seq = seq
    this.ack = ack
  }

  /** Takes `bytes[from, to)`. Returns the index behind the header, `needMoreOctets` or `notProxyHeader`. */
  push(bytes: Uint8Array, from: number, to: number): number {
    this.heldBeforeCount = this.#heldCount
    for (let at = from; at < to; ) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, to - at)
        this.#skipBytes -= skipped
        return this.#skipBytes > 0 ? needMoreOctets : at + skipped
      }
      this.held[this.#heldCount++] = bytes[at++]!
      const restBytes = this.#restBytes()
      if (restBytes === notProxyHeader) return notProxyHeader
      if (restBytes === 0) return at
      if (restBytes > 0) this.#skipBytes = restBytes
    }
    return needMoreOctets
  }

  /** So many bytes are missing. Returns how many of them lay behind the header, or `notProxyHeader` when its addresses are not known. */
  gap(missedBytes: number): number {
    this.heldBeforeCount = this.#heldCount
    if (this.#skipBytes === 0) return notProxyHeader
    const inHeader = Math.min(this.#skipBytes, missedBytes)
    this.#skipBytes -= inHeader
    return this.#skipBytes > 0 ? needMoreOctets : missedBytes - inHeader
  }

  /** How many octets follow until the header ends; `needMoreOctets` while that is open. */
  #restBytes(): number {
    const { held } = this
    const count = this.#heldCount
    if (!mayStartProxyHeader(held, 0, count)) return notProxyHeader
    return held[0] === 0x50 ? this.#readText(held, count) : this.#readBinary(held, count)
  }

  #readText(held: Uint8Array, count: number): number {
    if (held[count - 1] !== 0x0a) return count === v1MaxBytes ? notProxyHeader : needMoreOctets
    const proxied = parseTextHeader(Buffer.from(held.buffer, 0, count).toString('latin1'))
    if (proxied === undefined) return notProxyHeader
    this.proxied = proxied
    return 0
  }

  /** §2.2: signature, version and command, family and transport, length; then addresses and TLVs. */
  #readBinary(held: Uint8Array, count: number): number {
    if (count < v2FixedBytes) return needMoreOctets
    const lengthBytes = (held[14]! << 8) | held[15]!
    const version = held[12]! >> 4
    const command = held[12]! & 0x0f
    if (version !== 2 || command > 1 || v2FixedBytes + lengthBytes > v2MaxBytes) return notProxyHeader
    // Whatever is not a stream over IPv4 or IPv6 has no address for us, and is skipped by its length.
    const addressBytes = held[13] === 0x11 ? 4 : held[13] === 0x21 ? 16 : 0
    if (command === 0 || addressBytes === 0) {
      this.proxied = command === 0 ? local : unknown
      return lengthBytes
    }
    // Two addresses, two ports.
    const blockBytes = 2 * addressBytes + 4
    if (lengthBytes < blockBytes) return notProxyHeader
    if (count < v2FixedBytes + blockBytes) return needMoreOctets
    const portAt = v2FixedBytes + 2 * addressBytes
    this.proxied = {
      kind: 'address',
      address: addressBytes === 4 ? ipv4Text(held, v2FixedBytes) : ipv6Text(held, v2FixedBytes),
      port: (held[portAt]! << 8) | held[portAt + 1]!,
    }
    return lengthBytes - blockBytes
  }
}

const octet = '(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])'
const ipv4 = `${octet}(?:\\.${octet}){3}`
const ipv6 = '[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,38}'
const port = '(0|[1-9][0-9]{0,4})'
const textPattern = new RegExp(
  `^PROXY (?:TCP4 (${ipv4}) ${ipv4} ${port} ${port}|TCP6 (${ipv6}) ${ipv6} ${port} ${port}|UNKNOWN(?: [^\r\n]*)?)\r\n$`,
)

/** §2.1; a receiver must be strict. What follows UNKNOWN is to be ignored. */
function parseTextHeader(line: string): Proxied | undefined {
  const match = textPattern.exec(line)
  if (match === null) return undefined
  const address = match[1] ?? match[4]
  const ports = [match[2] ?? match[5], match[3] ?? match[6]].map(Number)
  if (address === undefined) return unknown
  if (ports.some((each) => each > 65_535)) return undefined
  return { kind: 'address', address, port: ports[0] ?? 0 }
}

function ipv4Text(bytes: Uint8Array, from: number): string {
  return bytes.subarray(from, from + 4).join('.')
}

function ipv6Text(bytes: Uint8Array, from: number): string {
  const groups: string[] = []
  for (let i = from; i < from + 16; i += 2) groups.push(((bytes[i]! << 8) | bytes[i + 1]!).toString(16))
  return groups.join(':')
}
