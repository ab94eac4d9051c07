/**
 * A Map with a hard limit and a named overflow policy: the only map that hostile keys may reach.
 *
 * Invariant: `size <= maxEntries` after every call. Insertion order is use order under `evict-least-recent`
 * (a read moves the entry to the end), and age under `evict-oldest`.
 */

import { assert } from './assert.js'

export type OverflowPolicy = 'evict-least-recent' | 'evict-oldest' | 'refuse-new'

export interface BoundedMapOptions<Key, Value> {
  readonly maxEntries: number
  readonly onFull: OverflowPolicy
  /** Called with each entry that had to leave; must not touch the map. */
  readonly onEvict?: (key: Key, value: Value) => void
}

export class BoundedMap<Key, Value> {
  readonly #entries = new Map<Key, Value>()
  readonly #options: BoundedMapOptions<Key, Value>
  /**
   * Where the oldest entry is. Everything before it has left, so it only ever moves on: a fresh iterator would walk over the places
   * of all entries that left since the last rehash, on every eviction.
   */
  #oldest: IterableIterator<Key> | undefined
  /** Entries that left, or were refused, because the map was full: a counter to publish. */
  overflowCount = 0

  constructor(options: BoundedMapOptions<Key, Value>) {
    assert(Number.isSafeInteger(options.maxEntries) && options.maxEntries > 0, 'a bounded map holds at least one entry')
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value !== undefined && this.#options.onFull === 'evict-least-recent') {
      this.#entries.delete(key)
      this.#entries.set(key, value)
    }
    return value
  }

  /** Looks without counting as a use. */
  peek(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  /** Returns false only under `refuse-new`, when the map is full and `key` is not in it. */
  set(key: Key, value: Value): boolean {
    const known = this.#entries.has(key)
    if (known && this.#options.onFull === 'evict-least-recent') this.#entries.delete(key)
    if (!known && this.#entries.size >= this.#options.maxEntries) {
      this.overflowCount++
      if (this.#options.onFull === 'refuse-new') return false
      this.#evictFirst()
    }
    this.#entries.set(key, value)
    return true
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  keys(): IterableIterator<Key> {
    return this.#entries.keys()
  }

  values(): IterableIterator<Value> {
    return this.#entries.values()
  }

  entries(): IterableIterator<[Key, Value]> {
    return this.#entries.entries()
  }

  #evictFirst(): void {
    this.#oldest ??= this.#entries.keys()
    let next = this.#oldest.next()
    if (next.done === true) {
      this.#oldest = this.#entries.keys()
      next = this.#oldest.next()
    }
    if (next.done === true) return
    const key = next.value
    const value = this.#entries.get(key)
    this.#entries.delete(key)
    if (value !== undefined) this.#options.onEvict?.(key, value)
  }
}
