import { consumerGroups, topicNames } from '@tapwarden/contracts/names'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, type Bus, BusUnavailable, type OutgoingRecord } from './bus.js'
import { busConformanceCases } from './conformance.js'
import { InProcessBus, type InProcessBusLimits } from './in-process.js'

const { transactions, findings } = topicNames
const { catalog, detector, mitigatorEffect, mitigator } = consumerGroups

function record(partition: number, bytes = 1, first = 0): OutgoingRecord {
  const value = new Uint8Array(bytes)
  value[0] = first
  return { partition, value, messageCount: 1 }
}

/** Lets every promise that can go on now go on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let pending = true
  promise.then(
    () => {
      pending = false
    },
    () => {
      pending = false
    },
  )
  await settled()
  return pending
}

describe('every bus', () => {
  it.each(busConformanceCases.map((each) => [each.name, each.run] as const))('%s', async (_name, run) => {
    await run(new InProcessBus())
  })
})

describe('back-pressure', () => {
  it.each<[InProcessBusLimits, OutgoingRecord[], OutgoingRecord, string]>([
    [{ retainedMaxRecords: 2 }, [record(0), record(1)], record(2), 'records count over all partitions'],
    [{ retainedMaxBytes: 10 }, [record(0, 6)], record(0, 5), 'bytes count too'],
  ])('%j: %s', async (limits, filling, next, _why) => {
    const bus = new InProcessBus(limits)
    const batches = bus.subscribe({ topic: transactions, group: catalog }).batches()[Symbol.asyncIterator]()
    bus.subscribe({ topic: transactions, group: detector })
    await bus.publish(transactions, filling)
    const waiting = bus.publish(transactions, [next])
    expect(await isPending(waiting)).toBe(true)
    for (let i = 0; i < filling.length; i++) await ((await batches.next()).value as Batch).commit()
    expect(await isPending(waiting), 'the other group has not committed').toBe(true)
    expect(bus.status(transactions)).toMatchObject({ waitingPublisherCount: 1, publishWaitCount: 1 })
  })

  it('lets waiting publishers in first come first served, once the slowest group has committed', async () => {
    const bus = new InProcessBus({ retainedMaxRecords: 1 })
    const subscription = bus.subscribe({ topic: transactions, group: catalog })
    const order: number[] = []
    const published = [1, 2, 3].map((value) =>
      bus.publish(transactions, [record(0, 1, value)]).then(() => order.push(value)),
    )
    const seen: (number | undefined)[] = []
    for await (const batch of subscription.batches()) {
      seen.push(batch.records[0]?.value[0])
      await batch.commit()
      if (seen.length === 3) break
    }
    await Promise.all(published)
    expect(seen).toEqual([1, 2, 3])
    expect(order).toEqual([1, 2, 3])
  })

  it('takes one publish larger than its limits when the topic is empty, rather than never', async () => {
    const bus = new InProcessBus({ retainedMaxRecords: 1, retainedMaxBytes: 1 })
    bus.subscribe({ topic: transactions, group: catalog })
    await bus.publish(transactions, [record(0, 5), record(1, 5)])
    expect(bus.lag(transactions, catalog)).toBe(2)
  })

  it('close refuses publishers that wait', async () => {
    const bus = new InProcessBus({ retainedMaxRecords: 1 })
    bus.subscribe({ topic: transactions, group: catalog })
    await bus.publish(transactions, [record(0)])
    const waiting = bus.publish(transactions, [record(0)])
    await bus.close()
    await expect(waiting).rejects.toThrow(BusUnavailable)
  })

  it('drops what nobody has ever subscribed to, and counts it', async () => {
    const bus = new InProcessBus({ retainedMaxRecords: 1 })
    for (let i = 0; i < 5; i++) await bus.publish(findings, [record(0)])
    expect(bus.status(findings)).toMatchObject({ unheardRecordCount: 5, retainedRecordCount: 0 })
    await bus.drained([findings])
  })

  it('a chain of services with the smallest queues comes to its end', async () => {
    const bus = new InProcessBus({ retainedMaxRecords: 1 })
    const ends = [
      relay(bus, transactions, detector, findings),
      relay(bus, transactions, mitigatorEffect, undefined),
      relay(bus, findings, mitigator, undefined),
    ]
    for (let i = 0; i < 200; i++) await bus.publish(transactions, [record(i % 16)])
    await bus.drained([transactions, findings])
    await bus.close()
    expect(await Promise.all(ends)).toEqual([200, 200, 200])
  })
})

async function relay(
  bus: Bus,
  from: typeof transactions | typeof findings,
  group: typeof detector | typeof mitigator | typeof mitigatorEffect,
  to: typeof findings | undefined,
): Promise<number> {
  let count = 0
  for await (const batch of bus.subscribe({ topic: from, group }).batches()) {
    for (const each of batch.records) {
      count++
      if (to !== undefined) await bus.publish(to, [{ ...each, partition: 0 }])
    }
    await batch.commit()
  }
  return count
}

/** What may happen, in any order: a publish, a group reads a batch, a group commits one of the batches that it holds, a group starts over. */
const groups = [catalog, detector] as const
const step = fc.oneof(
  fc.record({ kind: fc.constant('publish' as const), partitions: fc.array(fc.nat(3), { minLength: 1, maxLength: 6 }) }),
  fc.record({ kind: fc.constant('read' as const), group: fc.nat(1) }),
  fc.record({ kind: fc.constant('commit' as const), group: fc.nat(1), pick: fc.nat(20) }),
  fc.record({ kind: fc.constant('restart' as const), group: fc.nat(1) }),
)

