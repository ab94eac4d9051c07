/**
 * The outcome test of one population of login attempts (an endpoint's, or one client fingerprint's at it): is more failing than
 * normal, since when, and does what fails look like stuffing?
 *
 * Everything but the learned probability belongs to the present excursion of the statistic from zero, and is forgotten with it.
 */

import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { BernoulliCusum } from './change-point.js'
import type { CredentialStuffingConfig } from './detection-config.js'
import { Evidence } from './evidence.js'
import { LearnedProbability } from './learned-probability.js'
import { DistinctCount } from './sketch/distinct-count.js'

/** 256 registers: at the tens of failures that decide, exact to a few per cent. */
const sketchPrecision = 8
/** Attempts that the attack's share of the failures is taken over. */
const shareMemoryCount = 200
/** The statistic stops a little above its threshold, so that a rare fingerprint's is back below it soon after an attack. */
const statisticCapRatio = 1.25
const attackShareMin = 0.01
const attackShareMax = 0.95

export class LoginWindow {
  readonly #config: CredentialStuffingConfig
  readonly #probability: LearnedProbability
  readonly cusum: BernoulliCusum
  /** Distinct accounts and passwords of the failures, and the addresses of all attempts. */
  readonly accounts = new DistinctCount(sketchPrecision)
  readonly passwords = new DistinctCount(sketchPrecision)
  readonly addresses = new DistinctCount(sketchPrecision)
  readonly evidence = new Evidence()
  /** Failures, each address and account once; those of them whose password was seen. */
  failureCount = 0
  passwordCount = 0
  successCount = 0
  /** Successes learned from before this excursion: what makes a fingerprint a benign one. */
  benignSuccessCount = 0
  #learnedSuccessCount = 0
  #recentFailures = 0
  #recentSuccesses = 0

  constructor(config: CredentialStuffingConfig, memoryCount: number) {
    this.#config = config
    this.#probability = new LearnedProbability({ prior: 0.1, priorCount: config.fingerprintPriorCount, memoryCount })
    this.cusum = new BernoulliCusum({ oddsRatio: config.oddsRatio, maxValue: statisticCapRatio * config.threshold })
  }

  /** Learned probability that an attempt fails, held within the configured bounds; `prior` is what a wider population shows. */
  failureProbability(prior?: number): number {
    const { failureProbabilityMin, failureProbabilityMax } = this.#config
    return Math.min(failureProbabilityMax, Math.max(failureProbabilityMin, this.#probability.value(prior)))
  }

  learn(failed: boolean, weight: number): void {
    this.#probability.observe(failed, weight)
    if (!failed) this.#learnedSuccessCount++
  }

  observe(attempt: HttpTransaction, failed: boolean, p0: number, scale: number): void {
    const before = this.cusum.value
    this.cusum.observe(failed, p0, attempt.observedAtUs, scale)
    if (this.cusum.value === 0) {
      if (before > 0) this.#forget()
      return
    }
    if (before === 0) this.benignSuccessCount = this.#learnedSuccessCount
    // Those who get in meanwhile are anyone; the campaign knows later which of them it has named.
    this.evidence.add(attempt, failed)
    this.addresses.add(attempt.clientAddress)
    const kept = 1 - 1 / shareMemoryCount
    this.#recentFailures *= kept
    this.#recentSuccesses *= kept
    if (!failed) {
      this.successCount++
      this.#recentSuccesses++
      return
    }
    this.failureCount++
    this.#recentFailures++
    if (attempt.loginUserToken !== undefined) this.accounts.add(attempt.loginUserToken)
    if (attempt.loginPasswordToken !== undefined) {
      this.passwords.add(attempt.loginPasswordToken)
      this.passwordCount++
    }
  }

  /** Many accounts, each with a password of its own: not cracking (one account), not spraying (few passwords). */
  looksLikeStuffing(): boolean {
    const { accountsPerAttemptMin, passwordsPerAttemptMin } = this.#config
    if (this.accounts.estimate() < accountsPerAttemptMin * this.failureCount) return false
    // Without passwords seen, the accounts alone must do; the finding says so and is less sure.
    return this.passwords.estimate() >= passwordsPerAttemptMin * this.passwordCount
  }

  /** Share of the newest failures that normal failing does not explain, given the successes beside them. */
  attackShare(p0: number): number {
    if (this.#recentFailures === 0) return attackShareMin
    const normalFailures = (this.#recentSuccesses * p0) / (1 - p0)
    const share = (this.#recentFailures - normalFailures) / this.#recentFailures
    return Math.min(attackShareMax, Math.max(attackShareMin, share))
  }

  /** Benign clients use this fingerprint: they did before, or more succeed with it now than guesses would. */
  isBenign(): boolean {
    return this.benignSuccessCount > 0 || this.successCount > 0.05 * (this.successCount + this.failureCount)
  }

  /** An excursion that came to nothing in so long is a change of habits: let it be learned. */
  forgetStale(atUs: number): void {
    if (this.cusum.value > 0 && atUs - this.cusum.changePointUs > this.#config.excursionMaxUs) this.reset()
  }

  /** The excursion had another cause, or is over. */
  reset(): void {
    this.cusum.reset()
    this.#forget()
  }

  #forget(): void {
    this.successCount = 0
    this.failureCount = 0
    this.passwordCount = 0
    this.#recentFailures = 0
    this.#recentSuccesses = 0
    this.accounts.clear()
    this.passwords.clear()
    this.addresses.clear()
    this.evidence.reset()
  }
}
