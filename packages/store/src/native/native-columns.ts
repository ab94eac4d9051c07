/**
 * Columns of ClickHouse's Native format, filled from JSON values as bytes, one value a row.
 *
 * A value that is not exactly one of the column's type is refused, never bent: the row is then undone. Whatever is accepted is what
 * JSONEachRow makes of the same value (`ndjson-to-native.test.ts` holds the two against each other on the engine).
 * Numbers are laid out as this machine has them: little-endian, as every machine that Node and ClickHouse share.
 */

import { withoutLoneSurrogates } from '../lone-surrogates.js'
import { GrowingBytes } from './growing-bytes.js'
import { writeAddress } from './ip-bytes.js'
import {
  backslash,
  CountReader,
  closeBracket,
  comma,
  latin1,
  NestedSkipper,
  openBrace,
  openBracket,
  quote,
  REFUSED,
  skipBlanks,
  skipBoolean,
  skipNumber,
  skipString,
  unescapeInto,
} from './json-bytes.js'

/** Where a column stood: what `rewind` goes back to. */
export interface Mark {
  count: number
  bytes: number
}

export interface NativeColumn {
  /** Values in it. */
  count: number
  /** Appends the value at `bytes[at]`, which is no `null`; the index behind it, or `REFUSED` and the column as it was. */
  read(bytes: Uint8Array, at: number, end: number): number
  /** What an absent field stores. */
  appendDefault(): void
  mark(into: Mark): void
  rewind(mark: Mark): void
  /** What stands once in front of the column's data. */
  writePrefix(out: GrowingBytes): void
  /** The values in Native's layout. */
  writeTo(out: GrowingBytes): void
  /** Empties it. */
  clear(): void
}

const counts = new CountReader()
const nested = new NestedSkipper()
/** One text at a time, unescaped. */
const text = new GrowingBytes()
const word32 = 4_294_967_296

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

/** Length and bytes, one behind the other. Objects and arrays are kept as their JSON text. */
class StringColumn implements NativeColumn {
  count = 0
  readonly #data = new GrowingBytes(65_536)

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

  appendDefault(): void {
    this.#data.varint(0)
    this.count++
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
    if (nested.hasEscapes) {
      const json = withoutLoneSurrogates(bytes.subarray(at, to))
      this.#append(json, 0, json.length)
    } else this.#append(bytes, at, to)
    return to
  }
}

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

  mark(into: Mark): void {
    into.count = this.count
  }

  /** A key that nobody uses stays, and does no harm. */
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

/** Whole numbers that are not negative, and times, which are counts of µs. With `nullable` an absent field is NULL, else 0. */
class CountColumn implements NativeColumn {
  count = 0
  readonly #bits: 16 | 32 | 64
  readonly #nullable: boolean
  /** Undefined: all 64 bits. */
  readonly #max: number | undefined
  #nulls = new Uint8Array(4_096)
  /** 64 bits are two of these, the lower first. */
  #numbers: Uint16Array | Uint32Array

  constructor(bits: 16 | 32 | 64, nullable: boolean, max: number | undefined) {
    this.#bits = bits
    this.#nullable = nullable
    this.#max = max
    this.#numbers = bits === 16 ? new Uint16Array(4_096) : new Uint32Array(bits === 64 ? 8_192 : 4_096)
  }

