/**
 * Finds the members of a transaction's line without decoding them: one pass over its bytes that proves the line to be JSON (RFC 8259) and
 * notes where each known member's value stands.
 *
 * Takes lines as our encoder writes them: no blanks between tokens, no escapes in member names, no member twice, `scanDepthMaxCount` levels. What is
 * otherwise, or no JSON at all, it leaves to a slower reader: `scan` says false, and nothing about the line is known. The encoder writes
 * members in one order, so after each the one is tried first that followed it the last time; any order is read.
 */

import { transactionSchema } from './transaction.js'

export const memberNames = Object.keys(transactionSchema.shape) as readonly (keyof typeof transactionSchema.shape)[]
export const memberCount = memberNames.length
/** Numbers that `scan` writes for one line. */
export const spansStride = memberCount * 2
/** Shapes are at most 12 deep (content-shape.ts). */
export const scanDepthMaxCount = 24

const quote = 0x22
const backslash = 0x5c
const colon = 0x3a
const comma = 0x2c
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const zero = 0x30
const malformed = 0

/** `"name":` of each member. */
const keys: readonly Uint8Array[] = memberNames.map((name) => new TextEncoder().encode(`"${name}":`))
const indexOfName: ReadonlyMap<string, number> = new Map(memberNames.map((name, index) => [name, index]))
/** Of a name that is no member's. */
const unknown = memberCount

/** The bytes of a record, in the three ways in which they are read. */
export class LineBytes {
  readonly bytes: Uint8Array
  readonly view: DataView
  readonly buffer: Buffer

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  }
}

/** What follows each member, the last time; at `memberCount`, what a line begins with. A guess only: it changes no result. */
const followers = new Uint8Array(memberCount + 1)

/**
 * Scans `[from, to)` and writes to `spans` at `at`, for each member, where its value begins and ends, both 0 when it is absent. The end of a string
 * that is not its bytes in Latin-1 (with escapes or beyond ASCII) is negative. Never throws. Content of `spans` means nothing after false.
 */
export function scanLine(line: LineBytes, from: number, to: number, spans: Int32Array, at: number): boolean {
  const { bytes, view } = line
  if (to - from < 2 || bytes[from] !== openBrace || bytes[to - 1] !== closeBrace) return false
  // `fill` leaves the compiled code, for a microsecond.
  for (let i = at; i < at + spansStride; i++) spans[i] = 0
  // The closing brace is never part of a value, so every byte that is looked at below is in range.
  const end = to - 1
  let member = memberCount
  for (let i = from + 1; ; ) {
    const predicted = followers[member]! // One a member, and the first.
    const key = keys[predicted]! // Followers are members.
    let next = predicted
    let valueFrom = i + key.length
    if (!startsWith(bytes, i, end, key)) {
      if (bytes[i] !== quote) return false
      const nameEnd = stringEnd(view, bytes, i + 1, end)
      if (nameEnd <= 0 || bytes[nameEnd] !== colon) return false
      next = indexOfName.get(line.buffer.toString('latin1', i + 1, nameEnd - 1)) ?? unknown
      valueFrom = nameEnd + 1
      if (next !== unknown) followers[member] = next
    }
    let valueTo: number
    if (bytes[valueFrom] === quote) valueTo = stringEnd(view, bytes, valueFrom + 1, end)
    else valueTo = valueEnd(view, bytes, valueFrom, end, 1)
    if (valueTo === malformed) return false
    if (next !== unknown) {
      const span = at + next * 2
      if (spans[span] !== 0) return false
      spans[span] = valueFrom
      spans[span + 1] = valueTo
      member = next
    }
    i = valueTo < 0 ? -valueTo : valueTo
    if (i === end) return true
    if (bytes[i] !== comma) return false
    i++
  }
}

function startsWith(bytes: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false
  for (let i = 1; i < text.length; i++) if (bytes[at + i] !== text[i]) return false
  return bytes[at] === quote
}

/** Index behind the value at `at`, below `end`, or 0. */
function valueEnd(view: DataView, bytes: Uint8Array, at: number, end: number, depth: number): number {
  if (at >= end) return malformed
  const byte = bytes[at]! // In range by the check above.
  if (byte === quote) {
    const to = stringEnd(view, bytes, at + 1, end)
    return to < 0 ? -to : to
  }
  if (byte === openBrace) return depth >= scanDepthMaxCount ? malformed : objectEnd(view, bytes, at, end, depth + 1)
  if (byte === openBracket) return depth >= scanDepthMaxCount ? malformed : arrayEnd(view, bytes, at, end, depth + 1)
  if (byte === 0x2d || (byte >= zero && byte <= 0x39)) return numberEnd(bytes, at, end)
  if (byte === 0x74) return literalEnd(bytes, at, end, 'true')
  if (byte === 0x66) return literalEnd(bytes, at, end, 'false')
  return byte === 0x6e ? literalEnd(bytes, at, end, 'null') : malformed
}

