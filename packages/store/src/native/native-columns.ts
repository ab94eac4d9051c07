/** The column for each ClickHouse type that a field of a transaction has, arrays among them. */

import { assert } from '@tapwarden/base/assert'
import type { LineBytes } from '@tapwarden/contracts/line-scanner'
import type { GrowingBytes } from './growing-bytes.js'
import { closeBracket, comma, openBracket, REFUSED, skipBlanks } from './json-bytes.js'
import { copyNumbers, grown, type Mark, type NativeColumn } from './native-column.js'
import { BoolColumn, CountColumn, FloatColumn } from './number-columns.js'
import { AddressColumn, StringColumn } from './text-columns.js'
import { WordColumn } from './word-column.js'

/** The column for a ClickHouse type. Throws for one that no field of a transaction has. */
export function nativeColumn(type: string): NativeColumn {
  const inner = /^(Array|Nullable)\((.+)\)$/.exec(type)
  if (inner?.[1] === 'Array' && inner[2] !== undefined) return new ArrayColumn(nativeColumn(inner[2]))
  if (inner?.[1] === 'Nullable' && inner[2] !== undefined) return countColumn(inner[2], true)
  if (type === 'String') return new StringColumn()
  if (type === 'LowCardinality(String)') return new WordColumn()
  if (type === 'IPv6') return new AddressColumn()
  if (type === 'Bool') return new BoolColumn()
  if (type === 'Float64') return new FloatColumn()
  if (type.startsWith('DateTime64(6')) return new CountColumn(64, false, Number.MAX_SAFE_INTEGER)
  return countColumn(type, false)
}

function countColumn(type: string, nullable: boolean): NativeColumn {
  const bits = Number(/^UInt(16|32|64)$/.exec(type)?.[1])
  if (bits === 16 || bits === 32 || bits === 64) {
    return new CountColumn(bits, nullable, bits === 64 ? undefined : 2 ** bits - 1)
  }
  throw new Error(`no Native column for ${type}`)
}

/** Where each row's elements end, then the elements as a column of their own. */
class ArrayColumn implements NativeColumn {
  count = 0
  readonly #elements: NativeColumn
  #ends = new Uint32Array(8_192)
  readonly #before: Mark = { count: 0, bytes: 0 }
  /** The elements' place before the last row: only the last row is ever undone. */
  readonly #last: Mark = { count: 0, bytes: 0 }

  constructor(elements: NativeColumn) {
    this.#elements = elements
  }

  read(bytes: Uint8Array, at: number, end: number): number {
    if (bytes[at] !== openBracket) return REFUSED
    const elements = this.#elements
    elements.mark(this.#before)
    let i = skipBlanks(bytes, at + 1, end)
    if (bytes[i] !== closeBracket) {
      for (;;) {
        i = i < end ? elements.read(bytes, i, end) : REFUSED
        if (i !== REFUSED) i = skipBlanks(bytes, i, end)
        if (i === REFUSED || i >= end || (bytes[i] !== comma && bytes[i] !== closeBracket)) {
          elements.rewind(this.#before)
          return REFUSED
        }
        if (bytes[i] === closeBracket) break
        i = skipBlanks(bytes, i + 1, end)
      }
    }
    this.#last.count = this.#before.count
    this.#last.bytes = this.#before.bytes
    this.#append()
    return i + 1
  }

  take({ bytes }: LineBytes, from: number, to: number): boolean {
    const end = Math.abs(to)
    return this.read(bytes, from, end) === end
  }

  appendDefault(): void {
    this.#elements.mark(this.#last)
    this.#append()
  }

  undo(): void {
    this.count--
    this.#elements.rewind(this.#last)
  }

  /** Of arrays there are no arrays. */
  mark(): void {
    assert(false, 'arrays do not nest')
  }

  rewind(): void {
    assert(false, 'arrays do not nest')
  }

  writePrefix(out: GrowingBytes): void {
    this.#elements.writePrefix(out)
  }

  writeTo(out: GrowingBytes): void {
    copyNumbers(this.#ends.subarray(0, 2 * this.count), out)
    this.#elements.writeTo(out)
  }

  clear(): void {
    this.count = 0
    this.#elements.clear()
  }

  #append(): void {
    if (2 * this.count === this.#ends.length) this.#ends = grown(this.#ends)
    this.#ends[2 * this.count] = this.#elements.count
    this.#ends[2 * this.count + 1] = 0
    this.count++
  }
}
