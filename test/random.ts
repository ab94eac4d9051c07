/** Seeded chance for every generator of traffic: the same seed, the same people, days and captures. mulberry32. */

export class Random {
  #state: number
  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Uniform in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }

  /** Whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)] as Item
  }

  /** Waiting time of a Poisson process with this mean. */
  exponential(mean: number): number {
    return -Math.log(1 - this.next()) * mean
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

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.below(0x1_0000).toString(16).padStart(4, '0')
    return text.slice(0, digits)
  }

  /** A generator of its own, so that adding a draw in one place does not shift another. */
  fork(label: string): Random {
    let hash = 0x811c9dc5
    for (let i = 0; i < label.length; i++) hash = Math.imul(hash ^ label.charCodeAt(i), 0x01000193)
    return new Random((this.#state ^ hash) >>> 0)
  }
}

/** Cumulative shares of Zipf's law with exponent 1. */
export function zipfShares(count: number): number[] {
  const weights = Array.from({ length: count }, (_, i) => 1 / (i + 1))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  let sum = 0
  return weights.map((weight) => {
    sum += weight / total
    return sum
  })
}
