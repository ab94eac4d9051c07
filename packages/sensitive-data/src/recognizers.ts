/**
 * The door to all recognisers: which sensitive type a value holds. Whole values and values inside longer text alike; each recogniser has
 * its validator, so a hit is a checked number or structure and not a pattern alone.
 */

import { AT, classesOf, DASH, DIGIT, DOT, UPPER } from './byte-class.js'
import { findCard } from './card.js'
import { findEmail } from './email.js'
import { findIban } from './iban.js'
import { findJwt } from './jwt.js'
import { findUsSsn } from './us-ssn.js'

export const sensitiveTypes = ['card', 'jwt', 'iban', 'us-ssn', 'email'] as const
export type SensitiveType = (typeof sensitiveTypes)[number]

interface Recognizer {
  readonly type: SensitiveType
  /** Shortest value that can hold one, bytes. */
  readonly minBytes: number
  /** Byte classes that must all be there. */
  readonly needs: number
  readonly find: (bytes: Uint8Array, from: number, to: number) => number
}

/** The gravest first: a value is reported as the first that it holds. */
const recognizers: readonly Recognizer[] = [
  { type: 'card', minBytes: 13, needs: DIGIT, find: findCard },
  { type: 'jwt', minBytes: 20, needs: DOT, find: findJwt },
  { type: 'iban', minBytes: 15, needs: DIGIT | UPPER, find: findIban },
  { type: 'us-ssn', minBytes: 11, needs: DIGIT | DASH, find: findUsSsn },
  { type: 'email', minBytes: 6, needs: AT | DOT, find: findEmail },
]

/**
 * The gravest sensitive type in `bytes[from, to)`, or undefined. `classes` are those of `classesOf` over the same bytes, for callers that
 * have seen every byte already. Allocates nothing unless a JWT's header must be looked at. Never throws.
 */
export function sensitiveTypeOf(
  bytes: Uint8Array,
  from: number,
  to: number,
  classes: number = to - from < 6 ? 0 : classesOf(bytes, from, to),
): SensitiveType | undefined {
  const length = to - from
  if (length < 6 || (classes & (DIGIT | DOT)) === 0) return undefined
  if (length < 11 && (classes & AT) === 0) return undefined
  // The table above, written out: calls through a table are not inlined, and this runs for every value.
  if (length >= 13 && (classes & DIGIT) !== 0 && findCard(bytes, from, to) >= 0) return 'card'
  if (length >= 20 && (classes & DOT) !== 0 && findJwt(bytes, from, to) >= 0) return 'jwt'
  if (length >= 15 && (classes & (DIGIT | UPPER)) === (DIGIT | UPPER) && findIban(bytes, from, to) >= 0) return 'iban'
  if (length >= 11 && (classes & (DIGIT | DASH)) === (DIGIT | DASH) && findUsSsn(bytes, from, to) >= 0) return 'us-ssn'
  if ((classes & (AT | DOT)) === (AT | DOT) && findEmail(bytes, from, to) >= 0) return 'email'
  return undefined
}

/** Calls `onFound` for every sensitive value in free text, at most `maxCount` of each type. */
export function scanSensitive(
  bytes: Uint8Array,
  from: number,
  to: number,
  maxCount: number,
  onFound: (type: SensitiveType, end: number) => void,
): void {
  const classes = classesOf(bytes, from, to)
  for (const recognizer of recognizers) {
    if ((classes & recognizer.needs) !== recognizer.needs) continue
    let at = from
    for (let count = 0; count < maxCount && to - at >= recognizer.minBytes; count++) {
      const end = recognizer.find(bytes, at, to)
      if (end < 0) break
      onFound(recognizer.type, end)
      at = end
    }
  }
}
