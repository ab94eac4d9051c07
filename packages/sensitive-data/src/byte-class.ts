/**
 * What kinds of bytes a value is made of: one table look-up and one OR a byte. Every recogniser is skipped unless the bytes that it
 * needs are there, so an ordinary value costs one pass and no allocation.
 */

export const DIGIT = 1
export const LOWER = 2
export const UPPER = 4
export const AT = 8
export const DOT = 16
export const COLON = 32
export const DASH = 64
export const SPACE = 128
/** Bytes of UTF-8 sequences, or of any 8-bit character set. */
export const HIGH = 256
/** Bytes below 0x20 and DEL. */
export const CONTROL = 512
export const BACKSLASH = 1024
export const PERCENT = 2048
/** `_ + / =`: the rest of the base64 and base64url alphabets. */
export const BASE64_EXTRA = 4096
export const OTHER = 8192

/** Byte → class bit. */
export const byteClasses: Uint16Array = buildTable()

export const ALPHANUMERIC: number = DIGIT | LOWER | UPPER

/** The classes of `bytes[from, to)`, ORed. */
export function classesOf(bytes: Uint8Array, from: number, to: number): number {
  let classes = 0
  for (let i = from; i < to; i++) classes |= byteClasses[bytes[i]!]! // In range: the caller's bounds, and a table of 256.
  return classes
}

/** Class bit of one byte; 0 outside `[0, bytes.length)`, so that edges of a value need no special case. */
export function classAt(bytes: Uint8Array, index: number): number {
  const byte = bytes[index]
  return byte === undefined ? 0 : byteClasses[byte]! // A table of 256.
}

export function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function buildTable(): Uint16Array {
  const table = new Uint16Array(256).fill(OTHER)
  table.fill(CONTROL, 0, 0x20)
  table[0x7f] = CONTROL
  table.fill(HIGH, 0x80)
  table.fill(DIGIT, 0x30, 0x3a)
  table.fill(UPPER, 0x41, 0x5b)
  table.fill(LOWER, 0x61, 0x7b)
  const single: readonly (readonly [string, number])[] = [
    ['@', AT],
    ['.', DOT],
    [':', COLON],
    ['-', DASH],
    [' ', SPACE],
    ['\\', BACKSLASH],
    ['%', PERCENT],
    ['_', BASE64_EXTRA],
    ['+', BASE64_EXTRA],
    ['/', BASE64_EXTRA],
    ['=', BASE64_EXTRA],
  ]
  for (const [character, bit] of single) table[character.charCodeAt(0)] = bit
  return table
}
