/**
 * Property names met before, with what they say about their values, and which name came after which: the members of an API's objects
 * come in the same order again and again, so a few comparisons of words mostly replace scanning, hashing and judging a name.
 *
 * Only plain names are learned: published in clear, without escapes, of few bytes. A fixed table with one place for a hash; a newcomer takes the
 * place, so hostile names cost time and no memory. A prediction is only a guess where to compare.
 */

import type { ByteWriter } from './byte-writer.js'
import type { NameKind } from './name-kind.js'

const slotsCount = 4_096
export const knownNameMaxBytes = 32
/** A name with its closing quote and the colon, in words of four bytes; what is left of the last one is 0. */
const wordsPerName = (knownNameMaxBytes + 2 + 3) >>> 2
const quote = 0x22
const colon = 0x3a
/** No name: slot 0 is never taken. */
export const noName = 0
/** Bits of the last word that belong to the text, by the number of its bytes there. */
const lastMasks = Int32Array.of(0, 0xff, 0xffff, 0xffffff)

export class KnownNames {
  readonly #words = new Int32Array(slotsCount * wordsPerName)
  readonly #lengths = new Uint8Array(slotsCount)
  readonly #kinds = new Uint8Array(slotsCount)
  /** Slot of the name that came after this one in its object, and of the first name in the object under it. */
  readonly #next = new Uint16Array(slotsCount)
  readonly #first = new Uint16Array(slotsCount)

  /**
   * Slot of the known name that starts at `from` (behind its quote) and ends in a quote, or `noName`. `view` is of all of `bytes`.
   * `previous` is the name before it in its object, or `noName` for the first one of the object under `owner`.
   */
  find(bytes: Uint8Array, view: DataView, from: number, previous: number, owner: number): number {
    const guess = previous === noName ? this.#first[owner]! : this.#next[previous]! // Slots come from here.
    if (this.#is(guess, bytes, view, from)) return guess
    const slot = slotOf(bytes, from)
    if (!this.#is(slot, bytes, view, from)) return noName
    if (previous === noName) this.#first[owner] = slot
    else this.#next[previous] = slot
    return slot
  }

  lengthOf(slot: number): number {
    return this.#lengths[slot]! // Slots come from `find`.
  }

  kindOf(slot: number): NameKind {
    return this.#kinds[slot] as NameKind
  }

  /** Writes `"name":`. */
  write(slot: number, writer: ByteWriter): void {
    writer.byte(quote)
    writer.words(this.#words, slot * wordsPerName, this.#lengths[slot]! + 2) // A slot.
  }

  /** `bytes[to]` is the name's closing quote; no backslash before it, and not longer than `knownNameMaxBytes`. */
  learn(bytes: Uint8Array, from: number, to: number, kind: NameKind): void {
    const slot = slotOf(bytes, from)
    if (slot === noName || to === from) return
    const base = slot * wordsPerName
    this.#words.fill(0, base, base + wordsPerName)
    for (let i = 0; i < to - from + 2; i++) {
      const byte = i < to - from ? bytes[from + i]! : i === to - from ? quote : colon // Caller's bounds.
      this.#words[base + (i >>> 2)]! |= byte << ((i & 3) << 3) // A slot's words.
    }
    this.#lengths[slot] = to - from
    this.#kinds[slot] = kind
    this.#next[slot] = noName
    this.#first[slot] = noName
  }

  /** Whether the slot's name, closing quote included, stands at `from`. */
  #is(slot: number, bytes: Uint8Array, view: DataView, from: number): boolean {
    const length = this.#lengths[slot]! // A slot.
    if (length === 0) return false
    const words = this.#words
    let word = slot * wordsPerName
    let at = from
    const end = from + length + 1
    if (end + 3 > bytes.length) return this.#isAtEnd(word, bytes, from, end)
    for (; at + 4 <= end; at += 4, word++) if (view.getInt32(at, true) !== words[word]) return false
    return at === end || ((view.getInt32(at, true) ^ words[word]!) & lastMasks[end - at]!) === 0 // A slot's words; 1 to 3.
  }

  /** The same byte by byte, where words would reach beyond the end. */
  #isAtEnd(word: number, bytes: Uint8Array, from: number, end: number): boolean {
    for (let i = 0; from + i < end; i++) {
      const byte = (this.#words[word + (i >>> 2)]! >>> ((i & 3) << 3)) & 0xff // A slot's words.
      if (bytes[from + i] !== byte) return false
    }
    return true
  }
}

/** Place of the text up to the next quote; `noName` when there is none within reach. */
function slotOf(bytes: Uint8Array, from: number): number {
  let hash = 0x811c9dc5
  const limit = Math.min(bytes.length, from + knownNameMaxBytes + 1)
  for (let i = from; i < limit; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    if (byte === quote) return (hash ^ (hash >>> 15)) & (slotsCount - 1) || 1
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  return noName
}
