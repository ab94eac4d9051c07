/**
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for short values, in 32-bit halves because numbers beyond 2^53 and BigInt are
 * slower by an order of magnitude. The state lives in locals; each turn of the loop is two rounds, of a block or of the finalization.
 */

import { assert } from '@tapwarden/base/assert'

export class SipHasher {
  readonly #k0l: number
  readonly #k0h: number
  readonly #k1l: number
  readonly #k1h: number
  /** Halves of the last hash, signed 32-bit. */
  high = 0
  low = 0

  /** `key` is 16 bytes. */
  constructor(key: Uint8Array) {
    assert(key.length === 16, 'a SipHash key has 16 bytes')
    const view = new DataView(key.buffer, key.byteOffset, 16)
    this.#k0l = view.getInt32(0, true)
    this.#k0h = view.getInt32(4, true)
    this.#k1l = view.getInt32(8, true)
    this.#k1h = view.getInt32(12, true)
  }

  /** Hashes `bytes[from, to)` into `high` and `low`. */
  hash(bytes: Uint8Array, from: number, to: number): void {
    let v0l = this.#k0l ^ 0x70736575
    let v0h = this.#k0h ^ 0x736f6d65
    let v1l = this.#k1l ^ 0x6e646f6d
    let v1h = this.#k1h ^ 0x646f7261
    let v2l = this.#k0l ^ 0x6e657261
    let v2h = this.#k0h ^ 0x6c796765
    let v3l = this.#k1l ^ 0x79746573
    let v3h = this.#k1h ^ 0x74656462
    let ml = 0
    let mh = 0
    let sum = 0
    let half = 0
    /** Turns left behind the whole blocks: the last block, then twice the finalization. */
    let turnsLeft = 3
    for (let at = from; turnsLeft > 0; at += 8) {
      if (at + 8 <= to) {
        ml = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24) // A whole block is left.
        mh = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)
      } else if (turnsLeft-- === 3) {
        ml = 0
        mh = (to - from) << 24
        const halfEnd = at + 4 < to ? at + 4 : to
        for (let i = halfEnd - 1; i >= at; i--) ml = (ml << 8) | bytes[i]! // In range by the loop condition.
        for (let i = at + 4; i < to; i++) mh |= bytes[i]! << ((i - at - 4) << 3)
      } else {
        ml = mh = 0
        if (turnsLeft === 1) v2l ^= 0xff
      }
      v3l ^= ml
      v3h ^= mh
      // SipRound twice: four additions, rotations by 13, 32, 16, 21, 17, 32 bits.
      sum = (v0l + v1l) | 0
      v0h = (v0h + v1h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0
      v0l = sum
      half = (v1l << 13) | (v1h >>> 19)
      v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h
      v1l = half ^ v0l
      half = v0l
      v0l = v0h
      v0h = half
      sum = (v2l + v3l) | 0
      v2h = (v2h + v3h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0
      v2l = sum
      half = (v3l << 16) | (v3h >>> 16)
      v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h
      v3l = half ^ v2l
      sum = (v0l + v3l) | 0
      v0h = (v0h + v3h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0
      v0l = sum
      half = (v3l << 21) | (v3h >>> 11)
      v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h
      v3l = half ^ v0l
      sum = (v2l + v1l) | 0
      v2h = (v2h + v1h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0
      v2l = sum
      half = (v1l << 17) | (v1h >>> 15)
      v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h
      v1l = half ^ v2l
      half = v2l
      v2l = v2h
      v2h = half
      sum = (v0l + v1l) | 0
      v0h = (v0h + v1h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0
      v0l = sum
      half = (v1l << 13) | (v1h >>> 19)
      v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h
      v1l = half ^ v0l
      half = v0l
      v0l = v0h
      v0h = half
      sum = (v2l + v3l) | 0
      v2h = (v2h + v3h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0
      v2l = sum
      half = (v3l << 16) | (v3h >>> 16)
      v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h
      v3l = half ^ v2l
      sum = (v0l + v3l) | 0
      v0h = (v0h + v3h + (sum >>> 0 < v0l >>> 0 ? 1 : 0)) | 0
      v0l = sum
      half = (v3l << 21) | (v3h >>> 11)
      v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h
      v3l = half ^ v0l
      sum = (v2l + v1l) | 0
      v2h = (v2h + v1h + (sum >>> 0 < v2l >>> 0 ? 1 : 0)) | 0
      v2l = sum
      half = (v1l << 17) | (v1h >>> 15)
      v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h
      v1l = half ^ v2l
      half = v2l
      v2l = v2h
      v2h = half
      v0l ^= ml
      v0h ^= mh
    }
    this.low = v0l ^ v1l ^ v2l ^ v3l
    this.high = v0h ^ v1h ^ v2h ^ v3h
  }
}
