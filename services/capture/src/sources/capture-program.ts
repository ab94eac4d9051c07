/**
 * The programs that capture for us, and all that differs between them: what they are told, and the few sentences they say that matter.
 * Both write pcap to their stdout and tell their state on stderr only; sentences are matched here and nowhere else, in the C locale.
 *
 * | | tcpdump | dumpcap (Wireshark) |
 * |---|---|---|
 * | has begun when it says | `listening on` | `File: -` |
 * | tells its drops | whenever it gets SIGUSR1, and at its end | at its end |
 * | hands a frame on | at once | when its update interval has passed |
 */

import type { FrameSourceErrorCode } from './frame-source.js'

export const captureProgramNames = ['tcpdump', 'dumpcap'] as const
export type CaptureProgramName = (typeof captureProgramNames)[number]

export interface ProgramArguments {
  readonly interfaceName: string
  /** BPF; empty for everything. */
  readonly filter: string
  readonly snapBytes: number
  /** The kernel's ring. */
  readonly bufferKib: number
}

export interface CaptureProgram {
  readonly name: CaptureProgramName
  readonly arguments: (wanted: ProgramArguments) => readonly string[]
  readonly begun: RegExp
  /** The latest count in what it has said; undefined when it has not said. Of tcpdump's counters only this one is used: on a loopback
   *  interface "received by filter" counts each packet twice. */
  readonly drops: (said: string) => number | undefined
  readonly tellsDropsWhenAsked: boolean
  /** How long it may keep a frame to itself. */
  readonly heldBackMaxMs: number
}

const tcpdump: CaptureProgram = {
  name: 'tcpdump',
  arguments: ({ interfaceName, filter, snapBytes, bufferKib }) => [
    ...['-i', interfaceName, '-w', '-', '-U', '-s', String(snapBytes), '-n', '--immediate-mode'],
    ...['-B', String(bufferKib)],
    ...(filter === '' ? [] : ['--', filter]),
  ],
  begun: /listening on /,
  drops: (said) => latest(said, /(\d+) packets? dropped by kernel/g),
  tellsDropsWhenAsked: true,
  heldBackMaxMs: 100, // It holds nothing back, but on a busy machine it may not run for as long.
}

const dumpcap: CaptureProgram = {
  name: 'dumpcap',
  arguments: ({ interfaceName, filter, snapBytes, bufferKib }) => [
    ...['-i', interfaceName, '-w', '-', '-P', '-q', '-s', String(snapBytes)],
    ...['-B', String(Math.max(1, Math.ceil(bufferKib / 1_024)))],
    ...(filter === '' ? [] : ['-f', filter]),
  ],
  begun: /^File: -/m,
  drops: (said) => latest(said, /received\/dropped on interface .*?: \d+\/(\d+)/g),
  tellsDropsWhenAsked: false,
  heldBackMaxMs: 300,
}

export const capturePrograms: Readonly<Record<CaptureProgramName, CaptureProgram>> = { tcpdump, dumpcap }

/** What they and libpcap say when a capture cannot start, and what that is for us. */
export const startFailures: readonly (readonly [RegExp, FrameSourceErrorCode])[] = [
  [/permission to (perform|capture)|Operation not permitted/i, 'not-permitted'],
  [/No such device|does ?n[o']t exist/i, 'interface-unknown'],
  [/filter expression|syntax error|expression rejected/i, 'filter-invalid'],
]

function latest(said: string, pattern: RegExp): number | undefined {
  const last = [...said.matchAll(pattern)].at(-1)
  return last === undefined ? undefined : Number(last[1])
}
