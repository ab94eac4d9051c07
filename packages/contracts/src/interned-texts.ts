/**
 * Texts that repeat, out of bytes without making them anew: hosts, methods, media types, tokens. A direct-mapped table: a text that falls
 * on another's place takes it, so the table is bounded whatever comes, and a miss costs one short string. The strings are the caller's
 * to keep; they share nothing with the bytes.
 */

import type { LineBytes } from './line-scanner.js'

const placesCount = 4_096
const placeBytes = 64

export class InternedTexts {
  readonly #texts: string[] = Array<string>(placesCount).fill('')
  /** `placeBytes` of each place: the text's bytes. */
  readonly #known = new DataView(new ArrayBuffer(placesCount * placeBytes))

  /** `[from, to)`, which holds ASCII. */
  of(line: LineBytes, from: number, to: number): string {
    const length = to - from
    // Whole words are read: those of the last bytes of a record are none.
    if (length > placeBytes || length === 0 || from + ((length + 3) & ~3) > line.bytes.length) {
      return line.buffer.toString('latin1', from, to)
    }
    const { view } = line
    const lastMask = (length & 3) === 0 ? -1 : (1 << ((length & 3) << 3)) - 1
    const lastWord = from + ((length - 1) & ~3)
    let hash = length
    for (let at = from; at < lastWord; at += 4) hash = mixed(hash, view.getInt32(at, true))
    hash = mixed(hash, view.getInt32(lastWord, true) & lastMask)
    const place = (hash ^ (hash >>> 15)) & (placesCount - 1)
    const known = this.#texts[place]! // In range by the mask.
    if (known.length === length && this.#isSame(view, from, lastWord, lastMask, place)) return known
    const text = line.buffer.toString('latin1', from, to)
    this.#texts[place] = text
    for (let at = from, to = place * placeBytes; at < from + length; at += 4, to += 4) {
      this.#known.setInt32(to, view.getInt32(at, true), true)
    }
    return text
  }

  #isSame(view: DataView, from: number, lastWord: number, lastMask: number, place: number): boolean {
    const known = this.#known
    let to = place * placeBytes
    for (let at = from; at < lastWord; at += 4, to += 4) {
      if (view.getInt32(at, true) !== known.getInt32(to, true)) return false
    }
    return ((view.getInt32(lastWord, true) ^ known.getInt32(to, true)) & lastMask) === 0
  }
}

function mixed(hash: number, word: number): number {
  const product = Math.imul(hash ^ word, 0x9e3779b1)
  return product ^ (product >>> 15)
}
