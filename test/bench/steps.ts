/**
 * What each step of the embedded path costs, one transaction. Steps of the sensor are measured as a ladder (each rung runs all before
 * it, the difference is the step), the others each on what the step before handed on. The order is that of the data.
 */

import { closeSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { Catalog } from '@tapwarden/catalog/catalog'
import { consumerGroups, topicNames } from '@tapwarden/contracts/names'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { TransactionLines } from '@tapwarden/contracts/transaction-lines'
import { detectionConfigSchema } from '@tapwarden/detection/detection-config'
import { createDetectors } from '@tapwarden/detection/detectors'
import { FlowTable } from '@tapwarden/net/flow-table'
import { SegmentReader } from '@tapwarden/net/segment-reader'
import { type FrameView, PcapReader } from '@tapwarden/pcap/pcap-reader'
import { createRedactor } from '@tapwarden/redaction/redact-transaction'
import { runCapture } from '@tapwarden/service-capture/capture-pipeline'
import { captureConfigSchema } from '@tapwarden/service-capture/config'
import { PcapFileSource } from '@tapwarden/service-capture/pcap-file'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'
import { type Engine, startEngine } from '@tapwarden/store/embedded/engine'
import { openStore } from '@tapwarden/store/http-store'
import { applyMigrations } from '@tapwarden/store/migrations/migrations'
import { openTransactionWriter, type TransactionRow } from '@tapwarden/store/transaction-writer'
import { type Cost, measure, type Rounds } from './measure.js'
import { cpuUsOf } from './process-cost.js'

export interface StepCost {
  readonly step: string
  /** µs of CPU a transaction. */
  readonly cpuUs: number
  readonly allocatedBytes: number | undefined
}

const blockBytes = 1_048_576
/** About what a batch of the bus holds. */
const batchTransactionCount = 64
const fleetKey = new Uint8Array(32).fill(7)
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined }

export async function measureSteps(capture: string, rounds: Rounds): Promise<StepCost[]> {
  const { records, transactionCount } = await publishedRecords(capture)
  const costs: StepCost[] = []
  const add = (step: string, cost: Cost, before?: Cost): Cost => {
    const bytes =
      (cost.allocatedBytes ?? Number.NaN) - (before === undefined ? 0 : (before.allocatedBytes ?? Number.NaN))
    costs.push({
      step,
      cpuUs: (cost.cpuUs - (before?.cpuUs ?? 0)) / transactionCount,
      allocatedBytes: Number.isNaN(bytes) ? undefined : Math.max(0, bytes) / transactionCount,
    })
    return cost
  }

  const reading = add('read pcap records', await measure(rounds, () => countFrames(capture)))
  const ordered = add('decode, flows, reassembly', await measure(rounds, () => countBytes(capture)), reading)
  const paired = add('HTTP: parse and pair', await measure(rounds, () => countTransactions(capture)), ordered)
  const redacted = add('redact and encode', await measure(rounds, () => countLineBytes(capture)), paired)
  const published = await measure(rounds, async () => (await publishedRecords(capture, false)).transactionCount)
  add('batch and publish', published, redacted)
  costs.push({
    step: '= capture alone, read to published',
    cpuUs: published.cpuUs / transactionCount,
    allocatedBytes: published.allocatedBytes === undefined ? undefined : published.allocatedBytes / transactionCount,
  })

  add('decode, once for catalog and detector', await measure(rounds, () => decodedLines(records).length))
  const lines = decodedLines(records)
  add('catalog: learn and decide', await measure(rounds, () => learned(lines).latestUs))
  const catalog = learned(lines)
  add('catalog: resolve', await measure(rounds, () => resolved(catalog, lines).length))
  const transactions = lines.map(({ transaction }) => transaction)
  add('detector: observe', await measure(rounds, () => observed(catalog, transactions)))
  if (!rounds.countsBytes) costs.push(...(await storeCosts(resolved(catalog, lines), rounds)))
  return costs
}

function countFrames(capture: string): number {
  let bytes = 0
  readCapture(capture, (frame) => {
    bytes += frame.capturedBytes
  })
  return bytes
}

function countBytes(capture: string): number {
  let count = 0
  const consumer = {
    bytes: (_direction: string, _buffer: Uint8Array, from: number, to: number) => {
      count += to - from
    },
    gap: () => undefined,
    end: () => undefined,
  }
  const flows = new FlowTable({ consumerOf: () => consumer })
  const segments = new SegmentReader({ onSegment: (segment) => flows.segment(segment) })
  readCapture(capture, (frame) => segments.readFrame(frame))
  flows.end()
  return count
}

function countTransactions(capture: string): number {
  let bytes = 0
  const reader = new TransactionReader({
    onTransaction: (_flow, { request, response }) => {
      bytes += request.content.length + (response?.content.length ?? 0)
    },
  })
  readCapture(capture, (frame) => reader.frame(frame))
  reader.end()
  return bytes
}

