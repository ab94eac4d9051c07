/** Was it stopped, and was anybody else hit? Judged by the clients' own log first, and the store must say the same. Pure. */

import type { ClientLogEntry } from './clients.js'

/** What the store knows of the same minutes. */
export interface StoreRecord {
  /** Requests under an edge's refusal, by the first two numbers of the client's address. */
  readonly refusedByGroup: Readonly<Record<string, number>>
  /** Effects of the decisions of each attack's findings. */
  readonly effects: Readonly<Record<'stuffing' | 'scraping', Readonly<Record<string, number>>>>
}

export interface AttackOutcome {
  readonly requestCount: number
  readonly refusedCount: number
  /** Requests that the shop answered before the first refusal. */
  readonly passedBeforeFirstRefusal: number
  /** Requests a second, over the time in which they were sent. */
  readonly requestsPerS: number
  /** Share of refusals among the last tenth of the requests, in the order they were sent. */
  readonly lastTenthRefusedRatio: number
  readonly stopped: boolean
}

export interface Verdict {
  readonly stuffing: AttackOutcome
  readonly scraping: AttackOutcome
  /** Requests of the scraping partner's ordinary sync that were refused: they come under the same key. */
  readonly sameKeyRefusedCount: number
  readonly benignRequestCount: number
  readonly benignRefusedCount: number
  readonly benignFailedCount: number
  /** Each in a sentence; empty when the clients' log and the store agree that all is well. */
  readonly complaints: readonly string[]
}

/** An attack counts as stopped when at most one in a hundred requests of its last tenth got through. */
const stoppedRatio = 0.99

export function judge(log: readonly ClientLogEntry[], store: StoreRecord): Verdict {
  const stuffing = outcomeOf(log.filter(({ kind }) => kind === 'stuffing'))
  const scraping = outcomeOf(log.filter(({ kind }) => kind === 'scraping'))
  // The scraping partner's own sync runs under the same key: what is refused there is part of that attack.
  const scrapers = new Set(log.filter(({ kind }) => kind === 'scraping').map(({ address }) => address))
  const benign = log.filter(({ kind, address }) => (kind === 'benign' || kind === 'partner') && !scrapers.has(address))
  const benignRefused = benign.filter(({ refused }) => refused)
  const benignFailed = benign.filter(({ status }) => status === 0 || status >= 500)
  const refusedInAll = log.filter(({ refused }) => refused).length
  const refusedInStore = Object.values(store.refusedByGroup).reduce((sum, count) => sum + count, 0)
  const benignGroups = new Set(benign.map(({ address }) => groupOf(address)))
  const attackGroups = new Set(
    log.filter(({ kind }) => kind === 'stuffing' || kind === 'scraping').map(({ address }) => groupOf(address)),
  )
  const complaints = [
    ...unless(
      stuffing.stopped,
      `the stuffing went on: ${percent(1 - stuffing.lastTenthRefusedRatio)} of its last tenth got through`,
    ),
    ...unless(
      scraping.stopped,
      `the scraping went on: ${percent(1 - scraping.lastTenthRefusedRatio)} of its last tenth got through`,
    ),
    ...unless(
      benignRefused.length === 0,
      `${benignRefused.length} benign requests were refused, the first from ${benignRefused[0]?.address}`,
    ),
    ...unless(
      benignFailed.length === 0,
      `${benignFailed.length} benign requests failed, the first from ${benignFailed[0]?.address}`,
    ),
    ...unless(
      refusedInStore === refusedInAll,
      `the store holds ${refusedInStore} refusals, the clients were refused ${refusedInAll} times`,
    ),
    ...Object.entries(store.refusedByGroup)
      .filter(([group]) => benignGroups.has(group) && !attackGroups.has(group))
      .map(([group, count]) => `the store holds ${count} refusals of benign clients in ${group}`),
    ...(['stuffing', 'scraping'] as const).flatMap((attack) => {
      const { effective = 0, unproven = 0, ...others } = store.effects[attack]
      const bad = Object.entries(others).filter(([, count]) => count > 0)
      return [
        ...unless(effective > 0, `no decision against the ${attack} is proven effective (${unproven} unproven)`),
        ...bad.map(([effect, count]) => `${count} decisions against the ${attack} are ${effect}`),
      ]
    }),
  ]
  return {
    stuffing,
    scraping,
    sameKeyRefusedCount: log.filter(
      ({ kind, address, refused }) => kind === 'partner' && scrapers.has(address) && refused,
    ).length,
    benignRequestCount: benign.length,
    benignRefusedCount: benignRefused.length,
    benignFailedCount: benignFailed.length,
    complaints,
  }
}

/** `127.60.3.9` → `127.60`. */
export function groupOf(address: string): string {
  return address.split('.').slice(0, 2).join('.')
}

function outcomeOf(log: readonly ClientLogEntry[]): AttackOutcome {
  const inOrder = [...log].sort((a, b) => a.sentAtMs - b.sentAtMs)
  const spanMs = (inOrder.at(-1)?.sentAtMs ?? 0) - (inOrder[0]?.sentAtMs ?? 0)
  const firstRefused = inOrder.findIndex(({ refused }) => refused)
  const lastTenth = inOrder.slice(Math.floor(inOrder.length * 0.9))
  const ratio = lastTenth.length === 0 ? 0 : lastTenth.filter(({ refused }) => refused).length / lastTenth.length
  return {
    requestCount: inOrder.length,
    refusedCount: inOrder.filter(({ refused }) => refused).length,
    passedBeforeFirstRefusal: firstRefused < 0 ? inOrder.length : firstRefused,
    requestsPerS: (inOrder.length - 1) / Math.max(1e-3, spanMs / 1_000),
    lastTenthRefusedRatio: ratio,
    stopped: ratio >= stoppedRatio,
  }
}

function unless(condition: boolean, complaint: string): string[] {
  return condition ? [] : [complaint]
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)} %`
}
