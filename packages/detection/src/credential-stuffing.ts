/**
 * Credential stuffing (OWASP OAT-008): stolen pairs of user name and password tried at a login endpoint from many addresses, each of
 * them too seldom for any limit.
 *
 * Per login endpoint:
 *
 *   attempt ─▶ outcome (learned) ─▶ outage guard ─▶ outcome test of its fingerprint, and of the endpoint
 *                                                        │ more failures than normal, U ≈ N, P ≈ N
 *                                                        ▼
 *                                  campaign ◀─ naming: each address and session by its own odds
 *
 * The endpoint's test sees what rotates fingerprints; the fingerprint's sees what hides in a large volume. Nothing is learned while
 * a statistic is above half its threshold or a campaign is open: an attack must not become normal.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Finding } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { waldThreshold } from './change-point.js'
import type { CredentialStuffingConfig } from './detection-config.js'
import { type Detector, type DetectorMinima, type FindingEndpoint, isRefusal, redirectedId } from './detector.js'
import { LoginOutcomes } from './login-outcome.js'
import { LoginParty, PartyNorms } from './login-party.js'
import { LoginWindow } from './login-window.js'
import { OutageGuard } from './outage-guard.js'
import { PairMap } from './pair-map.js'
import { hash32 } from './string-hash.js'
import { credentialStuffingId, credentialStuffingVersion, StuffingCampaign } from './stuffing-campaign.js'

/** What a login endpoint has shown. */
interface LoginEndpoint {
  readonly outcomes: LoginOutcomes
  readonly window: LoginWindow
  readonly fingerprints: BoundedMap<string, LoginWindow>
  readonly guard: OutageGuard
  readonly meanWeight: LearnedMean
  decidedCount: number
  firstDecidedUs: number | undefined
  campaign: StuffingCampaign | undefined
}

export class CredentialStuffingDetector implements Detector {
  readonly id = credentialStuffingId
  readonly version = credentialStuffingVersion
  readonly minima: DetectorMinima
  readonly #config: CredentialStuffingConfig
  readonly #endpoints: BoundedMap<string, LoginEndpoint>
  readonly #parties: PairMap<LoginParty>
  /** Accounts that have succeeded, anywhere. */
  readonly #accounts: BoundedMap<string, true>
  /** Session and access tokens seen: the first use of one shows that a login succeeded. */
  readonly #tokens: BoundedMap<string, true>
  readonly #norms = new PartyNorms()
  readonly #namingThreshold: number
  /** Endpoints with an open campaign: few, looked at with every transaction so that time closes them. */
  readonly #open = new Set<LoginEndpoint>()

