/** Escapes of JSON strings (RFC 8259 §7). */

const backslash = 0x5c

/** Decodes `bytes[from, to)`, the inside of a JSON string, into `out`, which has room for as many bytes; returns the end. Never throws. */
export function unescapeJson(bytes: Uint8Array, from: number, to: number, out: Uint8Array): number {
  let at = 0
  for (let i = from; i < to; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    if (byte !== backslash) {
      out[at++] = byte
      continue
    }
    const escaped = bytes[++i]
    if (escaped === undefined || i >= to) break
    if (escaped !== 0x75) {
      out[at++] = controls.get(escaped) ?? escaped
      continue
    }
    let code = hex4(bytes, i + 1, to)
    if (code < 0) {
      out[at++] = escaped
      continue
    }
    i += 4
    if (code >= 0xd800 && code < 0xdc00 && bytes[i + 1] === backslash && bytes[i + 2] === 0x75) {
      const low = hex4(bytes, i + 3, to)
      if (low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        i += 6
      }
    }
    at = writeUtf8(out, at, code)
  }
  return at
}

const controls = new Map([
  [0x62, 0x08],
  [0x66, 0x0c],
  [0x6e, 0x0a],
  [0x72, 0x0d],
  [0x74, 0x09],
])

/** Value of four hex digits at `from`, or -1. */
function hex4(bytes: Uint8Array, from: number, to: number): number {
  if (from + 4 > to) return -1
  let value = 0
  for (let i = from; i < from + 4; i++) {
    const byte = bytes[i]! // In range by the check above.
    const letter = byte | 0x20
    const digit = byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

/** At most 4 bytes for what took at least 6. A lone surrogate becomes its three bytes, as it stood. */
function writeUtf8(out: Uint8Array, from: number, code: number): number {
  let at = from
  if (code < 0x80) out[at++] = code
  else if (code < 0x800) {
    out[at++] = 0xc0 | (code >> 6)
    out[at++] = 0x80 | (code & 63)
  } else {
    if (code < 0x10000) out[at++] = 0xe0 | (code >> 12)
    else {
      out[at++] = 0xf0 | (code >> 18)
      out[at++] = 0x80 | ((code >> 12) & 63)
    }
    out[at++] = 0x80 | ((code >> 6) & 63)
    out[at++] = 0x80 | (code & 63)
  }
  return at
}
