/** The detector service on the real bus and engine: findings reach topic and store, and a restart repeats nothing. */

import { InProcessBus } from '@tapwarden/bus/in-process'
import { type Finding, findingTopic } from '@tapwarden/contracts/finding'
import { consumerGroups, tableNames, topicNames } from '@tapwarden/contracts/names'
import { partitionOf } from '@tapwarden/contracts/partition-key'
import { type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import { silentLogger } from '@tapwarden/runtime/logger'
import { detectorConfigSchema } from '@tapwarden/service-detector/config'
import { startDetector } from '@tapwarden/service-detector/detector-pipeline'
import { engineMissing, startTestStore, type TestStore } from '@tapwarden/store/embedded/test-engine'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Random } from '../random.js'
import { transactionOf } from './event.js'
import { benignLogins, inTimeOrder, stuffing } from './login-traffic.js'
import { meanOfPeak, partnerKey, partnerRequests, scrape } from './partner-traffic.js'

const hourS = 3_600
const recordMessageCount = 64
let testStore: TestStore

beforeEach(async () => {
  if (engineMissing() === undefined) testStore = await startTestStore()
}, 120_000)
afterEach(async () => testStore?.stop())

/** An hour of history, then both attacks. */
function traffic(): HttpTransaction[] {
  const random = new Random(9)
  const fingerprints = 12
  const to = { fromS: 0, toS: hourS + 240 }
  const benign = benignLogins(random, { ...to, rate: 2, users: 3_000, fingerprints })
  const partner = partnerRequests(random, { ...to, rate: 0.3, key: partnerKey, truth: 'benign', times: () => 1 })
  const attack = stuffing(random, {
    fromS: hourS,
    toS: hourS + 120,
    rate: 6,
    addresses: 200,
    fingerprint: 0,
    fingerprints,
    hitRatio: 0.005,
  })
  const scraping = scrape(random, hourS + 150, hourS + 170, 700 * 0.3 * meanOfPeak)
  return inTimeOrder(benign, partner, attack, scraping).map((event, index) => transactionOf(event, index))
}

/** Publishes as a sensor does: by partition, many transactions a record. */
async function publish(bus: InProcessBus, transactions: readonly HttpTransaction[]): Promise<void> {
  const pending = new Map<number, Uint8Array[]>()
  const flush = async (partition: number) => {
    const lines = pending.get(partition) ?? []
    pending.delete(partition)
    if (lines.length === 0) return
    await bus.publish(topicNames.transactions, [{ partition, value: Buffer.concat(lines), messageCount: lines.length }])
  }
  for (const transaction of transactions) {
    const partition = partitionOf(transaction)
    const lines = pending.get(partition) ?? []
    pending.set(partition, lines)
    lines.push(transactionTopic.encode(transaction))
    if (lines.length >= recordMessageCount) await flush(partition)
  }
  for (const partition of [...pending.keys()]) await flush(partition)
}

/** One life of the service: from start, through `transactions`, to stop. */
async function run(transactions: readonly HttpTransaction[]) {
  const bus = new InProcessBus()
  const published: Finding[] = []
  const subscription = bus.subscribe({ topic: topicNames.findings, group: consumerGroups.alerter })
  const reader = (async () => {
    for await (const batch of subscription.batches()) {
      for (const { value } of batch.records) published.push(...findingTopic.decode(value).map(findingTopic.parse))
      await batch.commit()
    }
  })()
  const config = detectorConfigSchema.parse({})
  const detector = await startDetector({ bus, store: testStore.store, config, logger: silentLogger })
  await publish(bus, transactions)
  await bus.drained([topicNames.transactions, topicNames.findings])
  const counters = detector.counters()
  await detector.stop()
  await bus.close()
  await reader
  return { published, counters }
}

function store(transactions: readonly HttpTransaction[], deduplicationToken: string): Promise<void> {
  const lines = transactions.map((transaction) => JSON.stringify({ ...transaction, endpointId: '00' }))
  return testStore.store.insertNdjson(tableNames.transactions, Buffer.from(`${lines.join('\n')}\n`), {
    deduplicationToken,
  })
}

function storedFindings(): Promise<{ id: string; version: number; threat: string }[]> {
  return testStore.store.query(`SELECT id, version, threat FROM v_findings ORDER BY threat`)
}

it.skipIf(engineMissing() !== undefined)(
  'finds both attacks, and a second replay finds nothing more',
  async () => {
    const transactions = traffic()
    const first = await run(transactions)
    expect(first.counters.observedCount).toBe(transactions.length)
    expect(first.counters.malformedCount).toBe(0)
    const findings = await storedFindings()
    expect(findings.map(({ threat }) => threat)).toEqual(['OAT-008', 'OAT-011'])
    expect(new Set(first.published.map(({ id }) => id)).size).toBe(2)

    // What the catalog service does meanwhile.
    await store(transactions, 'all')
    const second = await run(transactions)
    expect(second.counters.duplicateCount).toBe(transactions.length)
    expect(second.counters.restoredCount).toBeGreaterThan(transactions.length / 2)
    expect(second.published).toEqual([])
    expect(await storedFindings()).toEqual(findings)
  },
  60_000,
)

it.skipIf(engineMissing() !== undefined)(
  'a restart in the middle of an attack goes on with the same finding',
  async () => {
    const transactions = traffic()
    const attackFromUs = (transactions[0]?.observedAtUs ?? 0) + hourS * 1e6
    const middle = transactions.findIndex(({ observedAtUs }) => observedAtUs > attackFromUs + 60e6)
    const before = transactions.slice(0, middle)
    const first = await run(before)
    await store(before, 'before')
    const second = await run(transactions.slice(middle))
    const stuffing = ({ threat }: Finding) => threat === 'OAT-008'
    const versions = (findings: readonly Finding[]) => findings.filter(stuffing).map(({ version }) => version)
    expect(new Set([...first.published, ...second.published].filter(stuffing).map(({ id }) => id)).size).toBe(1)
    expect(Math.max(...versions(first.published))).toBeLessThan(Math.min(...versions(second.published)))
    const named = (findings: readonly Finding[]) => findings.filter(stuffing).at(-1)?.subject.actors.length ?? 0
    expect(named(first.published)).toBeGreaterThan(10)
    expect(named(second.published)).toBeGreaterThan(named(first.published))
  },
  60_000,
)
