/**
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for short values, in 32-bit halves because numbers beyond 2^53 and BigInt are
 * slower by an order of magnitude. The state lives in locals; one loop holds both the compression and the finalization rounds.
 */

import { assert } from '@tapwarden/base/assert'

export class SipHasher {
  readonly #key: Int32Array
  /** Halves of the last hash, signed 32-bit. */
  high = 0
  low = 0

  /** `key` is 16 bytes. */
  constructor(key: Uint8Array) {
    assert(key.length === 16, 'a SipHash key has 16 bytes')
    const view = new DataView(key.buffer, key.byteOffset, 16)
    this.#key = Int32Array.from([0, 4, 8, 12], (offset) => view.getInt32(offset, true))
  }

  /** Hashes `bytes[from, to)` into `high` and `low`. */
  hash(bytes: Uint8Array, from: number, to: number): void {
    const key = this.#key
    const k0l = key[0]! // Four words by construction.
    const k0h = key[1]!
    const k1l = key[2]!
    const k1h = key[3]!
    let v0l = k0l ^ 0x70736575
    let v0h = k0h ^ 0x736f6d65
    let v1l = k1l ^ 0x6e646f6d
    let v1h = k1h ^ 0x646f7261
    let v2l = k0l ^ 0x6e657261
    let v2h = k0h ^ 0x6c796765
    let v3l = k1l ^ 0x79746573
    let v3h = k1h ^ 0x74656462
    const length = to - from
    const wholeBlockCount = length >>> 3
    const finalRound = (wholeBlockCount + 1) * 2
    let ml = 0
    let mh = 0
    for (let round = 0; round < finalRound + 4; round++) {
      if ((round & 1) === 0 && round <= finalRound) {
        if (round > 0) {
          v0l ^= ml
          v0h ^= mh
        }
        if (round === finalRound) v2l ^= 0xff
        else {
          const at = from + (round << 2)
          if (round >>> 1 < wholeBlockCount) {
            ml = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24) // A whole block is left.
            mh = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)
          } else {
            ml = 0
            mh = length << 24
            for (let i = to - 1; i >= at; i--) {
              const shift = (i - at) << 3
              if (shift < 32)
                ml |= bytes[i]! << shift // In range by the loop condition.
              else mh |= bytes[i]! << (shift - 32)
            }
          }
          v3l ^= ml
          v3h ^= mh
        }
      }
      // SipRound: four additions, rotations by 13, 32, 16, 21, 17, 32 bits.
      let sum = (v0l >>> 0) + (v1l >>> 0)
      v0h = (v0h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0
      v0l = sum | 0
      let rotated = (v1l << 13) | (v1h >>> 19)
      v1h = ((v1h << 13) | (v1l >>> 19)) ^ v0h
      v1l = rotated ^ v0l
      rotated = v0l
      v0l = v0h
      v0h = rotated
      sum = (v2l >>> 0) + (v3l >>> 0)
      v2h = (v2h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0
      v2l = sum | 0
      rotated = (v3l << 16) | (v3h >>> 16)
      v3h = ((v3h << 16) | (v3l >>> 16)) ^ v2h
      v3l = rotated ^ v2l
      sum = (v0l >>> 0) + (v3l >>> 0)
      v0h = (v0h + v3h + (sum > 0xffffffff ? 1 : 0)) | 0
      v0l = sum | 0
      rotated = (v3l << 21) | (v3h >>> 11)
      v3h = ((v3h << 21) | (v3l >>> 11)) ^ v0h
      v3l = rotated ^ v0l
      sum = (v2l >>> 0) + (v1l >>> 0)
      v2h = (v2h + v1h + (sum > 0xffffffff ? 1 : 0)) | 0
      v2l = sum | 0
      rotated = (v1l << 17) | (v1h >>> 15)
      v1h = ((v1h << 17) | (v1l >>> 15)) ^ v2h
      v1l = rotated ^ v2l
      rotated = v2l
      v2l = v2h
      v2h = rotated
    }
    this.low = v0l ^ v1l ^ v2l ^ v3l
    this.high = v0h ^ v1h ^ v2h ^ v3h
  }
}
