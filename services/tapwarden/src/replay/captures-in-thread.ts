/**
 * The stack's side of the sensor's thread: starts it, puts what it publishes on the bus, hears how it ended. Begin to read this folder here.
 *
 *   the stack's thread                            │ the sensor's thread
 *   input-files ─► captures-in-thread ──start────►│ capture-thread ─► read-captures ─► paced-source
 *                     │        ▲                  │                        │
 *                    bus       └───── publish ────│─────── thread-bus ◄────┘          (capture-thread-messages: all that is said)
 */

import { dirname, join, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import type { Bus } from '@tapwarden/bus/bus'
import type { Logger } from '@tapwarden/runtime/logger'
import type { ProgressState } from '../progress.js'
import {
  bytesOf,
  type CaptureThreadStart,
  type FromCaptureThread,
  type ToCaptureThread,
} from './capture-thread-messages.js'
import type { CapturesRead } from './read-captures.js'

export interface CaptureThreadOptions extends CaptureThreadStart {
  readonly bus: Pick<Bus, 'publish'>
  readonly logger: Logger
  /** Ends the reading; what was read is still published. */
  readonly signal: AbortSignal
  readonly onProgress: (progress: ProgressState) => void
}

export interface CaptureThread {
  /** Resolves when everything is read and published; rejects with what ended the thread before. */
  readonly read: Promise<CapturesRead>
  /** Ends the thread now, whatever it does. */
  terminate(): Promise<void>
}

export function startCaptureThread(options: CaptureThreadOptions): CaptureThread {
  const { files, separate, speed, config, keyFile, bus, logger, signal } = options
  const start: CaptureThreadStart = { files, separate, speed, config, keyFile }
  const thread = new Worker(entryPoint(), { workerData: start, execArgv: [] })
  const tell = (message: ToCaptureThread): void => thread.postMessage(message)
  const stop = (): void => tell({ kind: 'stop' })
  signal.addEventListener('abort', stop, { once: true })
  if (signal.aborted) stop()
  let published: Promise<void> = Promise.resolve()
  const read = new Promise<CapturesRead>((resolve, reject) => {
    thread.on('message', (message: FromCaptureThread) => {
      if (message.kind === 'progress') options.onProgress(message.progress)
      else if (message.kind === 'log') logger[message.level](message.fields, message.message)
      else if (message.kind === 'ended') resolve(message.read)
      else {
        const { topic, records } = message
        published = published
          .then(() => bus.publish(topic, records))
          .then(
            () => tell({ kind: 'taken', bytes: bytesOf(records) }),
            (error: unknown) => tell({ kind: 'refused', reason: String(error) }),
          )
      }
    })
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`the sensor's thread ended (${code})`)))
  })
  const settle = (): void => signal.removeEventListener('abort', stop)
  read.then(settle, settle)
  return {
    read,
    terminate: async () => {
      await thread.terminate()
    },
  }
}

/** The thread runs compiled code, also when we run from source (tests), since Node 20 reads no TypeScript. */
function entryPoint(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  return join(here.replace(`${sep}src${sep}replay`, `${sep}dist${sep}replay`), 'capture-thread.js')
}
