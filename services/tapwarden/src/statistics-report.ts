/** The sensor's numbers each second: one line that is written over on a terminal, a line each elsewhere, an object each with `--json`. */

import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import type { CaptureStatistics } from '@tapwarden/service-capture/capture-statistics'
import { count, type Output } from './output.js'
import { type CaptureInterval, intervalBetween, intervalLine } from './statistics-line.js'

export interface StatisticsReportOptions {
  readonly statistics: () => CaptureStatistics
  readonly output: Output
  readonly json: boolean
  /** Where the line is written over; undefined: nowhere. */
  readonly terminal: Pick<NodeJS.WriteStream, 'write'> | undefined
  readonly timers?: Timers
}

export interface StatisticsReport {
  /** The rest of the second under way, then all since the start. */
  stop(): void
}

const everyMs = 1_000
const clearLine = '\r\u001b[K'

export function startStatisticsReport(options: StatisticsReportOptions): StatisticsReport {
  const { statistics, output, json, terminal, timers = systemTimers } = options
  const startedMs = timers.nowMs()
  let before = statistics()
  let beforeMs = startedMs
  const print = (kind: 'interval' | 'total', interval: CaptureInterval): void => {
    if (json) output.out(JSON.stringify({ kind, atMs: timers.nowMs(), ...interval }))
    else {
      const line = kind === 'total' ? `in all: ${totalLine(interval)}` : intervalLine(interval)
      if (terminal === undefined) output.out(line)
      else terminal.write(`${clearLine}${fitted(line, kind, output.columns)}${kind === 'total' ? '\n' : ''}`)
    }
  }
  const look = (): void => {
    const [now, nowMs] = [statistics(), timers.nowMs()]
    if (nowMs > beforeMs) print('interval', intervalBetween(before, now, (nowMs - beforeMs) / 1_000))
    before = now
    beforeMs = nowMs
  }
  const tick = (): void => {
    look()
    callOff = timers.after(everyMs, tick)
  }
  let callOff = timers.after(everyMs, tick)
  return {
    stop: () => {
      callOff()
      look()
      print('total', intervalBetween(undefined, statistics(), (timers.nowMs() - startedMs) / 1_000))
    },
  }
}

function totalLine(interval: CaptureInterval): string {
  const seen = `${count(interval.packets)} packets, ${count(interval.transactions)} transactions`
  return `${seen} in ${interval.seconds.toFixed(1)} s · ${intervalLine(interval)}`
}

/** A line that wraps could not be written over. */
function fitted(line: string, kind: 'interval' | 'total', columns: number): string {
  return kind === 'total' || line.length < columns ? line : `${line.slice(0, columns - 2)}…`
}
