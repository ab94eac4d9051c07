/**
 * International Bank Account Numbers (ISO 13616): country, two check digits, the country's length, remainder 1 modulo 97.
 * Together or in groups of four behind single blanks.
 *
 * False friends: licence keys and product codes that begin with two letters and two digits.
 */

import { ALPHANUMERIC, classAt, isDigit, LOWER, UPPER } from './byte-class.js'

/** Length by country, from the SWIFT registry. */
const lengths = new Map<string, number>(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 ' +
    'GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 ' +
    'MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 ' +
    'VG24 XK20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)
const ibanMaxCharacterCount = 34
const characters = new Uint8Array(ibanMaxCharacterCount)

/** End of the first IBAN in `bytes[from, to)`, or -1. Upper case only: the printed form. */
export function findIban(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i + 15 <= to; i++) {
    if ((classAt(bytes, i) & UPPER) === 0 || (classAt(bytes, i + 1) & UPPER) === 0) continue
    if (!isDigit(bytes[i + 2]) || !isDigit(bytes[i + 3])) continue
    if (i > from && (classAt(bytes, i - 1) & ALPHANUMERIC) !== 0) continue
    const end = ibanEnd(bytes, i, to)
    if (end >= 0) return end
  }
  return -1
}

function ibanEnd(bytes: Uint8Array, from: number, to: number): number {
  const wanted = lengths.get(String.fromCharCode(bytes[from]!, bytes[from + 1]!)) // At least 15 bytes by the caller's loop.
  if (wanted === undefined) return -1
  let count = 0
  let i = from
  for (; i < to && count < wanted; i++) {
    if (bytes[i] === 0x20 && count % 4 === 0) continue
    if ((classAt(bytes, i) & ALPHANUMERIC & ~LOWER) === 0) return -1
    characters[count++] = bytes[i]! // In range by the loop condition.
  }
  if (count < wanted || (i < to && (classAt(bytes, i) & ALPHANUMERIC) !== 0)) return -1
  return remainder97(wanted) === 1 ? i : -1
}

/** The number behind the letters (A = 10 … Z = 35), the first four characters moved to the end, modulo 97. */
function remainder97(count: number): number {
  let remainder = 0
  for (let i = 0; i < count; i++) {
    const byte = characters[(i + 4) % count]! // In range by the modulus.
    const value = byte <= 0x39 ? byte - 0x30 : byte - 0x41 + 10
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder
}
