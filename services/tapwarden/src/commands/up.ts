/**
 * `up`: the embedded stack on live traffic, until Ctrl-C. What was captured by then is stored before it ends.
 *
 * A wire cannot be held back: when the stack is slower, the newest transactions are dropped and counted. A folder of captures can: it is read when
 * there is room, and how far it is stored is noted (follow-position.ts).
 */

import { join } from 'node:path'
import { topicNames } from '@tapwarden/contracts/names'
import type { ConfigFlag } from '@tapwarden/runtime/config'
import { startHealthServer } from '@tapwarden/runtime/health'
import { exitCodes } from '@tapwarden/runtime/user-error'
import { type CaptureSummary, runCapture } from '@tapwarden/service-capture/capture-pipeline'
import type { CaptureStatistics } from '@tapwarden/service-capture/capture-statistics'
import type { FrameSource } from '@tapwarden/service-capture/frame-source'
import { type CommonFlags, keyFileOf, readSettings, type Settings } from '../common-flags.js'
import { type EmbeddedStack, startEmbeddedStack } from '../embedded-stack.js'
import { CheckpointedSource, FollowPosition } from '../follow-position.js'
import {
  type OpenedSource,
  openSource,
  type SourceFlags,
  trySource,
  type WantedSource,
  wantedSource,
} from '../live-source.js'
import { counted, harmless, type Output } from '../output.js'
import { checkKeyLog, FaultKeepingSource, notVisible, tunnelFrames } from '../sensor.js'
import { addSensorMetrics } from '../sensor-metrics.js'
import { deadLetterCount, type EnforcerStatus } from '../services.js'
import { stackMetrics } from '../stack-metrics.js'
import type { StoreCounts } from '../traffic-summary.js'
import { printSummary, summarize } from '../traffic-summary.js'
import { untilSignal } from '../until-signal.js'

export interface UpFlags extends CommonFlags, SourceFlags {
  readonly enforce?: boolean
  readonly json?: boolean
}

/** Resolves to the exit code: 0 after Ctrl-C, since that is how it is ended. */
export async function up(flags: UpFlags, output: Output): Promise<number> {
  const enforce: ConfigFlag[] =
    flags.enforce === true ? [{ flag: '--enforce', path: ['mitigator', 'mode'], value: 'enforce' }] : []
  const settings = await readSettings(flags, output, { quietLevel: 'info', flags: enforce })
  if (settings === undefined) return exitCodes.ok
  await checkKeyLog(settings.config, output)
  const wanted = wantedSource(flags, settings.config.capture)
  // Before the stack, which takes seconds to start, and before anything is said to be watched.
  await trySource(wanted, settings.config.capture)
  const { result } = await untilSignal(settings.logger, output, (signal) =>
    watch(settings, flags, wanted, output, signal),
  )
  return result
}

async function watch(
  settings: Settings,
  flags: UpFlags,
  wanted: WantedSource,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const stack = await startEmbeddedStack({ ...settings, keyFile: keyFileOf(settings.config) })
  let abandon = true
  try {
    const { config, logger } = settings
    const startedMs = performance.now()
    const before = await stack.counts()
    let statistics: () => CaptureStatistics | undefined = () => undefined
    let captureFault: () => string | undefined = () => 'nothing is watched yet'
    const metrics = stackMetrics(stack.bus)
    addSensorMetrics(metrics, () => statistics())
    const health = await startHealthServer({
      ...config.health,
      metrics,
      checks: [
        { name: 'store', fault: () => stack.store.ping().then(() => undefined) },
        { name: 'capture', fault: () => captureFault() },
      ],
    })
    try {
      if (signal.aborted) return exitCodes.ok
      const position = await followPosition(settings, wanted)
      const excludedPorts = [...stack.ownPorts, health.port]
      const opened = openSource(wanted, config.capture, {
        excludedPorts,
        onRestarted: (warning) => output.note(`watching ${flags.interface} again: ${warning}`),
        fromUs: restartAt(position, config.capture.follow.rewindMs),
      })
      captureFault = opened.fault
      void opened.capturing.then(() => announce(output, settings, opened, excludedPorts, health.port, stack))
      const watched = new FaultKeepingSource(checkpointed(opened, position, settings, stack))
      const capture = runCapture({
        source: watched,
        bus: stack.bus,
        redactor: stack.redactor,
        config: config.capture,
        logger,
        signal,
        whenBusIsFull: opened.canWait ? 'wait' : 'shed',
        keyLogGrows: true,
        onStart: (ask) => {
          statistics = ask
        },
      })
      const sensor = await Promise.race([capture, stack.failed])
      if (watched.fault !== undefined) output.note(`tapwarden: ${watched.fault.message}`)
      await stack.settled()
      await notePosition(position, opened)
      abandon = false
      const faults = watched.fault === undefined ? [] : [watched.fault.message]
      if (faults.length === 0 || sensor.packetCount > 0) {
        const seconds = (performance.now() - startedMs) / 1_000
        sumUp(output, flags, { sensor, before, after: await stack.counts(), stack, seconds, faults })
      }
      return watched.fault?.exitCode ?? exitCodes.ok
    } finally {
      await health.close()
    }
  } finally {
    await stack.stop({ abandon })
  }
}

