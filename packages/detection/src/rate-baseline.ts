/**
 * What rate is normal for one series of requests, now: learned in five-minute bins of event time.
 *
 *   level    mean and variance of the bins, fading over a day: "as usual", bursts included
 *   week     the busiest bin of each hour of the week, once seen: nightly syncs, Monday mornings; an hour early or late still counts
 *
 *   bursts   how much more than Poisson the seconds of a bin vary about the bin's own mean: 1 for a steady client, 20 for one that sends
 *            twenty requests at once
 *
 * Normal is the larger of the level plus some standard deviations and what this hour of the week was. Bins in which a test was
 * under suspicion wait: they are learned when the suspicion came to nothing, and dropped when it became a finding. (Never learning them
 * would let the level sink below the client's own busy hours.)
 */

import { microsPerHour, microsPerSecond } from '@tapwarden/base/units'
import type { ScrapingConfig } from './detection-config.js'

interface Bin {
  readonly index: number
  readonly count: number
  readonly events: number
  readonly secondSquares: number
}

const hoursPerWeek = 168
const hoursPerDay = 24
/** Suspect bins that wait: an hour of them. */
const suspectBinsMaxCount = 12
/** Requests that the prior of no bursts is worth. */
const burstPriorCount = 20
/** Empty bins after a silence that are worth counting one by one: a day of them makes any level quiet. */
const emptyBinsMaxCount = 288

/** Numbers that a `RateBaseline` keeps, by what they are. */
export const rateBaselineWidth = 13
const field = {
  /** Not a number: nothing observed yet. */
  binIndex: 0,
  binCount: 1,
  /** Requests observed in the bin, each once. */
  binEvents: 2,
  second: 3,
  secondCount: 4,
  /** Sum of the squared counts of the bin's seconds. */
  secondSquares: 5,
  bins: 6,
  mean: 7,
  variance: 8,
  /** Sums of within-bin variances and means of seconds' counts, fading. */
  burstVariance: 9,
  burstMean: 10,
  /** Not a number: nothing observed yet. */
  sinceUs: 11,
  events: 12,
} as const

const noBins: readonly Bin[] = []

export class RateBaseline {
  readonly #config: ScrapingConfig
  readonly #numbers: Float64Array
  readonly #at: number
  #week: Float32Array | undefined
  #binSuspect = false
  #suspectBins = noBins

  /** `numbers` from `at` on are its `rateBaselineWidth` numbers: a key and an endpoint have one, so there are many. */
  constructor(config: ScrapingConfig, numbers: Float64Array = new Float64Array(rateBaselineWidth), at = 0) {
    this.#config = config
    this.#numbers = numbers
    this.#at = at
    this.reset()
  }

  /** Nothing is learned any more. */
  reset(): void {
    this.#numbers.fill(0, this.#at, this.#at + rateBaselineWidth)
    this.#numbers[this.#at + field.binIndex] = Number.NaN
    this.#numbers[this.#at + field.sinceUs] = Number.NaN
    this.#week = undefined
    this.#binSuspect = false
    this.#suspectBins = noBins
  }

