/** What the sensor saw and could not see, by interval of event time: differences of counters that only grow. */

import { type OverloadState, type SensorInterval, sensorIntervalTopic } from '@tapwarden/contracts/sensor-interval'

/** Totals since the start of the run. */
export interface SensorTotals {
  readonly packetCount: number
  readonly bytes: number
  readonly kernelDropCount: number
  readonly transactionCount: number
  readonly flowCount: number
  readonly missedBytes: number
  readonly shedCount: number
  readonly sampledOutCount: number
  readonly opaqueBytes: number
  readonly anomalies: ReadonlyMap<string, number>
}

export interface SensorIntervalsOptions {
  readonly sensorId: string
  readonly runId: string
  readonly intervalUs: number
  /** Asked once an interval. */
  readonly totals: () => SensorTotals
  /** The worst state since it was asked last; asked once an interval. */
  readonly worstState: () => OverloadState
}

export class SensorIntervals {
  readonly #options: SensorIntervalsOptions
  #sequence = 0
  #before: SensorTotals | undefined
  #fromUs = 0
  #toUs = 0
  #endUs = 0

  constructor(options: SensorIntervalsOptions) {
    this.#options = options
  }

  /**
   * Event time is `atUs`. Returns the interval that this ends, encoded, or undefined. Time that goes back (a second file, a clock
   * that was set) stays in the interval under way, whose bounds say so.
   */
  observe(atUs: number): Uint8Array | undefined {
    if (atUs < this.#endUs) {
      if (atUs < this.#fromUs) this.#fromUs = atUs
      else if (atUs > this.#toUs) this.#toUs = atUs
      return undefined
    }
    const ended = this.#before === undefined ? undefined : this.close()
    this.#before ??= this.#options.totals()
    this.#fromUs = atUs
    this.#toUs = atUs
    this.#endUs = (Math.floor(atUs / this.#options.intervalUs) + 1) * this.#options.intervalUs
    return ended
  }

  /** Ends the interval under way; undefined when nothing was ever observed. */
  close(): Uint8Array | undefined {
    const before = this.#before
    if (before === undefined) return undefined
    const now = this.#options.totals()
    this.#before = now
    const interval: SensorInterval = {
      sensorId: this.#options.sensorId,
      runId: this.#options.runId,
      sequence: this.#sequence++,
      fromUs: this.#fromUs,
      toUs: this.#toUs,
      packetCount: now.packetCount - before.packetCount,
      bytes: now.bytes - before.bytes,
      kernelDropCount: now.kernelDropCount - before.kernelDropCount,
      transactionCount: now.transactionCount - before.transactionCount,
      flowCount: now.flowCount - before.flowCount,
      missedBytes: now.missedBytes - before.missedBytes,
      shedCount: now.shedCount - before.shedCount,
      sampledOutCount: now.sampledOutCount - before.sampledOutCount,
      overloadState: this.#options.worstState(),
      opaqueBytes: now.opaqueBytes - before.opaqueBytes,
      anomalies: growth(before.anomalies, now.anomalies),
    }
    return sensorIntervalTopic.encode(interval)
  }
}

function growth(before: ReadonlyMap<string, number>, now: ReadonlyMap<string, number>): Record<string, number> {
  const grown: [string, number][] = []
  for (const [name, count] of now) {
    const added = count - (before.get(name) ?? 0)
    if (added > 0) grown.push([name, added])
  }
  return Object.fromEntries(grown)
}
