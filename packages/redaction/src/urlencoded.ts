/**
 * `application/x-www-form-urlencoded` pairs (WHATWG URL §5.1), of a form or of a query: a cursor over the bytes that decodes one pair at a time
 * into a scratch of its own.
 */

import { percentDecode } from './percent.js'

const ampersand = 0x26
const semicolon = 0x3b
const equals = 0x3d

export class UrlencodedPairs {
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #end = 0
  /** The decoded pair: name in `[0, nameTo)`, value in `[nameTo, valueTo)`; valid until the next call. */
  decoded = new Uint8Array(1_024)
  nameTo = 0
  valueTo = 0
  /** Where name and value stand as they were sent. */
  rawNameFrom = 0
  rawNameTo = 0
  rawValueFrom = 0
  rawValueTo = 0
  /** False for a name without `=`. */
  hasValue = false

  start(bytes: Uint8Array, from: number, to: number): void {
    this.#bytes = bytes
    this.#at = from
    this.#end = to
  }

  /** Moves to the next pair, empty ones skipped; false when there is none. `semicolonParts` for cookies and matrix parameters. */
  next(semicolonParts = false): boolean {
    const bytes = this.#bytes
    const separator = semicolonParts ? semicolon : ampersand
    while (this.#at < this.#end && bytes[this.#at] === separator) this.#at++
    if (this.#at >= this.#end) return false
    let equalsAt = -1
    let i = this.#at
    for (; i < this.#end && bytes[i] !== separator; i++) if (bytes[i] === equals && equalsAt < 0) equalsAt = i
    this.hasValue = equalsAt >= 0
    this.rawNameFrom = this.#at
    this.rawNameTo = this.hasValue ? equalsAt : i
    this.rawValueFrom = this.hasValue ? equalsAt + 1 : i
    this.rawValueTo = i
    this.#at = i
    if (this.decoded.length < i - this.rawNameFrom) this.decoded = new Uint8Array((i - this.rawNameFrom) * 2)
    this.nameTo = percentDecode(bytes, this.rawNameFrom, this.rawNameTo, this.decoded, 0, true)
    this.valueTo = percentDecode(bytes, this.rawValueFrom, i, this.decoded, this.nameTo, true)
    return true
  }
}
