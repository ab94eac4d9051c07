/**
 * Leaves of shapes as bytes: their heads, and where their tokens begin. A head is what stands before the token, or the whole leaf without
 * one; heads are few and are read once.
 */

import { BytesMemo } from '@tapwarden/contracts/bytes-memo'
import type { LineBytes } from '@tapwarden/contracts/line-scanner'
import { type LeafKind, leafKind } from './leaf-kind.js'
import { leafToken } from './leaf-reader.js'

export interface LeafHead {
  readonly kind: LeafKind
  /** It is a leaf without token where it stands alone. */
  readonly isPlain: boolean
}

export const leafHeads = new BytesMemo<LeafHead>(1_024, (text) => ({
  kind: leafKind(text),
  isPlain: leafToken(text) === undefined,
}))

export const tokenMarkBytes = ' k='.length
/** Of the tokens of content: `v1.0123456789abcdef`. */
export const tokenBytes = 19

const quote = 0x22
const equals = 0x3d
const space = 0x20
const letterK = 0x6b

/** Where the token of the leaf `[from, end)` begins, as leaf-reader.ts finds it; 0 without one. */
export function tokenStart(bytes: Uint8Array, from: number, end: number): number {
  for (let at = end - 1; at >= from + 2; at--) {
    if (bytes[at] === equals) return bytes[at - 2] === space && bytes[at - 1] === letterK ? at + 1 : 0
  }
  return 0
}

/** Whether ` k=v1.0123456789abcdef"` stands at `at`, with any digits. */
export function isUsualToken({ bytes, view }: LineBytes, at: number): boolean {
  return bytes[at] === space && bytes[at + 1] === letterK && bytes[at + 2] === equals && isToken(bytes, view, at + 3)
}

/** Whether `v1.0123456789abcdef"` stands at `at`, with any digits. */
export function isToken(bytes: Uint8Array, view: DataView, at: number): boolean {
  const digits = at + 3
  return (
    bytes[at] === 0x76 &&
    bytes[at + 1] === 0x31 &&
    bytes[at + 2] === 0x2e &&
    bytes[digits + 16] === quote &&
    ((unlikeHex(view.getInt32(digits, true)) |
      unlikeHex(view.getInt32(digits + 4, true)) |
      unlikeHex(view.getInt32(digits + 8, true)) |
      unlikeHex(view.getInt32(digits + 12, true))) &
      0x01010101) ===
      0
  )
}

/**
 * Bit 0 of each byte: set unless its upper half is that of digits or small letters and its lower half below ten. Wider than hex digits, and
 * without whatever means something in a leaf or in JSON: the quote, the backslash, the equals sign, bytes beyond ASCII.
 */
function unlikeHex(word: number): number {
  const upper = (word >>> 7) | ~((word >>> 4) | (word >>> 6))
  return upper | ((word >>> 3) & ((word >>> 2) | (word >>> 1)))
}
