/**
 * An hour of the shop's past, played against `Shop.handle` on a clock of its own: what the baselines are learned from. The people
 * behave exactly as they do live; only the attackers are not there yet.
 */

import { type Arrivals, nextArrival } from './arrivals.js'
import { cookieFrom, requestFields, type Step, type Visit } from './population.js'
import type { Shop, ShopResponse } from './shop.js'

/** One TCP connection of the past: what each side sent, and when. */
export interface Conversation {
  readonly clientIp: string
  readonly clientPort: number
  readonly messages: readonly {
    readonly from: 'client' | 'server'
    readonly atUs: number
    readonly bytes: Uint8Array
  }[]
}

export interface HistoryOptions {
  readonly shop: Shop
  readonly arrivals: Arrivals
  /** Capture clock of the first arrival, and how long people arrive. */
  readonly startUs: number
  readonly durationUs: number
}

/** Server time of an answer: 2 ms and something that depends on its size. */
const answerBaseUs = 2_000

export function simulateHistory(options: HistoryOptions): Conversation[] {
  const { shop, arrivals, startUs, durationUs } = options
  const conversations: Conversation[] = []
  const running: { visit: Visit; player: HistoryPlayer; step: Step; dueUs: number }[] = []
  let arrival = nextArrival(arrivals, startUs)
  // The shop has state (sessions, orders), so steps must happen in the order of time over all visits.
  for (;;) {
    const earliest = running.reduce(
      (best, entry, index) => (entry.dueUs < (running[best]?.dueUs ?? Infinity) ? index : best),
      0,
    )
    const entry = running[earliest]
    if (arrival.atUs < startUs + durationUs && arrival.atUs <= (entry?.dueUs ?? Infinity)) {
      const player = new HistoryPlayer(arrival.visit, 20_000 + (conversations.length % 40_000))
      conversations.push(player)
      const step = arrival.visit.next(undefined)
      if (step !== undefined)
        running.push({ visit: arrival.visit, player, step, dueUs: arrival.atUs + step.afterMs * 1_000 })
      arrival = nextArrival(arrivals, arrival.atUs)
      continue
    }
    // Whoever is in the middle of something when the hour ends is cut off there, as a capture is.
    if (entry === undefined || entry.dueUs >= startUs + durationUs) return conversations
    const last = entry.player.play(shop, entry.step, Math.round(entry.dueUs))
    const step = entry.visit.next(last)
    if (step === undefined) running.splice(earliest, 1)
    else running[earliest] = { ...entry, step, dueUs: entry.player.lastByteAtUs + step.afterMs * 1_000 }
  }
}

class HistoryPlayer implements Conversation {
  readonly clientIp: string
  readonly clientPort: number
  readonly messages: { from: 'client' | 'server'; atUs: number; bytes: Uint8Array }[] = []
  readonly #visit: Visit
  lastByteAtUs = 0
  #cookie: string | undefined

  constructor(visit: Visit, clientPort: number) {
    this.#visit = visit
    this.clientIp = visit.address
    this.clientPort = clientPort
  }

  play(shop: Shop, step: Step, atUs: number): ShopResponse {
    const content = step.content ?? ''
    const fields = requestFields(this.#visit.program, {
      cookie: this.#cookie,
      apiKey: this.#visit.apiKey,
      content: step.content,
    })
    const lowerCase = Object.fromEntries(fields.map(([name, value]) => [name.toLowerCase(), value]))
    const response = shop.handle({ method: step.method, target: step.target, fields: lowerCase, content })
    this.#cookie = cookieFrom(response) ?? this.#cookie
    const head = (start: string, lines: readonly (readonly [string, string])[]): string =>
      `${start}\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`
    this.lastByteAtUs = atUs + answerBaseUs + response.content.length
    const answerFields = [...response.fields, ['Content-Length', String(Buffer.byteLength(response.content))] as const]
    this.messages.push(
      { from: 'client', atUs, bytes: Buffer.from(head(`${step.method} ${step.target} HTTP/1.1`, fields) + content) },
      {
        from: 'server',
        atUs: this.lastByteAtUs,
        bytes: Buffer.from(
          head(`HTTP/1.1 ${response.status} ${reasonOf(response.status)}`, answerFields) + response.content,
        ),
      },
    )
    return response
  }
}

function reasonOf(status: number): string {
  return { 200: 'OK', 201: 'Created', 401: 'Unauthorized', 404: 'Not Found' }[status] ?? 'Unknown'
}
