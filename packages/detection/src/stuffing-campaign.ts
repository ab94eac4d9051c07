/**
 * An open credential stuffing campaign at one login endpoint: who takes part, what they did, and how that reads as a finding.
 *
 * open ──(attempts, named actors: updates)──▶ open ──(quiet for `closeAfterUs`)──▶ closed
 */

import { microsPerSecond } from '@tapwarden/base/units'
import type { Actor, Finding } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { actorKey } from './actor.js'
import type { CredentialStuffingConfig } from './detection-config.js'
import type { FindingEndpoint } from './detector.js'
import { Evidence, idsInTimeOrder, type Sighting, transactionIdsMaxCount } from './evidence.js'
import type { LoginParty } from './login-party.js'
import type { LoginWindow } from './login-window.js'
import { ContinuedCount } from './sketch/continued-count.js'
import { findingId } from './string-hash.js'

export const credentialStuffingId = 'credential-stuffing'
export const credentialStuffingVersion = 1

/** Places among the transaction ids kept for log-ins that worked: accounts that are lost show late, after fifty failures. */
const successIdsMaxCount = 10

interface NamedActor {
  readonly actor: Actor
  /** Attempts of its episode up to its naming, and all since. */
  attemptCount: number
}

export interface CampaignOpening {
  readonly endpoint: FindingEndpoint
  readonly window: LoginWindow
  /** The fingerprint whose window alarmed; undefined when the endpoint's did. */
  readonly fingerprint: string | undefined
  readonly p0: number
  readonly atUs: number
}

export class StuffingCampaign {
  readonly id: string
  readonly #config: CredentialStuffingConfig
  readonly #opening: CampaignOpening
  /** Fingerprints whose own test alarmed; empty when only the endpoint's did. */
  readonly fingerprints = new Set<string>()
  readonly #actors = new Map<string, NamedActor>()
  /** Of failures; and addresses of all attempts. The window's and those since. */
  readonly #accounts: ContinuedCount
  readonly #addresses: ContinuedCount
  readonly #evidence = new Evidence()
  /** First log-ins of named actors that worked. */
  readonly #successes: Sighting[] = []
  readonly #opened: { failures: readonly Sighting[]; firstUs: number; observed: Record<string, number> }
  #failureCount: number
  #successCount: number
  #namedAttemptCount = 0
  #namedSuccessCount = 0
  #statistic: number
  #version = 0
  #updatedUs = 0
  #publishedActorCount = 0
  #publishedAttemptCount = 0
  #unnamedOverflowCount = 0
  #benignFingerprintLogins = 0
  lastEvidenceUs: number
  closed = false

