/**
 * Transactions' lines to one block of ClickHouse's Native format: bytes in, bytes out, one pass, no object and no text between.
 *
 *   line ─► key ─ as predicted? ─ else looked up ─► its column reads the value ─► absent columns get their default ─► next line
 *                                └ unknown: skipped
 *
 * The encoder of transactions writes its members in one order, so the key that followed last time is the one to compare with; any other order
 * costs a look-up and changes nothing. A line that cannot be read exactly leaves no trace: the columns go back to the row before.
 * A line whose members were found by whoever read it before is not read again: each column takes its own value from where it stands.
 *
 * Native as a server reads it from a client that tells no revision: number of columns and rows, then name, type and data of each
 * column.
 */

import { assert } from '@tapwarden/base/assert'
import { type LineBytes, memberNames } from '@tapwarden/contracts/line-scanner'
import type { ColumnBlock } from '../store.js'
import type { TransactionColumn } from '../transaction-columns.js'
import { GrowingBytes } from './growing-bytes.js'
import {
  closeBrace,
  colon,
  comma,
  letterN,
  openBrace,
  quote,
  REFUSED,
  skipBlanks,
  skipNull,
  skipString,
  skipValue,
  unescapeInto,
} from './json-bytes.js'
import type { NativeColumn } from './native-column.js'
import { nativeColumn } from './native-columns.js'
import { WordColumn } from './word-column.js'

export interface NativeBlock {
  /** Names of the columns, in the block's order. */
  readonly columns: readonly string[]
  readonly bytes: Uint8Array
  readonly rowCount: number
}

/** A line whose members somebody has found already, as `LineTransaction` has: `scanLine` took it, and wrote to `spans` at `spansAt`. */
export interface LocatedLine {
  /** The bytes that the spans count in. */
  readonly record: LineBytes
  readonly spans: Int32Array
  readonly spansAt: number
}

interface Field {
  readonly key: Uint8Array
  readonly name: string
  readonly type: string
  readonly column: NativeColumn
  /** Place of its member among the spans of a line; -1 of what no line says. */
  readonly spanAt: number
}

const encoder = new TextEncoder()
/** One is under way, one is sealed. */
const spareBlocksMaxCount = 2
const newline = 0x0a
/** Larger than the number of fields by far, so that a look-up meets one. */
const slotCount = 1_024

export class NativeBlockEncoder {
  readonly #fields: readonly Field[]
  readonly #columns: readonly string[]
  readonly #endpointIds: WordColumn
  readonly #endpointField: number
  /** Which field followed each one last time. */
  readonly #following: Uint16Array
  /** Hash of a key → index of its field plus one. */
  readonly #slots = new Uint16Array(slotCount)
  readonly #name = new GrowingBytes(256)
  readonly #spare: GrowingBytes[] = []
  #rowCount = 0
  #lineBytes = 0

