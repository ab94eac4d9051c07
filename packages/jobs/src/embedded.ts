/**
 * The embedded job queue: everything in memory, every change a line in one journal file.
 *
 *   enqueue ─► waiting ─► active ─► completed
 *      └─► delayed ─┘ ▲     ├─► failed (attempts used up, or UnrecoverableJobError)
 *            ▲        │     │
 *            └────────┴─────┘ a throw: delayed by the back-off
 *   waiting | delayed ─► cancelled
 *
 * Invariants: a job is acknowledged once its line is synced; a job that is active when the process dies runs again after the next
 * start (the lease is the process's life); ids of ended jobs are remembered, the newest `endedMaxCount` of them.
 * Journal lines say absolute things (attempt numbers, end states), so replaying one twice changes nothing.
 */

import { assert } from '@tapwarden/base/assert'
import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { QueueName } from '@tapwarden/contracts/names'
import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import { DelayHeap } from './delay-heap.js'
import {
  type Job,
  type JobOptions,
  type JobQueue,
  type JobState,
  JobsUnavailable,
  UnrecoverableJobError,
} from './jobs.js'
import { Journal } from './journal.js'

export interface EmbeddedJobsOptions {
  /** The journal. Its folder exists; one process at a time. */
  readonly file: string
  readonly timers?: Timers
  /** Jobs that have not ended; more are refused. */
  readonly jobsMaxCount?: number
  /** Ids of ended jobs that are remembered. */
  readonly endedMaxCount?: number
  /** The journal is rewritten when it has more lines than this and than four times what it must say. */
  readonly compactMinLines?: number
}

interface JobRecord {
  readonly queue: QueueName
  readonly id: string
  readonly data: unknown
  readonly attempts: number
  readonly backoffMs: number
  readonly backoffMaxMs: number
  /** Runs that threw. */
  failedCount: number
  /** Runs begun, those that a crash cut short included. */
  startedCount: number
  atMs: number
  state: 'waiting' | 'delayed' | 'active'
}

interface Processor {
  readonly run: (job: Job<unknown>) => Promise<void>
  readonly concurrency: number
  activeCount: number
}

type EndState = 'completed' | 'failed' | 'cancelled'
type Line =
  | {
      t: 'add'
      q: QueueName
      id: string
      data: unknown
      at: number
      n: number
      b: number
      bm: number
      f?: number
      s?: number
    }
  | { t: 'run'; q: QueueName; id: string; s: number }
  | { t: 'retry'; q: QueueName; id: string; f: number; at: number }
  | { t: 'end'; q: QueueName; id: string; e: EndState }

/** A job whose runs keep taking the process down is given up after so many. */
const interruptedMaxCount = 8
const failedListenersMaxCount = 100

export class EmbeddedJobs implements JobQueue {
  readonly #timers: Timers
  readonly #jobsMaxCount: number
  readonly #jobs = new Map<string, JobRecord>()
  readonly #ended: BoundedMap<string, EndState>
  readonly #ready = new Map<QueueName, Set<JobRecord>>()
  readonly #delayed = new DelayHeap<JobRecord>()
  readonly #processors = new Map<QueueName, Processor>()
  readonly #failedListeners = new Map<QueueName, ((job: Job<unknown>, error: Error) => void)[]>()
  readonly #running = new Set<Promise<void>>()
  /** Enqueues that wait for the disk: a second one with the same id waits with the first. */
  readonly #adding = new Map<string, Promise<void>>()
  #journal!: Journal
  #callOffTimer: (() => void) | undefined
  #timerAtMs = Number.POSITIVE_INFINITY
  #closed = false
  /** Lines of the journal that were not ours or damaged: a counter to publish. */
  damagedLineCount = 0

  private constructor(options: EmbeddedJobsOptions) {
    this.#timers = options.timers ?? systemTimers
    this.#jobsMaxCount = options.jobsMaxCount ?? 1_000_000
    this.#ended = new BoundedMap({ maxEntries: options.endedMaxCount ?? 100_000, onFull: 'evict-oldest' })
  }

  static async open(options: EmbeddedJobsOptions): Promise<EmbeddedJobs> {
    const jobs = new EmbeddedJobs(options)
    const compactMinLines = options.compactMinLines ?? 10_000
    const compacted = (lineCount: number): readonly string[] | undefined => {
      const needed = jobs.#jobs.size + jobs.#ended.size
      return lineCount > compactMinLines && lineCount > 4 * needed ? jobs.#lines() : undefined
    }
    jobs.#journal = await Journal.open({ file: options.file, timers: jobs.#timers, compacted }, (line) =>
      jobs.#replay(line),
    )
    for (const job of jobs.#jobs.values()) jobs.#schedule(job)
    return jobs
  }

