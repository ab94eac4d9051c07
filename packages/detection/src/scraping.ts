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

import { microsPerSecond } from '@tapwarden/base/units'
import type { Finding } from '@tapwarden/contracts/finding'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { PoissonCusum, poissonCusumWidth } from './change-point.js'
import type { RateTier, ScrapingConfig } from './detection-config.js'
import { type Detector, type DetectorMinima, type FindingEndpoint, isRefusal, redirectedId } from './detector.js'
import { Evidence } from './evidence.js'
import { type NumberPlace, NumberSlab } from './number-slab.js'
import { PairEntry, PairMap } from './pair-map.js'
import { RateBaseline, rateBaselineWidth } from './rate-baseline.js'
import { findingId } from './string-hash.js'

export const scrapingId = 'scraping-rate'
export const scrapingVersion = 1

type Tier = 'act' | 'observe'

/**
 * What is known of one access token at one endpoint. There are tens of thousands, few of them old or under suspicion: numbers stand in a
 * slab, and what only those few need is made when they do.
 */
class Series extends PairEntry {
  readonly place: NumberPlace
  readonly baseline: RateBaseline
  readonly actYoung: PoissonCusum
  /** `act`, `actYoung` and `observe` once the baseline was mature; the most sensitive last. */
  mature: readonly PoissonCusum[] | undefined = undefined
  /** Of the excursion of the statistics from zero. */
  evidence: Evidence | undefined = undefined
  open: OpenFinding | undefined = undefined

  constructor(accessToken: string, endpointId: string, config: ScrapingConfig, place: NumberPlace) {
    super(accessToken, endpointId)
    const { numbers, at } = place
    this.place = place
    this.baseline = new RateBaseline(config, numbers, at)
    this.actYoung = new PoissonCusum(config.actYoung.factor, numbers, at + rateBaselineWidth)
  }
}

/** What runs on a request: one statistic each, and its tier, in the same order. */
interface Tests {
  readonly cusums: readonly PoissonCusum[]
  readonly tiers: readonly RateTier[]
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
  readonly #series: PairMap<Series>
  readonly #numbers = new NumberSlab(rateBaselineWidth + poissonCusumWidth)
  readonly #youngTiers: readonly RateTier[]
  readonly #matureTiers: readonly RateTier[]
  readonly #open = new Set<Series>()

