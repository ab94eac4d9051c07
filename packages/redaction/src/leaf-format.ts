/** Formats of string leaves (contracts/content-shape.ts, `leafFormats`): the whole value has the form, by structure and not by name. */

import { type LeafFormat, leafFormats } from '@tapwarden/contracts/content-shape'
import {
  ALPHANUMERIC,
  AT,
  BASE64_EXTRA,
  COLON,
  classAt,
  DASH,
  DIGIT,
  DOT,
  HIGH,
  isDigit,
  LOWER,
  SPACE,
  UPPER,
} from '@tapwarden/sensitive-data/byte-class'
import { isEmail } from '@tapwarden/sensitive-data/email'
import { findJwt } from '@tapwarden/sensitive-data/jwt'

const hexMinCharacterCount = 16
const base64MinCharacterCount = 20

/** Formats go by their position in `leafFormats`, so that what is written for them is found without a look-up by text. */
export type FormatIndex = number
export const noFormat: FormatIndex = -1
const indexOf = (format: LeafFormat): FormatIndex => leafFormats.indexOf(format)
const uuid = indexOf('uuid')
const dateTime = indexOf('date-time')
const date = indexOf('date')
const email = indexOf('email')
const uri = indexOf('uri')
const ipv4 = indexOf('ipv4')
const ipv6 = indexOf('ipv6')
const hex = indexOf('hex')
const base64 = indexOf('base64')
const jwt = indexOf('jwt')
const objectid = indexOf('objectid')
const digits = indexOf('digits')

/** Whole values of which nothing else need be suspected: UUIDs and times. */
export function isPlainFormat(format: FormatIndex): boolean {
  return format === uuid || format === dateTime
}

/** Whether `bytes[from, to)` has such a format, for callers that need no more. */
export function hasPlainFormat(bytes: Uint8Array, from: number, to: number, classes: number): boolean {
  if ((classes & (DIGIT | DASH)) !== (DIGIT | DASH) || (classes & HIGH) !== 0) return false
  if (to - from === 36 && isUuid(bytes, from)) return true
  return to - from > 10 && isDate(bytes, from) && isTime(bytes, from + 10, to)
}

/** The format of `bytes[from, to)`, whose byte classes are `classes`, or `noFormat`. Allocates nothing but for JWT-like text. */
export function formatOf(bytes: Uint8Array, from: number, to: number, classes: number): FormatIndex {
  const length = to - from
  if (length === 0 || (classes & HIGH) !== 0) return noFormat
  if (classes === DIGIT) return digits
  if ((classes & AT) !== 0 && (classes & DOT) !== 0 && isEmail(bytes, from, to)) return email
  if ((classes & (DIGIT | DASH)) === (DIGIT | DASH)) {
    if (length === 36 && isUuid(bytes, from)) return uuid
    if (length >= 10 && isDate(bytes, from)) {
      if (length === 10) return date
      if (isTime(bytes, from + 10, to)) return dateTime
    }
  }
  if ((classes & COLON) !== 0) {
    if (isUri(bytes, from, to)) return uri
    return isIpv6(bytes, from, to, classes) ? ipv6 : noFormat
  }
  if (classes === (DIGIT | DOT) && isIpv4(bytes, from, to)) return ipv4
  if (
    (classes & ~ALPHANUMERIC) === 0 &&
    length >= hexMinCharacterCount &&
    (classes & DIGIT) !== 0 &&
    isHex(bytes, from, to)
  ) {
    return length === 24 ? objectid : hex
  }
  if ((classes & DOT) !== 0) return length >= 20 && findJwt(bytes, from, to) === to ? jwt : noFormat
  return isBase64(bytes, from, to, classes) ? base64 : noFormat
}

function isUuid(bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < 36; i++) {
    const dash = i === 8 || i === 13 || i === 18 || i === 23
    if (dash ? bytes[from + i] !== 0x2d : !isHexDigit(bytes[from + i])) return false
  }
  return true
}

function isDate(bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < 10; i++) {
    if (i === 4 || i === 7 ? bytes[from + i] !== 0x2d : !isDigit(bytes[from + i])) return false
  }
  const month = two(bytes, from + 5)
  const day = two(bytes, from + 8)
  return month >= 1 && month <= 12 && day >= 1 && day <= 31
}

