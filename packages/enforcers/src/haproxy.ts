/**
 * HAProxy ≥ 2.6 as an enforcer: decisions are map entries, edited through the runtime API without a reload.
 *
 * Invariants: a target has one entry (deleted and added on one line); an entry is deleted only while it holds the decision that is
 * being lifted; a place stands in the map while an entry needs it. A reload drops runtime edits, so the process id is watched
 * and, when it changes, everything that is still in force is applied again from memory. If we die, HAProxy stops applying each
 * entry at the time in its value.
 */

import type { Decision } from '@tapwarden/contracts/decision'
import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import { type Enforcer, type EnforcerCapabilities, EnforcerUnavailable } from './enforcer.js'
import { type Entry, entryOf, type MapName, type Place, parseValue, placesOverlap } from './haproxy-entry.js'
import { HaproxySocket } from './haproxy-socket.js'

export interface HaproxyOptions {
  readonly name: string
  /** The runtime API: path of the unix socket, or `host:port`; level admin. */
  readonly socket: string
  /** Folder of the maps exactly as HAProxy's configuration spells it: a map's name is its path there. */
  readonly mapFolder: string
  readonly timers?: Timers
  readonly commandTimeoutMs?: number
  /** How often the process id is looked at; the time that a reload can leave a decision without force. */
  readonly watchMs?: number
}

const entriesMaxCount = 100_000

interface Held {
  readonly decision: Decision
  readonly entry: Entry
}

export class HaproxyEnforcer implements Enforcer {
  readonly name: string
  readonly capabilities: EnforcerCapabilities = {
    scopes: ['address', 'access-token'],
    types: ['ban', 'throttle'],
    where: { host: true, method: true, path: true },
    decisionsMaxCount: entriesMaxCount,
  }
  readonly #mapFolder: string
  readonly #socket: HaproxySocket
  readonly #timers: Timers
  readonly #watchMs: number
  /** By map and key. */
  readonly #held = new Map<string, Held>()
  /** Places in the map, and how many of our entries need each. */
  readonly #places = new Map<string, { readonly place: Place; readonly keys: Set<string> }>()
  #processId: string | undefined
  #callOffWatch: (() => void) | undefined
  #closed = false
  /** Times that a reload was noticed and everything applied again: a counter to publish. */
  resyncCount = 0

  constructor(options: HaproxyOptions) {
    this.name = options.name
    this.#mapFolder = options.mapFolder.replace(/\/+$/, '')
    this.#timers = options.timers ?? systemTimers
    this.#watchMs = options.watchMs ?? 1_000
    const timeoutMs = options.commandTimeoutMs ?? 2_000
    this.#socket = new HaproxySocket({ enforcer: options.name, socket: options.socket, timeoutMs })
    this.#watchLater()
  }

  unsupported(decision: Decision): string | undefined {
    const entry = entryOf(decision)
    if (typeof entry === 'string') return entry
    const place = entry.place
    if (place !== undefined) {
      for (const other of this.#places.values()) {
        if (placesOverlap(place, other.place)) return 'its path template overlaps one that is in force'
      }
    }
    const full = this.#held.size >= entriesMaxCount && !this.#held.has(heldKey(entry))
    return full ? `already holds ${entriesMaxCount} decisions` : undefined
  }