function countLineBytes(capture: string): number {
  let bytes = 0
  const redactor = createRedactor({ fleetKey, keyNumber: 1 })
  const reader = new TransactionReader({
    onTransaction: (flow, transaction) => {
      bytes += redactor.redact(flow, transaction).line.length
    },
  })
  readCapture(capture, (frame) => reader.frame(frame))
  reader.end()
  return bytes
}

function readCapture(path: string, onFrame: (frame: FrameView) => void): void {
  const reader = new PcapReader({ onFrame })
  const block = new Uint8Array(blockBytes)
  const file = openSync(path, 'r')
  try {
    for (let bytes = readSync(file, block); bytes > 0; bytes = readSync(file, block)) reader.push(block, 0, bytes)
    reader.end()
  } finally {
    closeSync(file)
  }
}

/** The sensor as it is, onto a bus whose reader does nothing but commit, and keep where asked: fresh memory for each record is dear. */
async function publishedRecords(
  capture: string,
  keeps = true,
): Promise<{ records: Uint8Array[]; transactionCount: number }> {
  const bus = new InProcessBus()
  const records: Uint8Array[] = []
  const subscription = bus.subscribe({ topic: topicNames.transactions, group: consumerGroups.catalog })
  const reading = (async () => {
    for await (const batch of subscription.batches()) {
      if (keeps) for (const record of batch.records) records.push(record.value)
      await batch.commit()
    }
  })()
  const { transactionCount } = await runCapture({
    source: new PcapFileSource([capture]),
    bus,
    redactor: createRedactor({ fleetKey, keyNumber: 1 }),
    config: captureConfigSchema.parse({}),
    logger: quiet as never,
  })
  await bus.close()
  await reading
  return { records, transactionCount }
}

interface Decoded {
  readonly transaction: HttpTransaction
  readonly line: Uint8Array
}

function decodedLines(records: readonly Uint8Array[]): Decoded[] {
  const decoded: Decoded[] = []
  const transactionLines = new TransactionLines()
  for (const value of records) {
    for (const { bytes, transaction } of transactionLines.of(value)) {
      if (transaction !== undefined) decoded.push({ transaction, line: bytes })
    }
  }
  return decoded
}

/** Decisions are taken as often as the catalog service has a batch. */
function learned(lines: readonly Decoded[]): Catalog {
  const catalog = new Catalog()
  lines.forEach(({ transaction }, index) => {
    catalog.observe(transaction)
    if (index % batchTransactionCount === 0) catalog.decide(false)
  })
  catalog.decide(true)
  return catalog
}

function resolved(catalog: Catalog, lines: readonly Decoded[]): TransactionRow[] {
  return lines.map(({ transaction, line }) => {
    const { endpointId } = catalog.resolve(transaction)
    return { id: transaction.id, observedAtUs: transaction.observedAtUs, line, lineBytes: line.length, endpointId }
  })
}

function observed(catalog: Catalog, transactions: readonly HttpTransaction[]): number {
  const detectors = createDetectors(detectionConfigSchema.parse({}))
  let findingCount = 0
  for (const transaction of transactions) {
    const { endpointId, pathTemplate } = catalog.resolve(transaction)
    const { host, method } = transaction
    for (const detector of detectors) {
      findingCount += detector.observe(transaction, { id: endpointId, host, method, pathTemplate }).length
    }
  }
  return findingCount
}

/** Fresh folders, since the same rows twice are duplicates. */
async function storeCosts(rows: readonly TransactionRow[], rounds: Rounds): Promise<StepCost[]> {
  let clientUs = Number.POSITIVE_INFINITY
  let engineUs = Number.POSITIVE_INFINITY
  for (let round = 0; round < Math.min(rounds.roundCount, 3); round++) {
    const folder = mkdtempSync(join(tmpdir(), 'tapwarden-bench-store-'))
    const engine = await startEngine({ storeDir: join(folder, 'store'), logger: quiet })
    try {
      const cost = await insertCost(rows, engine, folder)
      clientUs = Math.min(clientUs, cost.clientUs)
      engineUs = Math.min(engineUs, cost.engineUs)
    } finally {
      await engine.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
  return [
    { step: 'store: insert, our side', cpuUs: clientUs / rows.length, allocatedBytes: undefined },
    { step: 'store: insert, engine side', cpuUs: engineUs / rows.length, allocatedBytes: undefined },
  ]
}

async function insertCost(rows: readonly TransactionRow[], engine: Engine, folder: string) {
  const store = openStore(engine)
  await applyMigrations(store)
  const writer = await openTransactionWriter({ store, journalFolder: join(folder, 'journal') })
  globalThis.gc?.()
  const engineBeforeUs = cpuUsOf(engine.pid)
  const before = process.cpuUsage()
  const writes: Promise<unknown>[] = []
  for (let at = 0; at < rows.length; at += 256) writes.push(writer.write(rows.slice(at, at + 256)))
  await writer.flush()
  await Promise.all(writes)
  const used = process.cpuUsage(before)
  const cost = { clientUs: used.user + used.system, engineUs: cpuUsOf(engine.pid) - engineBeforeUs }
  await writer.close()
  await store.close()
  return cost
}
