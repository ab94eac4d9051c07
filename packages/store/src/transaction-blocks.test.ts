import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Store } from './store.js'
import { openTransactionWriter, type TransactionRow } from './transaction-writer.js'

const folder = mkdtempSync(join(tmpdir(), 'tapwarden-blocks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Takes everything, knows nothing; notes the bytes of each block. */
function takingStore(blocks: number[]): Store {
  return {
    query: async () => [],
    command: async () => undefined,
    insertNdjson: async (_table, ndjson) => {
      blocks.push(ndjson.length)
    },
    insertRows: async () => undefined,
    userQuery: async () => '',
    ping: async () => undefined,
    close: async () => undefined,
  }
}

function rows(count: number, bytes: number): TransactionRow[] {
  return Array.from({ length: count }, (_, index) => ({
    id: index.toString(16).padStart(32, '0'),
    observedAtUs: index,
    line: new Uint8Array(bytes),
  }))
}

it.each<[string, number, number, number[], string]>([
  ['few large rows', 10, 400, [2_000, 2_000], 'twice the bytes that make a block go, at most'],
  ['many small rows', 1_000, 1, [200, 200, 200, 200, 200], 'twice the rows'],
  ['rows beyond the limit', 3, 5_000, [5_000, 5_000, 5_000], 'one row is always in it'],
])('%s: %i of %i bytes go as %j: %s', async (name, count, bytes, expected, _why) => {
  const blocks: number[] = []
  const writer = await openTransactionWriter({
    store: takingStore(blocks),
    journalFolder: join(folder, name.replaceAll(' ', '-')),
    batchRowCount: 100,
    batchBytes: 1_000,
    batchWaitMs: 60_000,
  })
  expect(await writer.write(rows(count, bytes))).toEqual({ insertedCount: count, duplicateCount: 0, refusedIds: [] })
  expect(blocks).toEqual(expected)
})
