import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { microsPerDay } from '@tapwarden/base/units'
import type { tableNames } from '@tapwarden/contracts/names'
import { goldenTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DuplicateFilter } from './duplicate-filter.js'
import { engineMissing, startTestStore, type TestStore } from './embedded/test-engine.js'
import { InsertJournal } from './insert-journal.js'
import { QueryRefused, type Store, StoreUnavailable } from './store.js'
import { openTransactionWriter, type TransactionRow } from './transaction-writer.js'

const missing = engineMissing()
/** Each host has days of its own, so that tests do not meet in time either. */
const startsUs = new Map<string, number>()
function startOf(host: string): number {
  const startUs = startsUs.get(host) ?? 1_700_000_000_000_000 + startsUs.size * 4 * microsPerDay
  startsUs.set(host, startUs)
  return startUs
}

/** Rows of a host of their own; ids from the host, so that tests do not meet. */
function rowsOf(host: string, from: number, count: number, fields: Record<string, unknown> = {}): TransactionRow[] {
  const prefix = Buffer.from(host).toString('hex').slice(0, 20).padEnd(20, '0')
  return Array.from({ length: count }, (_, index) => {
    const id = prefix + (from + index).toString(16).padStart(12, '0')
    const observedAtUs = startOf(host) + (from + index) * 20_000
    const line = transactionTopic.encode({ ...goldenTransaction, id, host, observedAtUs, ...fields })
    return { id, observedAtUs, line, lineBytes: line.length }
  })
}

