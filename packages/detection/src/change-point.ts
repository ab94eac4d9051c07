/**
 * Sequential tests: has a stream's distribution changed, and since when? Alone here, without a word about HTTP.
 *
 * - `BernoulliCusum` (Page 1954): a stream of failures and successes whose odds of failure rose by a factor.
 * - `PoissonCusum`: events in time whose rate rose by a factor, tested at each event; the delay is in events, whatever the rate.
 * - `Sprt` (Wald 1945): one hypothesis against another, with a prior.
 *
 * Both CUSUMs are log-likelihood ratios, reset at zero: good history banks no credit that an attack could spend, and the last
 * moment at which the statistic left zero is the maximum-likelihood estimate of the change point. They are capped, so that they
 * drain in bounded time once a change is over.
 */

import { assert } from '@tapwarden/base/assert'
import { microsPerSecond } from '@tapwarden/base/units'

/** The failure probability whose odds are `oddsRatio` times those of `p0`. */
export function raisedProbability(p0: number, oddsRatio: number): number {
  const odds = (oddsRatio * p0) / (1 - p0)
  return odds / (1 + odds)
}

/** Log-likelihood ratio of one outcome: raised odds against `p0`. Positive for a failure, negative for a success. */
export function bernoulliStep(failed: boolean, p0: number, oddsRatio: number): number {
  const p1 = raisedProbability(p0, oddsRatio)
  return failed ? Math.log(p1 / p0) : Math.log((1 - p1) / (1 - p0))
}

export class BernoulliCusum {
  readonly #oddsRatio: number
  readonly #maxValue: number
  value = 0
  /** Event time at which the statistic last left zero; meaningless while it is zero. */
  changePointUs = 0

  constructor(options: { readonly oddsRatio: number; readonly maxValue: number }) {
    assert(options.oddsRatio > 1 && options.maxValue > 0, 'the tested odds are higher than normal, the cap is positive')
    this.#oddsRatio = options.oddsRatio
    this.#maxValue = options.maxValue
  }

  /** `scale` multiplies the step: how many outcomes like the others of this stream this one stands for. Returns the statistic. */
  observe(failed: boolean, p0: number, atUs: number, scale = 1): number {
    const before = this.value
    const next = before + scale * bernoulliStep(failed, p0, this.#oddsRatio)
    this.value = Math.min(this.#maxValue, Math.max(0, next))
    if (before === 0 && this.value > 0) this.changePointUs = atUs
    return this.value
  }

  reset(): void {
    this.value = 0
  }
}

/** Numbers that a `PoissonCusum` keeps. */
export const poissonCusumWidth = 3
const valueAt = 0
const changePointAt = 1
const lastAt = 2

export class PoissonCusum {
  readonly #drain: number
  readonly #step: number
  readonly #numbers: Float64Array
  readonly #at: number

  /**
   * Tests a rate `factor` times the normal one. A true multiple below `(factor - 1) / ln(factor)` never drifts upward. Where there are many, `numbers`
   * from `at` on are its `poissonCusumWidth` numbers, all 0.
   */
  constructor(factor: number, numbers: Float64Array = new Float64Array(poissonCusumWidth), at = 0) {
    assert(factor > 1, 'the tested rate is higher than normal')
    this.#drain = factor - 1
    this.#step = Math.log(factor)
    this.#numbers = numbers
    this.#at = at
    numbers[at + lastAt] = Number.NEGATIVE_INFINITY
  }

  get value(): number {
    return this.#numbers[this.#at + valueAt]! // Here and below: its own numbers.
  }

  /** Event time at which the statistic last left zero. */
  get changePointUs(): number {
    return this.#numbers[this.#at + changePointAt]!
  }

  /** An event now, where `ratePerS` is normal. An event of the past counts, and moves no clock. Returns the statistic. */
  observe(atUs: number, ratePerS: number, maxValue: number): number {
    const drained = this.valueAt(atUs, ratePerS)
    if (drained === 0) this.#numbers[this.#at + changePointAt] = atUs
    const value = Math.min(maxValue, drained + this.#step)
    this.#numbers[this.#at + valueAt] = value
    if (atUs > this.#numbers[this.#at + lastAt]!) this.#numbers[this.#at + lastAt] = atUs
    return value
  }

  /** What is left of the statistic at a time without an event. */
  valueAt(atUs: number, ratePerS: number): number {
    const lastUs = this.#numbers[this.#at + lastAt]!
    const elapsedS = lastUs === Number.NEGATIVE_INFINITY ? 0 : Math.max(0, atUs - lastUs) / microsPerSecond
    return Math.max(0, this.value - this.#drain * ratePerS * elapsedS)
  }

  reset(): void {
    this.#numbers[this.#at + valueAt] = 0
  }
}

/** Wald's bound: the log-likelihood ratio at which the alternative is accepted with error `alpha` and power `1 - beta`. */
export function waldThreshold(alpha: number, beta: number): number {
  return Math.log((1 - beta) / alpha)
}

/**
 * A sequential probability ratio test that goes on after its decision, so that a changed world can change the verdict. The value
 * is clamped to twice the threshold: a lifetime of evidence for one side is undone by a bounded amount for the other.
 */
export class Sprt {
  readonly #threshold: number
  value: number

  constructor(options: { readonly threshold: number; readonly prior: number }) {
    assert(options.threshold > 0, 'a threshold is positive')
    this.#threshold = options.threshold
    this.value = options.prior
  }

  observe(logLikelihoodRatio: number): void {
    const limit = 2 * this.#threshold
    this.value = Math.min(limit, Math.max(-limit, this.value + logLikelihoodRatio))
  }

  /** The alternative, the null hypothesis, or not enough evidence. */
  verdict(): 'alternative' | 'null' | undefined {
    if (this.value >= this.#threshold) return 'alternative'
    if (this.value <= -this.#threshold) return 'null'
    return undefined
  }
}
