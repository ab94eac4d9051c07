/**
 * Addresses from their text to the 16 bytes of an IPv6 column: IPv4 as `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2), what is no address as `::`.
 * Strict by RFC 4291: the engine's own reader takes `1:::2` and a `::` of no groups for addresses.
 */

const dot = 0x2e
const colon = 0x3a

/** Writes 16 bytes at `out[at]`. Never throws. */
export function writeAddress(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): void {
  out.fill(0, at, at + 16)
  if (writeIpv4(bytes, from, to, out, at + 12)) {
    out[at + 10] = 0xff
    out[at + 11] = 0xff
  } else if (!writeIpv6(bytes, from, to, out, at)) out.fill(0, at, at + 16)
}

/** Dotted decimal, four parts of 0 to 255. */
function writeIpv4(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): boolean {
  let part = 0
  let digitCount = 0
  let partCount = 0
  for (let i = from; i <= to; i++) {
    const byte = i < to ? bytes[i]! : dot // In range by the condition, as everywhere below.
    if (byte === dot) {
      if (digitCount === 0 || part > 255 || partCount === 4) return false
      out[at + partCount++] = part
      part = 0
      digitCount = 0
    } else {
      const digit = byte - 0x30
      // A leading zero: some read it as octal.
      if (digit < 0 || digit > 9 || (digitCount > 0 && part === 0) || ++digitCount > 3) return false
      part = part * 10 + digit
    }
  }
  return partCount === 4
}

/** RFC 4291 §2.2, all three forms. */
function writeIpv6(bytes: Uint8Array, from: number, to: number, out: Uint8Array, at: number): boolean {
  let filled = 0
  /** Bytes that stand before `::`. */
  let before = -1
  let i = from
  if (i < to && bytes[i] === colon) {
    if (bytes[i + 1] !== colon) return false
  }
  while (i < to) {
    if (bytes[i] === colon) {
      // The one that separates two groups was taken with the group before it.
      if (before >= 0 || i + 1 >= to || bytes[i + 1] !== colon) return false
      before = filled
      i += 2
      continue
    }
    if (filled === 16) return false
    let group = 0
    let j = i
    for (; j < to; j++) {
      const digit = hexValue(bytes[j]!)
      if (digit < 0) break
      if (j - i === 4) return false
      group = group * 16 + digit
    }
    if (j < to && bytes[j] === dot) {
      if (filled > 12 || !writeIpv4(bytes, i, to, out, at + filled)) return false
      filled += 4
      i = to
      break
    }
    if (j === i) return false
    out[at + filled++] = group >> 8
    out[at + filled++] = group & 255
    i = j
    if (i === to) break
    if (bytes[i] !== colon || i + 1 === to) return false
    // A second colon is the gap's.
    if (bytes[i + 1] !== colon) i++
  }
  if (before < 0) return filled === 16
  if (filled === 16) return false
  const after = filled - before
  out.copyWithin(at + 16 - after, at + before, at + filled)
  out.fill(0, at + before, at + 16 - after)
  return true
}

function hexValue(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const letter = byte | 0x20
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
}
