/**
 * E-mail addresses (RFC 5321 `addr-spec` in its dot-atom form, the one people have): local part of at most 64 characters, a domain of
 * at least two labels, a last label of letters.
 *
 * False friends: `@handle`, `package@1.2.3`, `user@localhost`, `a@b` and scp-like `git@host:path` whose host has no dot.
 */

import { ALPHANUMERIC, classAt, LOWER, UPPER } from './byte-class.js'

const localMaxBytes = 64
const labelMaxBytes = 63
/** What may stand in a local part besides letters and digits. Quotes and slashes are left out: they mostly surround addresses. */
const localExtra = new Set([...'.!#$%&*+-=?^_{|}~'].map((character) => character.charCodeAt(0)))

/** End of the first address in `bytes[from, to)`, or -1. */
export function findEmail(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from + 1; i + 4 <= to; i++) {
    if (bytes[i] !== 0x40) continue
    if (!hasLocalPart(bytes, from, i)) continue
    const end = domainEnd(bytes, i + 1, to)
    if (end >= 0) return end
  }
  return -1
}

/** Whether `bytes[from, to)` is one address and nothing else. */
export function isEmail(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from
  for (; at < to && bytes[at] !== 0x40; at++) if (!isLocalByte(bytes, at)) return false
  return at > from && at - from <= localMaxBytes && domainEnd(bytes, at + 1, to) === to
}

function hasLocalPart(bytes: Uint8Array, from: number, at: number): boolean {
  return at > from && isLocalByte(bytes, at - 1) && bytes[at - 1] !== 0x2e
}

function isLocalByte(bytes: Uint8Array, index: number): boolean {
  if ((classAt(bytes, index) & ALPHANUMERIC) !== 0) return true
  const byte = bytes[index]
  return byte !== undefined && (localExtra.has(byte) || byte >= 0x80)
}

/** End of the longest domain at `from` with two labels or more and a last label of at least two letters, or -1. */
function domainEnd(bytes: Uint8Array, from: number, to: number): number {
  let best = -1
  let labelCount = 0
  let labelFrom = from
  for (let i = from; i <= to; i++) {
    const inLabel = i < to && ((classAt(bytes, i) & ALPHANUMERIC) !== 0 || bytes[i] === 0x2d || bytes[i]! >= 0x80) // i < to.
    if (inLabel) continue
    if (i === labelFrom || i - labelFrom > labelMaxBytes) break
    labelCount++
    if (labelCount > 1 && endsInLetters(bytes, labelFrom, i)) best = i
    if (i >= to || bytes[i] !== 0x2e) break
    labelFrom = i + 1
  }
  return best
}

function endsInLetters(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 2) return false
  const punycode = to - from > 4 && bytes[from + 2] === 0x2d && bytes[from + 3] === 0x2d
  for (let i = from; i < to; i++) {
    if (bytes[i]! >= 0x80 || (classAt(bytes, i) & (LOWER | UPPER)) !== 0) continue // In range by the loop condition.
    if (!punycode) return false
  }
  return true
}