describe.skipIf(missing !== undefined)(`the transaction writer on the embedded engine ${missing ?? ''}`, () => {
  let test: TestStore
  let folder: string
  beforeAll(async () => {
    test = await startTestStore()
    folder = mkdtempSync(join(tmpdir(), 'tapwarden-journal-'))
  }, 60_000)
  afterAll(async () => {
    await test?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  async function counts(host: string): Promise<{ rows: number; ids: number; minutes: number; hours: number }> {
    const [row] = await test.store.query<Record<string, string>>(
      `SELECT count() AS rows, uniqExact(id) AS ids,
  (SELECT sum(transactions) FROM v_endpoints_by_minute WHERE host = {host:String}) AS minutes,
  (SELECT sum(transactions) FROM v_endpoints_by_hour WHERE host = {host:String}) AS hours
FROM http_transactions WHERE host = {host:String}`,
      { host },
    )
    const { rows, ids, minutes, hours } = row ?? {}
    return { rows: Number(rows), ids: Number(ids), minutes: Number(minutes), hours: Number(hours) }
  }
  const once = (count: number) => ({ rows: count, ids: count, minutes: count, hours: count })
  const open = (name: string, store: Store = test.store, recentMaxCount = 1_000) =>
    openTransactionWriter({
      store,
      journalFolder: join(folder, name),
      batchWaitMs: 5,
      filter: new DuplicateFilter(store, { recentMaxCount }),
      retryDelaysMs: [1],
    })

  it('stores rows once: within a batch, in the window, beyond it, and in a later process', async () => {
    const rows = rowsOf('once', 0, 500)
    const writer = await open('once', test.store, 100)
    const [first, second] = await Promise.all([
      writer.write([...rows, ...rows.slice(0, 10)]),
      writer.write(rows.slice(0, 20)),
    ])
    expect(first).toEqual({ insertedCount: 500, duplicateCount: 10, refusedIds: [] })
    expect(second).toEqual({ insertedCount: 0, duplicateCount: 20, refusedIds: [] })
    // The window holds 100: most of these are found in the store.
    expect(await writer.write(rows)).toEqual({ insertedCount: 0, duplicateCount: 500, refusedIds: [] })
    expect(await writer.write(rowsOf('once', 400, 200))).toMatchObject({ insertedCount: 100, duplicateCount: 100 })
    await writer.close()
    const later = await open('once')
    expect(await later.write(rowsOf('once', 0, 700))).toMatchObject({ insertedCount: 100, duplicateCount: 600 })
    await later.close()
    expect(await counts('once')).toEqual(once(700))
    expect(readdirSync(join(folder, 'once'))).toEqual([])
  })

  it('knows a stored transaction whose time another sensor tells slightly differently', async () => {
    const [row] = rowsOf('clocks', 0, 1)
    if (row === undefined) throw new Error('one row was asked for')
    const writer = await open('clocks')
    await writer.write([row])
    await writer.close()
    const later = await open('clocks')
    // An hour is more than clocks differ by: a capture whose times were moved, read after the one that it was made from.
    for (const shiftUs of [1, -1, 900_000, -900_000, 3_600_000_000]) {
      const shifted = { ...row, observedAtUs: row.observedAtUs + shiftUs }
      expect(await later.write([shifted])).toMatchObject({ insertedCount: 0, duplicateCount: 1 })
    }
    await later.close()
  })

  it('asks the store nothing while traffic runs ahead of what it holds', async () => {
    let queryCount = 0
    const counting: Store = {
      ...delegated(test.store),
      query(sql, params) {
        queryCount++
        return test.store.query(sql, params)
      },
    }
    const writer = await open('ahead', counting, 200)
    for (let batch = 0; batch < 10; batch++) await writer.write(rowsOf('ahead', batch * 100, 100))
    await writer.close()
    // Once: what does the store hold of this hour?
    expect(queryCount).toBe(1)
    expect(await counts('ahead')).toEqual(once(1_000))
  })

  it.each([
    ['before the insert', false],
    ['after the insert, before it is acknowledged', true],
  ])('a process that dies %s leaves each row once, in the roll-ups too', async (name, inserted) => {
    const host = `dies-${inserted}`
    const rows = rowsOf(host, 0, 300)
    const dying: Store = {
      ...delegated(test.store),
      async insertNative(table, block, options) {
        if (inserted) await test.store.insertNative(table, block, options)
        throw new StoreUnavailable('insert', { code: name, retryable: false })
      },
    }
    const first = await open(host, dying)
    await expect(first.write(rows)).rejects.toBeInstanceOf(StoreUnavailable)
    expect(readdirSync(join(folder, host))).toEqual(['transactions.journal'])
    const second = await open(host)
    // What comes again after a restart is cut into other batches.
    expect(await second.write(rowsOf(host, 0, 150))).toMatchObject({ insertedCount: 0, duplicateCount: 150 })
    expect(await second.write(rowsOf(host, 100, 300))).toMatchObject({ insertedCount: 100, duplicateCount: 200 })
    await second.close()
    expect(await counts(host)).toEqual(once(400))
  })

  it('waits while the store is away', async () => {
    let failuresLeft = 5
    const flaky: Store = {
      ...delegated(test.store),
      async insertNative(table, block, options) {
        // Every second time the rows arrive and only the answer is lost.
        if (failuresLeft % 2 === 0) await test.store.insertNative(table, block, options)
        if (failuresLeft-- > 0) throw new StoreUnavailable('insert', { code: 'ECONNRESET', retryable: true })
        await test.store.insertNative(table, block, options)
      },
    }
    const writer = await open('away', flaky)
    expect(await writer.write(rowsOf('away', 0, 100))).toMatchObject({ insertedCount: 100 })
    await writer.close()
    expect(await counts('away')).toEqual(once(100))
  })

  it('sets aside the rows that no store can read, and stores the others', async () => {
    const good = rowsOf('refused', 0, 64)
    const bad = [10, 11, 50].map(
      (index): TransactionRow => ({ ...good[index]!, line: Buffer.from('{"id": no json\n') }),
    )
    const rows = good.map((row) => bad.find(({ id }) => id === row.id) ?? row)
    const writer = await open('refused')
    expect(await writer.write(rows)).toEqual({
      insertedCount: 61,
      duplicateCount: 0,
      refusedIds: bad.map(({ id }) => id),
    })
    await writer.close()
    expect(await counts('refused')).toEqual(once(61))
  })

  it('finds the rows that an engine refuses though they could be encoded', async () => {
    const rows = rowsOf('picky', 0, 64)
    const unwanted = [3, 40, 41].map((index) => rows[index]!.id)
    const picky: Store = {
      ...delegated(test.store),
      async insertNative(table, block, options) {
        if (unwanted.some((id) => Buffer.from(block.bytes).includes(id))) throw new QueryRefused('no', { code: '33' })
        await test.store.insertNative(table, block, options)
      },
    }
    const writer = await open('picky', picky)
    expect(await writer.write(rows)).toEqual({ insertedCount: 61, duplicateCount: 0, refusedIds: unwanted })
    await writer.close()
    expect(await counts('picky')).toEqual(once(61))
  })

  it('stores rows that the caller has claimed, with their endpoint, and asks nothing again', async () => {
    const rows = rowsOf('claimed', 0, 100).map((row) => ({ ...row, endpointId: 'e-claimed' }))
    const filter = new DuplicateFilter(test.store)
    const writer = await openTransactionWriter({ store: test.store, journalFolder: join(folder, 'claimed'), filter })
    const [first, second] = await Promise.all([filter.claimNew(rows), filter.claimNew(rows)])
    expect([first.length, second.length, filter.claimedCount]).toEqual([100, 0, 100])
    const written = writer.writeClaimed(rows)
    // Neither while they are under way nor after.
    const again = writer.write(rows)
    await writer.flush()
    expect(await written).toEqual({ insertedCount: 100, duplicateCount: 0, refusedIds: [] })
    expect(await again).toEqual({ insertedCount: 0, duplicateCount: 100, refusedIds: [] })
    expect([(await filter.claimNew(rows)).length, filter.claimedCount]).toEqual([0, 0])
    await writer.close()
    expect(await counts('claimed')).toEqual(once(100))
    const stored = await test.store.query<{ endpoint_id: string }>(
      "SELECT DISTINCT endpoint_id FROM http_transactions WHERE host = 'claimed'",
    )
    expect(stored).toEqual([{ endpoint_id: 'e-claimed' }])
  })

  it('completes the block of lines that an older version left in the journal', async () => {
    const rows = rowsOf('older', 0, 50)
    const journal = new InsertJournal(join(folder, 'older'))
    await journal.read()
    await journal.write({ deduplicationToken: 'older', bytes: Buffer.concat(rows.map(({ line }) => line)) })
    const writer = await open('older')
    expect(await writer.write(rows)).toMatchObject({ insertedCount: 0, duplicateCount: 50 })
    await writer.close()
    expect(await counts('older')).toEqual(once(50))
  })

  it('takes nothing after a block that failed for good, so that the journal keeps it', async () => {
    const failing: Store = {
      ...delegated(test.store),
      insertNative: () => Promise.reject(new StoreUnavailable('insert', { code: 'GONE', retryable: false })),
    }
    const writer = await open('failed', failing)
    await expect(writer.write(rowsOf('failed', 0, 10))).rejects.toMatchObject({ code: 'GONE' })
    await expect(writer.write(rowsOf('failed', 10, 10))).rejects.toMatchObject({ code: 'GONE' })
    const later = await open('failed')
    expect(await later.write(rowsOf('failed', 0, 20))).toMatchObject({ insertedCount: 10, duplicateCount: 10 })
    await later.close()
    expect(await counts('failed')).toEqual(once(20))
  })

  it('rejects, and sets nothing aside, when the table is not there', async () => {
    const elsewhere: Store = {
      ...delegated(test.store),
      insertNative: (_, block, options) =>
        test.store.insertNative('absent' as typeof tableNames.transactions, block, options),
    }
    const writer = await open('absent', elsewhere)
    await expect(writer.write(rowsOf('absent', 0, 8))).rejects.toMatchObject({ name: 'QueryRefused', code: '60' })
  })

  it('tells which rows were stored before a moment', async () => {
    const writer = await open('before')
    await writer.write(rowsOf('before', 0, 10))
    const sightings = rowsOf('before', 5, 10)
    expect(await writer.storedBefore(sightings, Date.now() + 60_000)).toEqual(
      new Set(sightings.slice(0, 5).map(({ id }) => id)),
    )
    expect(await writer.storedBefore(sightings, Date.now() - 60_000)).toEqual(new Set())
    await writer.close()
  })

  it('agrees with a set, whatever the window, the order and the times', async () => {
    let run = 0
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(fc.integer({ min: 0, max: 60 }), { minLength: 1, maxLength: 30 }), {
          minLength: 1,
          maxLength: 5,
        }),
        fc.integer({ min: 1, max: 40 }),
        async (batches, recentMaxCount) => {
          const host = `law-${run++}`
          const writer = await open(host, test.store, recentMaxCount)
          const model = new Set<number>()
          for (const batch of batches) {
            // Times are spread over hours, and an id's time is its own.
            const rows = batch.flatMap((index) => rowsOf(host, index * 1_800_000, 1))
            const before = model.size
            for (const index of batch) model.add(index)
            expect(await writer.write(rows)).toMatchObject({ insertedCount: model.size - before })
          }
          await writer.close()
          expect(await counts(host)).toEqual(once(model.size))
        },
      ),
      { numRuns: 4 },
    )
  })
})

