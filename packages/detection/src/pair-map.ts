/**
 * A bounded map from pairs of texts, least recently used out first: one row of entries for each first text, so that a look-up joins and
 * hashes no text, and order of use is links between the entries, so that using one moves nothing.
 *
 *   oldest ⇄ … ⇄ newest      rows: first → second → entry
 *
 * Invariant: `size <= maxEntries`, each entry is in one row and in the chain, no row is empty.
 */

import { assert } from '@tapwarden/base/assert'

/** What an entry extends. The links are the map's. */
export class PairEntry {
  readonly first: string
  readonly second: string
  older: PairEntry | undefined = undefined
  newer: PairEntry | undefined = undefined

  constructor(first: string, second: string) {
    this.first = first
    this.second = second
  }
}

export class PairMap<Entry extends PairEntry> {
  readonly #maxEntries: number
  readonly #onEvict: (entry: Entry) => void
  readonly #rows = new Map<string, Map<string, Entry>>()
  #oldest: PairEntry | undefined
  #newest: PairEntry | undefined
  #size = 0
  /** Entries that left because the map was full. */
  overflowCount = 0

  constructor(maxEntries: number, onEvict: (entry: Entry) => void = () => undefined) {
    assert(Number.isSafeInteger(maxEntries) && maxEntries > 0, 'a bounded map holds at least one entry')
    this.#maxEntries = maxEntries
    this.#onEvict = onEvict
  }

  get size(): number {
    return this.#size
  }

  /** Counts as a use. */
  get(first: string, second: string): Entry | undefined {
    const entry = this.#rows.get(first)?.get(second)
    if (entry !== undefined && entry !== this.#newest) {
      this.#unlink(entry)
      this.#link(entry)
    }
    return entry
  }

  /** Its pair is not in the map. When the map is full, the least recently used leaves. */
  add(entry: Entry): void {
    if (this.#size >= this.#maxEntries) this.#evict()
    let row = this.#rows.get(entry.first)
    if (row === undefined) {
      row = new Map()
      this.#rows.set(entry.first, row)
    }
    assert(!row.has(entry.second), 'who adds has asked before')
    row.set(entry.second, entry)
    this.#link(entry)
    this.#size++
  }

  /** It is in the map. */
  delete(entry: Entry): void {
    const row = this.#rows.get(entry.first)
    assert(row?.get(entry.second) === entry, 'only what is in the map leaves it')
    row.delete(entry.second)
    if (row.size === 0) this.#rows.delete(entry.first)
    this.#unlink(entry)
    this.#size--
  }

  /** From the least recently used on. The map must not change meanwhile. */
  *entries(): Generator<Entry> {
    // Only entries of this map are linked.
    for (let entry = this.#oldest; entry !== undefined; entry = entry.newer) yield entry as Entry
  }

  #evict(): void {
    const oldest = this.#oldest as Entry | undefined
    assert(oldest !== undefined, 'a full map holds something')
    this.delete(oldest)
    this.overflowCount++
    this.#onEvict(oldest)
  }

  #link(entry: PairEntry): void {
    entry.older = this.#newest
    entry.newer = undefined
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  #unlink(entry: PairEntry): void {
    const { older, newer } = entry
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    entry.older = undefined
    entry.newer = undefined
  }
}
