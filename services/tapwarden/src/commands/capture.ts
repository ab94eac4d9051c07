/**
 * `capture`: the sensor alone, without a store. Prints the transactions, redacted, one JSON object a line; with `--stats` what the sensor sees and
 * loses each second instead.
 */

import { exitCodes, UserError } from '@tapwarden/runtime/user-error'
import { type CaptureSummary, runCapture } from '@tapwarden/service-capture/capture-pipeline'
import type { FrameSource } from '@tapwarden/service-capture/frame-source'
import { MergedCapturesSource } from '@tapwarden/service-capture/merged-captures'
import { type CommonFlags, keyFileOf, readSettings, type Settings } from '../common-flags.js'
import { LineBus } from '../line-bus.js'
import { openSource, type SourceFlags, trySource, wantedSource } from '../live-source.js'
import { harmless, type Output } from '../output.js'
import { inspectInputs } from '../replay/input-files.js'
import { checkKeyLog, FaultKeepingSource, notVisible, openRedactor, sourceFault } from '../sensor.js'
import { type StatisticsReport, startStatisticsReport } from '../statistics-report.js'
import { untilSignal } from '../until-signal.js'

export interface CaptureFlags extends CommonFlags, SourceFlags {
  readonly stats?: boolean
  readonly json?: boolean
}

/** Resolves to the exit code: 0 after Ctrl-C where something live was watched, 130 where files were read. */
export async function capture(paths: readonly string[], flags: CaptureFlags, output: Output): Promise<number> {
  const settings = await readSettings(flags, output, { quietLevel: 'warn' })
  if (settings === undefined) return exitCodes.ok
  await checkKeyLog(settings.config, output)
  const sensor = await (paths.length > 0 ? ofFiles(paths, flags, output) : ofLiveTraffic(flags, settings, output))
  if (sensor === undefined) return exitCodes.noInput
  const work = (signal: AbortSignal): Promise<number> => run(settings, sensor, flags, output, signal)
  const { result, interrupted } = await untilSignal(settings.logger, output, work, signalNotes)
  return interrupted && !sensor.isLive ? exitCodes.interrupted : result
}

const signalNotes = { stopping: 'stopping; again to stop at once', abandoned: 'stopped at once' }

interface Fault {
  readonly exitCode: number
  readonly message: string
}

interface Sensor {
  readonly source: FrameSource
  readonly isLive: boolean
  readonly canWait: boolean
  /** Of files that could not be used at all, told already. */
  readonly refused: readonly Fault[]
  /** Of files that could not be read to their end. */
  readonly faults: () => readonly Fault[]
}

/** Undefined where no file can be used. */
async function ofFiles(paths: readonly string[], flags: SourceFlags, output: Output): Promise<Sensor | undefined> {
  if (flags.interface !== undefined || flags.listen !== undefined || flags.follow !== undefined) {
    throw new UserError('usage', 'capture reads files, or watches something live: name one of both')
  }
  const { usable, faults: refused } = await inspectInputs(paths)
  for (const fault of refused) output.note(`tapwarden: ${harmless(fault.message)}`)
  if (usable.length === 0) return undefined
  const source = new MergedCapturesSource(usable)
  return { source, isLive: false, canWait: true, refused, faults: () => source.faults.map(sourceFault) }
}

async function ofLiveTraffic(flags: SourceFlags, { config }: Settings, output: Output): Promise<Sensor> {
  const wanted = wantedSource(flags, config.capture)
  await trySource(wanted, config.capture)
  const { source, canWait, capturing, what } = openSource(wanted, config.capture, {
    onRestarted: (warning) => output.note(`watching again: ${warning}`),
  })
  void capturing.then(() => output.note(`watching ${harmless(what())}; nothing is stored; Ctrl-C ends it`))
  return { source, isLive: true, canWait, refused: [], faults: () => [] }
}

async function run(
  { config, logger }: Settings,
  sensor: Sensor,
  flags: CaptureFlags,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const source = new FaultKeepingSource(sensor.source)
  let report: StatisticsReport | undefined
  const summary = await runCapture({
    source,
    bus: new LineBus(flags.stats === true ? undefined : process.stdout),
    redactor: await openRedactor(config, keyFileOf(config)),
    config: config.capture,
    logger,
    signal,
    whenBusIsFull: sensor.canWait ? 'wait' : 'shed',
    keyLogGrows: sensor.isLive,
    onStart: (statistics) => {
      if (flags.stats !== true) return
      const json = flags.json === true
      report = startStatisticsReport({
        statistics,
        output,
        json,
        terminal: output.interactive && !json ? process.stdout : undefined,
      })
    },
  }).finally(() => report?.stop())
  const cuts = summary.warnings.map((message) => ({ exitCode: sensor.isLive ? 0 : exitCodes.dataError, message }))
  const faults: Fault[] = [...(source.fault === undefined ? [] : [source.fault]), ...sensor.faults(), ...cuts]
  for (const { message } of faults) output.note(`tapwarden: ${harmless(message)}`)
  if (flags.stats !== true) output.note(closingLine(summary))
  return [...sensor.refused, ...faults].find(({ exitCode }) => exitCode !== exitCodes.ok)?.exitCode ?? exitCodes.ok
}

/** What went into the lines, and what could not be seen. */
function closingLine(summary: CaptureSummary): string {
  const unseen = Object.entries(notVisible(summary)).filter(([, count]) => count > 0)
  const told = unseen.length === 0 ? 'nothing' : unseen.map(([name, count]) => `${name} ${count}`).join(', ')
  return `${summary.packetCount} packets, ${summary.transactionCount} transactions; not visible: ${told}`
}
