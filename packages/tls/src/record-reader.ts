/**
 * One direction's bytes, cut anywhere → whole records. A record that lies in one piece is lent in place; another is gathered, as far as it came.
 *
 *   aligned ──gap inside a record──► skipping its rest ──► aligned
 *      └─────gap beyond its end────► searching ──a header, and its record is accepted──► aligned
 *
 * While searching, whatever looks like a header is a candidate: the listener says whether it is one (a key opens it), and if not the search goes on
 * one byte behind it. `lostBytes` counts what lay in no record since the listener last took it.
 */

import { looksLikeRecord, mayStartRecord, recordHeaderBytes, recordMaxBytes, versionTls12 } from './record.js'
import type { TlsMemory } from './tls-limits.js'

/** Where a record stood. Borrowed: valid until the listener returns. */
export interface RecordPlace {
  /** Capture clock of its first and its last byte, µs. */
  firstAtUs: number
  lastAtUs: number
  /** TCP numbers of its first byte. */
  seq: number
  ack: number
}

/** What a gap took. */
export interface RecordLoss {
  /** Of the record that it tore, header included; 0 when it tore none, or tore it before. */
  readonly tornBytes: number
  /** Missed bytes that are of no record whose header was seen. */
  readonly beyondBytes: number
}

export interface RecordListener {
  /** `bytes[from, to)` with its header, borrowed. Returns false for a candidate that is no record. */
  record(bytes: Uint8Array, from: number, to: number, place: Readonly<RecordPlace>, isCandidate: boolean): boolean
  /** No record where one must start, or no memory for one. Nothing is read any more. */
  unreadable(reason: 'malformed' | 'memory'): void
}

export class RecordReader {
  readonly #listener: RecordListener
  readonly #memory: TlsMemory
  readonly #place: RecordPlace = { firstAtUs: 0, lastAtUs: 0, seq: 0, ack: 0 }
  #held: Uint8Array = noBytes
  #heldCount = 0
  #skipBytes = 0
  #isSearching = false
  #hasGap = false
  #isClosed = false
  lostBytes = 0
  /** What headers say while they are searched for: the negotiated version, at most 1.2. RFC 8446 §5.1. */
  headerVersion = versionTls12

  constructor(listener: RecordListener, memory: TlsMemory) {
    this.#listener = listener
    this.#memory = memory
  }

