/** The column of words: few different texts in many rows. */

import type { LineBytes } from '@tapwarden/contracts/line-scanner'
import { GrowingBytes } from './growing-bytes.js'
import { backslash, quote, REFUSED, skipString, unescapeInto } from './json-bytes.js'
import { copyNumbers, grown, type Mark, type NativeColumn } from './native-column.js'

/** One text at a time, unescaped. */
const text = new GrowingBytes()

const slotsCount = 8_192
const probesMaxCount = 4
/** Serialization version of LowCardinality, and its flags: keys in the block itself, dictionary to be updated. */
const dictionaryVersion = 1
const dictionaryFlags = 0x600

/**
 * LowCardinality(String): each different text once, then an index a row. The table of texts forgets what it has no room for: a text that
 * stands twice in a dictionary is as good as one, and no choice of texts makes the search long.
 */
export class WordColumn implements NativeColumn {
  count = 0
  #indexes = new Uint32Array(4_096)
  /** Index of a key plus one; 0: free. */
  readonly #slots = new Uint32Array(slotsCount)
  /** The keys as Native has them, and where the bytes of each end. */
  readonly #keys = new GrowingBytes(16_384)
  #keyEnds = new Uint32Array(1_024)
  #keyCount = 0

  read(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] !== quote) return REFUSED
    let hash = 0
    for (let i = at + 1; i < end; i++) {
      const byte = bytes[i]! // In range by the condition.
      if (byte === quote) {
        this.#append(this.#keyOf(bytes, at + 1, i, hash))
        return i + 1
      }
      if (byte === backslash) {
        const to = skipString(bytes, i, end)
        text.length = 0
        if (to === REFUSED || !unescapeInto(bytes, at + 1, to - 1, text)) return REFUSED
        this.#append(this.#keyOf(text.bytes, 0, text.length, hashOf(text.bytes, 0, text.length)))
        return to
      }
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
    return REFUSED
  }

  take({ bytes }: LineBytes, from: number, to: number): boolean {
    if (to < 0 || bytes[from] !== quote) return this.read(bytes, from, Math.abs(to)) === Math.abs(to)
    this.#append(this.#keyOf(bytes, from + 1, to - 1, hashOf(bytes, from + 1, to - 1)))
    return true
  }

  /** ASCII only. */
  appendText(value: string): void {
    text.length = 0
    text.reserve(value.length)
    let hash = 0
    for (let i = 0; i < value.length; i++) {
      const byte = value.charCodeAt(i)
      text.bytes[i] = byte
      hash = Math.imul(hash ^ byte, 0x01000193)
    }
    this.#append(this.#keyOf(text.bytes, 0, value.length, hash))
  }

  appendDefault(): void {
    this.#append(this.#keyOf(text.bytes, 0, 0, 0))
  }

  /** A key that nobody uses stays, and does no harm. */
  undo(): void {
    this.count--
  }

  mark(into: Mark): void {
    into.count = this.count
  }

  rewind(mark: Mark): void {
    this.count = mark.count
  }

  writePrefix(out: GrowingBytes): void {
    out.uint64(dictionaryVersion)
  }

  writeTo(out: GrowingBytes): void {
    // An array column without elements has nothing here, no dictionary either.
    if (this.count === 0) return
    const width = this.#keyCount <= 256 ? 0 : this.#keyCount <= 65_536 ? 1 : 2
    out.uint64(dictionaryFlags | width)
    out.uint64(this.#keyCount)
    out.copy(this.#keys.bytes, 0, this.#keys.length)
    out.uint64(this.count)
    const indexes = this.#indexes.subarray(0, this.count)
    const narrow = width === 0 ? Uint8Array.from(indexes) : width === 1 ? Uint16Array.from(indexes) : indexes
    copyNumbers(narrow, out)
  }

  clear(): void {
    this.count = 0
    this.#slots.fill(0)
    this.#keys.length = 0
    this.#keyCount = 0
  }

  #append(keyIndex: number): void {
    if (this.count === this.#indexes.length) this.#indexes = grown(this.#indexes)
    this.#indexes[this.count++] = keyIndex
  }

  #keyOf(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const first = (hash ^ (hash >>> 15)) & (slotsCount - 1)
    let free = first
    for (let probe = 0; probe < probesMaxCount; probe++) {
      const slot = (first + probe) & (slotsCount - 1)
      const taken = this.#slots[slot]! // In range by the mask.
      if (taken === 0) {
        free = slot
        break
      }
      if (this.#isKey(taken - 1, bytes, from, to)) return taken - 1
    }
    if (this.#keyCount === this.#keyEnds.length) this.#keyEnds = grown(this.#keyEnds)
    this.#keys.varint(to - from)
    this.#keys.copy(bytes, from, to)
    this.#keyEnds[this.#keyCount++] = this.#keys.length
    this.#slots[free] = this.#keyCount
    return this.#keyCount - 1
  }

  #isKey(key: number, bytes: Uint8Array, from: number, to: number): boolean {
    const keyEnd = this.#keyEnds[key]! // `key` comes from a slot.
    const keyStart = key === 0 ? 0 : this.#keyEnds[key - 1]!
    const length = to - from
    // The key's own length tells where its bytes begin: varints of one, two … bytes.
    if (keyEnd - keyStart !== length + varintBytes(length)) return false
    const { bytes: keys } = this.#keys
    for (let i = from, at = keyEnd - length; i < to; i++, at++) if (bytes[i] !== keys[at]) return false
    return true
  }
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193) // In range: the caller's `to` is.
  return hash
}

function varintBytes(value: number): number {
  let count = 1
  for (let left = value; left > 127; left = Math.floor(left / 128)) count++
  return count
}
