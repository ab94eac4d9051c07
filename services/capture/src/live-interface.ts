/**
 * A network interface as a frame source: tcpdump as a child that needs only CAP_NET_RAW writes pcap to its stdout.
 *
 *   idle ──frames──► starting ──"listening on"──► capturing ──stop──► stopping ──stdout ends──► ended
 *                       │ dies: FrameSourceError      │ dies: restarted and counted, at most `restartMaxCount` times
 *
 * The child is read until its stdout ends, so that after `stop` every frame that tcpdump had written was handed on.
 * tcpdump tells its state on stderr only, and its exit code is 1 whatever happened: the few sentences that matter are matched in one
 * place below, in the C locale. Of its counters only "dropped by kernel" is used: on a loopback interface "received by filter"
 * counts each packet twice.
 */

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import {
  type FrameSink,
  type FrameSource,
  FrameSourceError,
  type FrameSourceErrorCode,
  type FrameSourceStatistics,
} from './frame-source.js'

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
  /** Default 5. */
  readonly restartMaxCount?: number
  /** Default 500. */
  readonly restartDelayMs?: number
  /** Told once the capture runs again, in a sentence that says why it had ended. Frames between were not seen. */
  readonly onRestarted?: (warning: string) => void
  /** Default `tcpdump`, looked for in PATH and in the sbin folders. */
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

/** What tcpdump and libpcap say when a capture cannot start, and what that is for us. */
const startFailures: readonly (readonly [RegExp, FrameSourceErrorCode])[] = [
  [/permission to (perform|capture)|Operation not permitted/i, 'not-permitted'],
  [/No such device|does ?n[o']t exist/i, 'interface-unknown'],
  [/filter expression|syntax error|expression rejected/i, 'filter-invalid'],
]

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

  constructor(options: LiveInterfaceOptions) {
    this.#options = options
    this.effectiveFilter = captureFilter(options.filter, options.excludedPorts ?? [])
    this.capturing = new Promise((resolve) => {
      this.#onCapturing = resolve
    })
  }

  /** Of the tcpdump that runs now. */
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

  /** tcpdump drops what is still in the kernel's ring when it is told to end: lets it catch up first, for a bounded time. */
  async #quiet(): Promise<void> {
    for (let waitedMs = 0; waitedMs < drainMaxMs && this.#child !== undefined; waitedMs += drainStepMs) {
      const before = this.#bytesRead
      await delay(drainStepMs)
      if (this.#bytesRead === before) return
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
    }
  }

  async #captureUntilStopped(sink: FrameSink): Promise<void> {
    for (;;) {
      const ending = await this.#captureOnce(sink)
      this.#droppedBefore += this.#droppedNow
      this.#droppedNow = 0
      if (this.#stopping.signal.aborted) return
      if (!ending.hasStarted) throw this.#startError(ending)
      if (this.#restartCount >= (this.#options.restartMaxCount ?? 5)) {
        throw new FrameSourceError('capture-ended', `tcpdump ended again: ${ending.reason}`, { retryable: true })
      }
      this.#restartCount++
      const warning = `tcpdump ended and was started again: ${ending.reason}`
      this.#warnings.push(warning)
      this.#onCapturing = () => this.#options.onRestarted?.(warning)
      // An abort ends the wait; the loop then ends by its own test.
      await delay(this.#options.restartDelayMs ?? 500, undefined, { signal: this.#stopping.signal }).catch(
        () => undefined,
      )
      if (this.#stopping.signal.aborted) return
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
    const poll = setInterval(() => stderr.hasStarted && child.kill('SIGUSR1'), this.#options.pollMs ?? 1_000)
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
      const reason = reader.fault?.detail ?? (stderr.text.trim() === '' ? said : lastLine(stderr.text))
      return { hasStarted: stderr.hasStarted, reason, text: stderr.text, cause }
    } finally {
      clearInterval(poll)
      guard?.kill('SIGKILL')
      child.kill('SIGKILL')
      this.#child = undefined
    }
  }

  #spawn(): Child {
    const { interfaceName, bufferKib = bufferDefaultKib, command = 'tcpdump' } = this.#options
    const snap = String(snapBytes)
    const args = ['-i', interfaceName, '-w', '-', '-U', '-s', snap, '-n', '--immediate-mode', '-B', String(bufferKib)]
    if (this.effectiveFilter !== '') args.push('--', this.effectiveFilter)
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
      if (!seen.hasStarted && /listening on /.test(seen.text)) {
        seen.hasStarted = true
        this.#onCapturing()
      }
      this.#droppedNow = kernelDrops(seen.text) ?? this.#droppedNow
    })
    return seen
  }

  #startError(ending: Ending): FrameSourceError {
    const { interfaceName, command = 'tcpdump' } = this.#options
    const { cause, text, reason } = ending
    if (cause instanceof Error && 'code' in cause) {
      return new FrameSourceError(
        'tcpdump-missing',
        `${command} cannot be run (${String(cause.code)}): install the package tcpdump, for example with apt-get install tcpdump`,
        { cause },
      )
    }
    const code = startFailures.find(([pattern]) => pattern.test(text))?.[1]
    switch (code) {
      case 'not-permitted':
        return new FrameSourceError(
          code,
          `may not capture on ${interfaceName}: run as root, or once: setcap cap_net_raw+ep "$(command -v tcpdump)"`,
        )
      case 'interface-unknown':
        return new FrameSourceError(
          code,
          `there is no interface ${interfaceName}; ip -brief link lists those there are`,
        )
      case 'filter-invalid':
        return new FrameSourceError(code, `tcpdump does not understand the filter ${this.effectiveFilter}: ${reason}`)
      default:
        return new FrameSourceError('capture-ended', `capturing on ${interfaceName} did not start: ${reason}`, {
          retryable: true,
        })
    }
  }
}

/** Captures for a moment, and lets go. Throws the `FrameSourceError` that a capture with these options would end with before it began. */
export async function tryInterface(options: LiveInterfaceOptions): Promise<void> {
  const source = new LiveInterfaceSource(options)
  try {
    await Promise.race([source.capturing, source.frames({ frame: () => undefined })])
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

/** The latest "N packets dropped by kernel" in what tcpdump said; undefined when it did not say. */
export function kernelDrops(text: string): number | undefined {
  const last = [...text.matchAll(/(\d+) packets? dropped by kernel/g)].at(-1)
  return last === undefined ? undefined : Number(last[1])
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}
