/**
 * A network interface as a frame source: a child that needs only CAP_NET_RAW, tcpdump or dumpcap, writes pcap to its stdout.
 *
 *   idle ──frames──► starting ──says it has begun──► capturing ──stop──► stopping ──stdout ends──► ended
 *                     ▲ │ dies at first: the other program, else FrameSourceError     │ dies
 *                     └─┴───────── waits, longer each time, and counts it ◄───────────┘
 *
 * A capture that dies is a gap, not a failure: it is begun again, until `restartMaxCount` in a row brought no frame. The child is read until its
 * stdout ends, so that after `stop` every frame that it had written was handed on. Its exit code is 1 whatever happened: what it says counts
 * (capture-program.ts).
 */

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import {
  type CaptureProgram,
  type CaptureProgramName,
  captureProgramNames,
  capturePrograms,
  startFailures,
} from './capture-program.js'
import { type FrameSink, type FrameSource, FrameSourceError, type FrameSourceStatistics } from './frame-source.js'

export interface LiveInterfaceOptions {
  /** `eth0`, `lo`, or `any`. */
  readonly interfaceName: string
  /** BPF, as tcpdump takes it; everything when absent. */
  readonly filter?: string
  /** TCP ports of our own servers, never captured: a sensor must not analyse the traffic that its analysis causes. */
  readonly excludedPorts?: readonly number[]
  /** The kernel's ring, in KiB. Default 131,072: two thousand frames where the link may carry 64 KiB ones. */
  readonly bufferKib?: number
  /** How often drops are asked for. Default 1,000. */
  readonly pollMs?: number
  /** Restarts in a row without one frame, before that is taken for a failure. Default 20. */
  readonly restartMaxCount?: number
  /** Before the first restart in a row; twice as long before each further one, at most 30 s. Default 500. */
  readonly restartDelayMs?: number
  /** Told once the capture runs again, in a sentence that says why it had ended. Frames between were not seen. */
  readonly onRestarted?: (warning: string) => void
  /** Default `auto`: tcpdump, and dumpcap where there is no tcpdump, or none that may capture. */
  readonly program?: CaptureProgramName | 'auto'
  /** Where the program is; without it, looked for in PATH and in the sbin folders. With `auto` it is a tcpdump. */
  readonly command?: string
}

type Child = ChildProcessByStdio<null, Readable, Readable>

/**
 * The largest IP packet with its link header. In immediate mode the kernel's ring has slots of one frame, each as large as the snap
 * length: with tcpdump's own default of 256 KiB, 64 MiB of ring hold 256 frames, and a pause of the reader of milliseconds loses some.
 */
const snapBytes = 65_600
const bufferDefaultKib = 131_072
const stderrMaxChars = 4_096
const stopGraceMs = 2_000
const drainStepMs = 25
const drainMaxMs = 500
const restartDefaultMaxCount = 20
const restartDelayDefaultMs = 500
const restartDelayMaxMs = 30_000
const warningsMaxCount = 100

export class LiveInterfaceSource implements FrameSource {
  readonly #options: LiveInterfaceOptions
  /** The filter that tcpdump is given, exclusions included: worth showing to people. */
  readonly effectiveFilter: string
  /** Resolves when the first capture has begun; stays pending when it never does (`frames` rejects then). */
  readonly capturing: Promise<void>
  /** Called by each capture that begins. */
  #onCapturing: () => void = () => undefined
  readonly #warnings: string[] = []
  #frameCount = 0
  #bytesRead = 0
  #restartCount = 0
  #droppedBefore = 0
  #droppedNow = 0
  readonly #stopping = new AbortController()
  #child: Child | undefined
  #running: Promise<void> | undefined
  #isCapturing = false
  /** The one that runs, or is tried, and those to try when it cannot start. */
  #program: CaptureProgram
  readonly #otherPrograms: CaptureProgram[]

  constructor(options: LiveInterfaceOptions) {
    this.#options = options
    const { program = 'auto', command } = options
    const names = program !== 'auto' ? [program] : command !== undefined ? ['tcpdump' as const] : captureProgramNames
    this.#otherPrograms = names.map((name) => capturePrograms[name])
    this.#program = this.#otherPrograms.shift() ?? capturePrograms.tcpdump
    this.effectiveFilter = captureFilter(options.filter, options.excludedPorts ?? [])
    this.capturing = new Promise((resolve) => {
      this.#onCapturing = resolve
    })
  }

  get programName(): CaptureProgramName {
    return this.#program.name
  }

  /** False before it has begun, and in the gap of a restart. */
  get isCapturing(): boolean {
    return this.#isCapturing
  }

