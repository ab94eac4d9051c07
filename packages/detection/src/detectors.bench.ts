/**
 * µs of CPU per transaction through all detectors, over state that is warm. Run:
 * `node --expose-gc packages/detection/dist/detectors.bench.js`.
 */

import { goldenTransaction, type HttpTransaction } from '@tapwarden/contracts/transaction'
import { detectionConfigSchema } from './detection-config.js'
import type { FindingEndpoint } from './detector.js'
import { createDetectors } from './detectors.js'

const roundsCount = 7
const transactionsPerRound = 100_000
const clientsCount = 20_000
const startUs = 1_790_000_000_000_000

const login: FindingEndpoint = { id: 'a1', host: 'shop.example', method: 'POST', pathTemplate: '/api/login' }
const browse: FindingEndpoint = { id: 'a2', host: 'shop.example', method: 'GET', pathTemplate: '/api/orders/{orderId}' }

function hex(value: number, digits: number): string {
  return Math.imul(value + 1, 0x9e3779b1)
    .toString(16)
    .replace('-', 'f')
    .padStart(8, '0')
    .repeat(4)
    .slice(0, digits)
}

/** Strings of their own, as JSON.parse makes them: a shared constant would be hashed once for ever. */
function fresh(transaction: Partial<HttpTransaction>): HttpTransaction {
  return JSON.parse(JSON.stringify(transaction)) as HttpTransaction
}

const { accessToken, accountToken, edgeDecisionId, loginUserToken, loginPasswordToken, ...anonymous } =
  goldenTransaction

function attempt(i: number): HttpTransaction {
  const client = (i * 7) % clientsCount
  const failed = i % 11 === 0
  return fresh({
    ...anonymous,
    id: hex(i, 32),
    observedAtUs: startUs + i * 100_000,
    clientAddress: `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`,
    fingerprint: hex(client % 30, 16),
    sessionToken: `a1.${hex(client, 32)}`,
    loginUserToken: `c1.${hex(client, 32)}`,
    loginPasswordToken: `c1.${hex(failed ? i : client, 32)}`,
    status: failed ? 401 : 200,
    responseShape: failed ? { error: 'str n=5' } : { user: 'str n=4', token: 'str f=jwt n=8' },
  })
}

function page(i: number): HttpTransaction {
  const client = (i * 7) % clientsCount
  return fresh({
    ...anonymous,
    id: hex(i, 32),
    observedAtUs: startUs + i * 10_000,
    clientAddress: `10.${client >> 16}.${(client >> 8) & 255}.${client & 255}`,
    fingerprint: hex(client % 30, 16),
    sessionToken: `a1.${hex(client, 32)}`,
    accessToken: `a1.${hex(client % 500, 32)}`,
    status: 200,
  })
}

function measure(name: string, make: (i: number) => HttpTransaction, endpoint: FindingEndpoint): void {
  const detectors = createDetectors(detectionConfigSchema.parse({}))
  let bestUs = Number.POSITIVE_INFINITY
  let leastBytes = Number.POSITIVE_INFINITY
  let findingCount = 0
  for (let round = 0; round < roundsCount; round++) {
    const transactions = Array.from({ length: transactionsPerRound }, (_, i) => make(round * transactionsPerRound + i))
    globalThis.gc?.()
    const heapBefore = process.memoryUsage().heapUsed
    const before = process.cpuUsage()
    for (const transaction of transactions) {
      for (const detector of detectors) findingCount += detector.observe(transaction, endpoint).length
    }
    const { user, system } = process.cpuUsage(before)
    bestUs = Math.min(bestUs, (user + system) / transactionsPerRound)
    const bytes = (process.memoryUsage().heapUsed - heapBefore) / transactionsPerRound
    if (bytes > 0) leastBytes = Math.min(leastBytes, bytes)
  }
  console.log(
    `${name}: ${bestUs.toFixed(2)} µs, ${leastBytes.toFixed(0)} bytes a transaction (${findingCount} findings)`,
  )
}

measure('login attempts', attempt, login)
measure('authenticated requests', page, browse)
