/** The record layer of TLS as numbers: RFC 8446 §5.1, RFC 5246 §6.2. */

export const recordHeaderBytes = 5
export const recordChangeCipherSpec = 20
export const recordAlert = 21
export const recordHandshake = 22
export const recordApplicationData = 23
/** 2^14 bytes of content and, before TLS 1.3, up to 2,048 of expansion. RFC 5246 §6.2.3. */
export const recordMaxBytes = 16_384 + 2_048

export const versionTls10 = 0x0301
export const versionTls12 = 0x0303
export const versionTls13 = 0x0304

/** The first byte of every record of SSL 3 and TLS. Any other byte says that a stream is something else. */
export function mayStartRecord(byte: number): boolean {
  return byte >= recordChangeCipherSpec && byte <= recordApplicationData
}

/** Bytes that tell whether a stream is TLS. */
export const streamStartBytes = recordHeaderBytes + 1
/** `HandshakeType`: RFC 8446 §4, RFC 5246 §7.4, RFC 5077 §3.3, RFC 6066 §8. */
const handshakeTypes: ReadonlySet<number> = new Set([0, 1, 2, 4, 5, 8, 11, 12, 13, 14, 15, 16, 20, 21, 22, 24, 25])

/** Whether a stream that begins with `bytes[from, to)`, or goes on with them, may be TLS: a record, and a message in it if it is of a handshake. */
export function looksLikeTls(bytes: Uint8Array, from: number, to: number): boolean {
  if (!looksLikeRecord(bytes, from, to)) return false
  // Behind the change of keys what looks like one is encrypted: there a connection is not recognised by it.
  return to - from < streamStartBytes || bytes[from] !== recordHandshake || handshakeTypes.has(bytes[from + 5]!)
}

/** Whether `bytes[from, to)`, as far as they go, may be the header of a record. Five bytes decide. */
export function looksLikeRecord(bytes: Uint8Array, from: number, to: number): boolean {
  if (from >= to) return true
  if (!mayStartRecord(bytes[from]!)) return false // Here and below: in range by the check in front.
  if (from + 1 < to && bytes[from + 1] !== 3) return false
  if (from + 2 < to && bytes[from + 2]! > 4) return false
  if (from + 4 >= to) return true
  const lengthBytes = (bytes[from + 3]! << 8) | bytes[from + 4]!
  return lengthBytes > 0 && lengthBytes <= recordMaxBytes
}