  constructor(config: CredentialStuffingConfig) {
    this.#config = config
    this.minima = { eventsMinCount: config.eventsMinCount, eventTimeMinUs: config.eventTimeMinUs }
    this.#endpoints = new BoundedMap({
      maxEntries: config.endpointsMaxCount,
      onFull: 'evict-least-recent',
      onEvict: (_, login) => this.#open.delete(login),
    })
    this.#parties = new PairMap(config.partiesMaxCount)
    this.#accounts = new BoundedMap({ maxEntries: config.accountsMaxCount, onFull: 'evict-least-recent' })
    this.#tokens = new BoundedMap({ maxEntries: config.accountsMaxCount, onFull: 'evict-oldest' })
    this.#namingThreshold = waldThreshold(config.namingError, 0)
  }

  observe(transaction: HttpTransaction, endpoint: FindingEndpoint): Finding[] {
    const findings: Finding[] = []
    if (!isRefusal(transaction)) {
      if (transaction.loginUserToken === undefined) this.#observeOther(transaction)
      else if (isLoginEndpoint(transaction.status)) {
        this.#observeAttempt(transaction, transaction.loginUserToken, endpoint)
      }
    }
    for (const login of this.#open) this.#tend(login, transaction.observedAtUs, findings)
    return findings
  }

  /** A login endpoint keeps its busiest past: outcome tests of two endpoints do not add up. */
  redirectEndpoints(redirects: ReadonlyMap<string, string>): void {
    for (const [id, login] of [...this.#endpoints.entries()]) {
      const to = redirectedId(redirects, id)
      if (to === id) continue
      this.#endpoints.delete(id)
      const known = this.#endpoints.peek(to)
      if (known === undefined || known.decidedCount < login.decidedCount) this.#endpoints.set(to, login)
    }
    // A campaign whose endpoint lost its place would never be looked at again.
    const kept = new Set(this.#endpoints.values())
    for (const login of this.#open) if (!kept.has(login)) this.#open.delete(login)
  }

  overflowCounts(): Readonly<Record<string, number>> {
    return {
      loginEndpoints: this.#endpoints.overflowCount,
      loginParties: this.#parties.overflowCount,
      loginAccounts: this.#accounts.overflowCount,
      loginTokens: this.#tokens.overflowCount,
    }
  }

  /** Whatever is no login: authenticated use gives its address a history, and confirms the login before it. */
  #observeOther(transaction: HttpTransaction): void {
    const token = transaction.sessionToken ?? transaction.accessToken
    if (token === undefined) return
    const known = this.#tokens.has(token)
    if (!known) this.#tokens.set(token, true)
    if (transaction.status === undefined || transaction.status >= 400) return
    if (!known) {
      for (const login of this.#endpoints.values()) login.outcomes.observeNewSession(transaction)
    }
    this.#party('address', transaction.clientAddress).serve(transaction.observedAtUs)
  }

  #observeAttempt(attempt: HttpTransaction, userToken: string, endpoint: FindingEndpoint): void {
    if (attempt.sessionToken !== undefined && !this.#tokens.has(attempt.sessionToken)) {
      this.#tokens.set(attempt.sessionToken, true)
    }
    const login = this.#loginEndpoint(endpoint.id)
    const window = this.#fingerprintWindow(login, attempt.fingerprint)
    const alert = this.#config.threshold / 2
    const learning = login.campaign === undefined && login.window.cusum.value < alert && window.cusum.value < alert
    const outcome = login.outcomes.judge(attempt, userToken, learning)
    if (outcome !== 'success' && outcome !== 'failure') return
    login.decidedCount++
    login.firstDecidedUs ??= attempt.observedAtUs

    const failed = outcome === 'failure'
    const account = hash32(userToken)
    const parties = this.#partiesOf(attempt)
    const address = parties[0]! // The address, always first.
    const familiar = address.hasSucceededWith(account)
    for (const party of parties) {
      party.beginAttempt(attempt.observedAtUs, this.#config.episodePauseUs, attempt.clientAddress)
    }
    const surprise = this.#note(parties, failed, account, attempt, userToken, endpoint.id, learning)
    if (failed && !surprise) {
      // A repeat: the same address at the same account.
      if (login.campaign?.covers(attempt.fingerprint)) login.campaign.observe(attempt, failed, parties, 0)
      return
    }
    const before = login.campaign
    login.guard.observe(attempt.observedAtUs, failed, familiar, learning)
    this.#test(login, window, attempt, failed, learning)
    this.#judge(login, window, attempt, endpoint)
    const { campaign } = login
    if (campaign === undefined) return
    // The opening counts its whole window, this attempt included.
    if (campaign === before && campaign.covers(attempt.fingerprint)) {
      campaign.observe(attempt, failed, parties, window.cusum.value)
    }
    if (failed && Math.max(window.cusum.value, login.window.cusum.value) >= this.#config.threshold) {
      campaign.lastEvidenceUs = Math.max(campaign.lastEvidenceUs, attempt.observedAtUs)
    }
    if (failed) for (const party of parties) this.#consider(login, campaign, party)
  }

  /** Books the outcome with each party. Returns whether this is the address's first failure at this account. */
  #note(
    parties: readonly LoginParty[],
    failed: boolean,
    account: number,
    attempt: HttpTransaction,
    userToken: string,
    endpointId: string,
    learning: boolean,
  ): boolean {
    const known = this.#accounts.get(userToken) !== undefined
    if (!failed) {
      this.#accounts.set(userToken, true)
      for (const party of parties) party.succeed(account)
      return false
    }
    const failure = { atUs: attempt.observedAtUs, endpointId, fingerprint: attempt.fingerprint }
    let surprise = false
    for (const party of parties) {
      const failedCount = party.fail(account, known, failure)
      if (party.kind !== 'address' || failedCount === 0) continue
      surprise = true
      if (learning) this.#norms.learn(party, failedCount, known)
    }
    return surprise
  }

  #test(login: LoginEndpoint, window: LoginWindow, attempt: HttpTransaction, failed: boolean, learning: boolean): void {
    const p0 = login.window.failureProbability()
    const fingerprintP0 = window.failureProbability(p0)
    if (learning) {
      login.window.learn(failed, attempt.weight)
      window.learn(failed, attempt.weight)
      login.meanWeight.observe(attempt.weight)
    }
    if (!this.#mayJudge(login, attempt.observedAtUs)) return
    if (login.campaign === undefined) {
      login.window.forgetStale(attempt.observedAtUs)
      window.forgetStale(attempt.observedAtUs)
    }
    if (login.guard.tripped) {
      // Failures have another cause now, and must not be held against anyone once it is gone.
      if (login.campaign === undefined) {
        login.window.reset()
        window.reset()
      }
      return
    }
    // A sensor that sheds load keeps failures and sheds successes: these count for what they stand for, those once.
    const relative = attempt.weight / login.meanWeight.value
    const scale = failed ? Math.min(1, relative) : relative
    login.window.observe(attempt, failed, p0, scale)
    window.observe(attempt, failed, fingerprintP0, scale)
  }

  #mayJudge(login: LoginEndpoint, atUs: number): boolean {
    return (
      login.decidedCount >= this.#config.eventsMinCount &&
      atUs - (login.firstDecidedUs ?? atUs) >= this.#config.eventTimeMinUs
    )
  }

  /** Opens a campaign, or adds a fingerprint to the open one. */
  #judge(login: LoginEndpoint, window: LoginWindow, attempt: HttpTransaction, endpoint: FindingEndpoint): void {
    const { threshold } = this.#config
    const ofFingerprint = window.cusum.value >= threshold && window.looksLikeStuffing()
    if (login.campaign !== undefined) {
      if (!ofFingerprint) return
      login.campaign.addFingerprint(attempt.fingerprint, window)
      return
    }
    const ofEndpoint = login.window.cusum.value >= threshold && login.window.looksLikeStuffing()
    if (!ofFingerprint && !ofEndpoint) return
    const p0 = login.window.failureProbability()
    const campaign = new StuffingCampaign(this.#config, {
      endpoint,
      window: ofFingerprint ? window : login.window,
      fingerprint: ofFingerprint ? attempt.fingerprint : undefined,
      p0: ofFingerprint ? window.failureProbability(p0) : p0,
      atUs: attempt.observedAtUs,
    })
    login.campaign = campaign
    this.#open.add(login)
    for (const party of this.#parties.entries()) {
      if (party.lastFailureUs < campaign.changePointUs || party.lastEndpointId !== endpoint.id) continue
      this.#consider(login, campaign, party)
    }
  }

  /** Names the party if its odds say so. An address that failed at one account is never named: that is what a mistype looks like. */
  #consider(login: LoginEndpoint, campaign: StuffingCampaign, party: LoginParty): void {
    if (party.failedAccountsCount < this.#config.namingAccountsMinCount || party.namedIn === campaign.id) return
    // A session that stays at one address is that address; naming both would say the same twice.
    if (party.kind === 'session' && !party.wanders) return
    const endpointP0 = login.window.failureProbability()
    const own = login.fingerprints.peek(party.lastFingerprint)
    const window = own !== undefined && campaign.fingerprints.has(party.lastFingerprint) ? own : login.window
    const p0 = window.failureProbability(endpointP0)
    const odds = party.logOdds(window.attackShare(p0), p0, this.#norms)
    if (odds >= this.#namingThreshold) campaign.name(party)
  }

  /** Publishes what is due, and closes what is over. */
  #tend(login: LoginEndpoint, atUs: number, findings: Finding[]): void {
    const { campaign } = login
    if (campaign === undefined) return
    campaign.closed = atUs - campaign.lastEvidenceUs >= this.#config.closeAfterUs
    const finding = campaign.update(atUs)
    if (finding !== undefined) findings.push(finding)
    if (!campaign.closed) return
    for (const fingerprint of campaign.fingerprints) login.fingerprints.peek(fingerprint)?.reset()
    login.window.reset()
    login.campaign = undefined
    this.#open.delete(login)
  }

  #partiesOf(attempt: HttpTransaction): LoginParty[] {
    const address = this.#party('address', attempt.clientAddress)
    if (attempt.sessionToken === undefined) return [address]
    return [address, this.#party('session', attempt.sessionToken)]
  }

  #party(kind: 'address' | 'session', value: string): LoginParty {
    const known = this.#parties.get(kind, value)
    if (known !== undefined) return known
    const party = new LoginParty(kind, value)
    this.#parties.add(party)
    return party
  }

  #loginEndpoint(id: string): LoginEndpoint {
    const known = this.#endpoints.get(id)
    if (known !== undefined) return known
    const { endpointMemoryCount, fingerprintsMaxCount } = this.#config
    const login: LoginEndpoint = {
      outcomes: new LoginOutcomes(),
      window: new LoginWindow(this.#config, endpointMemoryCount),
      fingerprints: new BoundedMap({ maxEntries: fingerprintsMaxCount, onFull: 'evict-least-recent' }),
      guard: new OutageGuard(this.#config),
      meanWeight: new LearnedMean(),
      decidedCount: 0,
      firstDecidedUs: undefined,
      campaign: undefined,
    }
    this.#endpoints.set(id, login)
    return login
  }

  #fingerprintWindow(login: LoginEndpoint, fingerprint: string): LoginWindow {
    const known = login.fingerprints.get(fingerprint)
    if (known !== undefined) return known
    const window = new LoginWindow(this.#config, this.#config.fingerprintMemoryCount)
    login.fingerprints.set(fingerprint, window)
    return window
  }
}

/** A path that does not exist is no login endpoint: user names sent to a thousand of them must not push out the real one. */
function isLoginEndpoint(status: number | undefined): boolean {
  return status !== 404 && status !== 405 && status !== 410
}

/** The usual sampling weight of an endpoint's logins. */
class LearnedMean {
  value = 1

  observe(weight: number): void {
    this.value += (weight - this.value) / 200
  }
}
