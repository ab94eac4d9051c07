/**
 * What every bus must do, as cases without a test framework: an adapter's test runs each of them on a fresh bus of its own.
 * Only what all implementations share; back-pressure is the in-process bus's and is tested there.
 */

import { deepEqual, equal, ok, rejects } from 'node:assert/strict'
import { consumerGroups, type TopicName, topicNames } from '@tapwarden/contracts/names'
import { type Batch, type Bus, BusUnavailable, type OutgoingRecord, type Subscription } from './bus.js'

export interface BusConformanceCase {
  readonly name: string
  /** Throws when the bus is wrong. `bus` is new and empty. */
  readonly run: (bus: Bus) => Promise<void>
}

const { transactions, findings } = topicNames
const { catalog, detector } = consumerGroups

export const busConformanceCases: readonly BusConformanceCase[] = [
  {
    name: 'keeps bytes, headers and counts, and numbers each partition from 0 without holes',
    run: async (bus) => {
      const reader = read(bus.subscribe({ topic: transactions, group: catalog }))
      await bus.publish(transactions, [
        { ...record(3, 'a'), headers: { sensor: 's1' } },
        record(3, 'b'),
        record(5, 'c'),
      ])
      const batches = await reader.take(3)
      const seen = batches.flatMap((batch) => batch.records).sort((a, b) => text(a.value).localeCompare(text(b.value)))
      deepEqual(
        seen.map((each) => [
          each.topic,
          each.partition,
          each.offset,
          text(each.value),
          each.messageCount,
          each.headers,
        ]),
        [
          [transactions, 3, 0, 'a', 1, { sensor: 's1' }],
          [transactions, 3, 1, 'b', 1, undefined],
          [transactions, 5, 0, 'c', 1, undefined],
        ],
      )
    },
  },
  {
    name: 'knows which partitions have something to read',
    run: async (bus) => {
      const subscription = bus.subscribe({ topic: transactions, group: catalog, batchMaxRecords: 1 })
      const reader = read(subscription)
      equal(subscription.hasUnread(3), false)
      await bus.publish(transactions, [record(3, 'a'), record(3, 'b')])
      const first = await reader.take(1)
      equal(first[0]?.partition, 3)
      equal(subscription.hasUnread(3), true)
      equal(subscription.hasUnread(4), false)
      await reader.take(1)
      equal(subscription.hasUnread(3), false)
    },
  },
  {
    name: 'a batch is of one partition, in order, and no larger than asked',
    run: async (bus) => {
      const reader = read(bus.subscribe({ topic: transactions, group: catalog, batchMaxRecords: 2 }))
      await bus.publish(
        transactions,
        ['a', 'b', 'c', 'd', 'e'].flatMap((value) => [record(0, value), record(1, value)]),
      )
      const batches = await reader.take(10)
      for (const batch of batches) {
        ok(batch.records.length <= 2)
        ok(batch.records.every((each) => each.partition === batch.partition))
      }
      for (const partition of [0, 1]) deepEqual(valuesOf(batches, partition), ['a', 'b', 'c', 'd', 'e'])
    },
  },
  {
    name: 'every group gets every record, from its first subscription on',
    run: async (bus) => {
      const first = read(bus.subscribe({ topic: transactions, group: catalog }))
      await bus.publish(transactions, [record(0, 'a')])
      deepEqual(valuesOf(await first.take(1), 0), ['a'])
      const second = read(bus.subscribe({ topic: transactions, group: detector }))
      await bus.publish(transactions, [record(0, 'b')])
      deepEqual(valuesOf(await first.take(1), 0), ['b'])
      deepEqual(valuesOf(await second.take(1), 0), ['b'])
    },
  },
  {
    name: 'a new subscription of a group continues behind the last commit',
    run: async (bus) => {
      const before = bus.subscribe({ topic: transactions, group: catalog, batchMaxRecords: 1 })
      await bus.publish(transactions, [record(0, 'a'), record(0, 'b'), record(0, 'c')])
      const [a] = await read(before).take(2)
      await a?.commit()
      await before.close()
      const after = read(bus.subscribe({ topic: transactions, group: catalog }))
      deepEqual(valuesOf(await after.take(2), 0), ['b', 'c'])
    },
  },
  {
    name: 'a commit never passes an unfinished batch',
    run: async (bus) => {
      const before = bus.subscribe({ topic: transactions, group: catalog, batchMaxRecords: 1 })
      await bus.publish(transactions, [record(0, 'a'), record(0, 'b'), record(0, 'c')])
      const [a, b, c] = await read(before).take(3)
      await b?.commit()
      equal(bus.lag(transactions, catalog), 3)
      await a?.commit()
      equal(bus.lag(transactions, catalog), 1)
      await c?.commit()
      await c?.commit()
      equal(bus.lag(transactions, catalog), 0)
    },
  },
  {
    name: 'what was finished behind a hole comes again, and counts only once it is finished again',
    run: async (bus) => {
      const before = bus.subscribe({ topic: transactions, group: catalog, batchMaxRecords: 1 })
      await bus.publish(transactions, [record(0, 'a'), record(0, 'b')])
      const [, b] = await read(before).take(2)
      await b?.commit()
      await before.close()
      const after = read(bus.subscribe({ topic: transactions, group: catalog, batchMaxRecords: 1 }))
      const [again, bAgain] = await after.take(2)
      await again?.commit()
      equal(bus.lag(transactions, catalog), 1)
      await bAgain?.commit()
      equal(bus.lag(transactions, catalog), 0)
    },
  },
  {
    name: 'a batch may be committed after its subscription was closed',
    run: async (bus) => {
      const subscription = bus.subscribe({ topic: transactions, group: catalog })
      await bus.publish(transactions, [record(0, 'a')])
      const batches = await read(subscription).take(1)
      await subscription.close()
      for (const batch of batches) await batch.commit()
      equal(bus.lag(transactions, catalog), 0)
    },
  },
  {
    name: 'closing a subscription ends its waiting reader',
    run: async (bus) => {
      const subscription = bus.subscribe({ topic: transactions, group: catalog })
      const ended = drainAll(subscription)
      await subscription.close()
      deepEqual(await ended, [])
    },
  },
  {
    name: 'closing the bus delivers what was published, then ends readers and refuses publishers',
    run: async (bus) => {
      const subscription = bus.subscribe({ topic: transactions, group: catalog, batchMaxRecords: 1 })
      await bus.publish(transactions, [record(0, 'a'), record(0, 'b')])
      const ended = drainAll(subscription)
      await bus.close()
      deepEqual(await ended, ['a', 'b'])
      await rejects(bus.publish(transactions, [record(0, 'c')]), BusUnavailable)
    },
  },
  {
    name: 'drained waits for the last commit of every group on every topic named',
    run: async (bus) => {
      const catalogReader = read(bus.subscribe({ topic: transactions, group: catalog }))
      const detectorReader = read(bus.subscribe({ topic: transactions, group: detector }))
      const findingReader = read(bus.subscribe({ topic: findings, group: detector }))
      await bus.publish(transactions, [record(0, 'a')])
      let drained = false
      const waiting = bus.drained([transactions, findings]).then(() => {
        drained = true
      })
      for (const batch of await catalogReader.take(1)) await batch.commit()
      equal(drained, false)
      const [seen] = await detectorReader.take(1)
      await bus.publish(findings, [record(0, 'f')])
      await seen?.commit()
      await Promise.resolve()
      equal(drained, false)
      for (const batch of await findingReader.take(1)) await batch.commit()
      await waiting
      equal(bus.lag(findings, detector), 0)
    },
  },
]

