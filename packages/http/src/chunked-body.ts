/**
 * Chunked content, resumable at any byte: sizes and extensions are read, data is lent on, trailers go to the message's table.
 * RFC 9112 §7.1. Lenient as receivers are: LF alone ends a line, controls before a size are skipped, whatever follows it is extension.
 *
 *     size ──LF──► data ──► data-end ──LF──► size        size 0 ──LF──► trailers ──empty line──► done
 */

import { type FieldScan, needMore, scanFields } from './field-line.js'
import type { HttpLimits } from './http-limits.js'
import type { Message } from './message.js'
import { CR, hexValue, isBlank, LF, SEMICOLON, SP } from './octets.js'

type State = 'size' | 'extension' | 'data' | 'data-end' | 'trailers' | 'done' | 'malformed'

/** 2^48 bytes: larger sizes are an attack or garbage. Leading zeros do not count. */
const sizeMaxDigits = 12
const noBytes = Buffer.alloc(0)

export class ChunkedBody {
  state: State = 'size'
  /** Bytes of the present chunk that are to come. */
  remainingBytes = 0
  /** A size stood among octets that do not belong there. */
  isOdd = false
  /** A line did not end with CRLF, or none did where one must. RFC 9112 §7.1 knows no other. */
  hasOddLineEnd = false
  #isBehindCr = false
  #digits = 0
  #seenDigit = false
  #trailers = noBytes
  #trailerBytes = 0
  readonly #scan: FieldScan = { lineStart: 0, scannedTo: 0 }

  reset(): void {
    this.state = 'size'
    this.isOdd = false
    this.hasOddLineEnd = false
    this.#isBehindCr = false
    this.#startSize()
    this.#trailers = noBytes
    this.#trailerBytes = 0
    this.#scan.lineStart = 0
    this.#scan.scannedTo = 0
  }

  /** Reads from `from` on; returns the index behind what belongs to the content. `state` says whether it ended. */
  push(bytes: Uint8Array, from: number, to: number, message: Message, limits: HttpLimits): number {
    let at = from
    while (at < to) {
      if (this.state === 'data') {
        const end = Math.min(to, at + this.remainingBytes)
        message.appendContent(bytes, at, end)
        this.remainingBytes -= end - at
        at = end
        if (this.remainingBytes === 0) this.state = 'data-end'
      } else if (this.state === 'trailers') {
        return this.#readTrailers(bytes, at, to, message, limits)
      } else {
        this.#step(bytes[at]!)
        if (this.state === 'malformed') return at
        at++
      }
    }
    return at
  }

  /** Passes over bytes that were never seen; false when they reach beyond the present chunk's data. */
  skip(missedBytes: number): boolean {
    if (this.state !== 'data' || missedBytes > this.remainingBytes) return false
    this.remainingBytes -= missedBytes
    if (this.remainingBytes === 0) this.state = 'data-end'
    return true
  }

  #step(octet: number): void {
    if (octet === LF && !this.#isBehindCr) this.hasOddLineEnd = true
    this.#isBehindCr = octet === CR
    if (this.state === 'data-end') {
      if (octet === LF) this.#startSize()
      else if (octet !== CR) this.#afterData(octet)
      return
    }
    if (this.state === 'extension') {
      if (octet === LF) this.#endSize()
      return
    }
    const value = hexValue(octet)
    if (value >= 0) {
      this.#seenDigit = true
      if (this.#digits > 0 || value > 0) this.#digits++
      if (this.#digits > sizeMaxDigits) this.state = 'malformed'
      this.remainingBytes = this.remainingBytes * 16 + value
    } else if (this.#seenDigit) {
      if (octet === LF) this.#endSize()
      else {
        this.state = 'extension'
        if (octet !== SEMICOLON && octet !== CR && !isBlank(octet)) this.isOdd = true
      }
    } else if (octet > SP) this.state = 'malformed'
    else if (octet !== CR && octet !== LF) this.isOdd = true
  }

  /** No line end behind the data: some senders leave it out. */
  #afterData(octet: number): void {
    this.hasOddLineEnd = true
    this.#startSize()
    this.#step(octet)
  }

  #startSize(): void {
    this.state = 'size'
    this.remainingBytes = 0
    this.#digits = 0
    this.#seenDigit = false
  }

  #endSize(): void {
    this.state = this.remainingBytes === 0 ? 'trailers' : 'data'
  }

  #readTrailers(bytes: Uint8Array, from: number, to: number, message: Message, limits: HttpLimits): number {
    const held = this.#trailerBytes
    // Nearly always the section is one empty line.
    if (held === 0) {
      if (bytes[from] === LF) return this.#finish(from + 1)
      if (bytes[from] === CR && from + 1 < to && bytes[from + 1] === LF) return this.#finish(from + 2)
    }
    const count = Math.min(to - from, limits.headMaxBytes - held)
    message.countTrailers(count)
    this.#holdTrailers(bytes, from, from + count)
    const table = message.trailerTable
    const end = scanFields(this.#trailers, 0, this.#trailerBytes, this.#scan, table, message.report)
    table.bytes = this.#trailers
    table.base = 0
    message.hasTrailers = table.count > 0
    if (end !== needMore) return this.#finish(from + end - held)
    if (this.#trailerBytes >= limits.headMaxBytes) {
      message.report('http.head-too-long')
      this.state = 'malformed'
    }
    return from + count
  }

  /** The buffer is the message's from here on: a new one for each. */
  #holdTrailers(bytes: Uint8Array, from: number, to: number): void {
    const end = this.#trailerBytes + to - from
    if (end > this.#trailers.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(256, end, this.#trailers.length * 2))
      grown.set(this.#trailers.subarray(0, this.#trailerBytes))
      this.#trailers = grown
    }
    this.#trailers.set(bytes.subarray(from, to), this.#trailerBytes)
    this.#trailerBytes = end
  }

  #finish(index: number): number {
    this.state = 'done'
    return index
  }
}
