/**
 * `replay FILE…`: captures → store. Files are read in the order given, as one capture, so that a connection may go on in the next file.
 *
 * A file that cannot be used costs its line on stderr and the exit code; the others are read. What came before a damage is used.
 * Reading the same file again adds nothing: transactions have the same ids.
 */

import { shutdownOnSignal } from '@tapwarden/runtime/shutdown'
import { exitCodes, UserError } from '@tapwarden/runtime/user-error'
import { runCapture } from '@tapwarden/service-capture/capture-pipeline'
import { PcapFileSource } from '@tapwarden/service-capture/pcap-file'
import { type CommonFlags, keyFileOf, readSettings, type Settings } from '../common-flags.js'
import { type EmbeddedStack, startEmbeddedStack } from '../embedded-stack.js'
import { type InputFiles, inspectInputs } from '../input-files.js'
import { harmless, type Output } from '../output.js'
import { PacedSource } from '../paced-source.js'
import { startProgress } from '../progress.js'
import { FaultKeepingSource, notVisible } from '../sensor.js'
import { deadLetterCount } from '../services.js'
import { printSummary, summarize } from '../traffic-summary.js'

export interface ReplayFlags extends CommonFlags {
  readonly speed: 'max' | 'real'
  readonly json?: boolean
}

const stopDeadlineMs = 60_000

/** Resolves to the exit code: that of the first file that failed, or 130 after Ctrl-C. */
export async function replay(paths: readonly string[], flags: ReplayFlags, output: Output): Promise<number> {
  const settings = await readSettings(flags, output, { quietLevel: 'warn' })
  if (settings === undefined) return exitCodes.ok
  const inputs = await inspectInputs(paths)
  for (const fault of inputs.faults) output.note(`tapwarden: ${harmless(fault.message)}`)
  const [firstFault] = inputs.faults
  if (inputs.usable.length === 0) return firstFault?.exitCode ?? exitCodes.usage
  const stack = await startEmbeddedStack({ ...settings, keyFile: keyFileOf(settings.config) })
  const interrupt = new AbortController()
  const finished = replayInto(stack, settings, inputs, flags, output, interrupt.signal)
  const shutdown = shutdownOnSignal({
    stop: async () => {
      interrupt.abort()
      await finished.catch(() => undefined) // Awaited below, where it is thrown.
    },
    deadlineMs: stopDeadlineMs,
    logger: settings.logger,
  })
  const damage = await finished
  shutdown.dispose()
  if (interrupt.signal.aborted) return exitCodes.interrupted
  return firstFault?.exitCode ?? damage?.exitCode ?? exitCodes.ok
}

/** Resolves to what was wrong with a file further in, when everything has had its effects and the stack has stopped. */
async function replayInto(
  stack: EmbeddedStack,
  settings: Settings,
  inputs: InputFiles,
  flags: ReplayFlags,
  output: Output,
  signal: AbortSignal,
): Promise<UserError | undefined> {
  let abandon = true
  try {
    const startedMs = performance.now()
    const before = await stack.counts()
    const files = new PcapFileSource(inputs.usable)
    const source = new FaultKeepingSource(flags.speed === 'real' ? new PacedSource(files) : files)
    const progress = startProgress(inputs.totalBytes, output, process.stderr)
    const capture = runCapture({
      source,
      bus: stack.bus,
      redactor: stack.redactor,
      config: settings.config.capture,
      logger: settings.logger,
      signal,
      onProgress: (at) =>
        progress.update({
          file: inputs.usable.join(' '),
          readBytes: at.bytesRead,
          packets: at.packetCount,
          transactions: at.transactionCount,
        }),
    })
    const sensor = await Promise.race([capture, stack.failed]).finally(() => progress.stop())
    await stack.settled()
    abandon = false
    const after = await stack.counts()
    for (const warning of sensor.warnings) output.note(`tapwarden: ${harmless(warning)}`)
    if (source.fault !== undefined)
      output.note(`tapwarden: ${harmless(source.fault.message)}; what came before was used`)
    const faults = [...inputs.faults, ...(source.fault === undefined ? [] : [source.fault])]
    const summary = summarize({
      files: inputs.usable.length,
      sensor: { packets: sensor.packetCount, transactions: sensor.transactionCount },
      before,
      after,
      notVisible: notVisible(sensor),
      deadLetters: deadLetterCount(stack.bus),
      seconds: (performance.now() - startedMs) / 1_000,
      faults: [...faults.map((fault) => fault.message), ...sensor.warnings],
    })
    printSummary(output, summary, flags.json === true)
    if (source.fault === undefined && sensor.warnings.length > 0) {
      return new UserError('dataError', sensor.warnings[0] ?? '')
    }
    return source.fault
  } finally {
    await stack.stop({ abandon })
  }
}
