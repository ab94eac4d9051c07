/** Event time for sources whose frames carry none: the wall clock in µs, which never goes back by a little, and follows when it is set. */

/** The two clocks may differ so far: the wall clock itself tells whole milliseconds. */
const driftMaxUs = 10_000
const lookEveryUs = 1_000_000

export interface Clocks {
  /** Whole milliseconds since the epoch; may be set. */
  readonly wallMs: () => number
  /** Fine and steady, from anywhere. */
  readonly steadyMs: () => number
}

export class WallClock {
  readonly #clocks: Clocks
  #offsetUs = 0
  #lookAtUs = Number.NEGATIVE_INFINITY
  #latestUs = 0

  constructor(clocks: Clocks = { wallMs: () => Date.now(), steadyMs: () => performance.now() }) {
    this.#clocks = clocks
  }

  /** Not before the one told last, unless the wall clock was set back. */
  nowUs(): number {
    const steadyUs = Math.trunc(this.#clocks.steadyMs() * 1_000)
    if (steadyUs >= this.#lookAtUs) this.#follow(steadyUs)
    const nowUs = steadyUs + this.#offsetUs
    if (nowUs > this.#latestUs) this.#latestUs = nowUs
    return this.#latestUs
  }

  #follow(steadyUs: number): void {
    this.#lookAtUs = steadyUs + lookEveryUs
    const offsetUs = this.#clocks.wallMs() * 1_000 - steadyUs
    const driftUs = offsetUs - this.#offsetUs
    if (Math.abs(driftUs) <= driftMaxUs) return
    this.#offsetUs = offsetUs
    if (driftUs < 0) this.#latestUs = 0
  }
}
