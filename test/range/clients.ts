/** Plays visits against the edge from their own loopback addresses, and keeps the clients' own log of what they got. */

import { Agent, request } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { cookieFrom, requestFields, type Step, type Visit } from './population.js'
import type { ShopResponse } from './shop.js'

/** One request as its client saw it: the truth that the demo is judged by. */
export interface ClientLogEntry {
  readonly kind: Visit['kind']
  readonly address: string
  readonly target: string
  /** Wall clock when the request was sent, ms. */
  readonly sentAtMs: number
  /** 0 when the connection failed. */
  readonly status: number
  /** Refused by the edge: 403 or 429 with our decision field. */
  readonly refused: boolean
}

export interface ClientsOptions {
  readonly edgePort: number
  readonly decisionFieldName: string
  readonly signal: AbortSignal
}

const requestTimeoutMs = 10_000

const pacedConnectionsMaxCount = 16

/** Appends to `log` as answers come; resolves when the visit is over or aborted. */
export async function playVisit(visit: Visit, log: ClientLogEntry[], options: ClientsOptions): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: visit.keepsPace === true ? pacedConnectionsMaxCount : 1 })
  try {
    if (visit.keepsPace === true) await keepPace(agent, visit, log, options)
    else await takeTurns(agent, visit, log, options)
  } catch (error) {
    if (!options.signal.aborted) throw error
  } finally {
    agent.destroy()
  }
}

/** As a person does: the next request when the last was answered. */
async function takeTurns(agent: Agent, visit: Visit, log: ClientLogEntry[], options: ClientsOptions): Promise<void> {
  let cookie: string | undefined
  let last: ShopResponse | undefined
  for (let step = visit.next(last); step !== undefined; step = visit.next(last)) {
    if (step.afterMs > 0) await pause(step.afterMs, undefined, { signal: options.signal })
    last = await logged(agent, visit, step, cookie, log, options)
    cookie = cookieFrom(last) ?? cookie
  }
}

/** As a tool does: each request at its time. */
async function keepPace(agent: Agent, visit: Visit, log: ClientLogEntry[], options: ClientsOptions): Promise<void> {
  const answers: Promise<ShopResponse>[] = []
  let dueMs = performance.now()
  for (let step = visit.next(undefined); step !== undefined; step = visit.next(undefined)) {
    dueMs += step.afterMs
    const aheadMs = dueMs - performance.now()
    // Timers are good to a millisecond: shorter waits are made up for by the next.
    if (aheadMs >= 1) await pause(aheadMs, undefined, { signal: options.signal })
    answers.push(logged(agent, visit, step, undefined, log, options))
  }
  await Promise.all(answers)
}

async function logged(
  agent: Agent,
  visit: Visit,
  step: Step,
  cookie: string | undefined,
  log: ClientLogEntry[],
  options: ClientsOptions,
): Promise<ShopResponse> {
  const sentAtMs = Date.now()
  const answer = await send(agent, visit, step, cookie, options)
  const refused = answer.fields.some(([name]) => name.toLowerCase() === options.decisionFieldName)
  log.push({ kind: visit.kind, address: visit.address, target: step.target, sentAtMs, status: answer.status, refused })
  return answer
}

function send(
  agent: Agent,
  visit: Visit,
  step: Step,
  cookie: string | undefined,
  options: ClientsOptions,
): Promise<ShopResponse> {
  return new Promise((resolve) => {
    const failed = (): void => resolve({ status: 0, fields: [], content: '' })
    const outgoing = request({
      agent,
      host: '127.0.0.1',
      port: options.edgePort,
      localAddress: visit.address,
      method: step.method,
      path: step.target,
      headers: requestFields(visit.program, { cookie, apiKey: visit.apiKey, content: step.content }).flat(),
      timeout: requestTimeoutMs,
    })
    outgoing.on('error', failed)
    outgoing.on('timeout', () => outgoing.destroy())
    outgoing.on('response', (incoming) => {
      const pieces: Buffer[] = []
      incoming.on('data', (piece: Buffer) => pieces.push(piece))
      incoming.on('error', failed)
      incoming.on('end', () => {
        const fields: [string, string][] = []
        for (let i = 0; i + 1 < incoming.rawHeaders.length; i += 2)
          fields.push([incoming.rawHeaders[i] as string, incoming.rawHeaders[i + 1] as string])
        resolve({ status: incoming.statusCode ?? 0, fields, content: Buffer.concat(pieces).toString('utf8') })
      })
    })
    outgoing.end(step.content)
  })
}
