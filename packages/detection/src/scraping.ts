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
import { type Detector, type DetectorMinima, type FindingEndpoint, isRefusal } from './detector.js'
import { Evidence } from './evidence.js'
import { RateBaseline } from './rate-baseline.js'
import { findingId } from './string-hash.js'

export const scrapingId = 'scraping-rate'
export const scrapingVersion = 1

type Tier = 'act' | 'observe'

/** What the tests of one series run on. Rarely under suspicion, so its evidence is small. */
interface Series {
  baseline: RateBaseline
  readonly act: PoissonCusum
  readonly actYoung: PoissonCusum
  readonly observe: PoissonCusum
  /** Of the excursion of the statistics from zero. */
  readonly evidence: Evidence
  open: OpenFinding | undefined
}

interface OpenFinding {
  readonly id: string
  readonly accessToken: string
  readonly endpoint: FindingEndpoint
  readonly firstUs: number
  readonly openedUs: number
  readonly normalPerS: number
  readonly meanPerS: number
  tier: Tier
  statistic: number
  threshold: number
  factor: number
  version: number
  publishedCount: number
  /** The last time the rate was above normal. */
  lastAboveUs: number
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
    if (baseline.eventCount < this.#config.eventsMinCount || baseline.ageUs(atUs) < this.#config.eventTimeMinUs) {
      baseline.observe(atUs, request.weight, false)
      return
    }
    const normalPerS = series.open?.normalPerS ?? baseline.normalPerS(atUs)
    // A request that stands for others comes less often by as much.
    const rate = normalPerS / request.weight
    const mature = baseline.ageUs(atUs) >= this.#config.matureAfterUs
    const young = series.actYoung.observe(atUs, rate)
    const act = mature ? series.act.observe(atUs, rate) : 0
    const observed = mature ? series.observe.observe(atUs, rate) : 0
    const suspect = this.#isSuspect(series, mature, young, act, observed)
    baseline.observe(atUs, request.weight, suspect)

    // One step above zero: this request starts the excursion.
    const test = mature ? series.observe : series.actYoung
    if (series.open === undefined && test.changePointUs === atUs) series.evidence.reset()
    series.evidence.add(request)
    if (series.open !== undefined && suspect) series.open.lastAboveUs = Math.max(series.open.lastAboveUs, atUs)

    if (young >= this.#config.actYoung.threshold) {
      this.#cross(series, 'act', this.#config.actYoung, series.actYoung, request, accessToken, endpoint, normalPerS)
    }
    if (act >= this.#config.act.threshold) {
      this.#cross(series, 'act', this.#config.act, series.act, request, accessToken, endpoint, normalPerS)
    }
    if (observed >= this.#config.observe.threshold) {
      this.#cross(series, 'observe', this.#config.observe, series.observe, request, accessToken, endpoint, normalPerS)
    }
    this.#publish(series, atUs, findings)
  }

  #isSuspect(series: Series, mature: boolean, young: number, act: number, observed: number): boolean {
    const { actYoung, act: acting, observe } = this.#config
    if (series.open !== undefined) return young > 0 || act > 0 || observed > 0
    return (
      young > actYoung.threshold / 2 || (mature && (act > acting.threshold / 2 || observed > observe.threshold / 2))
    )
  }

  #cross(
    series: Series,
    tier: Tier,
    config: RateTier,
    test: PoissonCusum,
    request: HttpTransaction,
    accessToken: string,
    endpoint: FindingEndpoint,
    normalPerS: number,
  ): void {
    const { open } = series
    if (open === undefined) {
      const firstUs = Math.min(test.changePointUs, request.observedAtUs)
      series.open = {
        id: findingId(scrapingId, `${accessToken} ${endpoint.id}`, firstUs, this.#config.identityBucketUs),
        accessToken,
        endpoint,
        firstUs,
        openedUs: request.observedAtUs,
        normalPerS,
        meanPerS: series.baseline.meanPerS,
        tier,
        statistic: test.value,
        threshold: config.threshold,
        factor: config.factor,
        version: 0,
        publishedCount: 0,
        lastAboveUs: request.observedAtUs,
      }
      this.#open.add(series)
      return
    }
    if (open.tier === 'observe' && tier === 'act') {
      open.tier = 'act'
      open.statistic = test.value
      open.threshold = config.threshold
      open.factor = config.factor
      // Worth saying at once.
      open.publishedCount = 0
    } else if (open.tier === tier) {
      open.statistic = Math.max(open.statistic, test.value)
    }
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
    for (const test of [series.act, series.actYoung, series.observe]) test.reset()
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
        counts: { requests },
        baseline: {
          requestsPerS: round(meanPerS),
          normalRequestsPerS: round(open.normalPerS),
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
    const test = (tier: RateTier) => new PoissonCusum({ factor: tier.factor, maxValue: 2 * tier.threshold })
    const series: Series = {
      baseline: new RateBaseline(this.#config),
      act: test(this.#config.act),
      actYoung: test(this.#config.actYoung),
      observe: test(this.#config.observe),
      evidence: new Evidence(),
      open: undefined,
    }
    this.#series.set(key, series)
    return series
  }
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000
}

/** Three significant digits, without an exponent. */
function formatNumber(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en-US', { maximumSignificantDigits: 3 })
}
