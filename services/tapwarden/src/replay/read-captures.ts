/**
 * Reads captures onto a bus, in the sensor's thread: all of them as one, in the order of time, so that a connection may go on in the next
 * file of a rotated capture, or have its two directions in two files; or each as a capture of its own, whose connections are others.
 * A damaged file is read up to its damage. Knows nothing of threads: the bus is whichever it is given.
 */

import type { Bus } from '@tapwarden/bus/bus'
import type { Redactor } from '@tapwarden/redaction/redact-transaction'
import type { Logger } from '@tapwarden/runtime/logger'
import { type CaptureProgress, runCapture } from '@tapwarden/service-capture/capture-pipeline'
import type { CaptureConfig } from '@tapwarden/service-capture/config'
import { MergedCapturesSource } from '@tapwarden/service-capture/merged-captures'
import { addTlsSummaries, type TlsSummary } from '@tapwarden/service-capture/tls-summary'
import type { ProgressState } from '../progress.js'
import { notVisible, sourceFault, tunnelFrames } from '../sensor.js'
import type { InputFile } from './input-files.js'
import { PacedSource } from './paced-source.js'

export interface ReadCapturesOptions {
  readonly files: readonly InputFile[]
  /** Each file is a capture of its own, read in the order given. */
  readonly separate: boolean
  readonly speed: 'max' | 'real'
  readonly bus: Bus
  readonly redactor: Redactor
  readonly config: CaptureConfig
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly onProgress: (progress: ProgressState) => void
}

/** Plain values: they cross a thread. */
export interface CapturesRead {
  readonly packets: number
  readonly transactions: number
  readonly notVisible: Readonly<Record<string, number>>
  /** Frames, by tunnel. */
  readonly tunnels: Readonly<Record<string, number>>
  /** Undefined when nothing was read. */
  readonly tls: TlsSummary | undefined
  readonly warnings: readonly string[]
  /** Files that could not be read to their end. */
  readonly faults: readonly { readonly exitCode: number; readonly message: string }[]
}

export async function readCaptures(options: ReadCapturesOptions): Promise<CapturesRead> {
  const { files, bus, redactor, config, logger, signal } = options
  const captures = options.separate ? files.map((file) => [file]) : [files]
  const hidden: Record<string, number> = {}
  const tunnels: Record<string, number> = {}
  let tls: TlsSummary | undefined
  const warnings: string[] = []
  const faults: { exitCode: number; message: string }[] = []
  let packets = 0
  let transactions = 0
  let readBytes = 0
  for (const capture of captures) {
    if (signal.aborted) break
    const merged = new MergedCapturesSource(capture)
    const source = options.speed === 'real' ? new PacedSource(merged) : merged
    const onProgress = (at: CaptureProgress): void =>
      options.onProgress({
        file: merged.current,
        readBytes: readBytes + at.bytesRead,
        packets: packets + at.packetCount,
        transactions: transactions + at.transactionCount,
      })
    const summary = await runCapture({ source, bus, redactor, config, logger, signal, onProgress })
    packets += summary.packetCount
    transactions += summary.transactionCount
    tls = addTlsSummaries(tls, summary.tls)
    readBytes += merged.statistics().bytesRead
    warnings.push(...summary.warnings)
    for (const [what, count] of Object.entries(notVisible(summary))) hidden[what] = (hidden[what] ?? 0) + count
    for (const [name, count] of Object.entries(tunnelFrames(summary))) tunnels[name] = (tunnels[name] ?? 0) + count
    for (const { exitCode, message } of merged.faults.map(sourceFault)) faults.push({ exitCode, message })
  }
  return { packets, transactions, notVisible: hidden, tunnels, tls, warnings, faults }
}
