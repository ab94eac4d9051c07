/**
 * Handshake messages of one direction, put together across records (RFC 8446 §4, §5.1). Those that nobody reads (certificates) are passed over
 * without being held; one that is read and is longer than its limit makes the direction `isMalformed`.
 */

import type { TlsMemory } from './tls-limits.js'

export const clientHelloType = 1
export const serverHelloType = 2
export const endOfEarlyDataType = 5
export const encryptedExtensionsType = 8
export const finishedType = 20
export const keyUpdateType = 24

const headerBytes = 4
const readTypes: ReadonlySet<number> = new Set([
  clientHelloType,
  serverHelloType,
  endOfEarlyDataType,
  encryptedExtensionsType,
  finishedType,
  keyUpdateType,
])

/** The body of a message, `bytes[from, to)`, borrowed. */
export type HandshakeSink = (type: number, bytes: Uint8Array, from: number, to: number) => void

export class HandshakeReader {
  readonly #sink: HandshakeSink
  readonly #maxBytes: number
  readonly #memory: TlsMemory
  /** Gathered so far of the message under way, with its header. */
  #held: Uint8Array = noBytes
  #heldCount = 0
  #skipBytes = 0
  #isClosed = false
  isMalformed = false

  constructor(sink: HandshakeSink, maxBytes: number, memory: TlsMemory) {
    this.#sink = sink
    this.#maxBytes = maxBytes
    this.#memory = memory
  }

  /** Content of a handshake record. The sink may change keys and close this, not call it. */
  push(bytes: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to && !this.isMalformed && !this.#isClosed) {
      if (this.#skipBytes > 0) {
        const count = Math.min(this.#skipBytes, to - at)
        this.#skipBytes -= count
        at += count
      } else if (this.#heldCount === 0 && to - at >= headerBytes) at = this.#readInPlace(bytes, at, to)
      else at = this.#gather(bytes, at, to)
    }
  }

  /** What was gathered is of a message that will not be complete. */
  reset(): void {
    this.#skipBytes = 0
    this.#release()
  }

  /** For good: also what stands behind the message that is being read is not held any more. */
  close(): void {
    this.#isClosed = true
    this.reset()
  }

  #readInPlace(bytes: Uint8Array, at: number, to: number): number {
    const end = at + headerBytes + lengthAt(bytes, at)
    const type = bytes[at]! // In range: four bytes are there.
    if (!readTypes.has(type)) {
      this.#skipBytes = end - at
      return at
    }
    if (end > to) return this.#gather(bytes, at, to)
    this.#sink(type, bytes, at + headerBytes, end)
    return end
  }

  #gather(bytes: Uint8Array, from: number, to: number): number {
    let at = from
    while (this.#heldCount < headerBytes && at < to) {
      if (!this.#hold(headerBytes)) return this.#giveUp(to)
      this.#held[this.#heldCount++] = bytes[at++]! // In range by the loop condition.
    }
    if (this.#heldCount < headerBytes) return at
    const type = this.#held[0]!
    const needed = headerBytes + lengthAt(this.#held, 0)
    if (!readTypes.has(type)) {
      this.#skipBytes = needed - this.#heldCount
      this.#release()
      return at
    }
    const count = Math.min(needed - this.#heldCount, to - at)
    // As far as it came: what a message claims to be long costs nothing.
    if (needed > this.#maxBytes || !this.#hold(this.#heldCount + count)) return this.#giveUp(to)
    this.#held.set(bytes.subarray(at, at + count), this.#heldCount)
    this.#heldCount += count
    if (this.#heldCount === needed) {
      const message = this.#held
      this.#release()
      this.#sink(type, message, headerBytes, needed)
    }
    return at + count
  }

  #hold(bytes: number): boolean {
    if (this.#held.length >= bytes) return true
    if (!this.#memory.take(bytes - this.#held.length)) return false
    const grown = new Uint8Array(bytes)
    grown.set(this.#held.subarray(0, this.#heldCount))
    this.#held = grown
    return true
  }

  #giveUp(to: number): number {
    this.isMalformed = true
    this.#release()
    return to
  }

  #release(): void {
    this.#memory.give(this.#held.length)
    this.#held = noBytes
    this.#heldCount = 0
  }
}

const noBytes = new Uint8Array(0)

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]! // The caller has four bytes.
}
