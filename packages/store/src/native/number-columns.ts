/** Columns of numbers: counts and times, floats, flags. */

import { FixedWidthColumn } from './fixed-width-column.js'
import type { GrowingBytes } from './growing-bytes.js'
import { CountReader, latin1, REFUSED, skipBoolean, skipNumber } from './json-bytes.js'
import { copyNumbers, grown } from './native-column.js'

const counts = new CountReader()
const word32 = 4_294_967_296

/** Whole numbers that are not negative, and times, which are counts of µs. With `nullable` an absent field is NULL, else 0. */
export class CountColumn extends FixedWidthColumn {
  readonly #bits: 16 | 32 | 64
  readonly #nullable: boolean
  /** Undefined: all 64 bits. */
  readonly #max: number | undefined
  #nulls = new Uint8Array(4_096)
  /** 64 bits are two of these, the lower first. */
  #numbers: Uint16Array | Uint32Array

  constructor(bits: 16 | 32 | 64, nullable: boolean, max: number | undefined) {
    super()
    this.#bits = bits
    this.#nullable = nullable
    this.#max = max
    this.#numbers = bits === 16 ? new Uint16Array(4_096) : new Uint32Array(bits === 64 ? 8_192 : 4_096)
  }

  override read(bytes: Uint8Array, at: number, end: number): number {
    const to = counts.read(bytes, at, end)
    if (to === REFUSED) return REFUSED
    const { big } = counts
    if (big !== undefined && (this.#max === undefined ? big >= 2n ** 64n : big > BigInt(this.#max))) return REFUSED
    if (big === undefined && this.#max !== undefined && counts.value > this.#max) return REFUSED
    if (big === undefined) {
      const high = counts.value < word32 ? 0 : Math.floor(counts.value / word32)
      this.#append(0, counts.value - high * word32, high)
    } else this.#append(0, Number(big & 0xffff_ffffn), Number(big >> 32n))
    return to
  }

  override appendDefault(): void {
    this.#append(1, 0, 0)
  }

  override writeTo(out: GrowingBytes): void {
    if (this.#nullable) out.copy(this.#nulls, 0, this.count)
    copyNumbers(this.#numbers.subarray(0, this.#bits === 64 ? 2 * this.count : this.count), out)
  }

  #append(isNull: number, low: number, high: number): void {
    if (this.count === this.#nulls.length) {
      this.#nulls = grown(this.#nulls)
      this.#numbers = grown(this.#numbers)
    }
    this.#nulls[this.count] = isNull
    if (this.#bits === 64) {
      this.#numbers[2 * this.count] = low
      this.#numbers[2 * this.count + 1] = high
    } else this.#numbers[this.count] = low
    this.count++
  }
}

export class FloatColumn extends FixedWidthColumn {
  #numbers = new Float64Array(4_096)

  override read(bytes: Uint8Array, at: number, end: number): number {
    const to = skipNumber(bytes, at, end)
    if (to === REFUSED) return REFUSED
    const digit = bytes[at]! - 0x30 // In range: a number was read there.
    this.#append(to === at + 1 ? digit : Number(latin1(bytes, at, to)))
    return to
  }

  override appendDefault(): void {
    this.#append(0)
  }

  override writeTo(out: GrowingBytes): void {
    copyNumbers(this.#numbers.subarray(0, this.count), out)
  }

  #append(value: number): void {
    if (this.count === this.#numbers.length) this.#numbers = grown(this.#numbers)
    this.#numbers[this.count++] = value
  }
}

export class BoolColumn extends FixedWidthColumn {
  #flags = new Uint8Array(4_096)

  override read(bytes: Uint8Array, at: number, end: number): number {
    const to = skipBoolean(bytes, at, end)
    if (to !== REFUSED) this.#append(bytes[at] === 0x74 ? 1 : 0)
    return to
  }

  override appendDefault(): void {
    this.#append(0)
  }

  override writeTo(out: GrowingBytes): void {
    out.copy(this.#flags, 0, this.count)
  }

  #append(flag: number): void {
    if (this.count === this.#flags.length) this.#flags = grown(this.#flags)
    this.#flags[this.count++] = flag
  }
}
