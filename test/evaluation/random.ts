/** Seeded randomness: the same seed gives the same day of traffic. */

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed | 0
  }

  /** Uniform in [0, 1). Mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** Time to the next event of a Poisson process. */
  exponential(rate: number): number {
    return -Math.log(1 - this.next()) / rate
  }

  /** Index by Zipf's law with exponent 1. */
  zipf(cumulative: readonly number[]): number {
    const point = this.next()
    let index = 0
    while (index < cumulative.length - 1 && cumulative[index]! < point) index++ // In range by the first condition.
    return index
  }

  /** Mean 1, coefficient of variation `1 / sqrt(shape)`; shape at least 1. Marsaglia and Tsang. */
  gamma(shape: number): number {
    const d = shape - 1 / 3
    const c = 1 / Math.sqrt(9 * d)
    for (;;) {
      const normal = Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next())
      const v = (1 + c * normal) ** 3
      if (v > 0 && Math.log(1 - this.next()) < normal * normal * 0.5 + d - d * v + d * Math.log(v))
        return (d * v) / shape
    }
  }
}

export function zipfShares(count: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => 1 / (i + 1))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  return weights.map((weight) => {
    sum += weight / total
    return sum
  })
}