  /** Of the program that runs now. */
  get processId(): number | undefined {
    return this.#child?.pid
  }

  frames(sink: FrameSink): Promise<void> {
    this.#running ??= this.#captureUntilStopped(sink)
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#quiet()
    const child = this.#child
    child?.kill('SIGINT')
    const killer = setTimeout(() => child?.kill('SIGKILL'), stopGraceMs)
    await this.#running?.catch(() => undefined) // Whoever called `frames` hears of it.
    clearTimeout(killer)
  }

  /** What is still in the kernel's ring, or held back, is lost when the child is told to end: it may catch up first, for a bounded time. */
  async #quiet(): Promise<void> {
    const { heldBackMaxMs } = this.#program
    let quietMs = 0
    for (
      let waitedMs = 0;
      waitedMs < drainMaxMs + heldBackMaxMs && this.#child !== undefined;
      waitedMs += drainStepMs
    ) {
      const before = this.#bytesRead
      await delay(drainStepMs)
      quietMs = this.#bytesRead === before ? quietMs + drainStepMs : 0
      if (quietMs > heldBackMaxMs) return
    }
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#bytesRead,
      totalBytes: undefined,
      kernelDroppedCount: this.#droppedBefore + this.#droppedNow,
      restartCount: this.#restartCount,
      warnings: [...this.#warnings],
      oddities: new Map(this.#restartCount === 0 ? [] : [['source.capture-restarted', this.#restartCount]]),
    }
  }

