/**
 * SipHash-2-4 of contents: of a great many short values under one key. Values of less than a block are remembered with their hashes, those up to a
 * few KiB go through the WebAssembly module, longer ones through JavaScript. All three give the same.
 */

import { viewOf } from './buffer-view.js'
import { SipHasher } from './siphash.js'
import {
  createSipHashModule,
  highWord,
  keyWord,
  lowWord,
  moduleValueMaxBytes,
  type SipHashModule,
  valueWord,
} from './siphash-module.js'

/** 4,096 places, 64 KiB. */
const shortSlotsBits = 12
const blockBytes = 8

export class ContentHasher {
  readonly #long: SipHasher
  readonly #module: SipHashModule = createSipHashModule()
  readonly #words: Int32Array = this.#module.words
  /** Short values and their hashes: two numbers each. Where both numbers of a value are 0 there is none, or the empty one. */
  readonly #short = new Int32Array(4 << shortSlotsBits)
  /** Halves of the last hash, signed 32-bit. */
  high = 0
  low = 0

  /** `key` is 16 bytes. */
  constructor(key: Uint8Array) {
    this.#long = new SipHasher(key)
    const view = new DataView(key.buffer, key.byteOffset, key.byteLength)
    for (let i = 0; i < 4; i++) this.#words[keyWord + i] = view.getInt32(4 * i, true)
  }

  /** Hashes `bytes[from, to)` into `high` and `low`. */
  hash(bytes: Uint8Array, from: number, to: number): void {
    const length = to - from
    if (length < blockBytes) this.#hashShort(bytes, from, to)
    else if (length <= moduleValueMaxBytes) this.#hashByModule(bytes, from, to)
    else {
      this.#long.hash(bytes, from, to)
      this.low = this.#long.low
      this.high = this.#long.high
    }
  }

  /** Values of less than a block: counts, codes, words come again and again, and fit two numbers. */
  #hashShort(bytes: Uint8Array, from: number, to: number): void {
    let ml = 0
    let mh = (to - from) << 24
    for (let i = from, shift = 0; i < to; i++, shift += 8) {
      if (shift < 32)
        ml |= bytes[i]! << shift // In range by the loop condition.
      else mh |= bytes[i]! << (shift - 32)
    }
    const mixed = Math.imul(ml ^ Math.imul(mh, 0x9e3779b1), 0x85ebca6b)
    const at = (mixed >>> (32 - shortSlotsBits)) << 2
    const short = this.#short
    if (short[at] === ml && short[at + 1] === mh && mh !== 0) {
      this.low = short[at + 2]! // Slots have four numbers.
      this.high = short[at + 3]!
      return
    }
    const words = this.#words
    words[valueWord] = ml
    words[valueWord + 1] = mh & 0xffffff // The module puts the length there.
    this.#module.hash(to - from)
    short[at] = ml
    short[at + 1] = mh
    short[at + 2] = this.low = words[lowWord]! // A word of the memory, here and below.
    short[at + 3] = this.high = words[highWord]!
  }

  #hashByModule(bytes: Uint8Array, from: number, to: number): void {
    const view = viewOf(bytes.buffer)
    const words = this.#words
    let word = valueWord
    let at = bytes.byteOffset + from
    const end = bytes.byteOffset + to
    for (; at + 4 <= end; at += 4) words[word++] = view.getInt32(at, true)
    let rest = 0
    for (let shift = 0; at < end; at++, shift += 8) rest |= view.getUint8(at) << shift
    words[word] = rest
    words[word + 1] = 0
    this.#module.hash(to - from)
    this.low = words[lowWord]!
    this.high = words[highWord]!
  }
}
