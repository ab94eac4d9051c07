/**
 * A party that logs in (an address, a session): its history, and the odds that it takes part in the campaign now running.
 *
 * Bayes in logarithms, every likelihood learned from benign traffic of this site (`PartyNorms`):
 *
 *   prior      share of the attack in the failures of the window that the party's attempts belong to
 *   history    known for logins or authenticated use before this episode, or a stranger
 *   accounts   each further account at which it failed; a person has one, a NAT many that succeed
 *   successes  each against; a success at the account that it just failed at is a corrected mistype, against it strongly
 *
 * History is bounded credit, never immunity: who earns a good name and then tries twenty accounts is named after a few more.
 */

import type { ActorKind } from '@tapwarden/contracts/finding'
import { LearnedProbability } from './learned-probability.js'
import { PairEntry } from './pair-map.js'

const accountsMaxCount = 16
const addressesMaxCount = 2
/** An episode without a pause ends after so many pauses' time: a NAT's day is not one evening of typing. */
const episodePausesMaxCount = 6

/** The benign side of each likelihood: how often innocents look like this. */
export class PartyNorms {
  /** A failing party is a stranger. */
  readonly stranger = new LearnedProbability({ prior: 0.5, priorCount: 10, memoryCount: 1_000 })
  /** A failed account was never seen to succeed (a mistyped name, a new user, a short memory). */
  readonly unknownAccount = new LearnedProbability({ prior: 0.5, priorCount: 10, memoryCount: 1_000 })
  /** A failure is at a party's second account rather than at its first: of one user, and of several. */
  readonly #secondAccount = new LearnedProbability({ prior: 0.03, priorCount: 30, memoryCount: 1_000 })
  readonly #secondAccountShared = new LearnedProbability({ prior: 0.3, priorCount: 30, memoryCount: 1_000 })

