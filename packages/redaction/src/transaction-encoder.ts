/**
 * Members of the transaction's line, written as JSON bytes one after the other: the whole record never exists as an object. The order of
 * members is fixed, so that readers of bytes may predict the next key.
 */

import type { ByteWriter } from './byte-writer.js'

export class TransactionEncoder {
  readonly #writer: ByteWriter

  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  /** Begins the line with its first member, whose value needs no escapes. */
  begin(key: string, asciiValue: string): void {
    this.#writer.clear()
    this.#writer.ascii('{"')
    this.#writer.ascii(key)
    this.#writer.ascii('":"')
    this.#writer.ascii(asciiValue)
    this.#writer.byte(0x22)
  }

  /** Writes `,"key":`; the caller writes the value. */
  key(key: string): void {
    this.#writer.ascii(',"')
    this.#writer.ascii(key)
    this.#writer.ascii('":')
  }

  /** Any text; absent when undefined. */
  text(key: string, value: string | undefined): void {
    if (value === undefined) return
    this.key(key)
    this.#writer.jsonText(value)
  }

  /** A number that the schema takes as a count; anything else the wire made of it becomes 0. Absent when undefined. */
  count(key: string, value: number | undefined): void {
    if (value === undefined) return
    this.key(key)
    this.#writer.int(Number.isSafeInteger(value) && value >= 0 ? value : 0)
  }

  flag(key: string, value: boolean): void {
    this.key(key)
    this.#writer.ascii(value ? 'true' : 'false')
  }

  /** Absent when empty. */
  texts(key: string, values: readonly string[]): void {
    if (values.length === 0) return
    this.key(key)
    for (const [index, value] of values.entries()) {
      this.#writer.byte(index === 0 ? 0x5b : 0x2c)
      this.#writer.jsonText(value)
    }
    this.#writer.byte(0x5d)
  }

  /** Absent when empty. */
  counts(key: string, values: readonly number[]): void {
    if (values.length === 0) return
    this.key(key)
    for (const [index, value] of values.entries()) {
      this.#writer.byte(index === 0 ? 0x5b : 0x2c)
      this.#writer.int(value)
    }
    this.#writer.byte(0x5d)
  }

  /** An object of texts from a flat list: name, value, name, value. Absent when empty. */
  members(key: string, flat: readonly string[]): void {
    if (flat.length === 0) return
    this.key(key)
    for (let i = 0; i < flat.length; i += 2) {
      this.#writer.byte(i === 0 ? 0x7b : 0x2c)
      this.#writer.jsonText(flat[i] ?? '')
      this.#writer.byte(0x3a)
      this.#writer.jsonText(flat[i + 1] ?? '')
    }
    this.#writer.byte(0x7d)
  }

  /** Ends the line; the bytes belong to the caller. */
  end(): Uint8Array {
    this.#writer.ascii('}\n')
    return this.#writer.toOwned()
  }
}
