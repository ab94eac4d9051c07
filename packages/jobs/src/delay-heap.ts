/** Jobs by the time at which they fall due: a binary heap. Entries are never removed early; the owner ignores the outdated ones. */

interface Entry<Value> {
  readonly atMs: number
  /** Breaks ties by age, so that equal times leave in the order they came. */
  readonly order: number
  readonly value: Value
}

export class DelayHeap<Value> {
  readonly #entries: Entry<Value>[] = []
  #nextOrder = 0

  get size(): number {
    return this.#entries.length
  }

  /** Time of the earliest entry. */
  get nextAtMs(): number | undefined {
    return this.#entries[0]?.atMs
  }

  push(atMs: number, value: Value): void {
    const entries = this.#entries
    let index = entries.push({ atMs, order: this.#nextOrder++, value }) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#before(index, parent)) return
      this.#swap(index, parent)
      index = parent
    }
  }

  /** The earliest entry, if it is due at `nowMs`. */
  popDue(nowMs: number): Value | undefined {
    const entries = this.#entries
    const first = entries[0]
    if (first === undefined || first.atMs > nowMs) return undefined
    const last = entries.pop()
    if (last !== undefined && entries.length > 0) {
      entries[0] = last
      this.#sink(0)
    }
    return first.value
  }

  #sink(from: number): void {
    let index = from
    for (;;) {
      const left = 2 * index + 1
      const right = left + 1
      let least = index
      if (left < this.#entries.length && this.#before(left, least)) least = left
      if (right < this.#entries.length && this.#before(right, least)) least = right
      if (least === index) return
      this.#swap(index, least)
      index = least
    }
  }

  #before(a: number, b: number): boolean {
    const first = this.#entries[a]! // Indexes are in range by their callers.
    const second = this.#entries[b]!
    return first.atMs < second.atMs || (first.atMs === second.atMs && first.order < second.order)
  }

  #swap(a: number, b: number): void {
    const first = this.#entries[a]! // As above.
    this.#entries[a] = this.#entries[b]!
    this.#entries[b] = first
  }
}
