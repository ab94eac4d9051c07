/**
 * The jobs port: work that must happen once at some time, with retries, and survive a crash. Implementations: `embedded.ts`
 * (a journal file); later BullMQ. Every implementation passes `conformance.ts`. A processor may run twice for a job: make it idempotent.
 */

import type { QueueName } from '@tapwarden/contracts/names'

export interface JobOptions {
  /** The same id is the same job: enqueued once, also after it completed. */
  readonly id: string
  /** Not before this long from now. */
  readonly delayMs?: number
  /** Runs in all before it counts as failed; default 8. */
  readonly attempts?: number
  /** Wait before the second run; doubles each time up to `backoffMaxMs`. Defaults 500 and 30,000. */
  readonly backoffMs?: number
  readonly backoffMaxMs?: number
}

export type JobState = 'waiting' | 'delayed' | 'active' | 'completed' | 'failed' | 'cancelled'

export interface Job<Data> {
  readonly id: string
  readonly queue: QueueName
  readonly data: Data
  /** 1 for the first run. */
  readonly attempt: number
}

/** Thrown by a processor: trying again cannot help. */
export class UnrecoverableJobError extends Error {
  override readonly name = 'UnrecoverableJobError'
}

export interface JobQueue {
  /** Resolves when the job is durable. `deduplicated` when the id was known. */
  enqueue<Data>(queue: QueueName, data: Data, options: JobOptions): Promise<{ readonly deduplicated: boolean }>
  /** One processor a queue. A throw means retry, until the attempts are used up. */
  process<Data>(
    queue: QueueName,
    processor: (job: Job<Data>) => Promise<void>,
    options?: { readonly concurrency?: number },
  ): void
  /** Resolves to false when it had already run or is unknown. */
  cancel(queue: QueueName, id: string): Promise<boolean>
  state(queue: QueueName, id: string): Promise<JobState | undefined>
  /** Told when a job used up its attempts. */
  onFailed(queue: QueueName, listener: (job: Job<unknown>, error: Error) => void): void
  /** Stops taking jobs, waits for the running ones, closes the journal. */
  close(): Promise<void>
}

/** Jobs cannot be kept now: the journal cannot be written, the queue is full or closed. */
export class JobsUnavailable extends Error {
  override readonly name = 'JobsUnavailable'
  readonly code: 'closed' | 'full' | 'journal'
  readonly retryable: boolean
  constructor(code: 'closed' | 'full' | 'journal', options: { readonly cause?: unknown; readonly retryable: boolean }) {
    super(`jobs unavailable: ${code}`, { cause: options.cause })
    this.code = code
    this.retryable = options.retryable
  }
}
