/** Columns of texts, and of addresses, which are texts on the wire. */

import type { LineBytes } from '@tapwarden/contracts/line-scanner'
import { withoutLoneSurrogates } from '../lone-surrogates.js'
import { FixedWidthColumn } from './fixed-width-column.js'
import { GrowingBytes } from './growing-bytes.js'
import { writeAddress } from './ip-bytes.js'
import {
  backslash,
  NestedSkipper,
  openBrace,
  openBracket,
  quote,
  REFUSED,
  skipBoolean,
  skipNumber,
  skipString,
  unescapeInto,
} from './json-bytes.js'
import { grown, type Mark, type NativeColumn } from './native-column.js'

const addressBytes = 16
/** One text at a time, unescaped. */
const text = new GrowingBytes()

const nested = new NestedSkipper()

/** Where the next backslash of a record is. Asked in the order of the record it looks at each byte once; few lines hold one. */
class BackslashFinder {
  #line: LineBytes | undefined
  #from = 0
  #found = 0

  /** Index of the first one at or behind `from`; infinite when there is none. */
  next(line: LineBytes, from: number): number {
    if (line !== this.#line || from < this.#from || from > this.#found) {
      const found = line.buffer.indexOf(backslash, from)
      this.#line = line
      this.#from = from
      this.#found = found < 0 ? Number.POSITIVE_INFINITY : found
    }
    return this.#found
  }
}

const escapes = new BackslashFinder()

/** Length and bytes, one behind the other. Objects and arrays are kept as their JSON text. */
export class StringColumn implements NativeColumn {
  count = 0
  readonly #data = new GrowingBytes(65_536)
  /** Its length before the last value. */
  #before = 0

  read(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] === quote) {
      for (let i = at + 1; i < end; i++) {
        const byte = bytes[i]! // In range by the condition.
        if (byte === quote) {
          this.#append(bytes, at + 1, i)
          return i + 1
        }
        if (byte === backslash) return this.#readEscaped(bytes, at + 1, i, end)
      }
      return REFUSED
    }
    return this.#readJson(bytes, at, end)
  }

  take(line: LineBytes, from: number, to: number): boolean {
    const { bytes } = line
    const first = bytes[from]
    if (first === quote && to > 0) this.#append(bytes, from + 1, to - 1)
    else if (first === openBrace || first === openBracket) {
      if (escapes.next(line, from) >= to) this.#append(bytes, from, to)
      else this.#appendJson(bytes.subarray(from, to))
    } else return this.read(bytes, from, Math.abs(to)) === Math.abs(to)
    return true
  }

  appendDefault(): void {
    this.#before = this.#data.length
    this.#data.varint(0)
    this.count++
  }

  undo(): void {
    this.count--
    this.#data.length = this.#before
  }

  mark(into: Mark): void {
    into.count = this.count
    into.bytes = this.#data.length
  }

  rewind(mark: Mark): void {
    this.count = mark.count
    this.#data.length = mark.bytes
  }

  writePrefix(): void {}

  writeTo(out: GrowingBytes): void {
    out.copy(this.#data.bytes, 0, this.#data.length)
  }

  clear(): void {
    this.count = 0
    this.#data.length = 0
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    this.#before = this.#data.length
    this.#data.varint(to - from)
    this.#data.copy(bytes, from, to)
    this.count++
  }

  #readEscaped(bytes: Uint8Array, from: number, firstEscape: number, end: number): number {
    const to = skipString(bytes, firstEscape, end)
    text.length = 0
    if (to === REFUSED || !unescapeInto(bytes, from, to - 1, text)) return REFUSED
    this.#append(text.bytes, 0, text.length)
    return to
  }

  #readJson(bytes: Uint8Array, at: number, end: number): number {
    const byte = bytes[at]
    if (byte !== openBrace && byte !== openBracket) {
      const to = byte === 0x74 || byte === 0x66 ? skipBoolean(bytes, at, end) : skipNumber(bytes, at, end)
      if (to !== REFUSED) this.#append(bytes, at, to)
      return to
    }
    const to = nested.skip(bytes, at, end)
    if (to === REFUSED) return REFUSED
    if (nested.hasEscapes) this.#appendJson(bytes.subarray(at, to))
    else this.#append(bytes, at, to)
    return to
  }

  #appendJson(text: Uint8Array): void {
    const json = withoutLoneSurrogates(text)
    this.#append(json, 0, json.length)
  }
}

/** IPv6 from text; a text that is no address is `::`. */
export class AddressColumn extends FixedWidthColumn {
  #data = new Uint8Array(65_536)

  override read(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] !== quote) return REFUSED
    for (let i = at + 1; i < end; i++) {
      const byte = bytes[i]! // In range by the condition.
      if (byte === quote) {
        this.#append(bytes, at + 1, i)
        return i + 1
      }
      if (byte === backslash) {
        const to = skipString(bytes, i, end)
        text.length = 0
        if (to === REFUSED || !unescapeInto(bytes, at + 1, to - 1, text)) return REFUSED
        this.#append(text.bytes, 0, text.length)
        return to
      }
    }
    return REFUSED
  }

  override appendDefault(): void {
    const at = this.#next()
    this.#data.fill(0, at, at + addressBytes)
  }

  override writeTo(out: GrowingBytes): void {
    out.copy(this.#data, 0, addressBytes * this.count)
  }

  #append(bytes: Uint8Array, from: number, to: number): void {
    const at = this.#next()
    writeAddress(bytes, from, to, this.#data, at)
  }

  /** Where the next address goes. */
  #next(): number {
    const at = addressBytes * this.count++
    if (at === this.#data.length) this.#data = grown(this.#data)
    return at
  }
}