  async enqueue<Data>(queue: QueueName, data: Data, options: JobOptions): Promise<{ readonly deduplicated: boolean }> {
    if (this.#closed) throw new JobsUnavailable('closed', { retryable: false })
    const key = keyOf(queue, options.id)
    if (this.#ended.has(key)) return { deduplicated: true }
    if (this.#jobs.has(key)) {
      await this.#adding.get(key)
      return { deduplicated: true }
    }
    if (this.#jobs.size >= this.#jobsMaxCount) throw new JobsUnavailable('full', { retryable: true })
    const job: JobRecord = {
      queue,
      id: options.id,
      data,
      attempts: options.attempts ?? 8,
      backoffMs: options.backoffMs ?? 500,
      backoffMaxMs: options.backoffMaxMs ?? 30_000,
      failedCount: 0,
      startedCount: 0,
      atMs: this.#timers.nowMs() + (options.delayMs ?? 0),
      state: 'delayed',
    }
    this.#jobs.set(key, job)
    const added = this.#journal.append(JSON.stringify(addLine(job)))
    this.#adding.set(key, added)
    try {
      await added
    } catch (cause) {
      this.#jobs.delete(key)
      throw new JobsUnavailable('journal', { cause, retryable: true })
    } finally {
      this.#adding.delete(key)
    }
    if (this.#jobs.get(key) === job) this.#schedule(job)
    return { deduplicated: false }
  }

  process<Data>(
    queue: QueueName,
    processor: (job: Job<Data>) => Promise<void>,
    options?: { readonly concurrency?: number },
  ): void {
    assert(!this.#processors.has(queue), 'a queue has one processor')
    // The journal gives back what was enqueued under the queue's name; its type is the caller's word, as with any broker.
    const run = processor as (job: Job<unknown>) => Promise<void>
    this.#processors.set(queue, { run, concurrency: options?.concurrency ?? 4, activeCount: 0 })
    this.#pump(queue)
  }

  async cancel(queue: QueueName, id: string): Promise<boolean> {
    const key = keyOf(queue, id)
    const job = this.#jobs.get(key)
    if (job === undefined || job.state === 'active') return false
    this.#forget(job, 'cancelled')
    await this.#journal.append(JSON.stringify({ t: 'end', q: queue, id, e: 'cancelled' } satisfies Line))
    return true
  }

  async state(queue: QueueName, id: string): Promise<JobState | undefined> {
    const key = keyOf(queue, id)
    return this.#jobs.get(key)?.state ?? this.#ended.peek(key)
  }

  onFailed(queue: QueueName, listener: (job: Job<unknown>, error: Error) => void): void {
    const listeners = this.#failedListeners.get(queue) ?? []
    assert(listeners.length < failedListenersMaxCount, 'listeners are added once at start')
    listeners.push(listener)
    this.#failedListeners.set(queue, listeners)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#callOffTimer?.()
    await Promise.all(this.#running)
    await this.#journal.close()
  }

  #schedule(job: JobRecord): void {
    if (job.atMs > this.#timers.nowMs()) {
      job.state = 'delayed'
      this.#delayed.push(job.atMs, job)
      this.#armTimer()
      return
    }
    job.state = 'waiting'
    const ready = this.#ready.get(job.queue) ?? new Set()
    this.#ready.set(job.queue, ready.add(job))
    this.#pump(job.queue)
  }

  #armTimer(): void {
    const nextAtMs = this.#delayed.nextAtMs
    if (this.#closed || nextAtMs === undefined || nextAtMs >= this.#timerAtMs) return
    this.#callOffTimer?.()
    this.#timerAtMs = nextAtMs
    this.#callOffTimer = this.#timers.after(nextAtMs - this.#timers.nowMs(), () => {
      this.#timerAtMs = Number.POSITIVE_INFINITY
      const nowMs = this.#timers.nowMs()
      for (let job = this.#delayed.popDue(nowMs); job !== undefined; job = this.#delayed.popDue(nowMs)) {
        // Outdated when the job was cancelled, or delayed again, since.
        if (this.#jobs.get(keyOf(job.queue, job.id)) === job && job.state === 'delayed') this.#schedule(job)
      }
      this.#armTimer()
    })
  }

  #pump(queue: QueueName): void {
    const processor = this.#processors.get(queue)
    const ready = this.#ready.get(queue)
    if (processor === undefined || ready === undefined) return
    for (const job of ready) {
      if (this.#closed || processor.activeCount >= processor.concurrency) return
      ready.delete(job)
      job.state = 'active'
      job.startedCount++
      processor.activeCount++
      const running = this.#run(processor, job).finally(() => {
        this.#running.delete(running)
        processor.activeCount--
        this.#pump(queue)
      })
      this.#running.add(running)
    }
  }

  async #run(processor: Processor, job: JobRecord): Promise<void> {
    this.#note({ t: 'run', q: job.queue, id: job.id, s: job.startedCount })
    const seen: Job<unknown> = { id: job.id, queue: job.queue, data: job.data, attempt: job.failedCount + 1 }
    try {
      const interruptedCount = job.startedCount - job.failedCount - 1
      if (interruptedCount >= interruptedMaxCount) {
        throw new UnrecoverableJobError(`the process ended ${interruptedCount} times while this job ran`)
      }
      await processor.run(seen)
    } catch (thrown) {
      this.#afterThrow(job, seen, thrown instanceof Error ? thrown : new Error(String(thrown)))
      return
    }
    this.#end(job, 'completed')
  }

  #afterThrow(job: JobRecord, seen: Job<unknown>, error: Error): void {
    job.failedCount++
    if (error instanceof UnrecoverableJobError || job.failedCount >= job.attempts) {
      this.#end(job, 'failed')
      for (const listener of this.#failedListeners.get(job.queue) ?? []) listener(seen, error)
      return
    }
    const waitMs = Math.min(job.backoffMs * 2 ** (job.failedCount - 1), job.backoffMaxMs)
    job.atMs = this.#timers.nowMs() + waitMs
    this.#note({ t: 'retry', q: job.queue, id: job.id, f: job.failedCount, at: job.atMs })
    this.#schedule(job)
  }

  #end(job: JobRecord, state: EndState): void {
    this.#forget(job, state)
    this.#note({ t: 'end', q: job.queue, id: job.id, e: state })
  }