  async apply(decision: Decision): Promise<void> {
    const why = this.unsupported(decision)
    const entry = entryOf(decision)
    if (why !== undefined || typeof entry === 'string') {
      throw new EnforcerUnavailable(this.name, `${decision.id}: ${why}`, { retryable: false })
    }
    if (decision.untilMs <= this.#timers.nowMs()) return this.lift(decision)
    // Known before it is sent: a reload in between is then made good.
    this.#remember(decision, entry)
    await this.#write(entry)
  }

  async lift(decision: Decision): Promise<void> {
    const entry = entryOf(decision)
    if (typeof entry === 'string') return
    if (this.#held.get(heldKey(entry))?.decision.id === decision.id) this.#forget(entry)
    const value = await this.#read(entry)
    if (value === undefined || parseValue(value)?.id !== decision.id) return
    await this.#socket.edit(`del map ${this.#file(entry.map)} ${entry.key}`)
    const { place } = entry
    if (place === undefined || this.#places.has(place.id)) return
    // Read back rather than trust memory: entries from before a restart of ours may need the place too.
    const rows = await this.#rows('actors')
    if (rows.some(([key]) => key.endsWith(`|${place.id}`))) return
    await this.#socket.edit(`del map ${this.#file('places')} ${place.regex}`)
  }

  async held(): Promise<readonly string[]> {
    const ids: string[] = []
    const nowMs = this.#timers.nowMs()
    for (const map of ['actors', 'addresses'] as const) {
      for (const [, value] of await this.#rows(map)) {
        const held = parseValue(value)
        if (held !== undefined && held.untilMs > nowMs) ids.push(held.id)
      }
    }
    return ids
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#callOffWatch?.()
    await this.#socket.idle()
  }

  /** Looks whether HAProxy is another process than before and, if so, applies everything again. Runs by itself; throws `EnforcerUnavailable`. */
  async watch(): Promise<void> {
    const processId = /^Pid: (\d+)$/m.exec(await this.#socket.ask('show info'))?.[1]
    if (processId === undefined || processId === this.#processId) return
    const isFirst = this.#processId === undefined
    const nowMs = this.#timers.nowMs()
    for (const { decision, entry } of [...this.#held.values()]) {
      if (decision.untilMs <= nowMs) this.#forget(entry)
    }
    await Promise.all([...this.#held.values()].map(({ entry }) => this.#write(entry)))
    // Only now: a failure half-way is made good at the next look.
    this.#processId = processId
    if (!isFirst) this.resyncCount++
  }

  #watchLater(): void {
    if (this.#closed) return
    this.#callOffWatch = this.#timers.after(this.#watchMs, () => {
      // Unreachable: the next look will show it, and whoever applies or reads back meanwhile is told.
      this.watch()
        .catch(() => {})
        .finally(() => this.#watchLater())
    })
  }

  /** The value that HAProxy has for this very key. */
  async #read(entry: Entry): Promise<string | undefined> {
    // `get map` would answer with whichever network holds an address, so a network is looked for by its text.
    if (entry.key.includes('/') && entry.map === 'addresses') {
      return (await this.#rows(entry.map)).find(([key]) => key === entry.key)?.[1]
    }
    const reply = await this.#socket.ask(`get map ${this.#file(entry.map)} ${entry.key}`)
    const value = /value="([^"]*)"/.exec(reply)?.[1]
    if (value === undefined && !reply.includes('found=no')) this.#refuse(reply)
    return value
  }

  /** Keys and values of a map. */
  async #rows(map: MapName): Promise<[key: string, value: string][]> {
    const rows: [string, string][] = []
    for (const line of (await this.#socket.ask(`show map ${this.#file(map)}`)).split('\n')) {
      if (line === '') continue
      const [pointer = '', key = '', value = ''] = line.split(' ')
      if (!pointer.startsWith('0x')) this.#refuse(line)
      rows.push([key, value])
    }
    return rows
  }

  async #write(entry: Entry): Promise<void> {
    const upsert = (map: MapName, key: string, value: string): string =>
      `del map ${this.#file(map)} ${key};add map ${this.#file(map)} ${key} ${value}`
    // The place first: an entry that nothing leads to has no force.
    const { place } = entry
    const placed = place === undefined ? '' : `${upsert('places', place.regex, place.id)};`
    await this.#socket.edit(placed + upsert(entry.map, entry.key, entry.value))
  }

  #remember(decision: Decision, entry: Entry): void {
    const key = heldKey(entry)
    this.#held.set(key, { decision, entry })
    if (entry.place === undefined) return
    const held = this.#places.get(entry.place.id) ?? { place: entry.place, keys: new Set() }
    held.keys.add(key)
    this.#places.set(entry.place.id, held)
  }

  #forget(entry: Entry): void {
    const key = heldKey(entry)
    this.#held.delete(key)
    if (entry.place === undefined) return
    const held = this.#places.get(entry.place.id)
    held?.keys.delete(key)
    if (held?.keys.size === 0) this.#places.delete(entry.place.id)
  }

  #file(map: MapName): string {
    return `${this.#mapFolder}/${map}.map`
  }

  #refuse(reply: string): never {
    throw new EnforcerUnavailable(this.name, `HAProxy says: ${reply.trim().slice(0, 200)}`, { retryable: false })
  }
}

function heldKey(entry: Entry): string {
  return `${entry.map} ${entry.key}`
}
