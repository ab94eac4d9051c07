/**
 * JSON (RFC 8259) read from bytes: where a value ends, what a string says. Nothing becomes an object or a text.
 *
 * Every function returns the index behind what it read, or `REFUSED` where there is none; none reads at or beyond `end`, none throws.
 */

import type { GrowingBytes } from './growing-bytes.js'

export const REFUSED = -1
export const quote = 0x22
export const comma = 0x2c
export const colon = 0x3a
export const openBrace = 0x7b
export const closeBrace = 0x7d
export const openBracket = 0x5b
export const closeBracket = 0x5d
export const letterN = 0x6e
export const backslash = 0x5c
const letterT = 0x74
const letterF = 0x66
const letterU = 0x75
const zero = 0x30
const nine = 0x39

const encoder = new TextEncoder()
const nullWord = encoder.encode('null')
const trueWord = encoder.encode('true')
const falseWord = encoder.encode('false')

/** What one backslash and this letter stand for (RFC 8259 §7); 0: no escape. `u` stands apart. */
const escapes = new Uint8Array(128)
for (const [letter, meaning] of ['""', '\\\\', '//', 'b\b', 'f\f', 'n\n', 'r\r', 't\t'].map((pair) => [...pair])) {
  escapes[letter?.charCodeAt(0) ?? 0] = meaning?.charCodeAt(0) ?? 0
}

export function skipBlanks(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at]! <= 0x20) at++ // In range by the condition, as everywhere below.
  return at
}

/** From the byte behind the opening quote to the one behind the closing quote. */
export function skipString(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i++) {
    const byte = bytes[i]!
    if (byte === quote) return i + 1
    if (byte === backslash) i++
  }
  return REFUSED
}

/**
 * Objects and arrays, from their opening bracket. Only what decides where one ends is looked at: strings, and each kind of bracket counted.
 * So whatever it accepts ends where a parser ends, and what is inside is as it stood.
 */
export class NestedSkipper {
  /** Whether a backslash stood in the last one. */
  hasEscapes = false

  skip(bytes: Uint8Array, at: number, end: number): number {
    const opening = bytes[at]
    let braceCount = 0
    let bracketCount = 0
    this.hasEscapes = false
    for (let i = at; i < end; i++) {
      const byte = bytes[i]!
      if (byte === quote) {
        // Inlined, since most bytes of a line are strings of a shape.
        for (i++; i < end; i++) {
          const inside = bytes[i]!
          if (inside === quote) break
          if (inside === backslash) {
            this.hasEscapes = true
            i++
          }
        }
      } else if (byte >= openBracket) {
        if (byte === openBrace) braceCount++
        else if (byte === openBracket) bracketCount++
        else if (byte === closeBrace) {
          if (--braceCount === 0 && opening === openBrace) return bracketCount === 0 ? i + 1 : REFUSED
        } else if (byte === closeBracket) {
          if (--bracketCount === 0 && opening === openBracket) return braceCount === 0 ? i + 1 : REFUSED
        }
        if (braceCount < 0 || bracketCount < 0) return REFUSED
      }
    }
    return REFUSED
  }
}

const nested = new NestedSkipper()

export function skipNull(bytes: Uint8Array, at: number, end: number): number {
  return skipWord(nullWord, bytes, at, end)
}

/** `true` or `false`. */
export function skipBoolean(bytes: Uint8Array, at: number, end: number): number {
  return skipWord(bytes[at] === letterT ? trueWord : falseWord, bytes, at, end)
}

/** A number by the grammar of RFC 8259 §6. */
export function skipNumber(bytes: Uint8Array, at: number, end: number): number {
  let i = bytes[at] === 0x2d ? at + 1 : at
  const whole = skipDigits(bytes, i, end)
  if (whole === i || (bytes[i] === zero && whole > i + 1)) return REFUSED
  i = whole
  if (i < end && bytes[i] === 0x2e) {
    const fraction = skipDigits(bytes, i + 1, end)
    if (fraction === i + 1) return REFUSED
    i = fraction
  }
  if (i < end && (bytes[i]! | 0x20) === 0x65) {
    const sign = bytes[i + 1]
    const from = sign === 0x2b || sign === 0x2d ? i + 2 : i + 1
    const exponent = skipDigits(bytes, from, end)
    if (exponent === from) return REFUSED
    i = exponent
  }
  return i
}

