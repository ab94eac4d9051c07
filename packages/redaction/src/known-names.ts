/**
 * Property names met before, with what they say about their values, and which name came after which: the members of an API's objects
 * come in the same order again and again, so one comparison of bytes mostly replaces scanning, hashing and judging a name.
 *
 * Only plain names are learned: published in clear, without escapes, of few bytes. A fixed table with one place for a hash; a newcomer takes the
 * place, so hostile names cost time and no memory. A prediction is only a guess where to compare.
 */

import type { NameKind } from './name-kind.js'

const slotsCount = 4_096
export const knownNameMaxBytes = 32
const quote = 0x22
/** No name: slot 0 is never taken. */
export const noName = 0

export class KnownNames {
  readonly #texts = new Uint8Array(slotsCount * knownNameMaxBytes)
  readonly #lengths = new Uint8Array(slotsCount)
  readonly #kinds = new Uint8Array(slotsCount)
  /** Slot of the name that came after this one in its object, and of the first name in the object under it. */
  readonly #next = new Uint16Array(slotsCount)
  readonly #first = new Uint16Array(slotsCount)

  /**
   * Slot of the known name that starts at `from` (behind its quote) and ends in a quote before `end`, or `noName`. `previous` is the name
   * before it in its object, or `noName` for the first one of the object under `owner`.
   */
  find(bytes: Uint8Array, from: number, end: number, previous: number, owner: number): number {
    const guess = previous === noName ? this.#first[owner]! : this.#next[previous]! // Slots come from here.
    if (this.#is(guess, bytes, from, end)) return guess
    const slot = slotOf(bytes, from, end)
    if (!this.#is(slot, bytes, from, end)) return noName
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

  /** `bytes[to]` is the name's closing quote; no backslash before it, and not longer than `knownNameMaxBytes`. */
  learn(bytes: Uint8Array, from: number, to: number, kind: NameKind): void {
    const slot = slotOf(bytes, from, to + 1)
    if (slot === noName || to === from) return
    for (let i = from, k = slot * knownNameMaxBytes; i < to; i++, k++) this.#texts[k] = bytes[i]! // Caller's bounds.
    this.#lengths[slot] = to - from
    this.#kinds[slot] = kind
    this.#next[slot] = noName
    this.#first[slot] = noName
  }

  #is(slot: number, bytes: Uint8Array, from: number, end: number): boolean {
    const length = this.#lengths[slot]! // A slot.
    const to = from + length
    if (length === 0 || to >= end || bytes[to] !== quote) return false
    const texts = this.#texts
    for (let i = from, k = slot * knownNameMaxBytes; i < to; i++, k++) if (texts[k] !== bytes[i]) return false
    return true
  }
}

/** Place of the text up to the next quote; `noName` when there is none within reach. */
function slotOf(bytes: Uint8Array, from: number, end: number): number {
  let hash = 0x811c9dc5
  const limit = Math.min(end, from + knownNameMaxBytes + 1)
  for (let i = from; i < limit; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    if (byte === quote) return (hash ^ (hash >>> 15)) & (slotsCount - 1) || 1
    hash = Math.imul(hash ^ byte, 0x01000193)
  }
  return noName
}
