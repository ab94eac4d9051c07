/**
 * How many transactions a second the embedded store takes, and what one costs on either side.
 * Run: `node packages/store/dist/transaction-writer.bench.js [rows]` after a build. From lines as bytes to merged rows. Baselines, round by round
 * without the writer's journal and duplicate filter: the lines as they are (JSONEachRow), and as Native blocks.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { microsPerDay } from '@tapwarden/base/units'
import { LineTransaction } from '@tapwarden/contracts/line-transaction'
import { tableNames } from '@tapwarden/contracts/names'
import { goldenTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import { TransactionLines } from '@tapwarden/contracts/transaction-lines'
import { startEngine } from './embedded/engine.js'
import { openStore } from './http-store.js'
import { applyMigrations } from './migrations/migrations.js'
import { NativeBlockEncoder } from './native/ndjson-to-native.js'
import { transactionColumns } from './transaction-columns.js'
import { openTransactionWriter, type TransactionRow } from './transaction-writer.js'

const rowCount = Number(process.argv[2] ?? 200_000)
const batchRowCount = 20_000
const lines = new TransactionLines()

/** Content of a few leaves, no rare fields. Each call has ids and a day of its own. */
function makeRows(call: number): TransactionRow[] {
  const prefix = call.toString(16).padStart(8, 'd0')
  const startUs = 1_790_000_000_000_000 + call * microsPerDay
  const { requestFields, vlanIds, forwardedFor, anomalies, setCookieNames, accountToken, ...fields } = goldenTransaction
  return Array.from({ length: rowCount }, (_, index) => {
    const id =
      prefix + (index * 2_654_435_761).toString(16).padStart(16, '0').slice(-16) + index.toString(16).padStart(8, '0')
    const observedAtUs = startUs + index * 150
    const endpointId = (index % 300).toString(16).padStart(16, '0')
    const line = transactionTopic.encode({
      ...fields,
      id,
      observedAtUs,
      clientIp: `203.0.${(index >> 8) & 255}.${index & 255}`,
      clientAddress: `203.0.${(index >> 8) & 255}.${index & 255}`,
      host: `host-${index % 7}.example`,
      path: `/api/v1/items/${index % 5_000}`,
      status: index % 20 === 0 ? 401 : 200,
      // A member of the line, so that JSONEachRow reads it too.
      ...{ endpointId },
    })
    // The writer gets lines that were read before, as from the catalog.
    const transaction = lines.of(line)[0]?.transaction
    const located = transaction instanceof LineTransaction ? transaction : undefined
    return { id, observedAtUs, line, lineBytes: line.length, endpointId, located }
  })
}

/** µs of CPU that a process has used, all threads. */
function cpuUs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

/** What an insert leaves to do is part of its cost. */
async function merged(): Promise<void> {
  for (;;) {
    const rows = await store.query('SELECT 1 FROM system.merges LIMIT 1')
    if (rows.length === 0) return
    await delay(50)
  }
}

async function measure(
  name: string,
  rows: number,
  bytes: number,
  enginePid: number,
  work: () => Promise<void>,
): Promise<void> {
  const engineBefore = cpuUs(enginePid)
  const own = process.cpuUsage()
  const startedAt = performance.now()
  await work()
  await merged()
  const seconds = (performance.now() - startedAt) / 1_000
  const used = process.cpuUsage(own)
  const engineUs = (cpuUs(enginePid) - engineBefore) / rows
  const clientUs = (used.user + used.system) / rows
  console.log(
    `${name.padEnd(46)} ${Math.round(rows / seconds)} rows/s  ${(bytes / seconds / 1e6).toFixed(1)} MB/s  ` +
      `engine ${engineUs.toFixed(1)} µs/row  client ${clientUs.toFixed(1)} µs/row`,
  )
}

const folder = mkdtempSync(join(tmpdir(), 'tapwarden-bench-'))
const logger = { info: () => undefined, warn: () => undefined }
const engine = await startEngine({ storeDir: join(folder, 'store'), logger })
const store = openStore(engine)
await applyMigrations(store)

type Insert = (rows: readonly TransactionRow[], deduplicationToken: string) => Promise<void>

const insertJson: Insert = async (block, deduplicationToken) => {
  const lines = Buffer.concat(block.map((row) => row.line))
  await store.insertNdjson(tableNames.transactions, lines, { deduplicationToken })
}

const encoder = new NativeBlockEncoder(transactionColumns)
const insertNative: Insert = async (block, deduplicationToken) => {
  for (const { line } of block) encoder.append(line)
  await store.insertNative(tableNames.transactions, encoder.finish(), { deduplicationToken })
}

const bytes = makeRows(0).reduce((sum, row) => sum + row.line.length, 0)
console.log(`${rowCount} rows, ${Math.round(bytes / rowCount)} bytes each, ${batchRowCount} a block`)

for (let round = 0; round < 2; round++) {
  for (const [index, [name, insert]] of Object.entries({ JSONEachRow: insertJson, Native: insertNative }).entries()) {
    const direct = makeRows(1 + 2 * round + index)
    await measure(`engine alone, ${name}`, rowCount, bytes, engine.pid, async () => {
      for (let at = 0; at < rowCount; at += batchRowCount) {
        await insert(direct.slice(at, at + batchRowCount), `${name} ${round} ${at}`)
      }
    })
  }
}

const rows = makeRows(9)
const writer = await openTransactionWriter({ store, journalFolder: join(folder, 'journal'), batchRowCount })
/** 640 rows a call, many calls under way: what the catalog does. */
async function writeAll(): Promise<number> {
  let duplicateCount = 0
  const calls: Promise<void>[] = []
  for (let at = 0; at < rowCount; at += 640) {
    calls.push(
      writer.write(rows.slice(at, at + 640)).then((result) => {
        duplicateCount += result.duplicateCount
      }),
    )
    if (calls.length === 64) await Promise.all(calls.splice(0))
  }
  await writer.flush()
  await Promise.all(calls)
  return duplicateCount
}
await measure('writer, rows new', rowCount, bytes, engine.pid, async () => {
  await writeAll()
})
writer.forgetStored()
await measure('writer, every row a duplicate, looked up', rowCount, bytes, engine.pid, async () => {
  const duplicateCount = await writeAll()
  if (duplicateCount !== rowCount) throw new Error(`${duplicateCount} duplicates of ${rowCount}`)
})

await writer.close()
await store.close()
await engine.stop()
rmSync(folder, { recursive: true, force: true })
