/**
 * The heaviest values of a stream in bounded memory: SpaceSaving (Metwally et al. 2005), merged as in Agarwal et al. 2012.
 *
 * Invariants: a value's count is never underestimated; it is overestimated by at most its `error`, which is at most the
 * total divided by the capacity; every value heavier than that is present.
 */

import { assert } from '@tapwarden/base/assert'

interface Counter {
  count: number
  /** What the slot's former owner may have contributed. */
  error: number
}

export interface HeavyValue {
  readonly value: string
  readonly count: number
  readonly error: number
}

export class TopK {
  readonly #capacity: number
  readonly #counters = new Map<string, Counter>()
  total = 0

  constructor(capacity: number) {
    assert(Number.isSafeInteger(capacity) && capacity > 0, 'at least one value is kept')
    this.#capacity = capacity
  }

  add(value: string, count = 1): void {
    this.total += count
    const known = this.#counters.get(value)
    if (known !== undefined) {
      known.count += count
      return
    }
    if (this.#counters.size < this.#capacity) {
      this.#counters.set(value, { count, error: 0 })
      return
    }
    // A scan, since capacities are tens: a linked bucket list pays off in the thousands.
    const [lightest, floor] = this.#lightest()
    this.#counters.delete(lightest)
    this.#counters.set(value, { count: floor + count, error: floor })
  }

  merge(other: TopK): void {
    const floor = this.#floor()
    const otherFloor = other.#floor()
    const union = new Map<string, Counter>()
    for (const [value, mine] of this.#counters) {
      const theirs = other.#counters.get(value) ?? { count: otherFloor, error: otherFloor }
      union.set(value, { count: mine.count + theirs.count, error: mine.error + theirs.error })
    }
    for (const [value, theirs] of other.#counters) {
      if (!union.has(value)) union.set(value, { count: theirs.count + floor, error: theirs.error + floor })
    }
    const heaviest = [...union].sort(byCount).slice(0, this.#capacity)
    this.#counters.clear()
    for (const [value, counter] of heaviest) this.#counters.set(value, counter)
    this.total += other.total
  }

  /** Heaviest first; equal counts by value, so that the order is a function of the content. */
  heaviest(limit = this.#capacity): HeavyValue[] {
    return [...this.#counters]
      .sort(byCount)
      .slice(0, limit)
      .map(([value, counter]) => ({ value, ...counter }))
  }

  clear(): void {
    this.#counters.clear()
    this.total = 0
  }

  /** The count that an absent value may have had at most. */
  #floor(): number {
    return this.#counters.size < this.#capacity ? 0 : this.#lightest()[1]
  }

  #lightest(): [value: string, count: number] {
    let lightest = ''
    let floor = Number.POSITIVE_INFINITY
    for (const [value, counter] of this.#counters) {
      if (counter.count < floor) {
        lightest = value
        floor = counter.count
      }
    }
    return [lightest, floor]
  }
}

function byCount(a: [string, Counter], b: [string, Counter]): number {
  return b[1].count - a[1].count || (a[0] < b[0] ? -1 : 1)
}
