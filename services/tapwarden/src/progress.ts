/** How far a replay is: a bar on a terminal, a line every few seconds elsewhere. On stderr, since stdout is for results. */

import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import cliProgress from 'cli-progress'
import { count, harmless, type Output } from './output.js'

export interface ProgressState {
  readonly file: string
  /** Of all files together. */
  readonly readBytes: number
  readonly packets: number
  readonly transactions: number
}

export interface Progress {
  update(state: ProgressState): void
  /** Leaves the terminal as it was. */
  stop(): void
}

const lineEveryMs = 5_000

/** `totalBytes` is undefined where nobody can know: lines then, without a share. */
export function startProgress(
  totalBytes: number | undefined,
  output: Output,
  terminal: NodeJS.WriteStream,
  timers = systemTimers,
): Progress {
  return terminal.isTTY && totalBytes !== undefined
    ? startBar(totalBytes, terminal)
    : startLines(totalBytes, output, timers)
}

function startBar(totalBytes: number, terminal: NodeJS.WriteStream): Progress {
  const bar = new cliProgress.SingleBar({
    stream: terminal,
    clearOnComplete: true,
    hideCursor: true,
    noTTYOutput: false,
    fps: 10,
    format: (options, params, payload: Partial<ProgressState>) => {
      const percent = Math.floor(params.progress * 100)
      const drawn = cliProgress.Format.BarFormat(params.progress, { ...options, barsize: 24 })
      const seen = `${count(payload.transactions ?? 0)} transactions, ${count(payload.packets ?? 0)} packets`
      return `${drawn} ${percent} %  ${seen}  ${harmless(payload.file ?? '')}`
    },
    barCompleteChar: '█',
    barIncompleteChar: '░',
  })
  bar.start(Math.max(1, totalBytes), 0, {})
  return {
    update: (state) => bar.update(Math.min(state.readBytes, totalBytes), state),
    stop: () => bar.stop(),
  }
}

/** The first line comes after the first interval: a short replay prints none. */
function startLines(totalBytes: number | undefined, output: Output, timers: Timers): Progress {
  let last: ProgressState | undefined
  let callOff = timers.after(lineEveryMs, tick)
  function tick(): void {
    if (last !== undefined) {
      const share =
        totalBytes === undefined ? '' : `${Math.floor((last.readBytes / Math.max(1, totalBytes)) * 100)} %, `
      output.note(
        `${share}${count(last.packets)} packets, ${count(last.transactions)} transactions (${harmless(last.file)})`,
      )
    }
    callOff = timers.after(lineEveryMs, tick)
  }
  return {
    update: (state) => {
      last = state
    },
    stop: () => callOff(),
  }
}
