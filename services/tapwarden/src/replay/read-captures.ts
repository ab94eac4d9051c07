/**
 * Reads captures one after the other onto a bus: one run of the sensor each, so that connections of unrelated captures are not one.
 * In the sensor's thread; knows nothing of threads: capture-files.ts says which files are one capture, the bus is whichever it is given.
 */

import type { Bus } from '@tapwarden/bus/bus'
import type { Redactor } from '@tapwarden/redaction/redact-transaction'
import type { Logger } from '@tapwarden/runtime/logger'
import { type CaptureProgress, runCapture } from '@tapwarden/service-capture/capture-pipeline'
import type { CaptureConfig } from '@tapwarden/service-capture/config'
import type { ProgressState } from '../progress.js'
import { notVisible } from '../sensor.js'
import { CaptureFiles } from './capture-files.js'
import type { InputFile } from './input-files.js'
import { PacedSource } from './paced-source.js'

export interface ReadCapturesOptions {
  readonly files: readonly InputFile[]
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
  readonly warnings: readonly string[]
  /** Files that could not be read to their end. */
  readonly faults: readonly { readonly exitCode: number; readonly message: string }[]
}

export async function readCaptures(options: ReadCapturesOptions): Promise<CapturesRead> {
  const { bus, redactor, config, logger, signal } = options
  const files = new CaptureFiles(options.files)
  const hidden: Record<string, number> = {}
  const warnings: string[] = []
  let packets = 0
  let transactions = 0
  for (let next = files.nextCapture(); next !== undefined && !signal.aborted; next = files.nextCapture()) {
    const source = options.speed === 'real' ? new PacedSource(next) : next
    const onProgress = (at: CaptureProgress): void =>
      options.onProgress({
        file: files.current,
        readBytes: files.readBytes,
        packets: packets + at.packetCount,
        transactions: transactions + at.transactionCount,
      })
    const summary = await runCapture({ source, bus, redactor, config, logger, signal, onProgress })
    packets += summary.packetCount
    transactions += summary.transactionCount
    warnings.push(...summary.warnings)
    for (const [what, count] of Object.entries(notVisible(summary))) hidden[what] = (hidden[what] ?? 0) + count
  }
  const faults = files.faults.map(({ exitCode, message }) => ({ exitCode, message }))
  return { packets, transactions, notVisible: hidden, warnings, faults }
}