/**
 * `T10:30`, ` 10:30:00.123Z`, `t10:30:00+02:00`, ` 10:30:00 UTC` (RFC 3339, and what people write). To the last byte: nothing may hide
 * behind a time.
 */
function isTime(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 6 || to - from > 25) return false
  const separator = bytes[from]
  if (separator !== 0x54 && separator !== 0x74 && separator !== 0x20) return false
  if (two(bytes, from + 1) >= 24 || bytes[from + 3] !== 0x3a || two(bytes, from + 4) >= 60) return false
  let at = from + 6
  if (at < to && bytes[at] === 0x3a) {
    if (two(bytes, at + 1) > 60) return false // Leap seconds are times.
    at += 3
    if (at < to && (bytes[at] === 0x2e || bytes[at] === 0x2c)) {
      const fraction = ++at
      while (at < to && isDigit(bytes[at])) at++
      if (at === fraction || at - fraction > 9) return false
    }
  }
  return isZone(bytes, at, to)
}

/** Nothing, `Z`, `+02:00`, ` +0200`, ` UTC`. */
function isZone(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from
  if (at < to && bytes[at] === 0x20) at++
  if (at === to) return at === from
  if (bytes[at] !== 0x2b && bytes[at] !== 0x2d) {
    if (to - at > 4) return false
    while (at < to && (classAt(bytes, at) & (LOWER | UPPER)) !== 0) at++
    return at === to
  }
  const minutes = bytes[at + 3] === 0x3a ? at + 4 : at + 3
  if (to > at + 3 && (to !== minutes + 2 || two(bytes, minutes) >= 60)) return false
  return to >= at + 3 && two(bytes, at + 1) < 24
}

function two(bytes: Uint8Array, at: number): number {
  return isDigit(bytes[at]) && isDigit(bytes[at + 1]) ? (bytes[at]! - 0x30) * 10 + bytes[at + 1]! - 0x30 : 100 // Digits.
}

function isUri(bytes: Uint8Array, from: number, to: number): boolean {
  let i = from
  while (i < to && i - from < 16 && (classAt(bytes, i) & (LOWER | UPPER)) !== 0) i++
  return i > from && i + 3 < to && bytes[i] === 0x3a && bytes[i + 1] === 0x2f && bytes[i + 2] === 0x2f
}

function isIpv6(bytes: Uint8Array, from: number, to: number, classes: number): boolean {
  if (to - from > 45 || (classes & ~(ALPHANUMERIC | COLON | DOT)) !== 0) return false
  let colonCount = 0
  for (let i = from; i < to; i++) {
    if (bytes[i] === 0x3a) colonCount++
    else if (bytes[i] !== 0x2e && !isHexDigit(bytes[i])) return false
  }
  return colonCount >= 2 && colonCount <= 7
}

function isIpv4(bytes: Uint8Array, from: number, to: number): boolean {
  let part = 0
  let digitCount = 0
  let dotCount = 0
  for (let i = from; i <= to; i++) {
    if (i < to && bytes[i] !== 0x2e) {
      part = part * 10 + bytes[i]! - 0x30 // Digits and dots only, by the caller's check.
      digitCount++
      continue
    }
    if (digitCount === 0 || digitCount > 3 || part > 255) return false
    if (i < to) dotCount++
    part = 0
    digitCount = 0
  }
  return dotCount === 3
}

function isHex(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (!isHexDigit(bytes[i])) return false
  return true
}

function isHexDigit(byte: number | undefined): boolean {
  if (byte === undefined) return false
  const letter = byte | 0x20
  return (byte >= 0x30 && byte <= 0x39) || (letter >= 0x61 && letter <= 0x66)
}

/** Either alphabet; all three kinds of characters, so that words and identifiers are not claimed. */
function isBase64(bytes: Uint8Array, from: number, to: number, classes: number): boolean {
  const length = to - from
  if (
    length < base64MinCharacterCount ||
    (classes & ~(ALPHANUMERIC | BASE64_EXTRA | DASH)) !== 0 ||
    (classes & SPACE) !== 0
  )
    return false
  if ((classes & ALPHANUMERIC) !== ALPHANUMERIC) return false
  for (let i = from; i < to - 2; i++) if (bytes[i] === 0x3d) return false
  return length % 4 !== 1
}
