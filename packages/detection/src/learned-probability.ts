/** A probability learned from outcomes, with a prior and a fading memory: what is normal, when normal may drift. */

import { assert } from '@tapwarden/base/assert'

export interface LearnedProbabilityOptions {
  /** Assumed before anything is seen, worth `priorCount` outcomes. */
  readonly prior: number
  readonly priorCount: number
  /** The newest so many outcomes decide; older ones fade exponentially. */
  readonly memoryCount: number
}

export class LearnedProbability {
  readonly #options: LearnedProbabilityOptions
  #hits = 0
  #count = 0

  constructor(options: LearnedProbabilityOptions) {
    assert(options.prior > 0 && options.prior < 1 && options.priorCount > 0, 'a prior is a probability with a weight')
    assert(options.memoryCount >= 1, 'at least one outcome is remembered')
    this.#options = options
  }

  observe(hit: boolean, weight = 1): void {
    const kept = Math.max(0, 1 - weight / this.#options.memoryCount)
    this.#hits = this.#hits * kept + (hit ? weight : 0)
    this.#count = this.#count * kept + weight
  }

  /** Strictly between 0 and 1. `prior` replaces the constructor's, where a wider stream knows better. */
  value(prior = this.#options.prior): number {
    const { priorCount } = this.#options
    return (this.#hits + prior * priorCount) / (this.#count + priorCount)
  }
}