  constructor(config: ScrapingConfig) {
    this.#config = config
    this.minima = { eventsMinCount: config.eventsMinCount, eventTimeMinUs: config.eventTimeMinUs }
    this.#youngTiers = [config.actYoung]
    this.#matureTiers = [config.act, config.actYoung, config.observe]
    this.#series = new PairMap(config.seriesMaxCount, (series) => {
      this.#open.delete(series)
      this.#numbers.free(series.place)
    })
  }

  observe(transaction: HttpTransaction, endpoint: FindingEndpoint): Finding[] {
    const findings: Finding[] = []
    const { accessToken } = transaction
    if (accessToken !== undefined && !isRefusal(transaction)) {
      const series = this.#seriesOf(accessToken, endpoint.id)
      this.#observeRequest(series, transaction, accessToken, endpoint, findings)
    }
    for (const series of this.#open) this.#closeIfOver(series, transaction.observedAtUs, findings)
    return findings
  }

  redirectEndpoints(redirects: ReadonlyMap<string, string>): void {
    const moved: Series[] = []
    for (const series of this.#series.entries()) if (redirects.has(series.second)) moved.push(series)
    for (const series of moved) {
      const { first: accessToken, second: endpointId } = series
      const to = redirectedId(redirects, endpointId)
      // A finding that is open ends as it began.
      if (to === endpointId || series.open !== undefined) continue
      this.#series.delete(series)
      this.#seriesOf(accessToken, to).baseline.absorb(series.baseline)
      this.#numbers.free(series.place)
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
    const tests = this.#testsOf(series, mature)
    for (let i = 0; i < tests.tiers.length; i++) {
      tests.cusums[i]!.observe(atUs, rate, burstiness * tests.tiers[i]!.threshold) // Here and below: one a tier.
    }
    const suspect = judging && this.#isSuspect(series, tests, burstiness)
    baseline.observe(atUs, request.weight, suspect)
    if (!judging) return

    series.evidence ??= new Evidence()
    // The most sensitive test comes last: when it leaves zero, this request starts the excursion.
    if (series.open === undefined && tests.cusums.at(-1)?.changePointUs === atUs) series.evidence.reset()
    series.evidence.add(request)
    if (series.open !== undefined && suspect) series.open.lastAboveUs = Math.max(series.open.lastAboveUs, atUs)
    if (series.evidence.observedCount >= this.#config.requestsMinCount) {
      for (let i = 0; i < tests.tiers.length; i++) {
        const cusum = tests.cusums[i]!
        const threshold = burstiness * tests.tiers[i]!.threshold
        if (cusum.value < threshold) continue
        const tier = tests.tiers[i] === this.#config.observe ? 'observe' : 'act'
        this.#cross(series, cusum, tier, { request, accessToken, endpoint, normalPerS, burstiness, threshold })
      }
    }
    this.#publish(series, series.evidence, atUs, findings)
  }

  #testsOf(series: Series, mature: boolean): Tests {
    if (!mature) return { cusums: [series.actYoung], tiers: this.#youngTiers }
    const { act, observe } = this.#config
    series.mature ??= [new PoissonCusum(act.factor), series.actYoung, new PoissonCusum(observe.factor)]
    return { cusums: series.mature, tiers: this.#matureTiers }
  }

  /** Nothing is learned from half a threshold on; while a finding is open, until every statistic is back at one step above zero. */
  #isSuspect(series: Series, { cusums, tiers }: Tests, burstiness: number): boolean {
    if (series.open !== undefined) return tiers.some(({ factor }, i) => cusums[i]!.value > Math.log(factor))
    return tiers.some(({ threshold }, i) => cusums[i]!.value > (burstiness * threshold) / 2)
  }

  #cross(series: Series, cusum: PoissonCusum, tier: Tier, crossing: Crossing): void {
    const { open } = series
    const { request, accessToken, endpoint, normalPerS, burstiness, threshold } = crossing
    if (open === undefined) {
      const firstUs = Math.min(cusum.changePointUs, request.observedAtUs)
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
        statistic: cusum.value,
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
    open.statistic = cusum.value
    open.threshold = threshold
    // Worth saying at once.
    open.publishedCount = 0
  }

  /** The first time, and whenever twice as many requests were made. */
  #publish(series: Series, evidence: Evidence, atUs: number, findings: Finding[]): void {
    const { open } = series
    if (open === undefined || evidence.weightedCount < 2 * open.publishedCount) return
    open.version++
    open.publishedCount = evidence.weightedCount
    findings.push(this.#finding(series, open, evidence, atUs, 'open'))
  }

  #closeIfOver(series: Series, atUs: number, findings: Finding[]): void {
    const { open, evidence } = series
    if (open === undefined || evidence === undefined) return
    const forGood = atUs - open.openedUs >= this.#config.closeAtLatestAfterUs
    if (atUs - open.lastAboveUs < this.#config.closeAfterUs && !forGood) return
    open.version++
    findings.push(this.#finding(series, open, evidence, atUs, 'closed'))
    series.open = undefined
    this.#open.delete(series)
    evidence.reset()
    for (const cusum of series.mature ?? [series.actYoung]) cusum.reset()
    series.baseline.dropSuspects()
    if (forGood) series.baseline.reset()
  }

  #finding(series: Series, open: OpenFinding, evidence: Evidence, atUs: number, state: Finding['state']): Finding {
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

  #seriesOf(accessToken: string, endpointId: string): Series {
    const known = this.#series.get(accessToken, endpointId)
    if (known !== undefined) return known
    const series = new Series(accessToken, endpointId, this.#config, this.#numbers.take())
    this.#series.add(series)
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
