/**
 * JSON bytes into one reused buffer that grows and never shrinks: no string per field, no object per record. What is written is borrowed
 * until `clear()`.
 */

const encoder = new TextEncoder()
const hexDigits = new TextEncoder().encode('0123456789abcdef')
const slabBytes = 65_536
const quote = 0x22
const backslash = 0x5c

export class ByteWriter {
  bytes: Uint8Array
  /** Bytes written so far. May be set back to an earlier value to take writing back. */
  length = 0
  #slab = new Uint8Array(0)
  #slabUsed = 0

  constructor(initialBytes = 16_384) {
    this.bytes = new Uint8Array(initialBytes)
  }

  clear(): void {
    this.length = 0
  }

  /**
   * What was written, as bytes that nobody writes again. Lines share slabs, so `.buffer` holds more than one of them: an ArrayBuffer of its own
   * a line costs as much as writing it.
   */
  toOwned(): Uint8Array {
    if (this.#slabUsed + this.length > this.#slab.length) {
      this.#slab = new Uint8Array(Math.max(slabBytes, this.length))
      this.#slabUsed = 0
    }
    const from = this.#slabUsed
    this.#slabUsed += this.length
    this.#slab.set(this.bytes.subarray(0, this.length), from)
    return this.#slab.subarray(from, this.#slabUsed)
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.#grow(1)
    this.bytes[this.length++] = value
  }

  /** Text of ASCII characters as it is, without quotes or escapes: for text of ours. */
  ascii(text: string): void {
    if (this.length + text.length > this.bytes.length) this.#grow(text.length)
    const bytes = this.bytes
    let at = this.length
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.length = at
  }

  copy(source: Uint8Array, from: number, to: number): void {
    if (this.length + to - from > this.bytes.length) this.#grow(to - from)
    const bytes = this.bytes
    let at = this.length
    for (let i = from; i < to; i++) bytes[at++] = source[i]! // In range by the caller's bounds.
    this.length = at
  }

  /** A whole, non-negative number. */
  int(value: number): void {
    if (value < 10) this.byte(0x30 + value)
    else this.ascii(String(value))
  }

  /** 32 bits as eight lower-case hex digits. */
  hex32(value: number): void {
    if (this.length + 8 > this.bytes.length) this.#grow(8)
    for (let shift = 28; shift >= 0; shift -= 4) this.bytes[this.length++] = hexDigits[(value >>> shift) & 15]! // 16 digits.
  }

  /** Any text as a JSON string: quoted, escaped, UTF-8; lone surrogates become escapes. */
  jsonText(text: string): void {
    if (this.length + text.length + 2 > this.bytes.length) this.#grow(text.length + 2)
    const from = this.length
    const bytes = this.bytes
    let at = from
    bytes[at++] = quote
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i)
      if (code < 0x20 || code > 0x7e || code === quote || code === backslash) {
        this.#escapedText(text)
        return
      }
      bytes[at++] = code
    }
    bytes[at++] = quote
    this.length = at
  }

  /** Puts a number in front of what was written since `at`: counts are known only when their items have been written. */
  insertInt(at: number, value: number): void {
    const digits = String(value)
    if (this.length + digits.length > this.bytes.length) this.#grow(digits.length)
    this.bytes.copyWithin(at + digits.length, at, this.length)
    for (let i = 0; i < digits.length; i++) this.bytes[at + i] = digits.charCodeAt(i)
    this.length += digits.length
  }

  #escapedText(text: string): void {
    const escaped = JSON.stringify(text)
    if (this.length + escaped.length * 3 > this.bytes.length) this.#grow(escaped.length * 3)
    this.length += encoder.encodeInto(escaped, this.bytes.subarray(this.length)).written
  }

  #grow(moreBytes: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + moreBytes))
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
  }
}
