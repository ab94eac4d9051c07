/** A seeded generator (mulberry32): the same seed, the same capture, byte for byte. */

export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** Whole number in [0, limit). */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * limit)
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]! // No caller has an empty list.
  }

  hex(digits: number): string {
    let text = ''
    while (text.length < digits) text += this.below(0x1000_0000).toString(16).padStart(7, '0')
    return text.slice(0, digits)
  }
}
