import { goldenTransaction } from '@tapwarden/contracts/transaction'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Buffered, ReorderBuffer, type ReorderNow } from './reorder-buffer.js'

const limits = { maxWaitMs: 50, partitionCount: 4, maxCount: 1_000 }
/** Nothing more to read. */
const idleAt = (ms: number): ReorderNow => ({ ms, hasUnread: () => false })

function entry(partition: number, atUs: number, arrivedMs: number): Buffered {
  const id = `${partition}.${atUs}.${arrivedMs}`
  return { partition, arrivedMs, transaction: { ...goldenTransaction, id, observedAtUs: atUs } }
}

const times = (entries: readonly Buffered[]) => entries.map(({ transaction }) => transaction.observedAtUs)

it('a transaction leaves when every partition has gone past it', () => {
  const buffer = new ReorderBuffer(limits)
  buffer.push(entry(0, 10, 0))
  buffer.push(entry(0, 30, 0))
  buffer.push(entry(1, 20, 0))
  expect(times(buffer.release(idleAt(1)))).toEqual([10, 20])
  buffer.push(entry(1, 40, 2))
  expect(times(buffer.release(idleAt(2)))).toEqual([30])
})

it('waits no longer than the limit, and not for silent partitions', () => {
  const buffer = new ReorderBuffer(limits)
  buffer.push(entry(1, 5, 0))
  buffer.push(entry(0, 10, 0))
  expect(times(buffer.release(idleAt(0)))).toEqual([5])
  expect(times(buffer.release(idleAt(49)))).toEqual([])
  expect(times(buffer.release(idleAt(50)))).toEqual([10])
  // Partition 1 has been silent for longer than the wait.
  buffer.push(entry(0, 20, 60))
  expect(times(buffer.release(idleAt(60)))).toEqual([20])
})

it('while there is something to read, its partitions are waited for, whatever the wall clock says', () => {
  const buffer = new ReorderBuffer(limits)
  const unread = (...partitions: number[]): ReorderNow => ({
    ms: 9_000,
    hasUnread: (each) => partitions.includes(each),
  })
  buffer.push(entry(0, 10, 0))
  // Partition 1 was never heard of, and has something.
  expect(times(buffer.release(unread(0, 1)))).toEqual([])
  buffer.push(entry(1, 8, 0))
  expect(times(buffer.release(unread(0, 1)))).toEqual([8])
  // Partition 1 was read to its end: what stays is partition 0, which has gone to 10.
  expect(times(buffer.release(unread(0)))).toEqual([10])
})

it('any reading of partitions in turn gives event-time order, when each partition is in order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat({ max: 1_000 }), { maxLength: 20 }), { minLength: 4, maxLength: 4 }),
      fc.array(fc.tuple(fc.nat({ max: 3 }), fc.integer({ min: 1, max: 5 })), { maxLength: 60 }),
      (partitions, reads) => {
        const logs = partitions.map((log) => [...log].sort((a, b) => a - b))
        const buffer = new ReorderBuffer(limits)
        const released: Buffered[] = []
        const now: ReorderNow = { ms: 9_000, hasUnread: (partition) => (logs[partition]?.length ?? 0) > 0 }
        for (const [partition, count] of reads) {
          for (const atUs of logs[partition]?.splice(0, count) ?? []) buffer.push(entry(partition, atUs, 0))
          if (now.hasUnread(0) || now.hasUnread(1) || now.hasUnread(2) || now.hasUnread(3))
            released.push(...buffer.release(now))
        }
        const order = times(released)
        expect(order).toEqual([...order].sort((a, b) => a - b))
      },
    ),
  )
})

it('the oldest leave when it is full', () => {
  const buffer = new ReorderBuffer({ ...limits, maxWaitMs: 1_000, maxCount: 2 })
  buffer.push(entry(1, 0, 0))
  for (const atUs of [40, 10, 30, 20]) buffer.push(entry(0, atUs, 0))
  expect(times(buffer.release(idleAt(0)))).toEqual([0, 10, 20])
})

it('nothing is lost, and all of it comes out in order at the end', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 1_000 }))), (arrivals) => {
      const buffer = new ReorderBuffer(limits)
      arrivals.forEach(([partition, atUs], index) => {
        buffer.push(entry(partition, atUs, index))
      })
      expect(times(buffer.releaseAll())).toEqual(arrivals.map(([, atUs]) => atUs).sort((a, b) => a - b))
      expect(buffer.size).toBe(0)
    }),
  )
})
