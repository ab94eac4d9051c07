/**
 * Scraping (OWASP OAT-011) by rate: an API key calls an endpoint many times more often than it ever does.
 *
 * Per access token × endpoint: Poisson CUSUMs against the learned baseline, tested at each request, so that the delay is some twelve
 * requests at hundreds of times normal, whatever the time of day. Whether the key is allowlisted is none of the detector's business:
 * allowlisting mutes enforcement, it does not blind us.
 *
 *   learning ──(N requests, T event time)──▶ judging ──(act, or observe, crosses)──▶ open ──(rate is back)──▶ judging
 *                                                                                     └─(a day later)──▶ learning
 *
 * Two tiers: `act` decides on what no season explains; `observe` notes milder changes, of lower severity. A baseline younger than a
 * week does not know its nights and Mondays, so it judges only what dwarfs any sync.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { microsPerSecond } from '@tapwarden/base/units'
import type { Finding } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { PoissonCusum } from './change-point.js'
import type { RateTier, ScrapingConfig } from './detection-config.js'
import { type Detector, type DetectorMinima, type FindingEndpoint, isRefusal, redirectedId } from './detector.js'
import { Evidence } from './evidence.js'
import { RateBaseline } from './rate-baseline.js'
import { findingId } from './string-hash.js'

export const scrapingId = 'scraping-rate'
export const scrapingVersion = 1

type Tier = 'act' | 'observe'

interface RateTest {
  readonly tier: RateTier
  readonly cusum: PoissonCusum
}

/** What the tests of one series run on. Rarely under suspicion, so its evidence is small. */
interface Series {
  baseline: RateBaseline
  readonly observe: RateTest
  /** Of the excursion of the statistics from zero. */
  readonly evidence: Evidence
  open: OpenFinding | undefined
  /** Which tests judge a young baseline, and a mature one (all there are); the most sensitive last. */
  readonly youngTests: readonly RateTest[]
  readonly matureTests: readonly RateTest[]
}

interface OpenFinding {
  readonly id: string
  readonly accessToken: string
  readonly endpoint: FindingEndpoint
  readonly firstUs: number
  readonly openedUs: number
  readonly normalPerS: number
  readonly meanPerS: number
  readonly burstiness: number
  tier: Tier
  statistic: number
  threshold: number
  version: number
  publishedCount: number
  /** The last time the rate was above normal. */
  lastAboveUs: number
}

interface Crossing {
  readonly request: HttpTransaction
  readonly accessToken: string
  readonly endpoint: FindingEndpoint
  readonly normalPerS: number
  readonly burstiness: number
  readonly threshold: number
}

export class ScrapingDetector implements Detector {
  readonly id = scrapingId
  readonly version = scrapingVersion
  readonly minima: DetectorMinima
  readonly #config: ScrapingConfig
  readonly #series: BoundedMap<string, Series>
  readonly #open = new Set<Series>()

