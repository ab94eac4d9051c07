/**
 * `replay FILE…`: captures → store, in the order given (capture-files.ts says what makes one capture of several files).
 *
 * A file that cannot be used costs its line on stderr and the exit code; the others are read. What came before a damage is used.
 * Reading the same file again adds nothing: transactions have the same ids.
 */

import { exitCodes, UserError } from '@tapwarden/runtime/user-error'
import { type CaptureProgress, runCapture } from '@tapwarden/service-capture/capture-pipeline'
import { CaptureFiles } from '../capture-files.js'
import { type CommonFlags, keyFileOf, readSettings, type Settings } from '../common-flags.js'
import { type EmbeddedStack, startEmbeddedStack } from '../embedded-stack.js'
import { type InputFiles, inspectInputs } from '../input-files.js'
import { harmless, type Output } from '../output.js'
import { PacedSource } from '../paced-source.js'
import { startProgress } from '../progress.js'
import { notVisible } from '../sensor.js'
import { deadLetterCount } from '../services.js'
import { printSummary, summarize } from '../traffic-summary.js'
import { untilSignal } from '../until-signal.js'

export interface ReplayFlags extends CommonFlags {
  readonly speed: 'max' | 'real'
  readonly json?: boolean
}

/** Resolves to the exit code: that of the first file that failed, or 130 after Ctrl-C. */
export async function replay(paths: readonly string[], flags: ReplayFlags, output: Output): Promise<number> {
  const settings = await readSettings(flags, output, { quietLevel: 'warn' })
  if (settings === undefined) return exitCodes.ok
  const inputs = await inspectInputs(paths)
  for (const fault of inputs.faults) output.note(`tapwarden: ${harmless(fault.message)}`)
  const [firstFault] = inputs.faults
  if (inputs.usable.length === 0) return firstFault?.exitCode ?? exitCodes.usage
  const { result: damage, interrupted } = await untilSignal(settings.logger, (signal) =>
    replayAll(settings, inputs, flags, output, signal),
  )
  if (interrupted) return exitCodes.interrupted
  return firstFault?.exitCode ?? damage?.exitCode ?? exitCodes.ok
}

/** Resolves to what was wrong with a file further in, when everything has had its effects and the stack has stopped. */
async function replayAll(
  settings: Settings,
  inputs: InputFiles,
  flags: ReplayFlags,
  output: Output,
  signal: AbortSignal,
): Promise<UserError | undefined> {
  const stack = await startEmbeddedStack({ ...settings, keyFile: keyFileOf(settings.config) })
  let abandon = true
  try {
    const startedMs = performance.now()
    const before = await stack.counts()
    const files = new CaptureFiles(inputs.usable)
    const sensor = await Promise.race([readAll(stack, settings, inputs, files, flags, output, signal), stack.failed])
    await stack.settled()
    abandon = false
    const truncations = sensor.warnings.map((warning) => new UserError('dataError', warning))
    const damages = [...files.faults, ...truncations]
    for (const damage of damages) output.note(`tapwarden: ${harmless(damage.message)}`)
    const summary = summarize({
      files: inputs.usable.length,
      sensor,
      before,
      after: await stack.counts(),
      notVisible: sensor.notVisible,
      deadLetters: deadLetterCount(stack.bus),
      seconds: (performance.now() - startedMs) / 1_000,
      faults: [...inputs.faults, ...damages].map((fault) => fault.message),
    })
    printSummary(output, summary, flags.json === true)
    return damages[0]
  } finally {
    await stack.stop({ abandon })
  }
}

interface SensorSums {
  packets: number
  transactions: number
  readonly notVisible: Record<string, number>
  readonly warnings: string[]
}

/** One run of the sensor a capture, so that connections of unrelated captures are not taken for one. */
async function readAll(
  stack: EmbeddedStack,
  { config, logger }: Settings,
  inputs: InputFiles,
  files: CaptureFiles,
  flags: ReplayFlags,
  output: Output,
  signal: AbortSignal,
): Promise<SensorSums> {
  const sums: SensorSums = { packets: 0, transactions: 0, notVisible: {}, warnings: [] }
  const totalBytes = inputs.usable.reduce((sum, file) => sum + file.bytes, 0)
  const progress = startProgress(totalBytes, output, process.stderr)
  const { bus, redactor } = stack
  try {
    for (let next = files.nextCapture(); next !== undefined && !signal.aborted; next = files.nextCapture()) {
      const source = flags.speed === 'real' ? new PacedSource(next) : next
      const onProgress = (at: CaptureProgress): void =>
        progress.update({
          file: files.current,
          readBytes: files.readBytes,
          packets: sums.packets + at.packetCount,
          transactions: sums.transactions + at.transactionCount,
        })
      const summary = await runCapture({ source, bus, redactor, config: config.capture, logger, signal, onProgress })
      sums.packets += summary.packetCount
      sums.transactions += summary.transactionCount
      sums.warnings.push(...summary.warnings)
      for (const [what, count] of Object.entries(notVisible(summary))) {
        sums.notVisible[what] = (sums.notVisible[what] ?? 0) + count
      }
    }
  } finally {
    progress.stop()
  }
  return sums
}
