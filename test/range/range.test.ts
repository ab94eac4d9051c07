import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Random } from '../random.js'
import { makeArrivals } from './arrivals.js'
import { type ClientLogEntry, playVisit } from './clients.js'
import type { Edge } from './edge.js'
import { simulateHistory } from './history.js'
import { startNodeEdge } from './node-edge.js'
import { benignVisit, makeUsers, stuffingVisit } from './population.js'
import { Shop } from './shop.js'
import { type RunningShop, startShop } from './shop-server.js'

const decisionFieldName = 'x-decision'
const refusedAddress = '127.60.1.9'
const shop = new Shop(7, 40)
const tapped = { fromClient: '', toClient: '', closedCount: 0 }
let origin: RunningShop
let edge: Edge
let auth: ReturnType<typeof createServer>

beforeAll(async () => {
  origin = await startShop(shop)
  auth = createServer((request, response) => {
    const refuse = request.headers['x-forwarded-for'] === refusedAddress
    response.writeHead(refuse ? 403 : 200, refuse ? { [decisionFieldName]: 'd-1' } : {}).end()
  })
  await new Promise<void>((resolve) => auth.listen(0, '127.0.0.1', resolve))
  edge = await startNodeEdge({
    originPort: origin.port,
    forwardAuthUrl: `http://127.0.0.1:${(auth.address() as AddressInfo).port}/`,
    decisionFieldName,
    tap: () => ({
      fromClient: (bytes) => {
        tapped.fromClient += Buffer.from(bytes).toString('latin1')
      },
      toClient: (bytes) => {
        tapped.toClient += Buffer.from(bytes).toString('latin1')
      },
      closed: () => {
        tapped.closedCount++
      },
    }),
  })
})

afterAll(async () => {
  await edge.close()
  await origin.close()
  auth.close()
})

const quick = (visit: ReturnType<typeof benignVisit>): typeof visit => ({
  ...visit,
  next: (last) => {
    const step = visit.next(last)
    return step && { ...step, afterMs: 0 }
  },
})

it('a benign visit logs in and browses, from its own address, through the edge and past the tap', async () => {
  const log: ClientLogEntry[] = []
  const [user] = makeUsers(new Random(3), shop.accounts, 40)
  if (user === undefined) throw new Error('no user')
  const options = { edgePort: edge.port, decisionFieldName, signal: new AbortController().signal }
  await playVisit(quick(benignVisit(new Random(5), user)), log, options)
  expect(log.length).toBeGreaterThan(2)
  expect(log.filter(({ status }) => status >= 400 && status !== 401)).toEqual([])
  expect(log.some(({ refused }) => refused)).toBe(false)
  expect(tapped.fromClient).toContain('POST /api/v1/login HTTP/1.1\r\n')
  expect(tapped.toClient).toContain('HTTP/1.1 200 OK\r\n')
})

it('a refused address is told so by the edge and never reaches the shop', async () => {
  const log: ClientLogEntry[] = []
  const options = { edgePort: edge.port, decisionFieldName, signal: new AbortController().signal }
  await playVisit(quick(stuffingVisit(new Random(5), refusedAddress, shop.accounts, 1, 3)), log, options)
  expect(log.map(({ status, refused }) => [status, refused])).toEqual(Array(3).fill([403, true]))
})

it('the same seed gives the same shop, another gives another', () => {
  expect(new Shop(7, 40).accounts).toEqual(shop.accounts)
  expect(new Shop(8, 40).accounts).not.toEqual(shop.accounts)
})

it('an hour of history has its people in the order of time, and their failures at their rate', () => {
  const past = new Shop(7, 40)
  const arrivals = makeArrivals(new Random(11), makeUsers(new Random(3), past.accounts, 40), past.partners)
  const hourUs = 3_600_000_000
  const conversations = simulateHistory({ shop: past, arrivals, startUs: 1_000, durationUs: hourUs })
  const logins = conversations
    .flatMap(({ messages }) => messages)
    .filter(({ bytes }) => /userId|invalid_credentials/.test(Buffer.from(bytes).toString()))
  const failures = logins.filter(({ bytes }) => Buffer.from(bytes).toString().includes('invalid_credentials'))
  expect(conversations.length).toBeGreaterThan(6_000)
  expect(failures.length / logins.length).toBeGreaterThan(0.02)
  expect(failures.length / logins.length).toBeLessThan(0.12)
  for (const { messages } of conversations)
    expect(messages.map(({ atUs }) => atUs)).toEqual(messages.map(({ atUs }) => atUs).sort((a, b) => a - b))
  expect(Math.max(...conversations.flatMap(({ messages }) => messages.map(({ atUs }) => atUs)))).toBeLessThan(
    hourUs + 50_000,
  )
})
