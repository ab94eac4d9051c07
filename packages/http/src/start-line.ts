/** Request lines and status lines, as lenient as receivers are, and as strict as finding one amid garbage needs. RFC 9112 §3, §4. */

import { CR, hasOctetBelow, isBlank, LF, latin1, SP, startsWith, tokenTable, wordsOf } from './octets.js'

/** Offsets into the same bytes as the line; -1 and 0 where it has no such part. */
export interface StartLine {
  methodEnd: number
  targetStart: number
  targetEnd: number
  status: number
  /** Ten times the major plus the minor number: 11 is HTTP/1.1, 9 is HTTP/0.9. */
  version: number
  isVersionMalformed: boolean
  hasInnerSpace: boolean
}

const methodMaxBytes = 64

export function emptyStartLine(): StartLine {
  return {
    methodEnd: 0,
    targetStart: 0,
    targetEnd: 0,
    status: 0,
    version: 11,
    isVersionMalformed: false,
    hasInnerSpace: false,
  }
}

/** `HTTP`, `/1.1` and `/1.0` as little-endian words. */
const httpWord = 0x50_54_54_48
const slash11Word = 0x31_2e_31_2f
const slash10Word = 0x30_2e_31_2f

/**
 * Reads a request line as nearly all are, without looking for its end first: method, one space, target without spaces, one
 * space, `HTTP/1.1` or `1.0`, CRLF. Index of its LF, or -1: it is not so, or not all there.
 */
export function readPlainRequestLine(bytes: Uint8Array, from: number, to: number, out: StartLine): number {
  const words = wordsOf(bytes)
  const wordBase = bytes.byteOffset
  let methodEnd = from
  while (methodEnd < to && tokenTable[bytes[methodEnd]!] === 1) methodEnd++
  if (methodEnd === from || methodEnd - from > methodMaxBytes || bytes[methodEnd] !== SP) return -1
  const targetStart = methodEnd + 1
  let at = targetStart
  while (at + 4 <= to && hasOctetBelow(words.getInt32(wordBase + at, true), SP + 1) === 0) at += 4
  while (at < to && bytes[at]! > SP) at++
  if (at === targetStart || at + 11 > to || bytes[at] !== SP) return -1
  const minor = words.getInt32(wordBase + at + 5, true)
  if (words.getInt32(wordBase + at + 1, true) !== httpWord || (minor !== slash11Word && minor !== slash10Word))
    return -1
  if (bytes[at + 9] !== CR || bytes[at + 10] !== LF) return -1
  out.methodEnd = methodEnd
  out.targetStart = targetStart
  out.targetEnd = at
  out.status = 0
  out.version = minor === slash11Word ? 11 : 10
  out.isVersionMalformed = false
  out.hasInnerSpace = false
  return at + 10
}

/** Likewise a status line: `HTTP/1.1` or `1.0`, one space, three digits, a reason phrase or none, CRLF. */
export function readPlainStatusLine(bytes: Uint8Array, from: number, to: number, out: StartLine): number {
  if (to - from < 14) return -1
  const words = wordsOf(bytes)
  const wordBase = bytes.byteOffset
  const minor = words.getInt32(wordBase + from + 4, true)
  if (words.getInt32(wordBase + from, true) !== httpWord || (minor !== slash11Word && minor !== slash10Word)) return -1
  const hundreds = digit(bytes, from + 9, to)
  const tens = digit(bytes, from + 10, to)
  const units = digit(bytes, from + 11, to)
  if (bytes[from + 8] !== SP || hundreds < 0 || tens < 0 || units < 0) return -1
  let at = from + 12
  if (bytes[at] !== SP && bytes[at] !== CR) return -1
  while (at + 4 <= to && hasOctetBelow(words.getInt32(wordBase + at, true), SP) === 0) at += 4
  while (at < to && bytes[at]! >= SP) at++
  if (at + 2 > to || bytes[at] !== CR || bytes[at + 1] !== LF) return -1
  out.methodEnd = from
  out.targetStart = from
  out.targetEnd = from
  out.status = hundreds * 100 + tens * 10 + units
  out.version = minor === slash11Word ? 11 : 10
  out.isVersionMalformed = false
  out.hasInnerSpace = false
  return at + 1
}

/**
 * Reads `bytes[from, to)`, a request line without its line end, into `out`; false when it is none. The version is what follows
 * the last space, so a target may hold spaces. A line without version is HTTP/0.9 if it is `GET` with an absolute path.
 */
