/**
 * A column of ClickHouse's Native format, filled from JSON values as bytes, one value a row.
 *
 * A value that is not exactly one of the column's type is refused, never bent: the row is then undone. Whatever is accepted is what
 * JSONEachRow makes of the same value (`ndjson-to-native.test.ts` holds the two against each other on the engine).
 * Numbers are laid out as this machine has them: little-endian, as every machine that Node and ClickHouse share.
 */

import type { LineBytes } from '@tapwarden/contracts/line-scanner'
import type { GrowingBytes } from './growing-bytes.js'

/** Where the elements of an array stood: what `rewind` goes back to. */
export interface Mark {
  count: number
  bytes: number
}

export interface NativeColumn {
  /** Values in it. */
  count: number
  /** Appends the value at `bytes[at]`, which is no `null`; the index behind it, or `REFUSED` and the column as it was. */
  read(bytes: Uint8Array, at: number, end: number): number
  /**
   * Appends what `read` makes of the value that `scanLine` found, which is no `null`; `to` is negative as there. Nothing is proven again. False
   * where it is none of the column's: then a value may have been appended all the same, and is the caller's to undo.
   */
  take(line: LineBytes, from: number, to: number): boolean
  /** What an absent field stores. */
  appendDefault(): void
  /** Removes the value that was appended last. Once: the one before is not known. */
  undo(): void
  mark(into: Mark): void
  rewind(mark: Mark): void
  /** What stands once in front of the column's data. */
  writePrefix(out: GrowingBytes): void
  /** The values in Native's layout. */
  writeTo(out: GrowingBytes): void
  /** Empties it. */
  clear(): void
}

export type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

export function grown<Kind extends Numbers>(numbers: Kind): Kind {
  const larger = new (numbers.constructor as new (count: number) => Kind)(2 * numbers.length)
  larger.set(numbers)
  return larger
}

export function copyNumbers(numbers: Numbers, out: GrowingBytes): void {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  out.copy(bytes, 0, bytes.length)
}
