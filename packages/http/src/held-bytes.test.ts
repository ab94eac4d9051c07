/** What waits is bounded in one flow and over all, whatever it is made of; and what is given back is counted back. */

import { expect, it } from 'vitest'
import { type FlowDirection, HttpFlow } from './http-flow.js'
import { defaultHttpLimits, HttpCounters, type HttpLimits } from './http-limits.js'
import { MessagePool } from './message.js'

const headBytes = 60_000
const longGet = `GET / HTTP/1.1\r\nX: ${'y'.repeat(headBytes - 22)}\r\n\r\n`
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
const trailers = `POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ${'y'.repeat(headBytes)}\r\n\r\n`

interface Peer {
  readonly flow: HttpFlow
  readonly published: string[]
  send(direction: FlowDirection, text: string): void
}

function peersOf(count: number, limits: Partial<HttpLimits>) {
  const counters = new HttpCounters()
  const pool = new MessagePool({ ...defaultHttpLimits, ...limits }, counters)
  const peers = Array.from({ length: count }, (): Peer => {
    const published: string[] = []
    const flow = new HttpFlow({
      pool,
      midStream: false,
      sink: ({ request, response, anomalies }) =>
        published.push(`${request.target} ${response?.status ?? 'none'} ${anomalies.join()}`),
    })
    const next = { c2s: 1_000, s2c: 5_000 }
    const send = (direction: FlowDirection, text: string) => {
      const bytes = Buffer.from(text, 'latin1')
      const ack = next[direction === 'c2s' ? 's2c' : 'c2s']
      flow.bytes(direction, bytes, 0, bytes.length, 0, next[direction], ack)
      next[direction] += bytes.length
    }
    return { flow, published, send }
  })
  return { pool, counters, peers }
}

it.each([
  ['heads', longGet, 1_500_000],
  ['trailers', trailers, 1_500_000],
  ['requests, however small', 'GET / HTTP/1.1\r\n\r\n', 300_000],
])('bounds what %s hold over all flows, and gives it back', (_what, request, totalBufferedMaxBytes) => {
  const { pool, counters, peers } = peersOf(12, { flowBufferedMaxBytes: 400_000, totalBufferedMaxBytes })
  let peakBytes = 0
  for (let turn = 0; turn < 30; turn++) {
    for (const { send } of peers) {
      send('c2s', request)
      peakBytes = Math.max(peakBytes, pool.bufferedBytes)
    }
  }
  expect(peakBytes).toBeLessThanOrEqual(totalBufferedMaxBytes + peers.length * 8_192)
  expect(counters.pendingOverflowCount).toBeGreaterThan(100)
  for (const { flow } of peers) {
    flow.end('c2s', 'fin', 0)
    flow.end('s2c', 'fin', 0)
  }
  expect(pool.bufferedBytes).toBe(0)
  expect(counters.transactionCount).toBe(360)
})

it('gives up the oldest requests of a flow whose heads hold too much, and pairs the rest', () => {
  const { peers, pool } = peersOf(1, { flowBufferedMaxBytes: 200_000 })
  const [{ send, published }] = peers as [Peer]
  for (let i = 0; i < 5; i++) send('c2s', longGet.replace('/', `/${i}`))
  expect(pool.bufferedBytes).toBeLessThanOrEqual(200_000)
  for (let i = 0; i < 5; i++) send('s2c', ok)
  expect(published).toEqual([
    '/0 none http.pipeline-overflow',
    '/1 none http.pipeline-overflow',
    '/2 200 ',
    '/3 200 ',
    '/4 200 ',
  ])
})

it('keeps a short request alone on its connection, however much all others hold', () => {
  const { peers } = peersOf(2, { totalBufferedMaxBytes: 100_000, flowBufferedMaxBytes: 1_000_000 })
  const [greedy, modest] = peers as [Peer, Peer]
  for (let i = 0; i < 3; i++) greedy.send('c2s', longGet)
  greedy.send('c2s', longGet.slice(0, 50_000))
  modest.send('c2s', 'GET /modest HTTP/1.1\r\n\r\n')
  modest.send('s2c', ok)
  expect(modest.published).toEqual(['/modest 200 '])
})

it('refuses heads that are not complete once all flows hold too much', () => {
  const { peers, pool, counters } = peersOf(40, { totalBufferedMaxBytes: 500_000 })
  for (let piece = 0; piece < 10; piece++) {
    for (const { send } of peers) send('c2s', longGet.slice(piece * 5_000, (piece + 1) * 5_000))
  }
  expect(pool.bufferedBytes).toBeLessThan(500_000 + 40 * 5_000)
  expect(counters.bufferOverflowCount).toBeGreaterThan(0)
})

it('counts nothing of a flow that is abandoned in the midst of messages', () => {
  const { peers, pool } = peersOf(1, {})
  const [{ send, flow, published }] = peers as [Peer]
  send('c2s', longGet + longGet + longGet.slice(0, 30_000))
  send('s2c', ok.replace('0', '5').slice(0, 30))
  expect(pool.bufferedBytes).toBeGreaterThan(100_000)
  flow.abandon()
  send('c2s', longGet)
  expect([pool.bufferedBytes, published.length]).toEqual([0, 0])
})
