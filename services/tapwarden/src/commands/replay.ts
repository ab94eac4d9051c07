/**
 * `replay FILE…`: captures → store, together in the order of time, or each by itself (replay/read-captures.ts).
 *
 * A file that cannot be used costs its line on stderr and the exit code; the others are read. What came before a damage is used.
 * Reading the same file again adds nothing: transactions have the same ids.
 */

import { exitCodes } from '@tapwarden/runtime/user-error'
import { type CommonFlags, keyFileOf, readSettings, type Settings } from '../common-flags.js'
import { startEmbeddedStack } from '../embedded-stack.js'
import { harmless, type Output } from '../output.js'
import { startProgress } from '../progress.js'
import { startCaptureThread } from '../replay/captures-in-thread.js'
import { bytesOfAll, type InputFiles, inspectInputs } from '../replay/input-files.js'
import { checkKeyLog } from '../sensor.js'
import { deadLetterCount } from '../services.js'
import { printSummary, summarize } from '../traffic-summary.js'
import { untilSignal } from '../until-signal.js'

export interface ReplayFlags extends CommonFlags {
  readonly speed: 'max' | 'real'
  readonly separate?: boolean
  readonly json?: boolean
}

/** Resolves to the exit code: that of the first file that failed, or 130 after Ctrl-C. */
export async function replay(paths: readonly string[], flags: ReplayFlags, output: Output): Promise<number> {
  const settings = await readSettings(flags, output, { quietLevel: 'warn' })
  if (settings === undefined) return exitCodes.ok
  await checkKeyLog(settings.config, output)
  const inputs = await inspectInputs(paths)
  for (const fault of inputs.faults) output.note(`tapwarden: ${harmless(fault.message)}`)
  const [firstFault] = inputs.faults
  if (inputs.usable.length === 0) return firstFault?.exitCode ?? exitCodes.usage
  const { result: damage, interrupted } = await untilSignal(settings.logger, output, (signal) =>
    replayAll(settings, inputs, flags, output, signal),
  )
  if (interrupted) return exitCodes.interrupted
  return firstFault?.exitCode ?? damage?.exitCode ?? exitCodes.ok
}

/** What was wrong with a file further in. */
interface Damage {
  readonly exitCode: number
  readonly message: string
}

/** Resolves to the first damage, when everything has had its effects and the stack has stopped. */
async function replayAll(
  settings: Settings,
  inputs: InputFiles,
  flags: ReplayFlags,
  output: Output,
  signal: AbortSignal,
): Promise<Damage | undefined> {
  const { config, logger } = settings
  const keyFile = keyFileOf(config)
  const stack = await startEmbeddedStack({ ...settings, keyFile })
  let abandon = true
  try {
    const startedMs = performance.now()
    const before = await stack.counts()
    const files = inputs.usable
    const progress = startProgress(bytesOfAll(files), output, process.stderr)
    const onProgress = progress.update.bind(progress)
    const { speed, separate = false } = flags
    const thread = startCaptureThread({
      files,
      separate,
      speed,
      config,
      keyFile,
      bus: stack.bus,
      logger,
      signal,
      onProgress,
    })
    const sensor = await Promise.race([thread.read, stack.failed]).finally(() => {
      progress.stop()
      return thread.terminate()
    })
    await stack.settled()
    abandon = false
    const truncations = sensor.warnings.map((message) => ({ exitCode: exitCodes.dataError, message }))
    const damages: Damage[] = [...sensor.faults, ...truncations]
    for (const damage of damages) output.note(`tapwarden: ${harmless(damage.message)}`)
    const summary = summarize({
      files: inputs.usable.length,
      sensor,
      before,
      after: await stack.counts(),
      notVisible: sensor.notVisible,
      tunnels: sensor.tunnels,
      tls: sensor.tls,
      ofNoEndpoint: stack.ignoredCounts(),
      deadLetters: deadLetterCount(stack.bus),
      seconds: (performance.now() - startedMs) / 1_000,
      faults: [...inputs.faults, ...damages].map((fault) => fault.message),
    })
    printSummary(output, summary, flags)
    return damages[0]
  } finally {
    await stack.stop({ abandon })
  }
}