  #forget(job: JobRecord, state: EndState): void {
    const key = keyOf(job.queue, job.id)
    this.#jobs.delete(key)
    this.#ready.get(job.queue)?.delete(job)
    this.#ended.set(key, state)
  }

  #note(line: Line): void {
    this.#journal.note(JSON.stringify(line))
  }

  #replay(text: string): void {
    const line = parseLine(text)
    if (line === undefined) {
      this.damagedLineCount++
      return
    }
    const key = keyOf(line.q, line.id)
    const job = this.#jobs.get(key)
    if (line.t === 'add' && job === undefined && !this.#ended.has(key)) {
      this.#jobs.set(key, jobOf(line))
    } else if (line.t === 'run' && job !== undefined) {
      job.startedCount = Math.max(job.startedCount, line.s)
    } else if (line.t === 'retry' && job !== undefined) {
      job.failedCount = line.f
      job.atMs = line.at
    } else if (line.t === 'end') {
      this.#jobs.delete(key)
      this.#ended.set(key, line.e)
    }
  }

  #lines(): string[] {
    const lines: string[] = []
    for (const [key, e] of this.#ended.entries()) {
      const at = key.indexOf('\n')
      lines.push(
        JSON.stringify({ t: 'end', q: key.slice(0, at) as QueueName, id: key.slice(at + 1), e } satisfies Line),
      )
    }
    for (const job of this.#jobs.values()) lines.push(JSON.stringify(addLine(job)))
    return lines
  }
}

function keyOf(queue: QueueName, id: string): string {
  return `${queue}\n${id}`
}

function addLine(job: JobRecord): Line {
  const { queue, id, data, atMs, attempts, backoffMs, backoffMaxMs, failedCount, startedCount } = job
  return {
    t: 'add',
    q: queue,
    id,
    data,
    at: atMs,
    n: attempts,
    b: backoffMs,
    bm: backoffMaxMs,
    f: failedCount,
    s: startedCount,
  }
}

function jobOf(line: Line & { t: 'add' }): JobRecord {
  return {
    queue: line.q,
    id: line.id,
    data: line.data,
    attempts: line.n,
    backoffMs: line.b,
    backoffMaxMs: line.bm,
    failedCount: line.f ?? 0,
    startedCount: line.s ?? 0,
    atMs: line.at,
    state: 'delayed',
  }
}

/** The journal is ours, but a disk may have damaged a line that nobody was told about. */
function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Line
    return typeof line === 'object' && line !== null && typeof line.id === 'string' && typeof line.q === 'string'
      ? line
      : undefined
  } catch {
    return undefined
  }
}
