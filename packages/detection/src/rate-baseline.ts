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

export class RateBaseline {
  readonly #config: ScrapingConfig
  readonly #binS: number
  #week: Float32Array | undefined
  #binIndex: number | undefined
  #binCount = 0
  /** Requests observed in the bin, each once. */
  #binEvents = 0
  #binSuspect = false
  #second = 0
  #secondCount = 0
  /** Sum of the squared counts of the bin's seconds. */
  #secondSquares = 0
  readonly #suspectBins: Bin[] = []
  #bins = 0
  #mean = 0
  #variance = 0
  /** Sums of within-bin variances and means of seconds' counts, fading. */
  #burstVariance = 0
  #burstMean = 0
  #sinceUs: number | undefined
  eventCount = 0

  constructor(config: ScrapingConfig) {
    this.#config = config
    this.#binS = config.binUs / microsPerSecond
  }

  /** How long it has been learning, in event time. */
  ageUs(atUs: number): number {
    return this.#sinceUs === undefined ? 0 : Math.max(0, atUs - this.#sinceUs)
  }

  /** Mean rate of the learned bins, and of the first bin while there is none, a second. */
  get meanPerS(): number {
    return this.#bins === 0 ? this.#binCount / this.#binS : this.#mean / this.#binS
  }

  /** A request that stands for `weight` requests. `suspect`: keep its bin out of what is learned. */
  observe(atUs: number, weight: number, suspect: boolean): void {
    this.#sinceUs ??= atUs
    this.eventCount++
    const index = Math.floor(atUs / this.#config.binUs)
    this.#binIndex ??= index
    if (index > this.#binIndex) this.#closeBins(index)
    // Late ones count in the present bin: they are few, and no bin is ever reopened.
    this.#binCount += weight
    const second = Math.floor(atUs / microsPerSecond)
    if (second !== this.#second) {
      this.#second = second
      this.#secondCount = 0
    }
    // The difference of the squares, so that no second is ever "closed".
    // Unweighted: a sample's weight is no burst.
    this.#secondSquares += 2 * this.#secondCount + 1
    this.#secondCount++
    this.#binEvents++
    if (suspect) this.#binSuspect = true
  }

  /** The rate a second that may be normal at this time: no test starts below it. */
  normalPerS(atUs: number): number {
    const bins = Math.max(1, this.#bins)
    // The mean of few bins is itself uncertain: its standard error is a part of what may be normal.
    const deviation = Math.sqrt(this.#variance * (1 + 1 / bins))
    const level = (this.#mean + this.#config.dispersionCount * deviation) / this.#binS
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
    return Math.max(1, (this.#burstVariance + prior) / (this.#burstMean + prior))
  }

  /** Adds what was learned of a series that turns out to be a part of this one. `other` is of no use after. */
  absorb(other: RateBaseline): void {
    const index = Math.max(this.#binIndex ?? 0, other.#binIndex ?? 0)
    for (const baseline of [this, other]) {
      if (baseline.#binIndex !== undefined && index > baseline.#binIndex) baseline.#closeBins(index)
    }
    const bins = Math.max(this.#bins, other.#bins)
    if (bins > 0) {
      // Rates add; what a series did before it was first seen is nothing, so it is spread over the longer of the two histories.
      this.#mean = (this.#mean * this.#bins + other.#mean * other.#bins) / bins
      this.#variance = (this.#variance * this.#bins + other.#variance * other.#bins) / bins
    }
    this.#bins = bins
    this.#binIndex ??= other.#binIndex
    this.#binCount += other.#binCount
    this.#binEvents += other.#binEvents
    this.#secondSquares += other.#secondSquares
    this.#binSuspect ||= other.#binSuspect
    this.#burstVariance += other.#burstVariance
    this.#burstMean += other.#burstMean
    this.eventCount += other.eventCount
    if (other.#sinceUs !== undefined) this.#sinceUs = Math.min(this.#sinceUs ?? other.#sinceUs, other.#sinceUs)
    if (other.#week === undefined) return
    this.#week ??= new Float32Array(hoursPerWeek)
    for (let hour = 0; hour < hoursPerWeek; hour++) this.#week[hour]! += other.#week[hour]! // In range by the condition.
  }

  /** The suspicion became a finding. */
  dropSuspects(): void {
    this.#suspectBins.length = 0
    this.#binSuspect = true
  }

  #closeBins(nextIndex: number): void {
    const index = this.#binIndex ?? nextIndex
    const bin = { index, count: this.#binCount, events: this.#binEvents, secondSquares: this.#secondSquares }
    if (this.#binSuspect) {
      this.#suspectBins.push(bin)
      if (this.#suspectBins.length > suspectBinsMaxCount) this.#suspectBins.shift()
    } else {
      for (const suspect of this.#suspectBins) this.#learnBin(suspect)
      this.#suspectBins.length = 0
      this.#learnBin(bin)
    }
    const empty = Math.min(emptyBinsMaxCount, nextIndex - index - 1)
    for (let i = 0; i < empty; i++) this.#learnLevel(0)
    this.#binIndex = nextIndex
    this.#binCount = 0
    this.#binEvents = 0
    this.#secondSquares = 0
    this.#secondCount = 0
    this.#binSuspect = false
  }

  #learnBin(bin: Bin): void {
    this.#learnLevel(bin.count)
    this.#learnHour(bin.index * this.#config.binUs, bin.count / this.#binS)
    const mean = bin.events / this.#binS
    const kept = 1 - 1 / this.#config.levelMemoryCount
    this.#burstVariance = this.#burstVariance * kept + bin.secondSquares / this.#binS - mean * mean
    this.#burstMean = this.#burstMean * kept + mean
  }

  /** Plain mean and variance of the first bins, exponentially fading ones after. */
  #learnLevel(count: number): void {
    this.#bins = Math.min(this.#config.levelMemoryCount, this.#bins + 1)
    const share = 1 / this.#bins
    const delta = count - this.#mean
    this.#mean += share * delta
    this.#variance = (1 - share) * (this.#variance + share * delta * delta)
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
