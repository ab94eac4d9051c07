/**
 * Which transactions are new: by a bounded window of recent ids, and by a look-up in the store where that window cannot know.
 *
 *   id claimed, or in the window? ─ yes ─► duplicate
 *          │ no
 *   time inside what the store may hold of that hour? ─ no ─► new, and nothing was asked
 *          │ yes
 *   look-up by id over the batch's time range ─► new or duplicate
 *
 * Per hour of event time it keeps the span in which the store holds rows that the window does not cover: asked once, when the hour is
 * first met, then widened by whatever the window forgets. Live traffic runs ahead of that span and asks nothing; a second replay
 * falls into it. Who is told that an id is new has claimed it: until it is remembered or released it is new to nobody else, so one look-up
 * is enough. Assumes one writer for an id (a partition's consumer): after a rebalance call `forget`.
 */

import { IdTable } from '@tapwarden/base/id-table'
import { microsPerHour, microsPerSecond } from '@tapwarden/base/units'
import { tableNames } from '@tapwarden/contracts/names'
import type { Store } from './store.js'

export interface Sighting {
  /** 32 hex digits. */
  readonly id: string
  readonly observedAtUs: number
}

export interface DuplicateFilterOptions {
  /** Ids remembered; about 40 bytes each. */
  readonly recentMaxCount?: number
  /** Hours of event time whose span is remembered; a forgotten one is asked again. */
  readonly hoursMaxCount?: number
}

interface Span {
  fromUs: number
  toUs: number
}

interface Generation {
  readonly ids: IdTable
  readonly spans: Map<number, Span>
}

/** Within the engine's default of 256 KiB for the text of a statement. */
const lookUpIdsMaxCount = 6_000
const rangesMaxCount = 100
/**
 * Two sensors on one mirror, or one capture written with µs and with ns, tell slightly different times of one transaction: a stored row
 * is looked for so far around the time that was told.
 */
const clockSlackUs = microsPerSecond
const idPattern = /^[0-9a-f]{32}$/

export class DuplicateFilter {
  readonly #store: Store
  readonly #generationMaxCount: number
  readonly #hoursMaxCount: number
  /** Two generations: the older is forgotten whole when the younger is full. */
  #younger = newGeneration()
  #older = newGeneration()
  /** Hour index → where the store may hold rows; undefined: nowhere. */
  readonly #occupied = new Map<number, Span | undefined>()
  /** New when they were asked for, not known to be stored yet. As many as the callers leave open. */
  readonly #claimed = new IdTable()
  #turn: Promise<unknown> = Promise.resolve()

  constructor(store: Store, options: DuplicateFilterOptions = {}) {
    this.#store = store
    this.#generationMaxCount = Math.max(1, Math.floor((options.recentMaxCount ?? 400_000) / 2))
    this.#hoursMaxCount = options.hoursMaxCount ?? 10_000
  }

  get claimedCount(): number {
    return this.#claimed.size
  }

  /**
   * Of `sightings`, in their order, those whose ids are neither remembered nor stored nor claimed, each id once; from now on they are claimed
   * by the caller, who ends it with `remember` or `release`. One call at a time: what it found is true when it says so. Throws what
   * the store throws; then nothing is claimed.
   */
  claimNew<Kind extends Sighting>(sightings: readonly Kind[]): Promise<Kind[]> {
    const result = this.#turn.then(() => this.#claimNew(sightings))
    this.#turn = result.catch(() => undefined)
    return result
  }

  /** Claimed, and never to be stored by who claimed them. */
  release(sightings: readonly Sighting[]): void {
    for (const { id } of sightings) this.#claimed.delete(id)
  }

