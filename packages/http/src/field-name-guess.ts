/**
 * Which field name comes next: the one that followed the same name last time. Senders write their fields in one order, so that
 * comparing whole words with one guess nearly always replaces hashing octet by octet. A guess that fails costs time, never truth:
 * what is compared are the octets as they stood, letter case and colon included, and with them their hash is remembered.
 *
 * One table for all flows, of fixed size; a slot holds the last name seen behind the names that share it.
 */

import { COLON } from './octets.js'

const slotCount = 1_024
const wordsPerSlot = 8
const nameMaxBytes = wordsPerSlot * 4
/** The name's octets as little-endian words, the last of which overlaps its neighbour and ends with the colon. */
const expectedWords = new Int32Array(slotCount * wordsPerSlot)
/** Octets of the name, without its colon; 0: nothing is expected. */
const expectedBytes = new Uint8Array(slotCount)
/** Hash of the name, by slot. */
export const expectedHashes = new Int32Array(slotCount)

/** The slot for what follows the name of this hash. */
export function slotAfter(previousHash: number): number {
  return (previousHash ^ (previousHash >>> 15)) & (slotCount - 1)
}

/** Octets of the name that stands at `at` of `words`, before its colon, if it is the one expected; else 0. */
export function expectedNameBytes(slot: number, words: DataView, at: number, to: number): number {
  const bytes = expectedBytes[slot]!
  if (bytes === 0 || at + bytes >= to) return 0
  const first = slot * wordsPerSlot
  let index = 0
  for (let offset = 0; offset < bytes - 3; offset += 4) {
    if (words.getInt32(at + offset, true) !== expectedWords[first + index++]) return 0
  }
  return words.getInt32(at + bytes - 3, true) === expectedWords[first + wordsPerSlot - 1] ? bytes : 0
}

/** The name `bytes[from, to)` was read where something else was expected. */
export function expectName(slot: number, bytes: Uint8Array, from: number, to: number, hash: number): void {
  const count = to - from
  expectedBytes[slot] = 0
  if (count < 3 || count >= nameMaxBytes) return
  const first = slot * wordsPerSlot
  for (let i = 0; i + 4 <= count; i += 4) expectedWords[first + (i >> 2)] = wordAt(bytes, from + i)
  expectedWords[first + wordsPerSlot - 1] =
    bytes[to - 3]! | (bytes[to - 2]! << 8) | (bytes[to - 1]! << 16) | (COLON << 24)
  expectedBytes[slot] = count
  expectedHashes[slot] = hash
}

function wordAt(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}
