/** `up`: the embedded stack on a live interface, until Ctrl-C. What was captured by then is stored before it ends. */

import type { ConfigFlag } from '@tapwarden/runtime/config'
import { startHealthServer } from '@tapwarden/runtime/health'
import { exitCodes } from '@tapwarden/runtime/user-error'
import { runCapture } from '@tapwarden/service-capture/capture-pipeline'
import { FrameSourceError } from '@tapwarden/service-capture/frame-source'
import { type LiveInterfaceOptions, LiveInterfaceSource, tryInterface } from '@tapwarden/service-capture/live-interface'
import { type CommonFlags, keyFileOf, readSettings, type Settings } from '../common-flags.js'
import { type EmbeddedStack, startEmbeddedStack } from '../embedded-stack.js'
import { counted, type Output } from '../output.js'
import { FaultKeepingSource, notVisible, sourceFault } from '../sensor.js'
import { deadLetterCount, type EnforcerStatus } from '../services.js'
import { stackMetrics } from '../stack-metrics.js'
import { printSummary, summarize } from '../traffic-summary.js'
import { untilSignal } from '../until-signal.js'

export interface UpFlags extends CommonFlags {
  readonly interface: string
  readonly filter?: string
  readonly enforce?: boolean
  readonly json?: boolean
}

/** Resolves to the exit code: 0 after Ctrl-C, since that is how it is ended. */
export async function up(flags: UpFlags, output: Output): Promise<number> {
  const enforce: ConfigFlag[] =
    flags.enforce === true ? [{ flag: '--enforce', path: ['mitigator', 'mode'], value: 'enforce' }] : []
  const settings = await readSettings(flags, output, { quietLevel: 'info', flags: enforce })
  if (settings === undefined) return exitCodes.ok
  const wanted = {
    interfaceName: flags.interface,
    ...(flags.filter === undefined ? {} : { filter: flags.filter }),
  }
  // Before the stack, which takes seconds to start, and before anything is said to be watched.
  await requireCapture(wanted)
  const { result } = await untilSignal(settings.logger, output, (signal) =>
    watch(settings, flags, wanted, output, signal),
  )
  return result
}

async function requireCapture(wanted: LiveInterfaceOptions): Promise<void> {
  try {
    await tryInterface(wanted)
  } catch (error) {
    throw error instanceof FrameSourceError ? sourceFault(error) : error
  }
}

async function watch(
  settings: Settings,
  flags: UpFlags,
  wanted: LiveInterfaceOptions,
  output: Output,
  signal: AbortSignal,
): Promise<number> {
  const stack = await startEmbeddedStack({ ...settings, keyFile: keyFileOf(settings.config) })
  let abandon = true
  try {
    const { config, logger } = settings
    const startedMs = performance.now()
    const before = await stack.counts()
    const health = await startHealthServer({
      ...config.health,
      metrics: stackMetrics(stack.bus),
      checks: [{ name: 'store', fault: () => stack.store.ping().then(() => undefined) }],
    })
    try {
      if (signal.aborted) return exitCodes.ok
      const excludedPorts = [...stack.ownPorts, health.port]
      const onRestarted = (warning: string) => output.note(`watching ${flags.interface} again: ${warning}`)
      const source = new LiveInterfaceSource({ ...wanted, excludedPorts, onRestarted })
      void source.capturing.then(() =>
        announce(output, settings, flags, source.effectiveFilter, excludedPorts, health.port, stack),
      )
      const watched = new FaultKeepingSource(source)
      const capture = runCapture({
        source: watched,
        bus: stack.bus,
        redactor: stack.redactor,
        config: config.capture,
        logger,
        signal,
        whenBusIsFull: 'shed',
      })
      const sensor = await Promise.race([capture, stack.failed])
      if (watched.fault !== undefined) output.note(`tapwarden: ${watched.fault.message}`)
      await stack.settled()
      abandon = false
      const after = await stack.counts()
      if (watched.fault === undefined || sensor.packetCount > 0) {
        const summary = summarize({
          files: 0,
          sensor: { packets: sensor.packetCount, transactions: sensor.transactionCount },
          before,
          after,
          notVisible: notVisible(sensor),
          deadLetters: deadLetterCount(stack.bus),
          seconds: (performance.now() - startedMs) / 1_000,
          faults: watched.fault === undefined ? [] : [watched.fault.message],
        })
        printSummary(output, summary, flags)
      }
      return watched.fault?.exitCode ?? exitCodes.ok
    } finally {
      await health.close()
    }
  } finally {
    await stack.stop({ abandon })
  }
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
  flags: UpFlags,
  filter: string,
  excludedPorts: readonly number[],
  healthPort: number,
  stack: EmbeddedStack,
): void {
  const enforces = settings.config.mitigator.mode === 'enforce'
  const mode = enforces ? enforcedAt(stack.enforcers) : 'decisions are simulated (--enforce pushes them)'
  output.note(`watching ${flags.interface}; ${mode}; Ctrl-C ends it`)
  output.note(
    `not watched: ${counted(excludedPorts.length, 'port')} of our own (${excludedPorts.join(', ')}); filter: ${filter}`,
  )
  output.note(`store ${stack.engine.url}, health http://127.0.0.1:${healthPort}/readyz`)
}