/** The stack has made the folder for it. */
async function followPosition({ storeFolder }: Settings, wanted: WantedSource): Promise<FollowPosition | undefined> {
  return wanted.kind === 'follow' ? FollowPosition.open(join(storeFolder, 'state'), wanted.folder) : undefined
}

function restartAt(position: FollowPosition | undefined, rewindMs: number): number | undefined {
  return position?.observedAtUs === undefined ? undefined : position.observedAtUs - rewindMs * 1_000
}

function checkpointed(
  opened: OpenedSource,
  position: FollowPosition | undefined,
  { config }: Settings,
  stack: EmbeddedStack,
): FrameSource {
  if (position === undefined) return opened.source
  return new CheckpointedSource(opened.source, {
    everyMs: config.capture.follow.checkpointMs,
    checkpoint: async () => {
      await stack.bus.drained(Object.values(topicNames))
      await notePosition(position, opened)
    },
  })
}

async function notePosition(position: FollowPosition | undefined, opened: OpenedSource): Promise<void> {
  const lastFrameUs = opened.lastFrameUs()
  if (lastFrameUs !== undefined) await position?.save(lastFrameUs)
}

interface RunOutcome {
  readonly sensor: CaptureSummary
  readonly before: StoreCounts
  readonly after: StoreCounts
  readonly stack: EmbeddedStack
  readonly seconds: number
  readonly faults: readonly string[]
}

function sumUp(output: Output, flags: UpFlags, { sensor, before, after, stack, seconds, faults }: RunOutcome): void {
  for (const warning of sensor.warnings) output.note(`tapwarden: ${harmless(warning)}`)
  const summary = summarize({
    files: 0,
    sensor: { packets: sensor.packetCount, transactions: sensor.transactionCount },
    before,
    after,
    notVisible: notVisible(sensor),
    tunnels: tunnelFrames(sensor),
    tls: sensor.tls,
    ofNoEndpoint: stack.ignoredCounts(),
    deadLetters: deadLetterCount(stack.bus),
    seconds,
    faults,
  })
  printSummary(output, summary, flags)
}

/** Enforcing without an enforcer, or at one that is away, refuses nothing: that is said where it is started. */
export function enforcedAt(enforcers: readonly EnforcerStatus[]): string {
  if (enforcers.length === 0) return 'decisions are NOT enforced: mitigator.enforcers names none'
  const each = enforcers.map(({ name, fault }) => (fault === undefined ? name : `${name} (does not answer yet)`))
  return `decisions are enforced at ${each.join(', ')}`
}

function announce(
  output: Output,
  settings: Settings,
  opened: OpenedSource,
  excludedPorts: readonly number[],
  healthPort: number,
  stack: EmbeddedStack,
): void {
  const enforces = settings.config.mitigator.mode === 'enforce'
  const mode = enforces ? enforcedAt(stack.enforcers) : 'decisions are simulated (--enforce pushes them)'
  output.note(`watching ${harmless(opened.what())}; ${mode}; Ctrl-C ends it`)
  if (opened.filter !== undefined) {
    output.note(
      `not watched: ${counted(excludedPorts.length, 'port')} of our own (${excludedPorts.join(', ')}); filter: ${opened.filter}`,
    )
  }
  for (const warning of opened.source.statistics().warnings) output.note(`tapwarden: ${harmless(warning)}`)
  output.note(`store ${stack.engine.url}, health http://127.0.0.1:${healthPort}/readyz`)
}