  read(bytes: Uint8Array, at: number, end: number): number {
    const to = counts.read(bytes, at, end)
    if (to === REFUSED) return REFUSED
    const { big } = counts
    if (big !== undefined && (this.#max === undefined ? big >= 2n ** 64n : big > BigInt(this.#max))) return REFUSED
    if (big === undefined && this.#max !== undefined && counts.value > this.#max) return REFUSED
    if (big === undefined) this.#append(0, counts.value % word32, Math.floor(counts.value / word32))
    else this.#append(0, Number(big & 0xffff_ffffn), Number(big >> 32n))
    return to
  }

  appendDefault(): void {
    this.#append(1, 0, 0)
  }

  mark(into: Mark): void {
    into.count = this.count
  }

  rewind(mark: Mark): void {
    this.count = mark.count
  }

  writePrefix(): void {}

  writeTo(out: GrowingBytes): void {
    if (this.#nullable) out.copy(this.#nulls, 0, this.count)
    copyNumbers(this.#numbers.subarray(0, this.#bits === 64 ? 2 * this.count : this.count), out)
  }

  clear(): void {
    this.count = 0
  }

  #append(isNull: number, low: number, high: number): void {
    if (this.count === this.#nulls.length) {
      this.#nulls = grown(this.#nulls)
      this.#numbers = grown(this.#numbers)
    }
    this.#nulls[this.count] = isNull
    if (this.#bits === 64) {
      this.#numbers[2 * this.count] = low
      this.#numbers[2 * this.count + 1] = high
    } else this.#numbers[this.count] = low
    this.count++
  }
}

class FloatColumn implements NativeColumn {
  count = 0
  #numbers = new Float64Array(4_096)

  read(bytes: Uint8Array, at: number, end: number): number {
    const to = skipNumber(bytes, at, end)
    if (to === REFUSED) return REFUSED
    const digit = bytes[at]! - 0x30 // In range: a number was read there.
    this.#append(to === at + 1 ? digit : Number(latin1(bytes, at, to)))
    return to
  }

  appendDefault(): void {
    this.#append(0)
  }

  mark(into: Mark): void {
    into.count = this.count
  }

  rewind(mark: Mark): void {
    this.count = mark.count
  }

  writePrefix(): void {}

  writeTo(out: GrowingBytes): void {
    copyNumbers(this.#numbers.subarray(0, this.count), out)
  }

  clear(): void {
    this.count = 0
  }

  #append(value: number): void {
    if (this.count === this.#numbers.length) this.#numbers = grown(this.#numbers)
    this.#numbers[this.count++] = value
  }
}

class BoolColumn implements NativeColumn {
  count = 0
  #flags = new Uint8Array(4_096)

  read(bytes: Uint8Array, at: number, end: number): number {
    const to = skipBoolean(bytes, at, end)
    if (to !== REFUSED) this.#append(bytes[at] === 0x74 ? 1 : 0)
    return to
  }

  appendDefault(): void {
    this.#append(0)
  }

  mark(into: Mark): void {
    into.count = this.count
  }

  rewind(mark: Mark): void {
    this.count = mark.count
  }

  writePrefix(): void {}

  writeTo(out: GrowingBytes): void {
    out.copy(this.#flags, 0, this.count)
  }

  clear(): void {
    this.count = 0
  }

  #append(flag: number): void {
    if (this.count === this.#flags.length) this.#flags = grown(this.#flags)
    this.#flags[this.count++] = flag
  }
}

/** IPv6 from text; a text that is no address is `::`. */
class AddressColumn implements NativeColumn {
  count = 0
  readonly #data = new GrowingBytes(65_536)

  read(bytes: Uint8Array, at: number, end: number): number {
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

  appendDefault(): void {
    this.#data.reserve(16)
    this.#data.bytes.fill(0, this.#data.length, this.#data.length + 16)
    this.#data.length += 16
    this.count++
  }

  mark(into: Mark): void {
    into.count = this.count
  }

  rewind(mark: Mark): void {
    this.count = mark.count
    this.#data.length = 16 * mark.count
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
    const data = this.#data
    data.reserve(16)
    writeAddress(bytes, from, to, data.bytes, data.length)
    data.length += 16
    this.count++
  }
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

  appendDefault(): void {
    this.#elements.mark(this.#last)
    this.#append()
  }

  mark(into: Mark): void {
    into.count = this.count
  }

  rewind(mark: Mark): void {
    if (mark.count === this.count) return
    this.count = mark.count
    this.#elements.rewind(this.#last)
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

type Numbers = Uint8Array | Uint16Array | Uint32Array | Float64Array

function grown<Kind extends Numbers>(numbers: Kind): Kind {
  const larger = new (numbers.constructor as new (count: number) => Kind)(2 * numbers.length)
  larger.set(numbers)
  return larger
}

function copyNumbers(numbers: Numbers, out: GrowingBytes): void {
  const bytes = new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength)
  out.copy(bytes, 0, bytes.length)
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