  constructor(config: ScrapingConfig) {
    this.#config = config
    this.minima = { eventsMinCount: config.eventsMinCount, eventTimeMinUs: config.eventTimeMinUs }
    this.#series = new BoundedMap({
      maxEntries: config.seriesMaxCount,
      onFull: 'evict-least-recent',
      onEvict: (_, series) => this.#open.delete(series),
    })
  }

  observe(transaction: HttpTransaction, endpoint: FindingEndpoint): Finding[] {
    const findings: Finding[] = []
    const { accessToken } = transaction
    if (accessToken !== undefined && !isRefusal(transaction)) {
      const series = this.#seriesOf(`${accessToken} ${endpoint.id}`)
      this.#observeRequest(series, transaction, accessToken, endpoint, findings)
    }
    for (const series of this.#open) this.#closeIfOver(series, transaction.observedAtUs, findings)
    return findings
  }

  redirectEndpoints(redirects: ReadonlyMap<string, string>): void {
    // Most series are of other endpoints: theirs are told first, without taking keys apart.
    const moved: [key: string, series: Series][] = []
    for (const entry of this.#series.entries()) if (redirects.has(endpointIdOf(entry[0]))) moved.push(entry)
    for (const [key, series] of moved) {
      const endpointId = endpointIdOf(key)
      const accessToken = key.slice(0, -endpointId.length - 1)
      const to = redirectedId(redirects, endpointId)
      // A finding that is open ends as it began.
      if (to === endpointId || series.open !== undefined) continue
      this.#series.delete(key)
      this.#seriesOf(`${accessToken} ${to}`).baseline.absorb(series.baseline)
    }
  }

  overflowCounts(): Readonly<Record<string, number>> {
    return { rateSeries: this.#series.overflowCount }
  }

  #observeRequest(
    series: Series,
    request: HttpTransaction,
    accessToken: string,
    endpoint: FindingEndpoint,
    findings: Finding[],
  ): void {
    const atUs = request.observedAtUs
    const { baseline } = series
    const judging =
      baseline.eventCount >= this.#config.eventsMinCount && baseline.ageUs(atUs) >= this.#config.eventTimeMinUs
    const mature = baseline.ageUs(atUs) >= this.#config.matureAfterUs
    const normalPerS = series.open?.normalPerS ?? baseline.normalPerS(atUs)
    // Requests that come in bursts of b are one surprise in b: quasi-likelihood, with the threshold scaled instead of each step.
    const burstiness = series.open?.burstiness ?? baseline.burstiness
    // A request that stands for others comes less often by as much.
    const rate = normalPerS / request.weight
    const tests = mature ? series.matureTests : series.youngTests
    for (const { cusum, tier } of tests) cusum.observe(atUs, rate, burstiness * tier.threshold)
    const suspect = judging && this.#isSuspect(series, tests, burstiness)
    baseline.observe(atUs, request.weight, suspect)
    if (!judging) return

    // The most sensitive test comes last: when it leaves zero, this request starts the excursion.
    if (series.open === undefined && tests.at(-1)?.cusum.changePointUs === atUs) series.evidence.reset()
    series.evidence.add(request)
    if (series.open !== undefined && suspect) series.open.lastAboveUs = Math.max(series.open.lastAboveUs, atUs)
    if (series.evidence.observedCount >= this.#config.requestsMinCount) {
      for (const test of tests) {
        const threshold = burstiness * test.tier.threshold
        if (test.cusum.value < threshold) continue
        this.#cross(series, test, { request, accessToken, endpoint, normalPerS, burstiness, threshold })
      }
    }
    this.#publish(series, atUs, findings)
  }

  /** Nothing is learned from half a threshold on; while a finding is open, until every statistic is back at one step above zero. */
  #isSuspect(series: Series, tests: readonly RateTest[], burstiness: number): boolean {
    if (series.open !== undefined) return tests.some(({ cusum, tier }) => cusum.value > Math.log(tier.factor))
    return tests.some(({ cusum, tier }) => cusum.value > (burstiness * tier.threshold) / 2)
  }

  #cross(series: Series, test: RateTest, crossing: Crossing): void {
    const tier: Tier = test === series.observe ? 'observe' : 'act'
    const { open } = series
    const { request, accessToken, endpoint, normalPerS, burstiness, threshold } = crossing
    if (open === undefined) {
      const firstUs = Math.min(test.cusum.changePointUs, request.observedAtUs)
      series.open = {
        id: findingId(scrapingId, `${accessToken} ${endpoint.id}`, firstUs, this.#config.identityBucketUs),
        accessToken,
        endpoint,
        firstUs,
        openedUs: request.observedAtUs,
        normalPerS,
        meanPerS: series.baseline.meanPerS,
        burstiness,
        tier,
        statistic: test.cusum.value,
        threshold,
        version: 0,
        publishedCount: 0,
        lastAboveUs: request.observedAtUs,
      }
      series.baseline.dropSuspects()
      this.#open.add(series)
      return
    }
    if (open.tier === 'act' || tier === 'observe') return
    open.tier = 'act'
    open.statistic = test.cusum.value
    open.threshold = threshold
    // Worth saying at once.
    open.publishedCount = 0
  }

  /** The first time, and whenever twice as many requests were made. */
  #publish(series: Series, atUs: number, findings: Finding[]): void {
    const { open } = series
    if (open === undefined || series.evidence.weightedCount < 2 * open.publishedCount) return
    open.version++
    open.publishedCount = series.evidence.weightedCount
    findings.push(this.#finding(series, open, atUs, 'open'))
  }

  #closeIfOver(series: Series, atUs: number, findings: Finding[]): void {
    const { open } = series
    if (open === undefined) return
    const forGood = atUs - open.openedUs >= this.#config.closeAtLatestAfterUs
    if (atUs - open.lastAboveUs < this.#config.closeAfterUs && !forGood) return
    open.version++
    findings.push(this.#finding(series, open, atUs, 'closed'))
    series.open = undefined
    this.#open.delete(series)
    series.evidence.reset()
    for (const { cusum } of series.matureTests) cusum.reset()
    series.baseline.dropSuspects()
    if (forGood) series.baseline = new RateBaseline(this.#config)
  }

  #finding(series: Series, open: OpenFinding, atUs: number, state: Finding['state']): Finding {
    const { evidence } = series
    const { endpoint } = open
    const periodS = Math.max(1e-3, (evidence.lastUs - evidence.firstUs) / microsPerSecond)
    // The first request opens the period: the rate is that of the intervals.
    const observedPerS = Math.max(0, evidence.weightedCount - 1) / periodS
    const requests = Math.round(evidence.weightedCount)
    const { meanPerS } = open
    const times = Math.round(observedPerS / Math.max(1e-6, meanPerS))
    return {
      id: open.id,
      version: open.version,
      detector: { id: scrapingId, version: scrapingVersion },
      threat: 'OAT-011',
      title: `API key scrapes ${endpoint.method} ${endpoint.host}${endpoint.pathTemplate}`,
      summary:
        `One API key made ${requests.toLocaleString('en-US')} requests in ${formatNumber(periodS)} s, ` +
        `${formatNumber(observedPerS)} a second, where ${formatNumber(meanPerS)} is its mean ` +
        `and ${formatNumber(open.normalPerS)} is still normal: ${times.toLocaleString('en-US')} times its mean.`,
      severity: open.tier === 'act' ? 'high' : 'low',
      confidence: open.tier === 'act' ? 0.95 : 0.5,
      state,
      subject: { kind: 'actor', actors: [{ kind: 'access-token', value: open.accessToken }], endpoint },
      firstSeenUs: Math.min(open.firstUs, evidence.firstUs),
      lastSeenUs: evidence.lastUs,
      detectedAtUs: open.openedUs,
      evidence: {
        transactionIds: evidence.transactionIds(),
        transactionCount: evidence.speakingCount,
        counts: { requests },
        baseline: {
          requestsPerS: round(meanPerS),
          normalRequestsPerS: round(open.normalPerS),
          burstiness: round(open.burstiness),
          ageS: Math.round(series.baseline.ageUs(atUs) / microsPerSecond),
        },
        observed: { requestsPerS: round(observedPerS), timesBaseline: times },
        statistic: round(open.statistic),
        threshold: open.threshold,
      },
      blindness: evidence.blindness(),
    }
  }

  #seriesOf(key: string): Series {
    const known = this.#series.get(key)
    if (known !== undefined) return known
    const test = (tier: RateTier): RateTest => ({ tier, cusum: new PoissonCusum(tier.factor) })
    const act = test(this.#config.act)
    const actYoung = test(this.#config.actYoung)
    const observe = test(this.#config.observe)
    const series: Series = {
      baseline: new RateBaseline(this.#config),
      observe,
      youngTests: [actYoung],
      matureTests: [act, actYoung, observe],
      evidence: new Evidence(),
      open: undefined,
    }
    this.#series.set(key, series)
    return series
  }
}

/** Of a series' key: what stands behind the access token. */
function endpointIdOf(key: string): string {
  return key.slice(key.lastIndexOf(' ') + 1)
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

/** Three significant digits, without an exponent. */
function formatNumber(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 })
}
