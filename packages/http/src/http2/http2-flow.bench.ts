/**
 * µs of CPU and bytes of heap per transaction, ordered bytes to published transactions, as `http1-parser.bench.ts`, in HTTP/2: calls of an
 * API on connections of 20 and 1,000, fields in the table as clients put them there. Run:
 * `node --expose-gc packages/http/dist/http2-flow.bench.js`.
 */

import { HttpFlow } from '../http-flow.js'
import { defaultHttpLimits, HttpCounters } from '../http-limits.js'
import { MessagePool } from '../message.js'
import {
  data,
  endStream,
  type FieldSpec,
  fieldBlock,
  headers,
  http2Preface,
  reference,
  settings,
} from './http2-fixture.js'

const transactionCount = 20_000
const roundCount = 9
const segmentMaxBytes = 1_460

const body = Buffer.from(
  JSON.stringify({
    items: Array.from({ length: 25 }, (_value, id) => ({ id, name: `item-${id}`, price: 1_999, tags: ['a', 'b'] })),
  }),
)
const requestFields: readonly FieldSpec[] = [
  [':authority', 'api.shop.example'],
  ['user-agent', 'okhttp/4.12.0'],
  ['accept', 'application/json'],
  ['authorization', `Bearer ${'x'.repeat(120)}`],
  ['accept-encoding', 'gzip'],
]
const responseFields: readonly FieldSpec[] = [
  ['server', 'nginx'],
  ['date', 'Tue, 24 Nov 2026 12:00:00 GMT'],
  ['content-type', 'application/json; charset=utf-8'],
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
]

/** The first message of a connection fills the table, all others refer to it. */
function block(start: Uint8Array, fields: readonly FieldSpec[], call: number): Buffer {
  const rest = fields.map((_, index) => reference(62 + fields.length - 1 - index))
  return Buffer.concat([start, ...(call === 0 ? [fieldBlock(fields, true)] : rest)])
}

function requestOf(call: number): Buffer {
  const own = fieldBlock([
    [':path', `/api/v2/orders/${call}?expand=items`],
    ['x-request-id', `7d1f${call}`],
  ])
  const bytes = headers(
    call * 2 + 1,
    block(Buffer.concat([Buffer.from([0x82, 0x86]), own]), requestFields, call),
    endStream,
  )
  return call === 0 ? Buffer.concat([http2Preface, settings(), bytes]) : bytes
}

function responseOf(call: number, content: Buffer): Buffer {
  const bytes = Buffer.concat([
    headers(call * 2 + 1, block(Buffer.from([0x88]), responseFields, call)),
    data(call * 2 + 1, content, endStream),
  ])
  return call === 0 ? Buffer.concat([settings(), bytes]) : bytes
}

interface Conversation {
  readonly requests: readonly Buffer[]
  readonly responses: readonly Buffer[]
}

function conversation(callsPerFlow: number, content: Buffer): Conversation {
  const calls = Array.from({ length: callsPerFlow }, (_value, call) => call)
  return { requests: calls.map(requestOf), responses: calls.map((call) => responseOf(call, content)) }
}

const conversations: readonly (readonly [string, Conversation])[] = [
  ['20 calls a connection', conversation(20, body)],
  ['1,000 calls a connection', conversation(1_000, body)],
  ['1,000 small calls, each in one segment', conversation(1_000, body.subarray(0, 400))],
]

function run({ requests, responses }: Conversation): number {
  const counters = new HttpCounters()
  const pool = new MessagePool(defaultHttpLimits, counters)
  const seen = new Float64Array(1) // A captured variable would allocate a number a call.
  const sink = (transaction: { readonly response: { readonly contentBytes: number | undefined } | undefined }) => {
    seen[0]! += transaction.response?.contentBytes ?? 0
  }
  for (let at = 0; at < transactionCount; at += requests.length) {
    const flow = new HttpFlow({ pool, sink, midStream: false })
    for (let call = 0; call < requests.length; call++) {
      const request = requests[call]!
      const response = responses[call]!
      flow.bytes('c2s', request, 0, request.length, at, 1, 1)
      for (let from = 0; from < response.length; from += segmentMaxBytes) {
        flow.bytes('s2c', response, from, Math.min(response.length, from + segmentMaxBytes), at, 1, 1)
      }
    }
    flow.end('c2s', 'fin', at)
    flow.end('s2c', 'fin', at)
  }
  if (counters.transactionCount !== transactionCount) throw new Error('transactions were lost')
  return seen[0]!
}

const best = new Map<string, { readonly us: number; readonly allocated: number }>()
for (let round = 0; round < roundCount; round++) {
  for (const [name, each] of conversations) {
    globalThis.gc?.()
    const heapBefore = process.memoryUsage().heapUsed
    const before = process.cpuUsage()
    if (run(each) === 0) throw new Error('no content was seen')
    const used = process.cpuUsage(before)
    const allocated = (process.memoryUsage().heapUsed - heapBefore) / transactionCount
    const us = (used.user + used.system) / transactionCount
    if (us < (best.get(name)?.us ?? Number.POSITIVE_INFINITY)) best.set(name, { us, allocated })
  }
}
for (const [name, { us, allocated }] of best) {
  console.log(`${name}: ${us.toFixed(2)} µs CPU/transaction, ${allocated.toFixed(0)} bytes of heap/transaction`)
}
