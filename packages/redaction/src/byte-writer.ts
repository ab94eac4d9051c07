/**
 * JSON bytes into one reused buffer that grows and never shrinks: no string per field, no object per record. What is written is borrowed
 * until `clear()`.
 */

const encoder = new TextEncoder()
const quote = 0x22
const backslash = 0x5c
/** Room behind what was written: literals go in by whole words. */
const slackBytes = 8

/** Two hex digits of each byte, as a little-endian 16-bit word. */
const hexPairs = Uint16Array.from({ length: 256 }, (_, byte) => {
  const digits = byte.toString(16).padStart(2, '0')
  return digits.charCodeAt(0) | (digits.charCodeAt(1) << 8)
})

/** Bytes that are written again and again, kept so that they go in four at a time: ASCII text of ours, or what was encoded before. */
export class Literal {
  readonly length: number
  readonly words: Int32Array

  constructor(text: string | Uint8Array) {
    this.length = text.length
    this.words = new Int32Array((text.length + 3) >>> 2)
    for (let i = 0; i < text.length; i++) {
      const byte = typeof text === 'string' ? text.charCodeAt(i) : text[i]! // In range by the loop condition.
      this.words[i >>> 2]! |= byte << ((i & 3) << 3)
    }
  }
}

export class ByteWriter {
  bytes: Uint8Array
  /** Bytes written so far. May be set back to an earlier value to take writing back. */
  length = 0
  #view: DataView
  #text: Buffer

  constructor(initialBytes = 16_384) {
    this.bytes = new Uint8Array(initialBytes + slackBytes)
    this.#view = new DataView(this.bytes.buffer)
    this.#text = Buffer.from(this.bytes.buffer)
  }

  clear(): void {
    this.length = 0
  }

  /** What was written, as it stands here until `clear()`. */
  borrowed(): Uint8Array {
    return this.bytes.subarray(0, this.length)
  }

  latin1(from: number, to: number): string {
    return this.#text.toString('latin1', from, to)
  }

  /** Takes back what was written since `from` and returns a copy of it. */
  taken(from: number): Literal {
    const literal = new Literal(this.bytes.subarray(from, this.length))
    this.length = from
    return literal
  }

  byte(value: number): void {
    if (this.length + slackBytes >= this.bytes.length) this.#grow(1)
    this.bytes[this.length++] = value
  }

  literal(literal: Literal): void {
    this.words(literal.words, 0, literal.length)
  }

  /** `length` bytes that stand in `words`, little-endian, from word `from` on. */
  words(words: Int32Array, from: number, length: number): void {
    const start = this.length
    const end = start + length
    if (end + slackBytes > this.bytes.length) this.#grow(length)
    const view = this.#view
    // Up to three bytes too many: what is written next covers them.
    for (let i = from, at = start; at < end; i++, at += 4) view.setInt32(at, words[i]!, true) // By the caller's bounds.
    this.length = end
  }

  /** Text of ASCII characters as it is, without quotes or escapes: for text of ours that is not always the same. */
  ascii(text: string): void {
    if (this.length + text.length + slackBytes > this.bytes.length) this.#grow(text.length)
    const bytes = this.bytes
    let at = this.length
    for (let i = 0; i < text.length; i++) bytes[at++] = text.charCodeAt(i)
    this.length = at
  }

  copy(source: Uint8Array, from: number, to: number): void {
    if (this.length + to - from + slackBytes > this.bytes.length) this.#grow(to - from)
    const bytes = this.bytes
    let at = this.length
    for (let i = from; i < to; i++) bytes[at++] = source[i]! // In range by the caller's bounds.
    this.length = at
  }

  /** A whole, non-negative number that is safe. */
  int(value: number): void {
    if (value < 10) {
      this.byte(0x30 + value)
      return
    }
    if (value > 0x7fffffff) {
      // Two halves of which each fits 32 bits: µs since 1970 are such numbers.
      const high = Math.floor(value / 1_000_000_000)
      this.int(high)
      this.#digits(value - high * 1_000_000_000, 9)
      return
    }
    this.#digits(value, digitCountOf(value))
  }

  /** The last `count` decimal digits of a number of 31 bits. */
  #digits(value: number, count: number): void {
    if (this.length + count + slackBytes > this.bytes.length) this.#grow(count)
    const bytes = this.bytes
    let rest = value | 0
    for (let at = this.length + count - 1; at >= this.length; at--) {
      const tenth = (rest / 10) | 0
      bytes[at] = 0x30 + rest - tenth * 10
      rest = tenth
    }
    this.length += count
  }

  /** 64 bits as sixteen lower-case hex digits. */
  hex64(high: number, low: number): void {
    const at = this.length
    if (at + 16 + slackBytes > this.bytes.length) this.#grow(16)
    const view = this.#view
    view.setUint16(at, hexPairs[high >>> 24]!, true) // Here and below: 256 entries, a byte.
    view.setUint16(at + 2, hexPairs[(high >>> 16) & 255]!, true)
    view.setUint16(at + 4, hexPairs[(high >>> 8) & 255]!, true)
    view.setUint16(at + 6, hexPairs[high & 255]!, true)
    view.setUint16(at + 8, hexPairs[low >>> 24]!, true)
    view.setUint16(at + 10, hexPairs[(low >>> 16) & 255]!, true)
    view.setUint16(at + 12, hexPairs[(low >>> 8) & 255]!, true)
    view.setUint16(at + 14, hexPairs[low & 255]!, true)
    this.length = at + 16
  }

  /** Any text as a JSON string: quoted, escaped, UTF-8; lone surrogates become escapes. */
  jsonText(text: string): void {
    if (this.length + text.length + 2 + slackBytes > this.bytes.length) this.#grow(text.length + 2)
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
    const digitCount = digitCountOf(value)
    if (this.length + digitCount + slackBytes > this.bytes.length) this.#grow(digitCount)
    const end = this.length
    this.bytes.copyWithin(at + digitCount, at, end)
    this.length = at
    this.#digits(value, digitCount)
    this.length = end + digitCount
  }

  #escapedText(text: string): void {
    const escaped = JSON.stringify(text)
    if (this.length + escaped.length * 3 + slackBytes > this.bytes.length) this.#grow(escaped.length * 3)
    this.length += encoder.encodeInto(escaped, this.bytes.subarray(this.length)).written
  }

  #grow(moreBytes: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.length + moreBytes) + slackBytes)
    grown.set(this.bytes.subarray(0, this.length))
    this.bytes = grown
    this.#view = new DataView(grown.buffer)
    this.#text = Buffer.from(grown.buffer)
  }
}

/** Of a number of 31 bits. */
function digitCountOf(value: number): number {
  let count = 1
  for (let bound = 10; count < 10 && value >= bound; bound *= 10) count++
  return count
}

const jsonTexts = new ByteWriter(1_024)

/** A text as `jsonText` writes it, for texts that are written often. */
export function jsonLiteral(text: string): Literal {
  jsonTexts.jsonText(text)
  return jsonTexts.taken(0)
}
