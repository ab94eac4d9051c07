import { goldenTransaction } from '@tapwarden/contracts/transaction'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Buffered, ReorderBuffer, type ReorderNow } from './reorder-buffer.js'

const limits = { maxWaitMs: 50, maxWaitTurns: 4, maxCount: 1_000 }
/** Nothing more to read: the wall clock alone decides. */
const idleAt = (ms: number): ReorderNow => ({ ms, turn: 0, idle: true })

function entry(partition: number, atUs: number, arrivedMs: number, arrivedTurn = 0): Buffered {
  const id = `${partition}.${atUs}.${arrivedMs}`
  return { partition, arrivedMs, arrivedTurn, transaction: { ...goldenTransaction, id, observedAtUs: atUs } }
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

it('while there is a backlog, a partition is waited for until it had its turn, whatever the wall clock says', () => {
  const buffer = new ReorderBuffer(limits)
  buffer.push(entry(1, 5, 0, 1))
  buffer.push(entry(0, 10, 0, 2))
  expect(times(buffer.release({ ms: 9_000, turn: 3, idle: false }))).toEqual([5])
  buffer.push(entry(1, 8, 9_000, 4))
  buffer.push(entry(1, 20, 9_000, 5))
  expect(times(buffer.release({ ms: 9_000, turn: 5, idle: false }))).toEqual([8, 10])
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