const encoder = new TextEncoder()
const decoder = new TextDecoder()

function record(partition: number, value: string): OutgoingRecord {
  return { partition, value: encoder.encode(value), messageCount: 1 }
}

function text(value: Uint8Array): string {
  return decoder.decode(value)
}

function valuesOf(batches: readonly Batch[], partition: number): string[] {
  return batches.flatMap((batch) =>
    batch.records.filter((each) => each.partition === partition).map((each) => text(each.value)),
  )
}

interface Reader {
  /** Batches until they hold `recordCount` records together. Never returns while there are fewer: the caller's time limit tells. */
  take(recordCount: number): Promise<Batch[]>
}

function read(subscription: Subscription): Reader {
  const iterator = subscription.batches()[Symbol.asyncIterator]()
  return {
    take: async (recordCount) => {
      const batches: Batch[] = []
      for (let seen = 0; seen < recordCount; ) {
        const next = await iterator.next()
        if (next.done === true) throw new Error(`the subscription ended after ${seen} of ${recordCount} records`)
        batches.push(next.value)
        seen += next.value.records.length
      }
      return batches
    },
  }
}

async function drainAll(subscription: Subscription): Promise<string[]> {
  const values: string[] = []
  for await (const batch of subscription.batches()) {
    values.push(...batch.records.map((each) => text(each.value)))
    await batch.commit()
  }
  return values
}

/** Topics that the cases publish to: an adapter creates them first. */
export const busConformanceTopics: readonly TopicName[] = [transactions, findings]
