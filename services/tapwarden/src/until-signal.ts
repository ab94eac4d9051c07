/** Work that Ctrl-C ends in order: the first signal asks it to end, and it is awaited; a later one, or the deadline, ends the process. */

import type { Logger } from '@tapwarden/runtime/logger'
import { shutdownOnSignal } from '@tapwarden/runtime/shutdown'
import type { Output } from './output.js'

const stopDeadlineMs = 60_000

export interface SignalNotes {
  readonly stopping: string
  readonly abandoned: string
}

const storingNotes: SignalNotes = {
  stopping: 'stopping, and storing what was read; again to abandon that',
  abandoned: 'abandoned: what was read and not stored yet is lost, until it is read again',
}

/** Listens before `work` begins, so that a signal while things start is not lost. Settles as `work` does. */
export async function untilSignal<Result>(
  logger: Logger,
  output: Output,
  work: (signal: AbortSignal) => Promise<Result>,
  notes: SignalNotes = storingNotes,
): Promise<{ readonly result: Result; readonly interrupted: boolean }> {
  const interrupt = new AbortController()
  let finished: Promise<Result> | undefined
  const shutdown = shutdownOnSignal({
    stop: async () => {
      interrupt.abort()
      await finished?.catch(() => undefined) // Awaited below, where it is thrown.
    },
    deadlineMs: stopDeadlineMs,
    logger,
    onStopping: () => output.note(notes.stopping),
    onAbandoned: () => output.note(notes.abandoned),
  })
  try {
    finished = work(interrupt.signal)
    return { result: await finished, interrupted: interrupt.signal.aborted }
  } finally {
    shutdown.dispose()
  }
}
