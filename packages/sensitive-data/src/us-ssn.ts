/**
 * United States Social Security numbers in their written form, `AAA-GG-SSSS`, by the SSA's rules of 2011: no area 000, 666 or 9xx, no group
 * 00, no serial 0000. Nine digits without hyphens are any number at all and are not claimed.
 *
 * False friends: part numbers and phone numbers of other groupings, dates.
 */

import { ALPHANUMERIC, classAt, DASH, isDigit } from './byte-class.js'

const ssnBytes = 11

/** End of the first number in `bytes[from, to)`, or -1. */
export function findUsSsn(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i + ssnBytes <= to; i++) {
    if (bytes[i + 3] !== 0x2d || bytes[i + 6] !== 0x2d) continue
    if (i > from && (classAt(bytes, i - 1) & (ALPHANUMERIC | DASH)) !== 0) continue
    const end = i + ssnBytes
    if (end < to && (classAt(bytes, end) & (ALPHANUMERIC | DASH)) !== 0) continue
    const area = numberAt(bytes, i, 3)
    if (area > 0 && area !== 666 && area < 900 && numberAt(bytes, i + 4, 2) > 0 && numberAt(bytes, i + 7, 4) > 0)
      return end
  }
  return -1
}

/** Decimal number of `count` digits at `from`; -1 when one of them is not a digit. */
function numberAt(bytes: Uint8Array, from: number, count: number): number {
  let value = 0
  for (let i = from; i < from + count; i++) {
    if (!isDigit(bytes[i])) return -1
    value = value * 10 + bytes[i]! - 0x30 // A digit by the check above.
  }
  return value
}
