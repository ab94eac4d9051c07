/**
 * Distinct values of a coarse sketch and of everything after it, when what comes after may be a thousand times as many: sketches of two
 * precisions do not merge, and the larger of the two estimates would forget the beginning.
 *
 * What the beginning adds is told by a second coarse sketch: union less what came after, held between nothing and all of the beginning.
 * So the error is that of the finer sketch, and at most the size of the beginning.
 */

import { DistinctCount } from './distinct-count.js'

/** 4,096 registers: 1.6 % for any number. */
const finePrecision = 12

export class ContinuedCount {
  readonly #begun: DistinctCount
  readonly #coarse: DistinctCount
  readonly #fine = new DistinctCount(finePrecision)

  /** Keeps a copy of `begun`. */
  constructor(begun: DistinctCount) {
    this.#begun = begun.copy()
    this.#coarse = new DistinctCount(begun.precision)
  }

  add(value: string): void {
    this.#coarse.add(value)
    this.#fine.add(value)
  }

  estimate(): number {
    const begun = this.#begun.estimate()
    const union = this.#begun.copy()
    union.merge(this.#coarse)
    const onlyBegun = Math.max(0, Math.min(begun, union.estimate() - this.#coarse.estimate()))
    return this.#fine.estimate() + onlyBegun
  }
}