  push(bytes: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    let at = from
    while (at < to && !this.#isClosed) {
      if (this.#skipBytes > 0) {
        const count = Math.min(this.#skipBytes, to - at)
        this.#skipBytes -= count
        this.lostBytes += count
        at += count
      } else if (this.#heldCount > 0) at = this.#gather(bytes, at, to, atUs)
      else at = this.#readInPlace(bytes, at, to, atUs, (seq + (at - from)) >>> 0, ack)
    }
  }

  gap(missedBytes: number): RecordLoss {
    if (this.#isClosed) return nothingLost
    this.#hasGap = true
    this.lostBytes += missedBytes + this.#heldCount
    let restBytes = this.#skipBytes
    let tornBytes = 0
    if (this.#heldCount >= recordHeaderBytes && !this.#isSearching) {
      tornBytes = this.#neededBytes()
      restBytes = tornBytes - this.#heldCount
    }
    this.#release()
    this.#skipBytes = 0
    if (missedBytes < restBytes) this.#skipBytes = restBytes - missedBytes
    else if (missedBytes > restBytes) this.#isSearching = true
    return { tornBytes, beyondBytes: Math.max(0, missedBytes - restBytes) }
  }

  /** Lets go what is held; nothing is read any more. */
  close(): void {
    this.#isClosed = true
    this.lostBytes += this.#heldCount
    this.#release()
  }

  #readInPlace(bytes: Uint8Array, at: number, to: number, atUs: number, seq: number, ack: number): number {
    const place = this.#place
    place.firstAtUs = atUs
    place.lastAtUs = atUs
    place.seq = seq
    place.ack = ack
    if (to - at < recordHeaderBytes) {
      if (this.#isSearching && !mayStartRecord(bytes[at]!)) return this.#passByte(at) // In range: `at < to`.
      return this.#gather(bytes, at, to, atUs)
    }
    if (!this.#isHeader(bytes, at)) return this.#maySearch() ? this.#passByte(at) : to
    const end = at + recordHeaderBytes + lengthAt(bytes, at)
    if (end > to) return this.#gather(bytes, at, to, atUs)
    return this.#emit(bytes, at, end) ? end : this.#passByte(at)
  }

  /** Adds to what is held, and reads it when it is a record. */
  #gather(bytes: Uint8Array, from: number, to: number, atUs: number): number {
    const at = this.#hold(bytes, from, Math.min(to, from + Math.max(0, recordHeaderBytes - this.#heldCount)))
    if (this.#isClosed || this.#heldCount < recordHeaderBytes) return at
    if (!this.#isHeader(this.#held, 0)) {
      if (this.#maySearch()) this.#searchIn(this.#takeHeld(), atUs)
      return at
    }
    const end = this.#hold(bytes, at, Math.min(to, at + this.#neededBytes() - this.#heldCount))
    if (this.#isClosed || this.#heldCount < this.#neededBytes()) return end
    this.#place.lastAtUs = atUs
    const record = this.#takeHeld()
    if (!this.#emit(record, 0, record.length)) this.#searchIn(record, atUs)
    return end
  }

  /** No record starts with the first of these bytes: one may start within them. */
  #searchIn(bytes: Uint8Array, atUs: number): void {
    const { seq, ack } = this.#place
    this.push(bytes, this.#passByte(0), bytes.length, atUs, (seq + 1) >>> 0, ack)
  }

  #takeHeld(): Uint8Array {
    const held = this.#held.subarray(0, this.#heldCount)
    this.#release()
    return held
  }

  #emit(bytes: Uint8Array, from: number, to: number): boolean {
    const isCandidate = this.#isSearching
    if (!this.#listener.record(bytes, from, to, this.#place, isCandidate)) return false
    this.#isSearching = false
    return true
  }

  #isHeader(bytes: Uint8Array, at: number): boolean {
    if (!looksLikeRecord(bytes, at, at + recordHeaderBytes)) {
      // A record without content is odd, and nothing to stop at.
      return !this.#isSearching && lengthAt(bytes, at) === 0 && looksLikeRecord(bytes, at, at + 3)
    }
    return !this.#isSearching || ((bytes[at + 1]! << 8) | bytes[at + 2]!) === this.headerVersion // The caller has five bytes.
  }

  /** Without a gap, where a record must start and none does, nothing can be relied on. */
  #maySearch(): boolean {
    if (this.#isSearching || this.#hasGap) {
      this.#isSearching = true
      return true
    }
    this.close()
    this.#listener.unreadable('malformed')
    return false
  }

  #passByte(at: number): number {
    this.lostBytes++
    return at + 1
  }

  #neededBytes(): number {
    return recordHeaderBytes + lengthAt(this.#held, 0)
  }

  #hold(bytes: Uint8Array, from: number, to: number): number {
    const count = this.#heldCount + to - from
    if (count > this.#held.length) {
      const capacityBytes = Math.min(recordHeaderBytes + recordMaxBytes, Math.max(count, this.#held.length * 2, 64))
      if (!this.#memory.take(capacityBytes - this.#held.length)) {
        this.close()
        this.#listener.unreadable('memory')
        return to
      }
      const grown = new Uint8Array(capacityBytes)
      grown.set(this.#held.subarray(0, this.#heldCount))
      this.#held = grown
    }
    this.#held.set(bytes.subarray(from, to), this.#heldCount)
    this.#heldCount = count
    return to
  }

  #release(): void {
    this.#memory.give(this.#held.length)
    this.#held = noBytes
    this.#heldCount = 0
  }
}

const noBytes = new Uint8Array(0)
const nothingLost: RecordLoss = { tornBytes: 0, beyondBytes: 0 }

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at + 3]! << 8) | bytes[at + 4]! // The caller has five bytes.
}
