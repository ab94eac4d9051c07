/** Request lines and status lines, as lenient as receivers are, and as strict as finding one amid garbage needs. RFC 9112 §3, §4. */

import { isBlank, latin1, SP, startsWith, tokenTable } from './octets.js'

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

/** The method in `bytes[from, to)`, for common ones without making a string. Methods are case-sensitive: RFC 9110 §9.1. */
export function methodText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from === 3 && bytes[from] === 0x47 && bytes[from + 1] === 0x45 && bytes[from + 2] === 0x54) return 'GET'
  for (const method of commonMethods) {
    if (method.length !== to - from) continue
    let i = 0
    while (i < method.length && method.charCodeAt(i) === bytes[from + i]) i++
    if (i === method.length) return method
  }
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