function objectEnd(view: DataView, bytes: Uint8Array, from: number, end: number, depth: number): number {
  let at = from + 1
  if (at < end && bytes[at] === closeBrace) return at + 1
  for (;;) {
    if (at >= end || bytes[at] !== quote) return malformed
    let to = stringEnd(view, bytes, at + 1, end)
    if (to < 0) to = -to
    if (to === malformed || to >= end || bytes[to] !== colon) return malformed
    at = valueEnd(view, bytes, to + 1, end, depth)
    if (at === malformed || at >= end) return malformed
    const byte = bytes[at]
    if (byte === closeBrace) return at + 1
    if (byte !== comma) return malformed
    at++
  }
}

function arrayEnd(view: DataView, bytes: Uint8Array, from: number, end: number, depth: number): number {
  let at = from + 1
  if (at < end && bytes[at] === closeBracket) return at + 1
  for (;;) {
    at = valueEnd(view, bytes, at, end, depth)
    if (at === malformed || at >= end) return malformed
    const byte = bytes[at]
    if (byte === closeBracket) return at + 1
    if (byte !== comma) return malformed
    at++
  }
}

/**
 * Index behind the closing quote of the string whose inside begins at `from`; negative when it holds an escape or a byte beyond ASCII; 0 when
 * it does not end before `end`, or is none. Four bytes at a time: the lowest bit set in `hit` is a quote's, a backslash's or a control
 * character's, since a borrow only ever reaches bytes above the first true one.
 */
export function stringEnd(view: DataView, bytes: Uint8Array, from: number, end: number): number {
  let at = from
  let seen = 0
  let hasEscape = false
  for (const last = end - 4; at <= last; ) {
    const word = view.getInt32(at, true)
    const quotes = word ^ 0x22222222
    const backslashes = word ^ 0x5c5c5c5c
    const hit =
      (((quotes - 0x01010101) & ~quotes) |
        ((backslashes - 0x01010101) & ~backslashes) |
        ((word - 0x20202020) & ~word)) &
      0x80808080
    if (hit === 0) {
      seen |= word
      at += 4
      continue
    }
    const first = (31 - Math.clz32(hit & -hit)) >> 3
    if (first > 0) seen |= word & ((1 << (first << 3)) - 1)
    at += first
    const byte = bytes[at]
    if (byte === quote) return hasEscape || (seen & 0x80808080) !== 0 ? -(at + 1) : at + 1
    if (byte !== backslash) return malformed
    at = escapeEnd(bytes, at, end)
    if (at === malformed) return malformed
    hasEscape = true
  }
  while (at < end) {
    const byte = bytes[at]! // In range by the loop condition.
    if (byte === quote) return hasEscape || (seen & 0x80808080) !== 0 ? -(at + 1) : at + 1
    if (byte < 0x20) return malformed
    if (byte === backslash) {
      at = escapeEnd(bytes, at, end)
      if (at === malformed) return malformed
      hasEscape = true
    } else {
      seen |= byte
      at++
    }
  }
  return malformed
}

function escapeEnd(bytes: Uint8Array, at: number, end: number): number {
  const byte = at + 1 < end ? bytes[at + 1] : undefined
  if (byte === 0x75) {
    if (at + 6 > end) return malformed
    for (let i = at + 2; i < at + 6; i++) if (!isHexDigit(bytes[i]!)) return malformed // In range by the check above.
    return at + 6
  }
  // " \ / b f n r t
  const known =
    byte === quote ||
    byte === backslash ||
    byte === 0x2f ||
    byte === 0x62 ||
    byte === 0x66 ||
    byte === 0x6e ||
    byte === 0x72 ||
    byte === 0x74
  return known ? at + 2 : malformed
}

function numberEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = bytes[from] === 0x2d ? from + 1 : from
  const whole = digitsEnd(bytes, at, end)
  if (whole === at || (bytes[at] === zero && whole > at + 1)) return malformed
  at = whole
  if (at < end && bytes[at] === 0x2e) {
    const fraction = digitsEnd(bytes, at + 1, end)
    if (fraction === at + 1) return malformed
    at = fraction
  }
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    at++
    if (at < end && (bytes[at] === 0x2b || bytes[at] === 0x2d)) at++
    const exponent = digitsEnd(bytes, at, end)
    if (exponent === at) return malformed
    at = exponent
  }
  return at
}

function digitsEnd(bytes: Uint8Array, from: number, end: number): number {
  let at = from
  while (at < end && bytes[at]! >= zero && bytes[at]! <= 0x39) at++ // In range by the loop condition.
  return at
}

function literalEnd(bytes: Uint8Array, at: number, end: number, text: string): number {
  if (at + text.length > end) return malformed
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return malformed
  return at + text.length
}

function isHexDigit(byte: number): boolean {
  const letter = byte | 0x20
  return (byte >= zero && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66)
}
