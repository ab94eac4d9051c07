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
    const place = this.placeOf(line, from, to)
    return place < 0 ? this.#make(line.buffer.toString('latin1', from, to)) : this.at(place)
  }

  /** What is remembered at a place that `placeOf` gave, or that `holds` the text. */
  at(place: number): Value {
    return this.#values[place] as Value // Set before anybody knows the place.
  }

  /** Characters of the text at `place`. */
  lengthAt(place: number): number {
    return this.#lengths[place]! // Here and below: places are those of `placeOf`.
  }

  /** Whether the text that `place` holds now stands at `from`: a guess of what comes again, without hashing it. */
  holds(place: number, line: LineBytes, from: number): boolean {
    const length = this.#lengths[place]!
    if (from + length + 4 > line.bytes.length) return false
    return this.#isSame(line.view, from, from + ((length - 1) & ~3), lastMaskOf(length), place)
  }

  /** Where `[from, to)`, which holds ASCII, is remembered from now on until another takes its place; -1 where it cannot be. */
  placeOf(line: LineBytes, from: number, to: number): number {
    const length = to - from
    // Whole words are read: those of the last bytes of a record are none.
    if (length > placeBytes || length === 0 || from + ((length + 3) & ~3) > line.bytes.length) return -1
    const { view } = line
    const lastMask = lastMaskOf(length)
    const lastWord = from + ((length - 1) & ~3)
    let hash = length
    for (let at = from; at < lastWord; at += 4) hash = mixed(hash, view.getInt32(at, true))
    hash = mixed(hash, view.getInt32(lastWord, true) & lastMask)
    const place = hash & this.#mask
    if (this.#lengths[place] === length && this.#isSame(view, from, lastWord, lastMask, place)) return place
    this.#values[place] = this.#make(line.buffer.toString('latin1', from, to))
    this.#lengths[place] = length
    for (let at = from, into = place * placeBytes; at < to; at += 4, into += 4) {
      this.#known.setInt32(into, view.getInt32(at, true), true)
    }
    return place
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

/** Of the last word of a text: those of its bytes that belong to the text. */
function lastMaskOf(length: number): number {
  return (length & 3) === 0 ? -1 : (1 << ((length & 3) << 3)) - 1
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
