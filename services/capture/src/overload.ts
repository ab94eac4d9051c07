/**
 * What the sensor does when more comes than it can take: it looks at fewer transactions, and says for how many each of them stands, before
 * anything is lost that nobody counts.
 *
 *     calm ──pressure──► shedding: one ordinary transaction in 2, 4, 8 …; those that matter most stay whole longest
 *       ▲                   │ nothing pressed for a while: one step back
 *       └───────────────────┘      blind: packets or records are being lost, of which nothing is known
 *
 * Pressure is a queue that fills, frames that are read ever later than they came, or a loss. Which transactions are kept follows from their ids
 * (DESIGN "Decided" 1), so two sensors of one mirror under the same pressure keep the same ones. Pure: time is told.
 */

import { type OverloadState, overloadStates } from '@tapwarden/contracts/sensor-interval'
import type { KeptShares } from '@tapwarden/redaction/redact-transaction'

export interface OverloadLimits {
  /** Frames may be read so much later than the promptest so far. */
  readonly lagMaxMs: number
  /** At most one ordinary transaction in so many is kept: a power of two. */
  readonly oneInMax: number
}

export interface Load {
  /** Any clock that only goes on, ms. */
  readonly nowMs: number
  /** How much of the queue to the bus is taken, 0 to 1. */
  readonly queueFill: number
  /** Transactions that wait there. Records tell less: what was left out makes them smaller, not fewer. */
  readonly waitingCount: number
  /** How long after its capture the newest frame was read, ms, by clocks that may differ; undefined when no frame came. */
  readonly lagMs: number | undefined
  /** Packets and transactions lost so far, by the kernel and the queue. */
  readonly lostCount: number
}

const queuePressedFill = 0.5
const queueRelievedFill = 0.1
/** A step up shows its effect only after a while, as records leave the queue many at once; where something is lost, nobody waits. */
const stepUpMs = 1_000
const stepUpLosingMs = 250
/** A step down is taken when all was well for longer. */
const stepDownMs = 2_000
/** What matters most is halved only when the rest is down to one in so many. */
const foremostFromOneIn = 16

export class Overload {
  readonly #limits: OverloadLimits
  #oneIn = 1
  #shares: KeptShares = { ordinaryOneIn: 1, foremostOneIn: 1 }
  #lostCount = 0
  #lostAtMs = Number.NEGATIVE_INFINITY
  #pressedAtMs = Number.NEGATIVE_INFINITY
  #steppedAtMs = Number.NEGATIVE_INFINITY
  /** With what pressure was compared last: what shrinks already needs no further step. */
  #comparedAtMs = Number.NEGATIVE_INFINITY
  #comparedCount = -1
  #comparedLateMs = 0
  #nowMs = Number.NEGATIVE_INFINITY
  #leastLagMs = Number.POSITIVE_INFINITY
  #worst: OverloadState = 'calm'

  constructor(limits: OverloadLimits) {
    this.#limits = limits
  }

  get state(): OverloadState {
    if (this.#nowMs - this.#lostAtMs < stepDownMs) return 'blind'
    return this.#oneIn > 1 ? 'shedding' : 'calm'
  }

  /** The worst state since this was asked last. */
  takeWorst(): OverloadState {
    const worst = worseOf(this.#worst, this.state)
    this.#worst = this.state
    return worst
  }

  get shares(): KeptShares {
    return this.#shares
  }

  observe(load: Load): void {
    this.#weigh(load)
    this.#worst = worseOf(this.#worst, this.state)
  }

  #weigh({ nowMs, queueFill, waitingCount, lagMs, lostCount }: Load): void {
    this.#nowMs = nowMs
    if (lostCount > this.#lostCount) this.#lostAtMs = nowMs
    this.#lostCount = lostCount
    if (lagMs !== undefined) this.#leastLagMs = Math.min(this.#leastLagMs, lagMs)
    const lateMs = lagMs === undefined ? 0 : lagMs - this.#leastLagMs
    const isLosing = this.#lostAtMs === nowMs
    if (isLosing || queueFill >= queuePressedFill || lateMs >= this.#limits.lagMaxMs) {
      this.#pressedAtMs = nowMs
      if (nowMs - this.#comparedAtMs < (isLosing ? stepUpLosingMs : stepUpMs)) return
      const isGrowing = waitingCount > this.#comparedCount || lateMs > this.#comparedLateMs
      this.#comparedAtMs = nowMs
      this.#comparedCount = waitingCount
      this.#comparedLateMs = lateMs
      if (isLosing || isGrowing) this.#step(this.#oneIn * 2)
      return
    }
    const isRelieved = queueFill <= queueRelievedFill && lateMs <= this.#limits.lagMaxMs / 4
    if (!isRelieved) this.#pressedAtMs = nowMs
    else if (nowMs - this.#pressedAtMs >= stepDownMs && nowMs - this.#steppedAtMs >= stepDownMs)
      this.#step(this.#oneIn / 2)
  }

  #step(oneIn: number): void {
    const bounded = Math.min(Math.max(oneIn, 1), this.#limits.oneInMax)
    if (bounded === this.#oneIn) return
    this.#oneIn = bounded
    this.#shares = { ordinaryOneIn: bounded, foremostOneIn: Math.max(1, bounded / foremostFromOneIn) }
    this.#steppedAtMs = this.#nowMs
  }
}

function worseOf(a: OverloadState, b: OverloadState): OverloadState {
  return overloadStates.indexOf(a) < overloadStates.indexOf(b) ? b : a
}