/** Any value. */
export function skipValue(bytes: Uint8Array, at: number, end: number): number {
  if (at >= end) return REFUSED
  const byte = bytes[at]!
  if (byte === quote) return skipString(bytes, at + 1, end)
  if (byte === openBrace || byte === openBracket) return nested.skip(bytes, at, end)
  if (byte === letterN) return skipNull(bytes, at, end)
  if (byte === letterT || byte === letterF) return skipBoolean(bytes, at, end)
  return skipNumber(bytes, at, end)
}

/** Counts are whole and not negative: anything else is refused. `value` is exact up to 2^53, `big` beyond. */
export class CountReader {
  value = 0
  /** Set instead of `value` from 16 digits on. */
  big: bigint | undefined

  read(bytes: Uint8Array, at: number, end: number): number {
    let i = at
    let value = 0
    for (; i < end; i++) {
      const digit = bytes[i]! - zero
      if (digit < 0 || digit > 9) break
      value = value * 10 + digit
    }
    const digitCount = i - at
    if (digitCount === 0 || (digitCount > 1 && bytes[at] === zero)) return REFUSED
    this.value = value
    this.big = undefined
    if (digitCount > 15) {
      if (digitCount > 20) return REFUSED
      this.big = BigInt(latin1(bytes, at, i))
    }
    return i
  }
}

export function latin1(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}

/**
 * The inside of a string, `bytes[from, to)`, unescaped onto `out`. Half a surrogate pair becomes U+FFFD. False where an escape is none; then
 * `out` holds a part of it.
 */
export function unescapeInto(bytes: Uint8Array, from: number, to: number, out: GrowingBytes): boolean {
  out.reserve(to - from)
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!
    if (byte !== backslash) {
      out.bytes[out.length++] = byte
      continue
    }
    const letter = i + 1 < to ? bytes[++i]! : 0
    if (letter !== letterU) {
      const meaning = letter < 128 ? escapes[letter]! : 0
      if (meaning === 0) return false
      out.bytes[out.length++] = meaning
      continue
    }
    let code = hex4(bytes, i + 1, to)
    if (code < 0) return false
    i += 4
    if (code >= 0xd800 && code < 0xe000) {
      const low = bytes[i + 1] === backslash && bytes[i + 2] === letterU ? hex4(bytes, i + 3, to) : -1
      if (code < 0xdc00 && low >= 0xdc00 && low < 0xe000) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        i += 6
      } else code = 0xfffd
    }
    writeUtf8(out, code)
  }
  return true
}

/** At most 4 bytes for what took at least 6. */
function writeUtf8(out: GrowingBytes, code: number): void {
  const { bytes } = out
  if (code < 0x80) bytes[out.length++] = code
  else if (code < 0x800) {
    bytes[out.length++] = 0xc0 | (code >> 6)
    bytes[out.length++] = 0x80 | (code & 63)
  } else {
    if (code < 0x10000) bytes[out.length++] = 0xe0 | (code >> 12)
    else {
      bytes[out.length++] = 0xf0 | (code >> 18)
      bytes[out.length++] = 0x80 | ((code >> 12) & 63)
    }
    bytes[out.length++] = 0x80 | ((code >> 6) & 63)
    bytes[out.length++] = 0x80 | (code & 63)
  }
}

/** Value of four hex digits at `from`, or -1. */
function hex4(bytes: Uint8Array, from: number, to: number): number {
  if (from + 4 > to) return -1
  let value = 0
  for (let i = from; i < from + 4; i++) {
    const byte = bytes[i]!
    const letter = byte | 0x20
    const digit = byte >= zero && byte <= nine ? byte - zero : letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1
    if (digit < 0) return -1
    value = value * 16 + digit
  }
  return value
}

function skipWord(word: Uint8Array, bytes: Uint8Array, at: number, end: number): number {
  if (at + word.length > end) return REFUSED
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return REFUSED
  return at + word.length
}

function skipDigits(bytes: Uint8Array, at: number, end: number): number {
  while (at < end && bytes[at]! >= zero && bytes[at]! <= nine) at++
  return at
}