/** How many of the partition's first `count` offsets are finished without a hole. */
function prefix(finished: ReadonlySet<string>, partition: number, count: number): number {
  let end = 0
  while (end < count && finished.has(`${partition}:${end}`)) end++
  return end
}

interface GroupModel {
  readonly group: typeof catalog | typeof detector
  subscription: ReturnType<Bus['subscribe']>
  batches: AsyncIterator<Batch>
  held: Batch[]
  /** Delivered by this subscription, by partition. */
  offsets: Map<number, number[]>
  finished: Set<string>
}

it('any interleaving delivers every record once per group and subscription, in order per partition, from the last commit on', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, batchMaxRecords) => {
        const bus = new InProcessBus()
        const published = new Map<number, number>()
        const open = (index: number, finished: Set<string>): GroupModel => {
          const group = groups[index] ?? catalog
          const subscription = bus.subscribe({ topic: transactions, group, batchMaxRecords })
          return {
            group,
            subscription,
            batches: subscription.batches()[Symbol.asyncIterator](),
            held: [],
            offsets: new Map(),
            finished,
          }
        }
        const models = [open(0, new Set()), open(1, new Set())]
        const readOne = async (model: GroupModel) => {
          const next = await model.batches.next()
          if (next.done === true) return false
          model.held.push(next.value)
          const known = model.offsets.get(next.value.partition) ?? []
          model.offsets.set(next.value.partition, [...known, ...next.value.records.map((each) => each.offset)])
          return true
        }
        const delivered = (model: GroupModel) => [...model.offsets.values()].reduce((sum, each) => sum + each.length, 0)
        const starts = models.map(() => new Map<number, number>())
        for (const each of steps) {
          if (each.kind === 'publish') {
            await bus.publish(
              transactions,
              each.partitions.map((partition) => record(partition)),
            )
            for (const p of each.partitions) published.set(p, (published.get(p) ?? 0) + 1)
            continue
          }
          const model = models[each.group]
          const start = starts[each.group]
          if (model === undefined || start === undefined) continue
          const total = [...published].reduce((sum, [p, count]) => sum + count - (start.get(p) ?? 0), 0)
          if (each.kind === 'read' && delivered(model) < total) await readOne(model)
          if (each.kind === 'commit') {
            const [batch] = model.held.splice(each.pick % Math.max(1, model.held.length), 1)
            for (const one of batch?.records ?? []) model.finished.add(`${one.partition}:${one.offset}`)
            await batch?.commit()
            const unfinished = [...published].map(([p, count]) => count - prefix(model.finished, p, count))
            expect(bus.lag(transactions, model.group)).toBe(unfinished.reduce((sum, n) => sum + n, 0))
          }
          if (each.kind === 'restart') {
            await model.subscription.close()
            start.clear()
            for (const [p, count] of published) {
              start.set(p, prefix(model.finished, p, count))
            }
            model.finished = new Set([...start].flatMap(([p, n]) => Array.from({ length: n }, (_, i) => `${p}:${i}`)))
            models[each.group] = open(each.group, model.finished)
          }
        }
        await bus.close()
        for (const [index, model] of models.entries()) {
          while (await readOne(model));
          for (const [p, count] of published) {
            const first = starts[index]?.get(p) ?? 0
            const expected = Array.from({ length: count - first }, (_, i) => first + i)
            expect(model.offsets.get(p) ?? []).toEqual(expected)
          }
        }
      },
    ),
    { numRuns: 200 },
  )
})

it('lets sockets, files and timers have their turn though a consumer always finds work', async () => {
  const bus = new InProcessBus()
  const subscription = bus.subscribe({
    topic: topicNames.transactions,
    group: consumerGroups.catalog,
    batchMaxRecords: 1,
  })
  const count = 50
  const value = new Uint8Array([0x0a])
  await bus.publish(
    topicNames.transactions,
    Array.from({ length: count }, () => ({ partition: 0, value, messageCount: 1 })),
  )
  let turnAtBatch: number | undefined
  let seen = 0
  setImmediate(() => {
    turnAtBatch = seen
  })
  for await (const batch of subscription.batches()) {
    // Work of a millisecond, without an await that would give the turn away.
    for (const untilMs = performance.now() + 1; performance.now() < untilMs; );
    seen++
    await batch.commit()
    if (seen === count) break
  }
  expect(turnAtBatch).toBeLessThan(count)
})