  /** A benign failure at a party's `failedCount`-th distinct account. */
  learn(party: LoginParty, failedCount: number, accountKnown: boolean): void {
    this.unknownAccount.observe(!accountKnown)
    if (failedCount === 1) this.stranger.observe(party.stranger)
    if (failedCount <= 2) (party.shared ? this.#secondAccountShared : this.#secondAccount).observe(failedCount === 2)
  }

  /** A party that failed at one account goes on to fail at another. */
  secondAccountProbability(shared: boolean): number {
    const atSecond = (shared ? this.#secondAccountShared : this.#secondAccount).value()
    return Math.min(0.95, atSecond / (1 - atSecond))
  }
}

export class LoginParty extends PairEntry {
  readonly kind: ActorKind
  readonly value: string
  /** Finding in which it is named. */
  namedIn: string | undefined
  /** Where and as what it failed last. */
  lastFailureUs = Number.NEGATIVE_INFINITY
  lastEndpointId = ''
  lastFingerprint = ''
  /** Attempts of this episode, and those that failed, repeats included. */
  attemptCount = 0
  failureCount = 0
  #successCount = 0
  #servedSinceUs: number | undefined
  /** Hashes of accounts that succeeded from here; the newest `accountsMaxCount`. */
  readonly #successAccounts: number[] = []
  /** Addresses that a session was used from, at most two: one says it stays, two that it wanders. */
  readonly #addresses: string[] = []

  // The episode: attempts without a long pause
  #episodeFirstUs = Number.NEGATIVE_INFINITY
  #episodeLastUs = Number.NEGATIVE_INFINITY
  #episodeStranger = true
  #episodeKnownAccounts = 0
  /** Accounts failed at; the newest `accountsMaxCount` by hash, all by count. */
  readonly #failedAccounts: number[] = []
  #failedAccountsCount = 0
  #unknownFailedCount = 0
  readonly #episodeSuccesses: number[] = []
  #corrections = 0

  constructor(kind: ActorKind, value: string) {
    super(kind, value)
    this.kind = kind
    this.value = value
  }

  /** Distinct accounts that it failed at in this episode, without those that it then got into. */
  get failedAccountsCount(): number {
    return this.#failedAccountsCount
  }

  /** No history before this episode. */
  get stranger(): boolean {
    return this.#episodeStranger
  }

  /** More than one account has succeeded from here: a NAT, an office, a family. */
  get shared(): boolean {
    return this.#episodeKnownAccounts > 1
  }

  get wanders(): boolean {
    return this.#addresses.length >= addressesMaxCount
  }

  hasSucceededWith(account: number): boolean {
    return this.#successAccounts.includes(account)
  }

  /** An authenticated request that was served. Anyone can send a cookie, so it counts as history once it is older than a pause. */
  serve(atUs: number): void {
    if (this.#servedSinceUs === undefined) this.#servedSinceUs = atUs
  }

  /** Opens a new episode if the last one is over. */
  beginAttempt(atUs: number, pauseUs: number, address: string): void {
    if (atUs - this.#episodeLastUs > pauseUs || atUs - this.#episodeFirstUs > episodePausesMaxCount * pauseUs) {
      const served = this.#servedSinceUs !== undefined && atUs - this.#servedSinceUs > pauseUs
      this.#episodeStranger = this.#successCount === 0 && !served
      this.#episodeKnownAccounts = this.#successAccounts.length
      this.#episodeFirstUs = atUs
      this.#episodeLastUs = atUs
      this.#failedAccounts.length = 0
      this.#failedAccountsCount = 0
      this.#unknownFailedCount = 0
      this.#episodeSuccesses.length = 0
      this.#corrections = 0
      this.attemptCount = 0
      this.failureCount = 0
      this.namedIn = undefined
    }
    if (atUs > this.#episodeLastUs) this.#episodeLastUs = atUs
    this.attemptCount++
    if (this.#addresses.length < addressesMaxCount && !this.#addresses.includes(address)) this.#addresses.push(address)
  }

  /** Returns the number of distinct accounts failed at in this episode if this one is new among them, else 0. */
  fail(account: number, known: boolean, attempt: { atUs: number; endpointId: string; fingerprint: string }): number {
    if (attempt.atUs > this.lastFailureUs) this.lastFailureUs = attempt.atUs
    this.lastEndpointId = attempt.endpointId
    this.lastFingerprint = attempt.fingerprint
    this.failureCount++
    if (this.#failedAccounts.includes(account)) return 0
    if (this.#failedAccounts.length >= accountsMaxCount) this.#failedAccounts.shift()
    this.#failedAccounts.push(account)
    if (!known) this.#unknownFailedCount++
    return ++this.#failedAccountsCount
  }

  succeed(account: number): void {
    const failedIndex = this.#failedAccounts.indexOf(account)
    if (failedIndex >= 0) {
      // It was theirs all along.
      this.#failedAccounts.splice(failedIndex, 1)
      this.#failedAccountsCount--
      this.#corrections++
    } else if (!this.#episodeSuccesses.includes(account) && this.#episodeSuccesses.length < accountsMaxCount) {
      this.#episodeSuccesses.push(account)
    }
    this.#successCount++
    if (this.#successAccounts.includes(account)) return
    if (this.#successAccounts.length >= accountsMaxCount) this.#successAccounts.shift()
    this.#successAccounts.push(account)
  }

  /** Log-odds that it takes part, where `attackShare` of the failures around it are the attack's and `p0` of logins fail. */
  logOdds(attackShare: number, p0: number, norms: PartyNorms): number {
    const strangers = norms.stranger.value()
    let odds = Math.log(attackShare / (1 - attackShare))
    odds += this.#episodeStranger
      ? Math.log(0.95 / strangers)
      : Math.log(0.05 / (1 - strangers)) - Math.log(1 + this.#episodeKnownAccounts)
    const second = norms.secondAccountProbability(this.shared)
    // A party that failed twice is a peculiar one: its third says less than its second did.
    const further = Math.max(second, 0.2)
    const failed = this.#failedAccountsCount
    if (failed >= 2) odds += Math.log(0.95 / second) + (failed - 2) * Math.log(0.95 / further)
    // Accounts of one party are alike: their strangeness counts twice at most.
    const unknown = Math.min(2, this.#unknownFailedCount)
    odds += unknown * Math.max(0, Math.log(0.9 / norms.unknownAccount.value()))
    odds += this.#episodeSuccesses.length * Math.log(0.05 / (1 - p0))
    odds += this.#corrections * Math.log(0.01 / 0.7)
    return odds
  }
}
