/**
 * Payment card numbers (PAN, ISO/IEC 7812): 13 to 19 digits, an issuer range of a known network, and the Luhn check digit.
 * Written together or in groups behind single blanks or hyphens, the first group then of four digits.
 *
 * False friends: time stamps in µs (start with 1), order numbers without check digit, digits inside a longer number, decimals, hex.
 * One in ten numbers of a network's range passes Luhn by chance: that remainder is accepted.
 */

import { ALPHANUMERIC, classAt, isDigit } from './byte-class.js'

export const cardMinDigitCount = 13
export const cardMaxDigitCount = 19

/** Reused: digits of the candidate. Recognisers run to completion, so one is enough. */
const digits = new Uint8Array(cardMaxDigitCount)

/**
 * End of the card number that starts at `at` (a digit whose predecessor is none), or -1. With `anywhere`, letters may touch it: for
 * names and path segments, where a doubtful number is better hidden.
 */
export function cardEnd(bytes: Uint8Array, at: number, from: number, to: number, anywhere = false): number {
  if (!anywhere && touchesNumberOrWord(bytes, at - 1, from, -1)) return -1
  let count = 0
  let groupCount = 0
  let i = at
  while (i < to) {
    const groupFrom = i
    while (i < to && isDigit(bytes[i])) {
      if (count === cardMaxDigitCount) return -1
      digits[count++] = bytes[i++]! - 0x30 // In range by the loop condition.
    }
    groupCount++
    const groupDigitCount = i - groupFrom
    if (groupCount > 1 && (groupDigitCount < 3 || groupDigitCount > 6)) return -1
    const endsHere = anywhere || i >= to || !touchesNumberOrWord(bytes, i, to, 1)
    if (count >= cardMinDigitCount && endsHere && isIssued(count) && passesLuhn(count)) return i
    if (groupCount === 1 && groupDigitCount !== 4) return -1
    const separator = bytes[i]
    if (i + 1 >= to || (separator !== 0x20 && separator !== 0x2d) || !isDigit(bytes[i + 1])) return -1
    i++
  }
  return -1
}

/** End of the first card number in `bytes[from, to)`, or -1. */
export function findCard(bytes: Uint8Array, from: number, to: number, anywhere = false): number {
  let previousIsDigit = false
  for (let i = from; i + cardMinDigitCount <= to; i++) {
    const digit = isDigit(bytes[i])
    if (digit && !previousIsDigit) {
      const end = cardEnd(bytes, i, from, to, anywhere)
      if (end >= 0) return end
    }
    previousIsDigit = digit
  }
  return -1
}

/** A letter beside it, or a decimal point with a digit behind: part of something else. */
function touchesNumberOrWord(bytes: Uint8Array, beside: number, bound: number, step: 1 | -1): boolean {
  if (step < 0 ? beside < bound : beside >= bound) return false
  if ((classAt(bytes, beside) & ALPHANUMERIC) !== 0) return true
  const beyond = beside + step
  const inside = step < 0 ? beyond >= bound : beyond < bound
  return bytes[beside] === 0x2e && inside && isDigit(bytes[beyond])
}

/** Issuer ranges and their lengths: Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro, Mir. */
function isIssued(count: number): boolean {
  const two = digits[0]! * 10 + digits[1]! // At least 13 digits by the caller's check.
  const four = two * 100 + digits[2]! * 10 + digits[3]!
  if (digits[0] === 4) return count === 13 || count === 16 || count === 19
  if ((two >= 51 && two <= 55) || (four >= 2221 && four <= 2720)) return count === 16
  if (two === 34 || two === 37) return count === 15
  if (four >= 2200 && four <= 2204) return count >= 16
  if (two === 36 || two === 38 || two === 39 || (four >= 3000 && four <= 3059)) return count >= 14
  if (four >= 3528 && four <= 3589) return count >= 16
  if (two === 62 || two === 64 || two === 65 || two === 60) return count >= 16
  return (two === 50 || (two >= 56 && two <= 69)) && count >= 13
}

function passesLuhn(count: number): boolean {
  let sum = 0
  for (let i = 0; i < count; i++) {
    const digit = digits[count - 1 - i]! // In range by the loop condition.
    const weighted = i % 2 === 0 ? digit : digit * 2
    sum += weighted > 9 ? weighted - 9 : weighted
  }
  return sum % 10 === 0 && sum > 0
}
