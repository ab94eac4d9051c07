/**
 * Texts met before: clients and servers send the same few over and over (user agents, tokens, content types, path segments), so what was
 * made of one is found by its bytes, without making a string and without hashing one again.
 *
 * A fixed table of two places a hash; the newcomer takes the first and moves its holder to the second. Holds raw values, so it never leaves the
 * process. About 9 MiB with everything in it.
 */

import type { SeenAuth } from './auth.js'
import { viewOf } from './buffer-view.js'
import type { Literal } from './byte-writer.js'
import type { SeenHost } from './host.js'
import type { SeenParameter, SeenSegment } from './path.js'

const slotsCount = 4_096
/** Longer values are made anew each time. */
export const seenValueMaxBytes = 1_024
const byBytesMaxBytes = 12

/** One value, and what was made of it; each part by the module that owns it. */
export class SeenValue {
  /** As it came, a byte string. Equal values mostly are the same string, so maps by it need not hash it again. */
  readonly text: string
  /** Equal for equal values; 0 for values that are not remembered. */
  readonly hash: number
  /** The bytes of a longer one, once they came again: equal ones are told by whole words. */
  words: Int32Array | undefined
  /** JSON text of what may be published of it in clear, and of where it leads when it is a URL. */
  clear: Literal | undefined
  url: Literal | undefined
  host: SeenHost | undefined
  /** The media type as JSON text; `invalid` when it is none. */
  contentType: Literal | 'invalid' | undefined
  /** As a path segment and as the name of a query parameter. */
  segment: SeenSegment | undefined
  parameter: SeenParameter | undefined
  /** As the value of Authorization, and as that of Cookie, with nothing else beside it. */
  authorization: SeenAuth | undefined
  cookie: SeenAuth | undefined

  constructor(text: string, hash: number) {
    this.text = text
    this.hash = hash
  }
}

export class SeenValues {
  readonly #values: (SeenValue | undefined)[] = new Array(slotsCount).fill(undefined)
  readonly #hashes = new Int32Array(slotsCount)
  /** The value `bytes[from, to)`. */
  of(bytes: Uint8Array, from: number, to: number): SeenValue {
    const length = to - from
    if (length > seenValueMaxBytes) return new SeenValue(byteString(bytes, from, to), 0)
    const hash = this.#hash(bytes, from, to)
    const slot = (hash ^ (hash >>> 16)) & (slotsCount - 1)
    const first = this.#values[slot]
    if (first !== undefined && this.#hashes[slot] === hash && this.is(first, bytes, from, to)) return first
    const second = this.#values[slot ^ 1]
    if (second !== undefined && this.#hashes[slot ^ 1] === hash && this.is(second, bytes, from, to)) return second
    const value = new SeenValue(byteString(bytes, from, to), hash)
    this.#values[slot ^ 1] = first
    this.#hashes[slot ^ 1] = this.#hashes[slot]! // Slots are within the table.
    this.#values[slot] = value
    this.#hashes[slot] = hash
    return value
  }

  /** Whether `bytes[from, to)` is this value, which came from here. For callers with a guess: cheaper than the look-up. */
  is(value: SeenValue, bytes: Uint8Array, from: number, to: number): boolean {
    if (value.text.length !== to - from) return false
    const { words } = value
    if (words !== undefined) return areWords(words, bytes, from, to)
    if (!isText(value.text, bytes, from)) return false
    if (to - from > byBytesMaxBytes) value.words = wordsOf(bytes, from, to)
    return true
  }

  /** FNV-1a; over words of four bytes, the last one overlapping, where that pays. */
  #hash(bytes: Uint8Array, from: number, to: number): number {
    let hash = 0x811c9dc5 ^ (to - from)
    if (to - from <= byBytesMaxBytes) {
      for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193) // In range by the loop condition.
      return hash | 1
    }
    const view = viewOf(bytes.buffer)
    const last = bytes.byteOffset + to - 4
    for (let i = bytes.byteOffset + from; i <= last; i += 4) {
      hash = Math.imul(hash ^ (hash >>> 15) ^ view.getInt32(i, true), 0x01000193)
    }
    return Math.imul(hash ^ (hash >>> 15) ^ view.getInt32(last, true), 0x01000193) | 1
  }
}

/** `bytes[from, to)`, at least four, in words of four, the last one overlapping. */
export function wordsOf(bytes: Uint8Array, from: number, to: number): Int32Array {
  const view = viewOf(bytes.buffer)
  const last = bytes.byteOffset + to - 4
  const words = new Int32Array((to - from + 3) >>> 2)
  for (let word = 0, at = bytes.byteOffset + from; word < words.length; word++, at += 4)
    words[word] = view.getInt32(Math.min(at, last), true)
  return words
}

/** Whether `bytes[from, to)` are those of `words`, which `wordsOf` made of as many. */
export function areWords(words: Int32Array, bytes: Uint8Array, from: number, to: number): boolean {
  const view = viewOf(bytes.buffer)
  const last = bytes.byteOffset + to - 4
  let word = 0
  for (let at = bytes.byteOffset + from; at <= last; at += 4)
    if (view.getInt32(at, true) !== words[word++]) return false
  return word === words.length || view.getInt32(last, true) === words[word]
}

function isText(text: string, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false
  return true
}

function byteString(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
}
