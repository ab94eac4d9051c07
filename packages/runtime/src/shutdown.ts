/**
 * SIGINT and SIGTERM, once: an orderly stop; the second time, or after the deadline: out.
 *
 *   running ──signal──► stopping ──done──► `stopped` resolves
 *                          ├── within a second: the same wish again (a terminal and a launcher both pass it on)
 *                          ├── later signal ──► abandoned: ended by that signal (130, 143 to a shell)
 *                          └── deadline ──────► ended by SIGKILL (137)
 *
 * Not by `process.exit`: it waits for threads that are blocked in a system call, a read of a stuck disk for one, perhaps for ever.
 */

import type { Logger } from './logger.js'
import { systemTimers, type Timers } from './timers.js'

export interface ShutdownOptions {
  /** Intake first, then effects, then offsets. */
  readonly stop: () => Promise<void>
  readonly deadlineMs: number
  readonly logger: Logger
  readonly timers?: Timers
  /** The stop has begun: the time to say that a second signal abandons it. */
  readonly onStopping?: () => void
  /** A second signal ends the process now. */
  readonly onAbandoned?: () => void
  /** Where signals come from, and how to end at once whatever blocks: the process by default. */
  readonly signals?: SignalSource
  readonly die?: (signal: 'SIGINT' | 'SIGTERM' | 'SIGKILL') => void
}

/** Signals so soon after the first are the same wish. */
const repeatMs = 1_000

export interface SignalSource {
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown
}

export interface Shutdown {
  /** Begins the stop without a signal; the same promise each time. */
  begin(reason: string): Promise<void>
  /** Resolves when `stop` has; rejects when it rejects. */
  readonly stopped: Promise<void>
  /** Stops listening: for work that ended by itself. */
  dispose(): void
}

export function shutdownOnSignal(options: ShutdownOptions): Shutdown {
  const signals = options.signals ?? process
  const die = options.die ?? ((signal) => process.kill(process.pid, signal))
  const timers = options.timers ?? systemTimers
  let resolveStopped: () => void = () => undefined
  let rejectStopped: (error: unknown) => void = () => undefined
  const stopped = new Promise<void>((resolve, reject) => {
    resolveStopped = resolve
    rejectStopped = reject
  })
  let begun = false
  let begunAtMs = 0

  const begin = (reason: string): Promise<void> => {
    if (begun) return stopped
    begun = true
    begunAtMs = timers.nowMs()
    options.logger.info({ reason }, 'stopping')
    options.onStopping?.()
    const callOff = timers.after(options.deadlineMs, () => {
      options.logger.error({ deadlineMs: options.deadlineMs }, 'did not stop in time')
      die('SIGKILL')
    })
    options.stop().then(
      () => finish(callOff, resolveStopped),
      (error: unknown) => finish(callOff, () => rejectStopped(error)),
    )
    return stopped
  }
  const finish = (callOff: () => void, settle: () => void): void => {
    callOff()
    dispose()
    settle()
  }
  const dispose = (): void => {
    signals.off('SIGINT', onInterrupt)
    signals.off('SIGTERM', onTerminate)
  }
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    if (!begun) {
      begin(signal).catch(() => undefined) // Whoever awaits `stopped` hears of it.
    } else if (timers.nowMs() - begunAtMs >= repeatMs) {
      options.onAbandoned?.()
      dispose() // Without a listener the signal does what it does to any process.
      die(signal)
    }
  }
  const onInterrupt = (): void => onSignal('SIGINT')
  const onTerminate = (): void => onSignal('SIGTERM')
  signals.on('SIGINT', onInterrupt)
  signals.on('SIGTERM', onTerminate)
  return { begin, stopped, dispose }
}
