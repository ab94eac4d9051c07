import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Store } from './store.js'
import { openTransactionWriter, type TransactionRow } from './transaction-writer.js'

const folder = mkdtempSync(join(tmpdir(), 'tapwarden-blocks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Takes everything, knows nothing; notes the rows of each block, which Native tells in its second varint. */
function takingStore(blocks: number[]): Store {
  return {
    query: async () => [],
    command: async () => undefined,
    insertNdjson: async () => undefined,
    insertNative: async (_table, { bytes }) => {
      const [, low = 0, high = 0] = bytes
      blocks.push(low < 128 ? low : (low & 127) + 128 * high)
    },
    insertRows: async () => undefined,
    userQuery: async () => '',
    ping: async () => undefined,
    close: async () => undefined,
  }
}

/** Lines of so many bytes. */
function rows(count: number, bytes: number): TransactionRow[] {
  return Array.from({ length: count }, (_, index) => {
    const id = index.toString(16).padStart(32, '0')
    const text = `{"id":"${id}","path":""}`
    const line = Buffer.from(text.replace('""', `"${'x'.repeat(bytes - text.length)}"`))
    return { id, observedAtUs: index, line, lineBytes: bytes }
  })
}

it.each<[string, number, number, number[], string]>([
  ['few large rows', 10, 400, [3, 3, 3, 1], 'the bytes that make a block go are in it'],
  ['many small rows', 22, 60, [8, 8, 6], 'so many rows, where they are small'],
  ['rows beyond the limit', 3, 5_000, [1, 1, 1], 'one row is always in it'],
])('%s: %i of %i bytes go as %j: %s', async (name, count, bytes, expected, _why) => {
  const blocks: number[] = []
  const writer = await openTransactionWriter({
    store: takingStore(blocks),
    journalFolder: join(folder, name.replaceAll(' ', '-')),
    batchRowCount: 8,
    batchBytes: 1_000,
    batchWaitMs: 60_000,
  })
  const written = writer.write(rows(count, bytes))
  await writer.flush()
  expect(await written).toEqual({ insertedCount: count, duplicateCount: 0, refusedIds: [] })
  expect(blocks).toEqual(expected)
})