  #get(which: number): number {
    return this.#numbers[this.#at + which]! // Its own numbers.
  }

  #set(which: number, value: number): void {
    this.#numbers[this.#at + which] = value
  }

  #add(which: number, value: number): void {
    this.#numbers[this.#at + which]! += value // Its own numbers.
  }

  /** Of a bin, in seconds. */
  get #binS(): number {
    return this.#config.binUs / microsPerSecond
  }

  get eventCount(): number {
    return this.#get(field.events)
  }

  /** How long it has been learning, in event time. */
  ageUs(atUs: number): number {
    const sinceUs = this.#get(field.sinceUs)
    return Number.isNaN(sinceUs) ? 0 : Math.max(0, atUs - sinceUs)
  }

  /** Mean rate of the learned bins, and of the first bin while there is none, a second. */
  get meanPerS(): number {
    return this.#get(field.bins) === 0 ? this.#get(field.binCount) / this.#binS : this.#get(field.mean) / this.#binS
  }

  /** A request that stands for `weight` requests. `suspect`: keep its bin out of what is learned. */
  observe(atUs: number, weight: number, suspect: boolean): void {
    if (Number.isNaN(this.#get(field.sinceUs))) this.#set(field.sinceUs, atUs)
    this.#add(field.events, 1)
    const index = Math.floor(atUs / this.#config.binUs)
    if (Number.isNaN(this.#get(field.binIndex))) this.#set(field.binIndex, index)
    if (index > this.#get(field.binIndex)) this.#closeBins(index)
    // Late ones count in the present bin: they are few, and no bin is ever reopened.
    this.#add(field.binCount, weight)
    const second = Math.floor(atUs / microsPerSecond)
    if (second !== this.#get(field.second)) {
      this.#set(field.second, second)
      this.#set(field.secondCount, 0)
    }
    // The difference of the squares, so that no second is ever "closed".
    // Unweighted: a sample's weight is no burst.
    this.#add(field.secondSquares, 2 * this.#get(field.secondCount) + 1)
    this.#add(field.secondCount, 1)
    this.#add(field.binEvents, 1)
    if (suspect) this.#binSuspect = true
  }

  /** The rate a second that may be normal at this time: no test starts below it. */
  normalPerS(atUs: number): number {
    const bins = Math.max(1, this.#get(field.bins))
    // The mean of few bins is itself uncertain: its standard error is a part of what may be normal.
    const deviation = Math.sqrt(this.#get(field.variance) * (1 + 1 / bins))
    const level = (this.#get(field.mean) + this.#config.dispersionCount * deviation) / this.#binS
    return Math.max(this.#config.rateMinPerS, level, this.#weekPerS(atUs))
  }

  /** What this hour of the week, or one beside it, or the same hour of another day was at its busiest. */
  #weekPerS(atUs: number): number {
    const week = this.#week
    if (week === undefined) return 0
    const hour = hourOfWeek(atUs)
    let busiest = 0
    for (const near of [hour + hoursPerWeek - 1, hour, hour + 1]) {
      const rate = week[near % hoursPerWeek]! // In range by the remainder.
      if (rate > busiest) busiest = rate
    }
    for (let other = hour % hoursPerDay; other < hoursPerWeek; other += hoursPerDay) {
      const rate = week[other]! // In range by the loop condition.
      if (rate > busiest) busiest = rate
    }
    return busiest
  }

  /** How many requests of this client are one surprise: variance over mean of its seconds, at least 1. */
  get burstiness(): number {
    const prior = burstPriorCount / this.#binS
    return Math.max(1, (this.#get(field.burstVariance) + prior) / (this.#get(field.burstMean) + prior))
  }

  /** Adds what was learned of a series that turns out to be a part of this one. `other` is of no use after. */
  absorb(other: RateBaseline): void {
    const [own, theirs] = [this.#get(field.binIndex), other.#get(field.binIndex)]
    const index = Math.max(Number.isNaN(own) ? 0 : own, Number.isNaN(theirs) ? 0 : theirs)
    for (const baseline of [this, other]) if (index > baseline.#get(field.binIndex)) baseline.#closeBins(index)
    const [ownBins, theirBins] = [this.#get(field.bins), other.#get(field.bins)]
    const bins = Math.max(ownBins, theirBins)
    if (bins > 0) {
      // Rates add; what a series did before it was first seen is nothing, so it is spread over the longer of the two histories.
      for (const level of [field.mean, field.variance]) {
        this.#set(level, (this.#get(level) * ownBins + other.#get(level) * theirBins) / bins)
      }
    }
    this.#set(field.bins, bins)
    if (Number.isNaN(own)) this.#set(field.binIndex, other.#get(field.binIndex))
    for (const sum of [
      field.binCount,
      field.binEvents,
      field.secondSquares,
      field.burstVariance,
      field.burstMean,
      field.events,
    ]) {
      this.#add(sum, other.#get(sum))
    }
    this.#binSuspect ||= other.#binSuspect
    const since = [this.#get(field.sinceUs), other.#get(field.sinceUs)].filter((us) => !Number.isNaN(us))
    if (since.length > 0) this.#set(field.sinceUs, Math.min(...since))
    if (other.#week === undefined) return
    this.#week ??= new Float32Array(hoursPerWeek)
    for (let hour = 0; hour < hoursPerWeek; hour++) this.#week[hour]! += other.#week[hour]! // In range by the condition.
  }

  /** The suspicion became a finding. */
  dropSuspects(): void {
    this.#suspectBins = noBins
    this.#binSuspect = true
  }

  #closeBins(nextIndex: number): void {
    const index = this.#get(field.binIndex)
    const bin = {
      index,
      count: this.#get(field.binCount),
      events: this.#get(field.binEvents),
      secondSquares: this.#get(field.secondSquares),
    }
    if (this.#binSuspect) this.#suspectBins = [...this.#suspectBins, bin].slice(-suspectBinsMaxCount)
    else {
      for (const suspect of this.#suspectBins) this.#learnBin(suspect)
      this.#suspectBins = noBins
      this.#learnBin(bin)
    }
    const empty = Math.min(emptyBinsMaxCount, nextIndex - index - 1)
    for (let i = 0; i < empty; i++) this.#learnLevel(0)
    this.#set(field.binIndex, nextIndex)
    this.#set(field.binCount, 0)
    this.#set(field.binEvents, 0)
    this.#set(field.secondSquares, 0)
    this.#set(field.secondCount, 0)
    this.#binSuspect = false
  }

  #learnBin(bin: Bin): void {
    this.#learnLevel(bin.count)
    this.#learnHour(bin.index * this.#config.binUs, bin.count / this.#binS)
    const mean = bin.events / this.#binS
    const kept = 1 - 1 / this.#config.levelMemoryCount
    const variance = this.#get(field.burstVariance) * kept + bin.secondSquares / this.#binS - mean * mean
    this.#set(field.burstVariance, variance)
    this.#set(field.burstMean, this.#get(field.burstMean) * kept + mean)
  }

  /** Plain mean and variance of the first bins, exponentially fading ones after. */
  #learnLevel(count: number): void {
    const bins = Math.min(this.#config.levelMemoryCount, this.#get(field.bins) + 1)
    this.#set(field.bins, bins)
    const share = 1 / bins
    const delta = count - this.#get(field.mean)
    this.#add(field.mean, share * delta)
    this.#set(field.variance, (1 - share) * (this.#get(field.variance) + share * delta * delta))
  }

  #learnHour(atUs: number, rate: number): void {
    this.#week ??= new Float32Array(hoursPerWeek)
    const hour = hourOfWeek(atUs)
    const known = this.#week[hour]! // In range by `hourOfWeek`.
    // A busier bin counts at once; a quieter week is believed slowly.
    this.#week[hour] = rate >= known ? rate : known + (rate - known) * this.#hourShare
  }

  /** The blend of a week, spread over the bins of an hour. */
  get #hourShare(): number {
    return (this.#config.hourBlendRatio * this.#config.binUs) / microsPerHour
  }
}

function hourOfWeek(atUs: number): number {
  return Math.floor(atUs / microsPerHour) % hoursPerWeek
}
