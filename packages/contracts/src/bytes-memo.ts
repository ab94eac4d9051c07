/**
 * What is made of a short text, by the text's bytes: a text that comes again costs a look-up instead of a string. A direct-mapped table: a
 * text that falls on another's place takes it, so the table is bounded whatever comes. What is made shares nothing with the bytes.
 */

import type { LineBytes } from './line-scanner.js'

const placeBytes = 64

export class BytesMemo<Value> {
  readonly #make: (text: string) => Value
  readonly #mask: number
  readonly #values: (Value | undefined)[]
  /** Bytes of each place's text; -1 in an empty one. */
  readonly #lengths: Int8Array
  /** `placeBytes` of each place: the text, then whatever stood behind it. */
  readonly #known: DataView

  /** `make` is a function of the text alone. `placesCount` is a power of two; each takes some 80 bytes. */
  constructor(placesCount: number, make: (text: string) => Value) {
    this.#make = make
    this.#mask = placesCount - 1
    this.#values = Array<Value | undefined>(placesCount).fill(undefined)
    this.#lengths = new Int8Array(placesCount).fill(-1)
    this.#known = new DataView(new ArrayBuffer(placesCount * placeBytes))
  }

  /** Of `[from, to)`, which holds ASCII. */
  of(line: LineBytes, from: number, to: number): Value {
    const length = to - from
    // Whole words are read: those of the last bytes of a record are none.
    if (length > placeBytes || length === 0 || from + ((length + 3) & ~3) > line.bytes.length) {
      return this.#make(line.buffer.toString('latin1', from, to))
    }
    const { view } = line
    const lastMask = (length & 3) === 0 ? -1 : (1 << ((length & 3) << 3)) - 1
    const lastWord = from + ((length - 1) & ~3)
    let hash = length
    for (let at = from; at < lastWord; at += 4) hash = mixed(hash, view.getInt32(at, true))
    hash = mixed(hash, view.getInt32(lastWord, true) & lastMask)
    const place = hash & this.#mask
    if (this.#lengths[place] === length && this.#isSame(view, from, lastWord, lastMask, place)) {
      return this.#values[place] as Value // Set together with its length.
    }
    const value = this.#make(line.buffer.toString('latin1', from, to))
    this.#values[place] = value
    this.#lengths[place] = length
    for (let at = from, into = place * placeBytes; at < to; at += 4, into += 4) {
      this.#known.setInt32(into, view.getInt32(at, true), true)
    }
    return value
  }

  #isSame(view: DataView, from: number, lastWord: number, lastMask: number, place: number): boolean {
    const known = this.#known
    let knownAt = place * placeBytes
    for (let at = from; at < lastWord; at += 4, knownAt += 4) {
      if (view.getInt32(at, true) !== known.getInt32(knownAt, true)) return false
    }
    return ((view.getInt32(lastWord, true) ^ known.getInt32(knownAt, true)) & lastMask) === 0
  }
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1)
  return product ^ (product >>> 15)
}

/** Texts that repeat: hosts, methods, media types, tokens. */
export type TextMemo = BytesMemo<string>

export function textMemo(placesCount = 4_096): TextMemo {
  return new BytesMemo(placesCount, (text) => text)
}
