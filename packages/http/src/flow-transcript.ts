/** For tests: drives an `HttpFlow` by a script and writes down the transactions as plain values. */

import { HttpFlow } from './http-flow.js'
import { defaultHttpLimits, HttpCounters, type HttpLimits } from './http-limits.js'
import type { GrpcTraffic } from './http2/grpc.js'
import { MessagePool } from './message.js'
import type { Proxied } from './proxy-protocol.js'
import type { Http2Facts, RawMessage, RawTransaction } from './raw-transaction.js'
import type { WebSocketTraffic } from './web-socket.js'

export interface Transcript {
  readonly transactions: TranscriptLine[]
  readonly counters: HttpCounters
  /** Held by all messages and tables at the end. */
  readonly bufferedBytes: number
}

export interface TranscriptLine {
  readonly request: string
  readonly requestContent: string
  readonly requestBytes: number | undefined
  readonly status: number | undefined
  readonly content: string | undefined
  readonly contentBytes: number | undefined
  readonly fields: readonly string[]
  readonly responseFields: readonly string[]
  readonly anomalies: readonly string[]
  readonly missedBytes: number
  readonly reversed: boolean
  readonly webSocket?: WebSocketTraffic
  /** Only where a PROXY header was. */
  readonly proxied?: Proxied
  readonly scheme?: 'http' | 'https'
  readonly http2?: Http2Facts
  readonly grpc?: GrpcTraffic
}

/**
 * `c` and `s`: bytes from the client and the server; a number instead of text: so many bytes were missed. `cx`, `sx`: FIN; `cr`, `sr`: RST. The third: so many bytes less
 * than all that came from the other side are acknowledged.
 */
export type ScriptStep =
  | readonly ['c' | 's', string | Uint8Array | number, number?]
  | readonly ['cx' | 'sx' | 'cr' | 'sr']

export interface TranscriptOptions {
  /** Bytes go in pieces of these sizes, in turn; default: each step whole. */
  readonly cuts?: readonly number[]
  readonly limits?: Partial<HttpLimits>
  /** The flow was joined after its start; default false. */
  readonly midStream?: boolean
  /** Missed bytes are told as gaps; default true. Else only the numbers show them. */
  readonly tellGaps?: boolean
  /** End the flow behind the script; default true. */
  readonly end?: boolean
}

export function transcribe(script: readonly ScriptStep[], options: TranscriptOptions = {}): Transcript {
  const counters = new HttpCounters()
  const pool = new MessagePool({ ...defaultHttpLimits, ...options.limits }, counters)
  const transactions: TranscriptLine[] = []
  const sink = (transaction: RawTransaction) => transactions.push(lineOf(transaction))
  const flow = new HttpFlow({ pool, sink, midStream: options.midStream === true })
  const next = { c: 1_000, s: 5_000 }
  let atUs = 0
  let turn = 0
  const cuts = options.cuts ?? []
  for (const step of script) {
    const side = step[0][0] === 'c' ? 'c' : 's'
    const direction = side === 'c' ? 'c2s' : 's2c'
    atUs += 1_000
    if (step[0] !== 'c' && step[0] !== 's') {
      flow.end(direction, step[0][1] === 'x' ? 'fin' : 'rst', atUs)
      continue
    }
    const what = step[1] ?? 0
    if (typeof what === 'number') {
      if (options.tellGaps !== false) flow.gap(direction, what, atUs)
      next[side] += what
      continue
    }
    const bytes = typeof what === 'string' ? Buffer.from(what, 'latin1') : what
    for (let at = 0; at < bytes.length; ) {
      const size = cuts.length === 0 ? bytes.length : Math.max(1, cuts[turn++ % cuts.length] ?? 1)
      const end = Math.min(bytes.length, at + size)
      // A packet's bytes are gone as soon as the call returns: what was only lent must not be read later.
      const packet = Buffer.from(bytes.subarray(at, end))
      const ack = next[side === 'c' ? 's' : 'c'] - (step[2] ?? 0)
      flow.bytes(direction, packet, 0, packet.length, atUs, next[side], ack)
      packet.fill(0x21)
      next[side] += end - at
      at = end
    }
  }
  if (options.end !== false) {
    flow.end('c2s', 'end-of-capture', atUs)
    flow.end('s2c', 'end-of-capture', atUs)
  }
  return { transactions, counters, bufferedBytes: pool.bufferedBytes }
}

function lineOf(transaction: RawTransaction): TranscriptLine {
  const { request, response, anomalies, missedBytes, reversed, webSocket, proxied, scheme, http2, grpc } = transaction
  return {
    request: `${request.method} ${request.target} ${request.httpVersion}`,
    requestContent: Buffer.from(request.content).toString('latin1'),
    requestBytes: request.contentBytes,
    status: response?.status,
    content: response === undefined ? undefined : Buffer.from(response.content).toString('latin1'),
    contentBytes: response?.contentBytes,
    fields: fieldsOf(request),
    responseFields: response === undefined ? [] : fieldsOf(response),
    anomalies: [...anomalies].sort(),
    missedBytes,
    reversed: reversed === true,
    ...(webSocket === undefined ? {} : { webSocket }),
    ...(proxied === undefined ? {} : { proxied }),
    ...(scheme === undefined ? {} : { scheme }),
    ...(http2 === undefined ? {} : { http2 }),
    ...(grpc === undefined ? {} : { grpc: structuredClone(grpc) }),
  }
}

function fieldsOf(message: RawMessage): string[] {
  const lines: string[] = []
  for (const list of [message.fields, message.trailers]) {
    for (let i = 0; i < (list?.count ?? 0); i++) lines.push(`${list?.name(i)}: ${list?.value(i)}`)
  }
  return lines
}
