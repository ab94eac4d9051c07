/** Live traffic: everybody of `arrivals` on the real clock, and whoever else is sent in, until they are told to go home. */

import { setMaxListeners } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { type Arrivals, nextArrival } from './arrivals.js'
import { type ClientLogEntry, type ClientsOptions, playVisit } from './clients.js'
import type { Visit } from './population.js'

export interface People {
  /** The clients' own log, in the order of answers. */
  readonly log: readonly ClientLogEntry[]
  /** Sends visitors in now; resolves when they have left. */
  send(visits: readonly Visit[]): Promise<void>
  /** Everybody leaves; resolves when the last connection is closed. */
  leave(): Promise<void>
}

export function startPeople(arrivals: Arrivals, options: Omit<ClientsOptions, 'signal'>): People {
  const log: ClientLogEntry[] = []
  const leaving = new AbortController()
  // Everybody who is present listens to it.
  setMaxListeners(0, leaving.signal)
  const present = new Set<Promise<void>>()
  const enter = (visit: Visit): Promise<void> => {
    const stay = playVisit(visit, log, { ...options, signal: leaving.signal }).finally(() => present.delete(stay))
    present.add(stay)
    return stay
  }
  const door = async (): Promise<void> => {
    while (!leaving.signal.aborted) {
      const nowUs = Date.now() * 1_000
      const arrival = nextArrival(arrivals, nowUs)
      try {
        await pause((arrival.atUs - nowUs) / 1_000, undefined, { signal: leaving.signal })
      } catch {
        return // Told to leave while waiting: nobody else comes.
      }
      void enter(arrival.visit)
    }
  }
  const arriving = door()
  return {
    log,
    send: async (visits) => {
      await Promise.all(visits.map(enter))
    },
    leave: async () => {
      leaving.abort()
      await arriving
      await Promise.all(present)
    },
  }
}