  async #claimNew<Kind extends Sighting>(sightings: readonly Kind[]): Promise<Kind[]> {
    if (this.#hasUnknownHour(sightings)) await this.#learnHours(sightings)
    // Claimed at once, so that the second of an id within the call is one too many; calls come one at a time, so nobody sees what is taken back.
    const fresh = sightings.filter(({ id }) => !this.#isRemembered(id) && this.#claimed.add(id))
    const unknown = fresh.filter(({ observedAtUs }) => this.#mayBeStored(observedAtUs))
    if (unknown.length === 0) return fresh
    try {
      const stored = await storedIds(this.#store, unknown)
      if (stored.size === 0) return fresh
      // The same packets may come again under a time at which nobody would look, as in a capture whose clock was moved.
      this.remember(unknown.filter(({ id }) => stored.has(id)))
      return fresh.filter(({ id }) => !stored.has(id))
    } catch (error) {
      this.release(fresh)
      throw error
    }
  }

  #isRemembered(id: string): boolean {
    return this.#younger.ids.has(id) || this.#older.ids.has(id)
  }

  /** After they are stored. */
  remember(sightings: readonly Sighting[]): void {
    for (const { id, observedAtUs } of sightings) {
      if (this.#younger.ids.size >= this.#generationMaxCount) this.#forgetOlder()
      this.#claimed.delete(id)
      this.#younger.ids.add(id)
      widen(this.#younger.spans, hourOf(observedAtUs), observedAtUs, observedAtUs)
    }
  }

  /** Another process may have written meanwhile. What is claimed stays claimed. */
  forget(): void {
    this.#younger = newGeneration()
    this.#older = newGeneration()
    this.#occupied.clear()
  }

  #mayBeStored(atUs: number): boolean {
    const before = hourOf(Math.max(0, atUs - clockSlackUs))
    const after = hourOf(atUs + clockSlackUs)
    return this.#mayHold(before, atUs) || (after !== before && this.#mayHold(after, atUs))
  }

  #mayHold(hour: number, atUs: number): boolean {
    const span = this.#occupied.get(hour)
    return span !== undefined && atUs >= span.fromUs - clockSlackUs && atUs <= span.toUs + clockSlackUs
  }

  #forgetOlder(): void {
    for (const [hour, span] of this.#older.spans) {
      // An hour that is not known any more is asked anew, and then includes these.
      if (this.#occupied.has(hour)) widen(this.#occupied, hour, span.fromUs, span.toUs)
    }
    this.#older = this.#younger
    this.#younger = newGeneration()
  }

  /** Most come in the hour of the one before. */
  #hasUnknownHour(sightings: readonly Sighting[]): boolean {
    let knownHour = -1
    return sightings.some(({ observedAtUs }) => {
      const before = hourOf(Math.max(0, observedAtUs - clockSlackUs))
      const after = hourOf(observedAtUs + clockSlackUs)
      if (before === knownHour && after === knownHour) return false
      if (!this.#occupied.has(before) || !this.#occupied.has(after)) return true
      knownHour = after
      return false
    })
  }

  async #learnHours(sightings: readonly Sighting[]): Promise<void> {
    const hours = new Set<number>()
    for (const { observedAtUs } of sightings) {
      for (const hour of hoursAround(observedAtUs)) if (!this.#occupied.has(hour)) hours.add(hour)
    }
    const ranges = rangesOf([...hours].sort((a, b) => a - b))
    const where = ranges.map(([from, to]) => `observed_at >= ${time(from)} AND observed_at < ${time(to)}`).join(' OR ')
    const rows = await this.#store.query<{ hour: string; fromUs: string; toUs: string }>(
      `SELECT intDiv(toUnixTimestamp64Micro(observed_at), ${microsPerHour}) AS hour,
  min(toUnixTimestamp64Micro(observed_at)) AS fromUs, max(toUnixTimestamp64Micro(observed_at)) AS toUs
FROM ${tableNames.transactions} WHERE ${where} GROUP BY hour`,
    )
    for (const hour of hours) this.#occupied.set(hour, undefined)
    for (const row of rows) {
      if (hours.has(Number(row.hour))) widen(this.#occupied, Number(row.hour), Number(row.fromUs), Number(row.toUs))
    }
    for (const hour of this.#occupied.keys()) {
      if (this.#occupied.size <= this.#hoursMaxCount) break
      if (!hours.has(hour)) this.#occupied.delete(hour)
    }
  }
}

/**
 * Which of these are stored, and, with `ingestedBeforeMs`, were stored before that wall-clock time. Reads only around their own
 * times. Throws what the store throws.
 */
export async function storedIds(
  store: Store,
  sightings: readonly Sighting[],
  ingestedBeforeMs?: number,
): Promise<Set<string>> {
  const stored = new Set<string>()
  const inTimeOrder = sightings.filter(({ id }) => idPattern.test(id)).sort((a, b) => a.observedAtUs - b.observedAtUs)
  const before =
    ingestedBeforeMs === undefined ? '' : ` AND ingested_at < fromUnixTimestamp64Milli(${ingestedBeforeMs})`
  for (let at = 0; at < inTimeOrder.length; at += lookUpIdsMaxCount) {
    const part = inTimeOrder.slice(at, at + lookUpIdsMaxCount)
    const [first, last] = [part[0]!, part.at(-1)!] // Not empty by the loop condition.
    const rows = await store.query<{ id: string }>(
      `SELECT id FROM ${tableNames.transactions}
WHERE observed_at >= ${time(Math.max(0, first.observedAtUs - clockSlackUs))}
  AND observed_at <= ${time(last.observedAtUs + clockSlackUs)}${before}
  AND id IN (SELECT arrayJoin(splitByChar(',', '${part.map(({ id }) => id).join(',')}')))`,
    )
    for (const { id } of rows) stored.add(id)
  }
  return stored
}

function newGeneration(): Generation {
  return { ids: new IdTable(), spans: new Map() }
}

function hourOf(observedAtUs: number): number {
  return Math.floor(observedAtUs / microsPerHour)
}

/** The hours in which a row of this time may be stored: one, or two near the full hour. */
function hoursAround(atUs: number): number[] {
  const before = hourOf(Math.max(0, atUs - clockSlackUs))
  const after = hourOf(atUs + clockSlackUs)
  return before === after ? [before] : [before, after]
}

function time(us: number): string {
  return `fromUnixTimestamp64Micro(${us})`
}

function widen(spans: Map<number, Span | undefined>, hour: number, fromUs: number, toUs: number): void {
  const span = spans.get(hour)
  if (span === undefined) spans.set(hour, { fromUs, toUs })
  else {
    span.fromUs = Math.min(span.fromUs, fromUs)
    span.toUs = Math.max(span.toUs, toUs)
  }
}

/** Neighboring hours as one range in µs, `to` exclusive; one wide range when there would be too many. */
function rangesOf(hours: readonly number[]): [number, number][] {
  const ranges: [number, number][] = []
  for (const hour of hours) {
    const previous = ranges.at(-1)
    if (previous !== undefined && previous[1] === hour * microsPerHour) previous[1] += microsPerHour
    else ranges.push([hour * microsPerHour, (hour + 1) * microsPerHour])
  }
  const [first, last] = [ranges[0], ranges.at(-1)]
  return ranges.length > rangesMaxCount && first !== undefined && last !== undefined ? [[first[0], last[1]]] : ranges
}