describe('the journal', () => {
  it('gives back the block it was given, bytes and token', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tapwarden-journal-'))
    try {
      const journal = new InsertJournal(folder)
      expect(await journal.read()).toBeUndefined()
      await journal.write({ deduplicationToken: 'first', bytes: Buffer.from('a longer one\n') })
      await journal.write({ deduplicationToken: 'second', bytes: Buffer.from('{}\n{}\n') })
      const block = await new InsertJournal(folder).read()
      expect(block?.deduplicationToken).toBe('second')
      expect(Buffer.from(block?.bytes ?? []).toString()).toBe('{}\n{}\n')
      const native = { deduplicationToken: 'third', columns: ['id', 'flow_id'], bytes: Buffer.from('\n\n\0 native') }
      await journal.write(native)
      expect(await new InsertJournal(folder).read()).toEqual(native)
      await journal.clear()
      expect(await journal.read()).toBeUndefined()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})

/** A class's methods are not its own properties: this makes an object that can be spread. */
function delegated(store: Store): Store {
  return {
    query: (sql, params) => store.query(sql, params),
    command: (sql, params) => store.command(sql, params),
    insertNdjson: (table, ndjson, options) => store.insertNdjson(table, ndjson, options),
    insertNative: (table, block, options) => store.insertNative(table, block, options),
    insertRows: (table, rows, options) => store.insertRows(table, rows, options),
    userQuery: (sql, format) => store.userQuery(sql, format),
    ping: () => store.ping(),
    close: () => store.close(),
  }
}
