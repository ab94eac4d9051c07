/**
 * SIGINT and SIGTERM, once: an orderly stop; the second time, or after the deadline: out.
 *
 *   running ──signal──► stopping ──done──► `stopped` resolves
 *                          ├── second signal ──► exit(130)
 *                          └── deadline ───────► exit(1)
 */

import type { Logger } from './logger.js'
import { systemTimers, type Timers } from './timers.js'
import { exitCodes } from './user-error.js'

export interface ShutdownOptions {
  /** Intake first, then effects, then offsets. */
  readonly stop: () => Promise<void>
  readonly deadlineMs: number
  readonly logger: Logger
  readonly timers?: Timers
  /** Where signals come from, and how to leave at once: the process by default. */
  readonly signals?: SignalSource
  readonly exit?: (code: number) => void
}

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
  const exit = options.exit ?? ((code) => process.exit(code))
  const timers = options.timers ?? systemTimers
  let resolveStopped: () => void = () => undefined
  let rejectStopped: (error: unknown) => void = () => undefined
  const stopped = new Promise<void>((resolve, reject) => {
    resolveStopped = resolve
    rejectStopped = reject
  })
  let begun = false

  const begin = (reason: string): Promise<void> => {
    if (begun) return stopped
    begun = true
    options.logger.info({ reason }, 'stopping')
    const callOff = timers.after(options.deadlineMs, () => {
      options.logger.error({ deadlineMs: options.deadlineMs }, 'did not stop in time')
      exit(exitCodes.internal)
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
  const onSignal = (signal: string): void => {
    if (begun) exit(exitCodes.interrupted)
    else begin(signal).catch(() => undefined) // Whoever awaits `stopped` hears of it.
  }
  const onInterrupt = (): void => onSignal('SIGINT')
  const onTerminate = (): void => onSignal('SIGTERM')
  signals.on('SIGINT', onInterrupt)
  signals.on('SIGTERM', onTerminate)
  return { begin, stopped, dispose }
}