  /** One of the columns is `endpointId`, whose value comes beside the line. */
  constructor(columns: readonly TransactionColumn[]) {
    this.#fields = columns.map(({ wire, column, type }) => ({
      key: encoder.encode(wire),
      name: column,
      type,
      column: nativeColumn(type),
      spanAt: wire === 'endpointId' ? -1 : memberNames.indexOf(wire) * 2,
    }))
    this.#columns = columns.map(({ column }) => column)
    this.#following = Uint16Array.from(columns, (_, index) => (index + 1) % columns.length)
    this.#endpointField = columns.findIndex(({ wire }) => wire === 'endpointId')
    const endpoint = this.#fields[this.#endpointField]?.column
    assert(endpoint instanceof WordColumn, 'the endpoint id has a column of its own')
    this.#endpointIds = endpoint
    this.#fields.forEach(({ key }, index) => {
      let slot = hashOf(key, 0, key.length)
      while (this.#slots[slot] !== 0) slot = (slot + 1) % slotCount
      this.#slots[slot] = index + 1
    })
  }

  get rowCount(): number {
    return this.#rowCount
  }

  /** Of the lines that were taken: the block is about as large, or smaller. */
  get lineBytes(): number {
    return this.#lineBytes
  }

  /**
   * Takes one line, with or without its newline; `endpointId` is ASCII, and without it a member of the line may say it. False: the line is
   * not a transaction that the columns can hold, and the block is as it was.
   */
  append(line: Uint8Array, endpointId?: string): boolean {
    if (endpointId !== undefined) this.#endpointIds.appendText(endpointId)
    return this.#settled(this.#readLine(line, endpointId !== undefined), line.length)
  }

  /** The same of a line of `lineBytes` whose members somebody has found: the line itself is not looked at. */
  appendLocated(located: LocatedLine, lineBytes: number, endpointId: string): boolean {
    this.#endpointIds.appendText(endpointId)
    return this.#settled(this.#takeSpans(located), lineBytes)
  }

  #settled(taken: boolean, lineBytes: number): boolean {
    if (!taken) {
      for (const { column } of this.#fields) if (column.count > this.#rowCount) column.undo()
      return false
    }
    this.#rowCount++
    this.#lineBytes += lineBytes
    return true
  }

  /** The block of what was appended, in memory of its own, until it is given back; the next one begins. */
  finish(): NativeBlock {
    const out = this.#spare.pop() ?? new GrowingBytes(this.#lineBytes + 65_536)
    out.length = 0
    out.varint(this.#fields.length)
    out.varint(this.#rowCount)
    for (const { name, type, column } of this.#fields) {
      appendText(out, name)
      appendText(out, type)
      column.writePrefix(out)
      column.writeTo(out)
      column.clear()
    }
    const block = { columns: this.#columns, bytes: out.bytes.subarray(0, out.length), rowCount: this.#rowCount }
    this.#rowCount = 0
    this.#lineBytes = 0
    return block
  }

  /** The memory of a block that nobody needs any more. Fresh memory for each would be some 30 MB that the garbage collector counts as pressure. */
  giveBack({ bytes }: ColumnBlock): void {
    if (this.#spare.length < spareBlocksMaxCount) this.#spare.push(new GrowingBytes(new Uint8Array(bytes.buffer)))
  }

  #takeSpans({ record, spans, spansAt }: LocatedLine): boolean {
    const { bytes } = record
    for (let i = 0; i < this.#fields.length; i++) {
      const { column, spanAt } = this.#fields[i]! // In range by the condition, as everywhere below.
      if (spanAt < 0) continue
      const from = spans[spansAt + spanAt]!
      if (from === 0 || bytes[from] === letterN) column.appendDefault()
      else if (!column.take(record, from, spans[spansAt + spanAt + 1]!)) return false
    }
    return true
  }

  #readLine(line: Uint8Array, hasEndpointId: boolean): boolean {
    if (!this.#readMembers(line, hasEndpointId)) return false
    for (let i = 0; i < this.#fields.length; i++) {
      const { column } = this.#fields[i]!
      if (column.count === this.#rowCount) column.appendDefault()
    }
    return true
  }

  #readMembers(line: Uint8Array, hasEndpointId: boolean): boolean {
    const end = line[line.length - 1] === newline ? line.length - 1 : line.length
    let at = skipBlanks(line, 0, end)
    if (line[at] !== openBrace) return false
    at = skipBlanks(line, at + 1, end)
    if (line[at] === closeBrace) return skipBlanks(line, at + 1, end) === end
    let expected = 0
    let previous = -1
    for (;;) {
      // The key.
      if (at >= end || line[at] !== quote) return false
      let field = this.#isKey(expected, line, at + 1, end) ? expected : -1
      if (field >= 0) at += this.#fields[field]!.key.length + 2
      else {
        const to = skipString(line, at + 1, end)
        if (to === REFUSED) return false
        field = this.#fieldOf(line, at + 1, to - 1)
        at = to
        if (field >= 0 && previous >= 0) this.#following[previous] = field
      }
      at = skipBlanks(line, at, end)
      if (at >= end || line[at] !== colon) return false
      at = skipBlanks(line, at + 1, end)
      if (at >= end) return false
      // Its value. What comes beside the line is not the line's to say.
      const isSkipped = field < 0 || (field === this.#endpointField && hasEndpointId)
      at = isSkipped ? skipValue(line, at, end) : this.#readValue(field, line, at, end)
      if (at === REFUSED) return false
      if (field >= 0) {
        previous = field
        expected = this.#following[field]! // In range: `field` is.
      }
      at = skipBlanks(line, at, end)
      if (at >= end) return false
      if (line[at] === closeBrace) return skipBlanks(line, at + 1, end) === end
      if (line[at] !== comma) return false
      at = skipBlanks(line, at + 1, end)
    }
  }

  #readValue(field: number, line: Uint8Array, at: number, end: number): number {
    const { column } = this.#fields[field]!
    // A member that stands twice says two things.
    if (column.count > this.#rowCount) return REFUSED
    if (line[at] !== letterN) return column.read(line, at, end)
    const to = skipNull(line, at, end)
    if (to !== REFUSED) column.appendDefault()
    return to
  }

  #isKey(field: number, line: Uint8Array, at: number, end: number): boolean {
    const { key } = this.#fields[field]!
    const { length } = key
    if (at + length >= end || line[at + length] !== quote) return false
    for (let i = 0; i < length; i++) if (line[at + i] !== key[i]) return false
    return true
  }

  /** The field of a key between its quotes, or -1. */
  #fieldOf(line: Uint8Array, from: number, to: number): number {
    for (let slot = hashOf(line, from, to); ; slot = (slot + 1) % slotCount) {
      const taken = this.#slots[slot]!
      if (taken === 0) break
      if (this.#fields[taken - 1]!.key.length === to - from && this.#isKey(taken - 1, line, from, line.length)) {
        return taken - 1
      }
    }
    if (!line.subarray(from, to).includes(0x5c)) return -1
    this.#name.length = 0
    // An escape hides no name; a name with an escape that is none is nobody's.
    if (!unescapeInto(line, from, to, this.#name)) return -1
    const name = new TextDecoder().decode(this.#name.bytes.subarray(0, this.#name.length))
    return this.#fields.findIndex(({ key }) => new TextDecoder().decode(key) === name)
  }
}

function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0
  for (let i = from; i < to; i++) hash = Math.imul(hash, 31) + bytes[i]! // In range: the caller's `to` is.
  return (hash ^ (hash >>> 11)) & (slotCount - 1)
}

function appendText(out: GrowingBytes, value: string): void {
  const bytes = encoder.encode(value)
  out.varint(bytes.length)
  out.copy(bytes, 0, bytes.length)
}