  constructor(config: CredentialStuffingConfig, opening: CampaignOpening) {
    this.#config = config
    this.#opening = opening
    const { window, endpoint } = opening
    const changePointUs = window.cusum.changePointUs
    this.id = findingId(credentialStuffingId, endpoint.id, changePointUs, config.identityBucketUs)
    this.#statistic = window.cusum.value
    this.#accounts = new ContinuedCount(window.accounts)
    this.#addresses = new ContinuedCount(window.addresses)
    this.#failureCount = window.failureCount
    this.#successCount = window.successCount
    this.lastEvidenceUs = opening.atUs
    this.#opened = {
      failures: window.evidence.sightings(),
      firstUs: Math.min(changePointUs, window.evidence.firstUs),
      observed: {
        accounts: Math.min(window.failureCount, Math.round(window.accounts.estimate())),
        passwords: Math.min(window.passwordCount, Math.round(window.passwords.estimate())),
        passwordsSeen: window.passwordCount,
      },
    }
    if (opening.fingerprint !== undefined) this.addFingerprint(opening.fingerprint, window)
  }

  get changePointUs(): number {
    return this.#opened.firstUs
  }

  get actorCount(): number {
    return this.#actors.size
  }

  isNamed(party: LoginParty): boolean {
    return this.#actors.has(actorKey(party.kind, party.value))
  }

  /** Whether attempts with this fingerprint belong to the campaign's population. */
  covers(fingerprint: string): boolean {
    return this.fingerprints.size === 0 || this.fingerprints.has(fingerprint)
  }

  /** A fingerprint whose test alarmed. It is an actor only when nobody benign uses it: refusing it would refuse them. */
  addFingerprint(fingerprint: string, window: LoginWindow): void {
    if (this.fingerprints.has(fingerprint)) return
    this.fingerprints.add(fingerprint)
    this.#benignFingerprintLogins += window.benignSuccessCount
    if (!window.isBenign()) this.#name({ kind: 'fingerprint', value: fingerprint }, window.failureCount)
  }

  name(party: LoginParty): void {
    this.#name({ kind: party.kind, value: party.value }, party.attemptCount)
    party.namedIn = this.id
  }

  observe(attempt: HttpTransaction, failed: boolean, parties: readonly LoginParty[], statistic: number): void {
    // Failures speak for the campaign, whoever's they are; the successes of bystanders do not.
    this.#evidence.add(attempt, failed)
    this.#statistic = Math.max(this.#statistic, statistic)
    this.#addresses.add(attempt.clientAddress)
    if (failed) {
      this.#failureCount++
      if (attempt.loginUserToken !== undefined) this.#accounts.add(attempt.loginUserToken)
    } else {
      this.#successCount++
    }
    let named = false
    for (const party of parties) {
      const actor = this.#actors.get(actorKey(party.kind, party.value))
      if (actor === undefined) continue
      actor.attemptCount++
      named = true
    }
    if (!named) return
    this.#namedAttemptCount++
    if (!failed) this.#succeed(attempt)
    this.lastEvidenceUs = Math.max(this.lastEvidenceUs, attempt.observedAtUs)
  }

  /**
   * The finding, if there is news worth a version: the opening, the close, a tenth more actors, fewer after an interval, or twice
   * as many attempts. Geometric growth keeps ten thousand actors from being published ten thousand times.
   */
  update(atUs: number): Finding | undefined {
    const actorNews = this.#actors.size - this.#publishedActorCount
    const due = atUs - this.#updatedUs >= this.#config.updateIntervalUs
    const attempts = this.#failureCount + this.#successCount
    const news =
      this.#version === 0 ||
      this.closed ||
      (actorNews > 0 && (due || actorNews >= this.#publishedActorCount / 10)) ||
      (due && attempts >= 2 * this.#publishedAttemptCount)
    if (!news) return undefined
    this.#version++
    this.#updatedUs = atUs
    this.#publishedActorCount = this.#actors.size
    this.#publishedAttemptCount = attempts
    return this.#finding(atUs)
  }

  #succeed(attempt: HttpTransaction): void {
    this.#namedSuccessCount++
    if (this.#successes.length >= successIdsMaxCount) return
    this.#successes.push({ id: attempt.id, atUs: attempt.observedAtUs })
  }

  /** The first failures and the first successes of named actors. */
  #transactionIds(): string[] {
    const failures = [...this.#opened.failures, ...this.#evidence.sightings()]
    return idsInTimeOrder([...failures.slice(0, transactionIdsMaxCount - this.#successes.length), ...this.#successes])
  }

  #name(actor: Actor, attemptCount: number): void {
    const key = actorKey(actor.kind, actor.value)
    if (this.#actors.has(key)) return
    if (this.#actors.size >= this.#config.actorsMaxCount) {
      this.#unnamedOverflowCount++
      return
    }
    this.#actors.set(key, { actor, attemptCount })
    this.#namedAttemptCount += attemptCount
  }

  #finding(atUs: number): Finding {
    const { endpoint, p0 } = this.#opening
    const attempts = this.#failureCount + this.#successCount
    const failureRatio = this.#failureCount / Math.max(1, attempts)
    const counts = this.#counts(attempts)
    const blindness = this.#evidence.blindness()
    const passwordsSeen = (this.#opened.observed['passwordsSeen'] ?? 0) > 0
    if (!passwordsSeen) blindness['attemptsWithoutPassword'] = attempts
    if (this.#unnamedOverflowCount > 0) blindness['actorsNotListed'] = this.#unnamedOverflowCount
    const actors = [...this.#actors.values()].sort(byAttempts).map(({ actor }) => actor)
    const lastSeenUs = Math.max(this.#evidence.lastUs, this.#opening.atUs)
    return {
      id: this.id,
      version: this.#version,
      detector: { id: credentialStuffingId, version: credentialStuffingVersion },
      threat: 'OAT-008',
      title: `Credential stuffing at ${endpoint.method} ${endpoint.host}${endpoint.pathTemplate}`,
      summary: this.#summary(counts, failureRatio, lastSeenUs),
      severity: this.#namedSuccessCount > 0 ? 'critical' : 'high',
      confidence: passwordsSeen ? 0.95 : 0.85,
      state: this.closed ? 'closed' : 'open',
      subject: { kind: 'campaign', actors, endpoint },
      firstSeenUs: this.#opened.firstUs,
      lastSeenUs,
      detectedAtUs: Math.min(this.#opening.atUs, atUs),
      evidence: {
        transactionIds: this.#transactionIds(),
        transactionCount: this.#failureCount + this.#namedSuccessCount,
        counts,
        baseline: { failureRatio: round(p0) },
        observed: { failureRatio: round(failureRatio) },
        statistic: round(this.#statistic),
        threshold: this.#config.threshold,
      },
      blindness,
    }
  }

  #counts(attempts: number): Record<string, number> {
    return {
      attempts,
      failures: this.#failureCount,
      successes: this.#successCount,
      accounts: Math.min(this.#failureCount, Math.round(this.#accounts.estimate())),
      addresses: Math.min(attempts, Math.round(this.#addresses.estimate())),
      passwordsAtAlarm: this.#opened.observed['passwords'] ?? 0,
      accountsAtAlarm: this.#opened.observed['accounts'] ?? 0,
      actors: this.#actors.size,
      actorAttempts: this.#namedAttemptCount,
      actorSuccesses: this.#namedSuccessCount,
      fingerprints: this.fingerprints.size,
      benignLoginsWithFingerprint: this.#benignFingerprintLogins,
    }
  }

  /** Everyone's attempts in the population that changed, bystanders' included; then what is known of the named. */
  #summary(counts: Record<string, number>, failureRatio: number, lastSeenUs: number): string {
    const seconds = Math.max(1, Math.round((lastSeenUs - this.#opened.firstUs) / microsPerSecond))
    const n = (name: string) => (counts[name] ?? 0).toLocaleString('en-US')
    const some = (name: string, noun: string) => `${n(name)} ${noun}${counts[name] === 1 ? '' : 's'}`
    const percent = (ratio: number) => `${Math.round(100 * ratio)} %`
    const scope = this.fingerprints.size === 0 ? 'here' : `with ${some('fingerprints', 'client fingerprint')}`
    const accounts = `about ${n('accounts')} account${counts['accounts'] === 1 ? '' : 's'}`
    const parts = [
      `Of all ${some('attempts', 'login attempt')} ${scope} in ${seconds} s, from ${n('addresses')} address${counts['addresses'] === 1 ? '' : 'es'}, ` +
        `${n('failures')} failed, at ${accounts}, and ${n('successes')} succeeded`,
      `${percent(failureRatio)} failed, normally ${percent(this.#opening.p0)}`,
    ]
    if (this.#actors.size > 0) parts.push(`${some('actors', 'actor')} named`)
    else parts.push(this.closed ? 'nobody could be named' : 'who takes part is not decided yet')
    if (this.#namedSuccessCount > 0) parts.push(`${some('actorSuccesses', 'login')} of theirs succeeded since`)
    if (this.#benignFingerprintLogins > 0) parts.push('benign clients share the fingerprint, so it is not named')
    return `${parts.join('; ')}.`
  }
}

function byAttempts(a: NamedActor, b: NamedActor): number {
  return b.attemptCount - a.attemptCount || (a.actor.value < b.actor.value ? -1 : 1)
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000
}
