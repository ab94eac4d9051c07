/**
 * Tells an outage from an attack, when logins fail: an attack adds failures, an outage turns successes into failures.
 *
 * Two signs, both scale-free likelihood ratios: successes come at a third of their normal rate or less, and accounts fail from addresses
 * from which they are known to succeed. While either stands, failing logins are no evidence of an attack.
 */

import { microsPerSecond } from '@tapwarden/base/units'
import { BernoulliCusum } from './change-point.js'
import type { CredentialStuffingConfig } from './detection-config.js'
import { LearnedProbability } from './learned-probability.js'

/** The rate of successes that the guard looks for, as a divisor of normal: an evening's decline stays well above it. */
const deficitDivisor = 3
/** Successes seen before their rate means anything. */
const rateMinCount = 50

export class OutageGuard {
  readonly #threshold: number
  readonly #memoryUs: number
  readonly #familiar: BernoulliCusum
  readonly #familiarProbability = new LearnedProbability({ prior: 0.1, priorCount: 50, memoryCount: 2_000 })
  #ratePerUs = 0
  #successCount = 0
  #lastUs: number | undefined
  /** Log-likelihood ratio of the deficient rate of successes, reset at zero. */
  #deficit = 0

  constructor(config: CredentialStuffingConfig) {
    this.#threshold = config.outageThreshold
    this.#memoryUs = config.successRateMemoryUs
    this.#familiar = new BernoulliCusum({ oddsRatio: config.oddsRatio, maxValue: 2 * config.outageThreshold })
  }

  /** `familiar`: this account has succeeded from this address before. */
  observe(atUs: number, failed: boolean, familiar: boolean, learning: boolean): void {
    const elapsedUs = this.#lastUs === undefined ? 0 : Math.max(0, atUs - this.#lastUs)
    if (this.#lastUs === undefined || atUs > this.#lastUs) this.#lastUs = atUs
    if (this.#successCount >= rateMinCount) this.#deficit += (1 - 1 / deficitDivisor) * this.#ratePerUs * elapsedUs
    if (!failed) this.#deficit -= Math.log(deficitDivisor)
    this.#deficit = Math.min(2 * this.#threshold, Math.max(0, this.#deficit))
    // The rate follows whatever becomes normal, or the first quiet evening would hold every test for good.
    this.#fade(elapsedUs)
    if (!failed) {
      this.#successCount++
      this.#ratePerUs += 1 / this.#memoryUs
    }
    if (!familiar) return
    const p0 = Math.min(0.5, Math.max(0.02, this.#familiarProbability.value()))
    this.#familiar.observe(failed, p0, atUs)
    if (learning) this.#familiarProbability.observe(failed)
  }

  /** Logins fail for a reason of the service's own. */
  get tripped(): boolean {
    return this.#deficit >= this.#threshold || this.#familiar.value >= this.#threshold
  }

  /** Successes a second that are normal now. */
  get successesPerS(): number {
    return this.#ratePerUs * microsPerSecond
  }

  #fade(elapsedUs: number): void {
    this.#ratePerUs *= Math.exp(-elapsedUs / this.#memoryUs)
  }
}
