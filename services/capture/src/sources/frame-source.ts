/**
 * Where frames come from: files, or a live interface. A source reads blocks, awaits only between them, and calls the sink once a
 * frame with the reader's one reused view: no promise and no object per frame.
 */

import type { FrameView } from '@tapwarden/pcap/pcap-reader'

export interface FrameSink {
  /** Synchronous; `frame` is borrowed until it returns. What it throws ends the source and is rethrown by `frames`. */
  frame(frame: FrameView): void
  /** TLS secrets that a capture brings along, as `bytes[from, to)` of a key log, borrowed; in front of the frames behind them. */
  tlsSecrets?(bytes: Uint8Array, from: number, to: number): void
  /** Awaited after each block: where a pipeline publishes, and so holds the source back. */
  afterBlock?(): Promise<void> | void
}

export interface FrameSourceStatistics {
  readonly frameCount: number
  readonly bytesRead: number
  /** Undefined when nobody can know. */
  readonly totalBytes: number | undefined
  /** Frames that the kernel dropped because we were too slow, as far as it told. */
  readonly kernelDroppedCount: number
  readonly restartCount: number
  /** What was wrong without ending the capture, in sentences. */
  readonly warnings: readonly string[]
  /** How often something of the source itself went wrong, by name: `source.…`. They count as anomalies of the sensor. */
  readonly oddities?: ReadonlyMap<string, number>
}

export interface FrameSource {
  /**
   * True where all frames are there already, as in a file: then event time alone says what travels together, and the order of records is
   * a function of the frames. Absent or false: a pause of the source is a pause of the traffic.
   */
  readonly comesAtOnce?: boolean
  /** Runs until the source ends or is stopped. Rejects with `FrameSourceError`; frames handed on before that are good. Once only. */
  frames(sink: FrameSink): Promise<void>
  /** Ends `frames` after the block under way; resolves when nothing of the source runs any more. */
  stop(): Promise<void>
  statistics(): FrameSourceStatistics
}

export type FrameSourceErrorCode =
  | 'missing'
  | 'directory'
  | 'unreadable'
  | 'empty'
  | 'not-a-capture'
  | 'compressed'
  | 'malformed-record'
  | 'record-too-large'
  | 'tcpdump-missing'
  | 'not-permitted'
  | 'interface-unknown'
  | 'filter-invalid'
  | 'capture-ended'
  | 'listen-invalid'
  | 'listen-failed'

/** The world, not the wire: a file or a capture that cannot be had. The message is one line for people and says what to do. */
export class FrameSourceError extends Error {
  override readonly name = 'FrameSourceError'
  readonly code: FrameSourceErrorCode
  /** Whether trying again, as it is, can help. */
  readonly retryable: boolean

  constructor(code: FrameSourceErrorCode, message: string, options: { cause?: unknown; retryable?: boolean } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.retryable = options.retryable ?? false
  }
}
