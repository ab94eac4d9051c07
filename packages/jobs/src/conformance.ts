/**
 * What every implementation of the jobs port must do, as cases that any test runner can run:
 * `it.each(jobQueueCases)('$name', ({ run }) => run(harness))`. They throw on a violation and use `node:assert` only.
 */

import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { queueNames } from '@tapwarden/contracts/names'
import { type Job, type JobQueue, UnrecoverableJobError } from './jobs.js'

/** One queue's storage. A case opens it, may close and open it again, and never shares it with another case. */
export interface JobQueueHarness {
  open(): Promise<JobQueue>
  /** Lets so much of the queue's time go by. */
  advance(byMs: number): Promise<void>
}

export interface JobQueueCase {
  readonly name: string
  run(harness: JobQueueHarness): Promise<void>
}

const { enforce, alert } = queueNames
const patienceMs = 5_000

/** Waits for something that happens by itself: real disks and sockets need real time, but no fixed amount of it. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const startedMs = performance.now()
  while (!(await condition())) {
    ok(performance.now() - startedMs < patienceMs, `never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

async function withQueue(harness: JobQueueHarness, use: (queue: JobQueue) => Promise<void>): Promise<void> {
  const queue = await harness.open()
  try {
    await use(queue)
  } finally {
    await queue.close()
  }
}

export const jobQueueCases: readonly JobQueueCase[] = [
  {
    name: 'runs each job once, with its data, in order of arrival',
    run: (harness) =>
      withQueue(harness, async (queue) => {
        const seen: unknown[] = []
        for (const id of ['a', 'b', 'c']) await queue.enqueue(enforce, { of: id }, { id })
        queue.process(enforce, async (job) => void seen.push([job.id, job.data, job.attempt]), { concurrency: 1 })
        await eventually(() => seen.length === 3, 'three runs')
        deepStrictEqual(
          seen,
          ['a', 'b', 'c'].map((id) => [id, { of: id }, 1]),
        )
        await eventually(async () => (await queue.state(enforce, 'c')) === 'completed', 'completion')
      }),
  },
  {
    name: 'the same id is the same job: while it waits, after it ended, and after a restart',
    run: async (harness) => {
      let runCount = 0
      await withQueue(harness, async (queue) => {
        deepStrictEqual(await queue.enqueue(enforce, 1, { id: 'x' }), { deduplicated: false })
        deepStrictEqual(await queue.enqueue(enforce, 2, { id: 'x' }), { deduplicated: true })
        queue.process(enforce, async () => void runCount++)
        await eventually(async () => (await queue.state(enforce, 'x')) === 'completed', 'completion')
        deepStrictEqual(await queue.enqueue(enforce, 3, { id: 'x' }), { deduplicated: true })
      })
      await withQueue(harness, async (queue) => {
        queue.process(enforce, async () => void runCount++)
        deepStrictEqual(await queue.enqueue(enforce, 4, { id: 'x' }), { deduplicated: true })
        strictEqual(await queue.state(enforce, 'x'), 'completed')
      })
      strictEqual(runCount, 1)
    },
  },
  {
    name: 'ids of two queues do not meet',
    run: (harness) =>
      withQueue(harness, async (queue) => {
        await queue.enqueue(enforce, 1, { id: 'x' })
        deepStrictEqual(await queue.enqueue(alert, 1, { id: 'x' }), { deduplicated: false })
        strictEqual(await queue.state(alert, 'y'), undefined)
      }),
  },
  {
    name: 'a delayed job waits for its time',
    run: (harness) =>
      withQueue(harness, async (queue) => {
        const seen: string[] = []
        queue.process(enforce, async (job) => void seen.push(job.id))
        await queue.enqueue(enforce, 0, { id: 'late', delayMs: 60_000 })
        await queue.enqueue(enforce, 0, { id: 'later', delayMs: 90_000 })
        await queue.enqueue(enforce, 0, { id: 'now' })
        await eventually(() => seen.length === 1, 'the job without delay')
        strictEqual(await queue.state(enforce, 'late'), 'delayed')
        await harness.advance(60_000)
        await eventually(() => seen.length === 2, 'the first delayed job')
        deepStrictEqual(seen, ['now', 'late'])
        await harness.advance(30_000)
        await eventually(() => seen.length === 3, 'the second delayed job')
      }),
  },
  {
    name: 'a throw is tried again with doubling waits up to the limit, then counts as failed and is told',
    run: (harness) =>
      withQueue(harness, async (queue) => {
        const attempts: number[] = []
        const failed: [string, string][] = []
        queue.onFailed(enforce, (job, error) => failed.push([job.id, error.message]))
        queue.process(enforce, async (job) => {
          attempts.push(job.attempt)
          throw new Error('edge away')
        })
        await queue.enqueue(enforce, 0, { id: 'x', attempts: 4, backoffMs: 1_000, backoffMaxMs: 2_000 })
        for (const [index, waitMs] of [1_000, 2_000, 2_000].entries()) {
          await eventually(async () => (await queue.state(enforce, 'x')) === 'delayed', `wait ${index}`)
          strictEqual(attempts.length, index + 1)
          await harness.advance(waitMs)
          await eventually(() => attempts.length === index + 2, `run ${index + 2}`)
        }
        await eventually(async () => (await queue.state(enforce, 'x')) === 'failed', 'failure')
        deepStrictEqual(attempts, [1, 2, 3, 4])
        deepStrictEqual(failed, [['x', 'edge away']])
      }),
  },
  {
    name: 'an unrecoverable error is not tried again',
    run: (harness) =>
      withQueue(harness, async (queue) => {
        let runCount = 0
        queue.process(enforce, async () => {
          runCount++
          throw new UnrecoverableJobError('cannot be expressed')
        })
        await queue.enqueue(enforce, 0, { id: 'x' })
        await eventually(async () => (await queue.state(enforce, 'x')) === 'failed', 'failure')
        strictEqual(runCount, 1)
      }),
  },
  {
    name: 'a cancelled job never runs, also after a restart; a finished one cannot be cancelled',
    run: async (harness) => {
      const seen: string[] = []
      const record = async (job: Job<unknown>): Promise<void> => void seen.push(job.id)
      await withQueue(harness, async (queue) => {
        await queue.enqueue(enforce, 0, { id: 'gone', delayMs: 1_000 })
        strictEqual(await queue.cancel(enforce, 'gone'), true)
        strictEqual(await queue.cancel(enforce, 'gone'), false)
        strictEqual(await queue.cancel(enforce, 'unknown'), false)
        strictEqual(await queue.state(enforce, 'gone'), 'cancelled')
        await queue.enqueue(enforce, 0, { id: 'done' })
        queue.process(enforce, record)
        await eventually(async () => (await queue.state(enforce, 'done')) === 'completed', 'completion')
        strictEqual(await queue.cancel(enforce, 'done'), false)
      })
      await withQueue(harness, async (queue) => {
        queue.process(enforce, record)
        await harness.advance(2_000)
        deepStrictEqual(seen, ['done'])
      })
    },
  },
  {
    name: 'waiting, delayed and retried jobs survive a restart, with their attempt numbers',
    run: async (harness) => {
      const attempts: [string, number][] = []
      await withQueue(harness, async (queue) => {
        queue.process(enforce, async () => {
          throw new Error('not yet')
        })
        await queue.enqueue(enforce, 0, { id: 'retried', backoffMs: 10_000 })
        await queue.enqueue(enforce, 0, { id: 'delayed', delayMs: 20_000 })
        await queue.enqueue(alert, 0, { id: 'waiting' })
        await eventually(async () => (await queue.state(enforce, 'retried')) === 'delayed', 'the first throw')
      })
      await withQueue(harness, async (queue) => {
        const record = async (job: Job<unknown>): Promise<void> => void attempts.push([job.id, job.attempt])
        queue.process(enforce, record)
        queue.process(alert, record)
        await eventually(() => attempts.length === 1, 'the waiting job')
        await harness.advance(10_000)
        await eventually(() => attempts.length === 2, 'the retried job')
        await harness.advance(10_000)
        await eventually(() => attempts.length === 3, 'the delayed job')
      })
      deepStrictEqual(attempts, [
        ['waiting', 1],
        ['retried', 2],
        ['delayed', 1],
      ])
    },
  },
  {
    name: 'no more runs at once than asked for, and close waits for those under way',
    run: async (harness) => {
      const queue = await harness.open()
      let activeCount = 0
      let mostActive = 0
      let finished = 0
      const gates: (() => void)[] = []
      queue.process(
        enforce,
        async () => {
          mostActive = Math.max(mostActive, ++activeCount)
          await new Promise<void>((resolve) => gates.push(resolve))
          activeCount--
          finished++
        },
        { concurrency: 2 },
      )
      for (let index = 0; index < 5; index++) await queue.enqueue(enforce, index, { id: `j${index}` })
      await eventually(() => gates.length === 2, 'two runs')
      const closed = queue.close()
      for (const open of gates) open()
      await closed
      strictEqual(mostActive, 2)
      strictEqual(finished, 2)
    },
  },
]