export function parseRequestLine(bytes: Uint8Array, from: number, to: number, out: StartLine): boolean {
  let methodEnd = from
  while (methodEnd < to && tokenTable[bytes[methodEnd]!] === 1) methodEnd++
  if (methodEnd === from || methodEnd - from > methodMaxBytes || !isBlank(bytes[methodEnd])) return false
  let end = to
  while (end > methodEnd && isBlank(bytes[end - 1])) end--
  let versionStart = end
  while (versionStart > methodEnd && !isBlank(bytes[versionStart - 1])) versionStart--
  out.methodEnd = methodEnd
  out.status = 0
  let targetStart = methodEnd
  while (targetStart < end && isBlank(bytes[targetStart])) targetStart++
  if (!startsWith(bytes, versionStart, end, 'http/')) {
    if (!startsWith(bytes, from, methodEnd, 'get') || methodEnd - from !== 3 || bytes[targetStart] !== 0x2f)
      return false
    return fill(bytes, out, targetStart, end, 9, false)
  }
  let targetEnd = versionStart
  while (targetEnd > targetStart && isBlank(bytes[targetEnd - 1])) targetEnd--
  const version = versionOf(bytes, versionStart + 5, end)
  if (targetEnd < targetStart) targetEnd = targetStart
  return fill(bytes, out, Math.min(targetStart, targetEnd), targetEnd, version, version < 0)
}

function fill(
  bytes: Uint8Array,
  out: StartLine,
  targetStart: number,
  targetEnd: number,
  version: number,
  isVersionMalformed: boolean,
): boolean {
  out.targetStart = targetStart
  out.targetEnd = targetEnd
  out.version = isVersionMalformed ? 11 : version
  out.isVersionMalformed = isVersionMalformed
  out.hasInnerSpace = false
  for (let i = targetStart; i < targetEnd; i++) if (bytes[i] === SP) out.hasInnerSpace = true
  return true
}

/** Reads a status line likewise: `HTTP/`, anything up to a space, three digits. The reason phrase does not matter. */
export function parseStatusLine(bytes: Uint8Array, from: number, to: number, out: StartLine): boolean {
  if (!startsWith(bytes, from, to, 'http/')) return false
  let versionEnd = from + 5
  while (versionEnd < to && bytes[versionEnd]! > SP) versionEnd++
  if (!isBlank(bytes[versionEnd])) return false
  let at = versionEnd
  while (at < to && isBlank(bytes[at])) at++
  const version = versionOf(bytes, from + 5, versionEnd)
  const hundreds = digit(bytes, at, to)
  const tens = digit(bytes, at + 1, to)
  const units = digit(bytes, at + 2, to)
  if (hundreds < 0 || tens < 0 || units < 0 || digit(bytes, at + 3, to) >= 0) return false
  out.methodEnd = from
  out.targetStart = from
  out.targetEnd = from
  out.status = hundreds * 100 + tens * 10 + units
  out.version = version < 0 ? 11 : version
  out.isVersionMalformed = version < 0
  out.hasInnerSpace = false
  return true
}

function digit(bytes: Uint8Array, at: number, to: number): number {
  if (at >= to) return -1
  const value = bytes[at]! - 0x30
  return value >= 0 && value <= 9 ? value : -1
}

function versionOf(bytes: Uint8Array, from: number, to: number): number {
  const major = digit(bytes, from, to)
  const minor = digit(bytes, from + 2, to)
  return to - from === 3 && bytes[from + 1] === 0x2e && major >= 0 && minor >= 0 ? major * 10 + minor : -1
}

/** Whether the first bytes of a line, all that is there yet, may become `HTTP/`. */
export function mayBecomeVersion(bytes: Uint8Array, from: number, to: number): boolean {
  return startsWith(bytes, from, Math.min(to, from + 5), 'http/'.slice(0, to - from))
}

/** Whether the first bytes of a line, all that is there yet, may become the start of a message found amid garbage. */
export function mayBecomeStartLine(bytes: Uint8Array, from: number, to: number, isRequest: boolean): boolean {
  if (!isRequest) {
    const text = 'http/1.'
    return startsWith(bytes, from, to, text.slice(0, Math.min(text.length, to - from)))
  }
  let i = from
  while (i < to && bytes[i]! >= 0x41 && bytes[i]! <= 0x5a) i++
  return i === to ? i - from <= methodMaxBytes : i > from && i - from <= methodMaxBytes && bytes[i] === SP
}

const commonMethods = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'CONNECT', 'TRACE'] as const

/** Methods are case-sensitive: RFC 9110 §9.1. */
export function isMethod(bytes: Uint8Array, from: number, to: number, method: string): boolean {
  if (to - from !== method.length) return false
  for (let i = 0; i < method.length; i++) if (bytes[from + i] !== method.charCodeAt(i)) return false
  return true
}

/** The method in `bytes[from, to)`, for common ones without making a string. */
export function methodText(bytes: Uint8Array, from: number, to: number): string {
  for (const method of commonMethods) if (isMethod(bytes, from, to, method)) return method
  return latin1(bytes, from, to)
}

const versionTexts = new Map([
  [9, '0.9'],
  [10, '1.0'],
  [11, '1.1'],
  [20, '2'],
])

export function versionText(version: number): string {
  return versionTexts.get(version) ?? `${Math.trunc(version / 10)}.${version % 10}`
}
