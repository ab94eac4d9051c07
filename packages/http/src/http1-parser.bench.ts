/**
 * µs of CPU and bytes of heap per transaction, ordered bytes to published transactions: keep-alive API calls, 1,460-byte segments, a
 * JSON body in each response, plain, chunked or gzip. Run: `node --expose-gc packages/http/dist/http1-parser.bench.js`.
 */

import zlib from 'node:zlib'
import { HttpFlow } from './http-flow.js'
import { defaultHttpLimits, HttpCounters } from './http-limits.js'
import { MessagePool } from './message.js'

const transactionCount = 20_000
const callsPerFlow = 20
const roundCount = 9
const segmentMaxBytes = 1_460

const body = Buffer.from(
  JSON.stringify({
    items: Array.from({ length: 25 }, (_value, id) => ({ id, name: `item-${id}`, price: 1_999, tags: ['a', 'b'] })),
  }),
)
const request = (id: number) =>
  Buffer.from(
    `GET /api/v2/orders/${id}?expand=items HTTP/1.1\r\nHost: api.shop.example\r\nUser-Agent: okhttp/4.12.0\r\nAccept: application/json\r\n` +
      `Authorization: Bearer ${'x'.repeat(120)}\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\nX-Request-Id: 7d1f${id}\r\n\r\n`,
  )
const responseHead = (framing: string) =>
  `HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Tue, 24 Nov 2026 12:00:00 GMT\r\nContent-Type: application/json; charset=utf-8\r\n${framing}\r\n` +
  'Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: keep-alive\r\n\r\n'
const withLength = (content: Buffer, fields = '') =>
  Buffer.concat([Buffer.from(responseHead(`Content-Length: ${content.length}${fields}`)), content])
const chunks = Buffer.concat([Buffer.from(`${body.length.toString(16)}\r\n`), body, Buffer.from('\r\n0\r\n\r\n')])

const responses: readonly (readonly [string, Buffer])[] = [
  ['length', withLength(body)],
  ['small, in one segment', withLength(body.subarray(0, 400))],
  ['chunked', Buffer.concat([Buffer.from(responseHead('Transfer-Encoding: chunked')), chunks])],
  ['gzip', withLength(zlib.gzipSync(body), '\r\nContent-Encoding: gzip')],
]

function run(response: Buffer): number {
  const counters = new HttpCounters()
  const pool = new MessagePool(defaultHttpLimits, counters)
  const seen = new Float64Array(1) // A captured variable would allocate a number a call.
  const sink = (transaction: { readonly response: { readonly contentBytes: number | undefined } | undefined }) => {
    seen[0]! += transaction.response?.contentBytes ?? 0
  }
  for (let at = 0; at < transactionCount; at += callsPerFlow) {
    const flow = new HttpFlow({ pool, sink, midStream: false })
    for (let call = 0; call < callsPerFlow; call++) {
      const bytes = requests[at + call]!
      flow.bytes('c2s', bytes, 0, bytes.length, at, 1, 1)
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

const requests = Array.from({ length: transactionCount }, (_value, id) => request(id))
const best = new Map<string, { readonly us: number; readonly allocated: number }>()
for (let round = 0; round < roundCount; round++) {
  for (const [name, response] of responses) {
    globalThis.gc?.()
    const heapBefore = process.memoryUsage().heapUsed
    const before = process.cpuUsage()
    if (run(response) === 0) throw new Error('no content was seen')
    const used = process.cpuUsage(before)
    const allocated = (process.memoryUsage().heapUsed - heapBefore) / transactionCount
    const us = (used.user + used.system) / transactionCount
    if (us < (best.get(name)?.us ?? Number.POSITIVE_INFINITY)) best.set(name, { us, allocated })
  }
}
for (const [name, { us, allocated }] of best) {
  console.log(`${name}: ${us.toFixed(2)} µs CPU/transaction, ${allocated.toFixed(0)} bytes of heap/transaction`)
}
