/**
 * How many distinct values, in bounded memory: HyperLogLog (Flajolet et al. 2007) with linear counting for few values.
 * Mergeable: the union of two sketches is the sketch of the union. Standard error 1.04 / √(2^precision) for many values,
 * under 1 % for up to a tenth of the registers.
 */

import { assert } from '@tapwarden/base/assert'
import { hash32 } from '../string-hash.js'

const rankSeed = 0x9e3779b9

export class DistinctCount {
  readonly #registers: Uint8Array
  readonly precision: number
  #empty = true

  /** `2^precision` bytes. */
  constructor(precision = 10) {
    assert(Number.isInteger(precision) && precision >= 4 && precision <= 16, 'a precision is from 4 to 16')
    this.precision = precision
    this.#registers = new Uint8Array(1 << precision)
  }

  add(value: string): void {
    const index = hash32(value) >>> (32 - this.precision)
    // A second hash for the rank: 32 bits for both would saturate at some 10^8 values.
    const rank = Math.clz32(hash32(value, rankSeed)) + 1
    if (rank > this.#registers[index]!) this.#registers[index] = rank // In range: the index has `precision` bits.
    this.#empty = false
  }

  copy(): DistinctCount {
    const copy = new DistinctCount(this.precision)
    copy.merge(this)
    return copy
  }

  merge(other: DistinctCount): void {
    assert(other.precision === this.precision, 'sketches of one precision merge')
    for (let i = 0; i < this.#registers.length; i++) {
      const rank = other.#registers[i]! // Same length by the assertion.
      if (rank > this.#registers[i]!) this.#registers[i] = rank
    }
    this.#empty = this.#empty && other.#empty
  }

  estimate(): number {
    if (this.#empty) return 0
    const count = this.#registers.length
    let sum = 0
    let zeros = 0
    for (const rank of this.#registers) {
      sum += 2 ** -rank
      if (rank === 0) zeros++
    }
    const raw = (alpha(count) * count * count) / sum
    if (raw <= 2.5 * count && zeros > 0) return count * Math.log(count / zeros)
    return raw
  }

  clear(): void {
    if (this.#empty) return
    this.#registers.fill(0)
    this.#empty = true
  }
}

/** Bias correction of the raw estimate. */
function alpha(registerCount: number): number {
  if (registerCount === 16) return 0.673
  if (registerCount === 32) return 0.697
  if (registerCount === 64) return 0.709
  return 0.7213 / (1 + 1.079 / registerCount)
}