  async #captureUntilStopped(sink: FrameSink): Promise<void> {
    let ending = await this.#captureFirst(sink)
    const { restartMaxCount = restartDefaultMaxCount, restartDelayMs = restartDelayDefaultMs } = this.#options
    let framesBefore = 0
    let inARowCount = 0
    while (!this.#stopping.signal.aborted) {
      if (this.#frameCount > framesBefore) inARowCount = 0
      framesBefore = this.#frameCount
      if (inARowCount >= restartMaxCount) {
        const message = `${this.#program.name} ended ${inARowCount + 1} times in a row: ${ending.reason}`
        throw new FrameSourceError('capture-ended', message, { retryable: true })
      }
      this.#noteRestart(ending.reason)
      const delayMs = Math.min(restartDelayMs * 2 ** inARowCount, restartDelayMaxMs)
      inARowCount++
      // An abort ends the wait.
      await delay(delayMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      if (!this.#stopping.signal.aborted) ending = await this.#captureOnce(sink)
    }
  }

  /** With the first program that can. Throws what the first of all said when none can. */
  async #captureFirst(sink: FrameSink): Promise<Ending> {
    let failure: FrameSourceError | undefined
    for (;;) {
      const ending = await this.#captureOnce(sink)
      if (this.#stopping.signal.aborted || ending.hasStarted) return ending
      const error = this.#startError(ending)
      const isMissing = error.code === 'tcpdump-missing'
      // The first that is there says it best.
      if (failure === undefined || (failure.code === 'tcpdump-missing' && !isMissing)) failure = error
      const next = isMissing || error.code === 'not-permitted' ? this.#otherPrograms.shift() : undefined
      if (next === undefined) throw failure
      this.#program = next
    }
  }

  #noteRestart(reason: string): void {
    this.#restartCount++
    const warning = `${this.#program.name} ended and was started again: ${reason}`
    if (this.#warnings.length < warningsMaxCount) this.#warnings.push(warning)
    this.#onCapturing = () => {
      this.#onCapturing = () => undefined
      this.#options.onRestarted?.(warning)
    }
  }

  async #captureOnce(sink: FrameSink): Promise<Ending> {
    const child = this.#spawn()
    this.#child = child
    const guard = child.pid === undefined ? undefined : guardAgainstOrphan(child.pid)
    const exit = new Promise<Exit>((resolve) => {
      child.once('error', (cause) => resolve({ cause, said: String(cause) }))
      child.once('close', (code, signal) => resolve({ cause: undefined, said: signal ?? `exit code ${code}` }))
    })
    const stderr = this.#watchStderr(child)
    const poll = setInterval(() => {
      if (stderr.hasStarted && this.#program.tellsDropsWhenAsked) child.kill('SIGUSR1')
    }, this.#options.pollMs ?? 1_000)
    const reader = new PcapReader({
      onFrame: (frame) => {
        this.#frameCount++
        sink.frame(frame)
      },
    })
    try {
      for await (const chunk of child.stdout as AsyncIterable<Uint8Array>) {
        this.#bytesRead += chunk.length
        const fault = reader.push(chunk)
        await sink.afterBlock?.()
        if (fault !== undefined) break // The pipe is closed on leaving the loop, and tcpdump ends.
      }
      const { cause, said } = await exit
      this.#droppedBefore += this.#droppedNow
      this.#droppedNow = 0
      const reason = reader.fault?.detail ?? (stderr.text.trim() === '' ? said : lastLine(stderr.text))
      return { hasStarted: stderr.hasStarted, reason, text: stderr.text, cause }
    } finally {
      clearInterval(poll)
      guard?.kill('SIGKILL')
      child.kill('SIGKILL')
      this.#child = undefined
      this.#isCapturing = false
    }
  }

  #spawn(): Child {
    const { interfaceName, bufferKib = bufferDefaultKib, command = this.#program.name } = this.#options
    const args = this.#program.arguments({ interfaceName, filter: this.effectiveFilter, snapBytes, bufferKib })
    const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin`
    return spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { PATH: path, LC_ALL: 'C' },
      detached: true, // A Ctrl-C on the terminal reaches us alone: we stop it when our intake is ready for that.
    })
  }

  #watchStderr(child: Child): { text: string; hasStarted: boolean } {
    const seen = { text: '', hasStarted: false }
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      seen.text = (seen.text + piece).slice(-stderrMaxChars)
      if (!seen.hasStarted && this.#program.begun.test(seen.text)) {
        seen.hasStarted = true
        this.#isCapturing = true
        this.#onCapturing()
      }
      this.#droppedNow = this.#program.drops(seen.text) ?? this.#droppedNow
    })
    return seen
  }

  #startError(ending: Ending): FrameSourceError {
    const { interfaceName, command = this.#program.name } = this.#options
    const { cause, text, reason } = ending
    if (cause instanceof Error && 'code' in cause) {
      const name = this.#program.name === 'dumpcap' ? 'wireshark-common' : 'tcpdump'
      return new FrameSourceError(
        'tcpdump-missing',
        `${command} cannot be run (${String(cause.code)}): install the package ${name}, for example with apt-get install ${name}`,
        { cause },
      )
    }
    const code = startFailures.find(([pattern]) => pattern.test(text))?.[1]
    switch (code) {
      case 'not-permitted':
        return new FrameSourceError(
          code,
          `may not capture on ${interfaceName}: run as root, or once: setcap cap_net_raw+ep "$(command -v ${this.#program.name})"`,
        )
      case 'interface-unknown':
        return new FrameSourceError(
          code,
          `there is no interface ${interfaceName}; ip -brief link lists those there are`,
        )
      case 'filter-invalid':
        return new FrameSourceError(
          code,
          `${this.#program.name} does not understand the filter ${this.effectiveFilter}: ${reason}`,
        )
      default:
        return new FrameSourceError('capture-ended', `capturing on ${interfaceName} did not start: ${reason}`, {
          retryable: true,
        })
    }
  }
}

/**
 * Captures for a moment, and lets go: resolves to the program that can. Throws the `FrameSourceError` that a capture with these options would
 * end with before it began.
 */
export async function tryInterface(options: LiveInterfaceOptions): Promise<CaptureProgramName> {
  const source = new LiveInterfaceSource(options)
  try {
    await Promise.race([source.capturing, source.frames({ frame: () => undefined })])
    return source.programName
  } finally {
    await source.stop()
  }
}

/**
 * tcpdump notices that its reader is gone with the next packet only, which on a quiet interface may never come. A shell that waits for
 * the end of its input, which comes with the end of our process, however it ends, then kills it. Without a shell there is no such guard.
 */
function guardAgainstOrphan(pid: number): ChildProcess {
  const guard = spawn('/bin/sh', ['-c', 'read -r _; kill -9 "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    env: {},
    detached: true,
  })
  guard.on('error', () => undefined)
  guard.stdin.on('error', () => undefined)
  return guard
}

interface Exit {
  readonly cause: unknown
  readonly said: string
}

interface Ending {
  readonly hasStarted: boolean
  readonly reason: string
  readonly text: string
  readonly cause: unknown
}

/** The caller's filter and "not our own ports", as one BPF expression; empty when both are. */
export function captureFilter(filter: string | undefined, excludedPorts: readonly number[]): string {
  const wanted = filter === undefined || filter.trim() === '' ? '' : `(${filter.trim()})`
  const own = [...new Set(excludedPorts)].sort((a, b) => a - b).map((port) => `tcp port ${port}`)
  const excluded = own.length === 0 ? '' : `not (${own.join(' or ')})`
  return [wanted, excluded].filter((part) => part !== '').join(' and ')
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
