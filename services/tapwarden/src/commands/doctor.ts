/** `doctor`: what this machine can do, and what to do about what it cannot. Changes nothing. */

import { access, constants, mkdtemp, readdir, readFile, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { exitCodes, systemErrorCode } from '@tapwarden/runtime/user-error'
import { FrameSourceError } from '@tapwarden/service-capture/frame-source'
import { tryInterface } from '@tapwarden/service-capture/live-interface'
import { configuredEnforcerFault } from '@tapwarden/service-mitigator/enforcer-check'
import { startEngine } from '@tapwarden/store/embedded/engine'
import { type HttpStore, openStore } from '@tapwarden/store/http-store'
import { type CommonFlags, keyFileOf, readSettings, type Settings } from '../common-flags.js'
import { attachStore } from '../open-store.js'
import { type Output, table } from '../output.js'

/** `fault`: commands fail. `limit`: something is not possible, the rest is. */
export interface Check {
  readonly name: string
  readonly state: 'ok' | 'limit' | 'fault'
  readonly detail: string
}

const freeMinBytes = 1_073_741_824
const nodeMinMajor = 20

export async function doctor(
  flags: CommonFlags & { readonly interface: string; readonly json?: boolean },
  output: Output,
): Promise<number> {
  const settings = await readSettings(flags, output, { quietLevel: 'silent' })
  if (settings === undefined) return exitCodes.ok
  const checks = await Promise.all([
    checkNode(),
    checkCapture(flags.interface, settings),
    checkReceiveBuffer(settings),
    checkDisk(settings.storeFolder),
    checkKey(keyFileOf(settings.config)),
    checkEngine(settings),
    checkEnforcers(settings),
  ])
  const all = checks.flat()
  if (flags.json === true) for (const check of all) output.out(JSON.stringify(check))
  else {
    output.out(
      table(output, all, [
        { head: 'CHECK', cell: (check) => check.name },
        { head: 'STATE', cell: (check) => check.state },
        { head: 'DETAIL', cell: (check) => check.detail },
      ]),
    )
  }
  return all.some((check) => check.state === 'fault') ? exitCodes.unavailable : exitCodes.ok
}

function checkNode(): Check {
  const major = Number(process.versions.node.split('.')[0])
  if (major >= nodeMinMajor) return { name: 'node', state: 'ok', detail: process.versions.node }
  return { name: 'node', state: 'fault', detail: `${process.versions.node}; 20.19 or newer is needed` }
}

/** Opens the interface as `up` would, with the program that `up` would take, and lets go as soon as it listens. */
async function checkCapture(name: string, { config }: Settings): Promise<Check> {
  const { program } = config.capture.live
  try {
    const found = await tryInterface({ interfaceName: name, program })
    return { name: 'capture', state: 'ok', detail: `${name} can be captured on, with ${found}` }
  } catch (error) {
    if (!(error instanceof FrameSourceError)) throw error
    return {
      name: 'capture',
      state: 'limit',
      detail: `${error.message} (replay, up --listen and up --follow work without)`,
    }
  }
}

/** How much of a burst a mirror's socket can hold: the kernel grants less than is asked for unless it is told otherwise. */
async function checkReceiveBuffer({ config }: Settings): Promise<Check> {
  const wantedBytes = config.capture.listen.receiveBufferBytes
  const name = 'receive buffer'
  try {
    const grantedBytes = Number(await readFile('/proc/sys/net/core/rmem_max', 'latin1'))
    if (grantedBytes >= wantedBytes) return { name, state: 'ok', detail: `${wantedBytes} bytes for each up --listen` }
    const detail = `${grantedBytes} of ${wantedBytes} bytes for each up --listen; for more: sysctl -w net.core.rmem_max=${wantedBytes}`
    return { name, state: 'limit', detail }
  } catch {
    return { name, state: 'limit', detail: 'net.core.rmem_max cannot be read here' }
  }
}

/** Of the folder, or of where it would be made. */
export async function checkDisk(folder: string): Promise<Check> {
  const nearest = await nearestExisting(folder)
  const { bavail, bsize, blocks } = await statfs(nearest)
  // A file system without blocks (/proc, /sys) keeps nothing.
  if (blocks === 0 || !(await mayWriteIn(nearest))) {
    return { name: 'disk', state: 'fault', detail: `no store can be made in ${folder}; give another with --store DIR` }
  }
  const freeBytes = bavail * bsize
  const absent = nearest === folder ? '' : ', which will be made on first use'
  const detail = `${(freeBytes / 1_073_741_824).toFixed(1)} GiB free for ${folder}${absent}`
  return { name: 'disk', state: freeBytes >= freeMinBytes ? 'ok' : 'fault', detail }
}

async function mayWriteIn(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK)
    return (await stat(folder)).isDirectory()
  } catch {
    return false
  }
}

async function nearestExisting(path: string): Promise<string> {
  try {
    await stat(path)
    return path
  } catch {
    const above = dirname(path)
    return above === path ? path : nearestExisting(above)
  }
}

async function checkKey(path: string): Promise<Check> {
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) === 0) return { name: 'fleet key', state: 'ok', detail: path }
    return { name: 'fleet key', state: 'fault', detail: `others may read it; chmod 600 ${path}` }
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT')
      return { name: 'fleet key', state: 'fault', detail: `${path} cannot be read` }
    return { name: 'fleet key', state: 'ok', detail: `${path} will be made on first use` }
  }
}

/** Those that the configuration names, whether decisions are enforced or only simulated. */
async function checkEnforcers({ config }: Settings): Promise<Check[]> {
  return Promise.all(
    config.mitigator.enforcers.map(async (each): Promise<Check> => {
      const fault = await configuredEnforcerFault(each, [])
      const doubt = each.kind === 'forward-auth' ? ' (or it is the tapwarden that runs)' : ''
      const well = each.kind === 'haproxy' ? 'answers, and has our maps' : 'its port is free'
      const detail = fault === undefined ? well : `${fault}${doubt}`
      return { name: `enforcer ${each.name}`, state: fault === undefined ? 'ok' : 'limit', detail }
    }),
  )
}

/** Asks the store's engine, the running one or its own; where there is no store yet, tries an engine in a folder of its own. */
async function checkEngine(settings: Settings): Promise<Check[]> {
  if (!(await exists(settings.storeFolder))) return [await tryEngine(settings)]
  try {
    const opened = await attachStore(settings.storeFolder, settings.logger, settings.config.store.port)
    try {
      const { engine } = opened
      const detail = engine.owned ? 'starts on the store' : `runs as process ${engine.pid} at ${engine.url}`
      return [{ name: 'engine', state: 'ok', detail }, await checkKernelDrops(opened.store)]
    } finally {
      await opened.close()
    }
  } catch (error) {
    return [{ name: 'engine', state: 'fault', detail: error instanceof Error ? error.message : 'does not answer' }]
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length > 0
  } catch (error) {
    return systemErrorCode(error) !== 'ENOENT'
  }
}

async function checkKernelDrops(store: HttpStore): Promise<Check> {
  const [row] = await store.query<{ readonly dropped: string; readonly packets: string }>(
    `SELECT toString(sum(kernel_drop_count)) AS dropped, toString(sum(packet_count)) AS packets
FROM v_sensor_intervals WHERE stored_at > now() - INTERVAL 1 HOUR`,
  )
  const dropped = Number(row?.dropped ?? 0)
  const seen = Number(row?.packets ?? 0) + dropped
  const detail =
    seen === 0 ? 'nothing captured in the last hour' : `${dropped} of ${seen} packets of the last hour lost`
  return { name: 'kernel drops', state: dropped === 0 ? 'ok' : 'limit', detail }
}

async function tryEngine(settings: Settings): Promise<Check> {
  const folder = await mkdtemp(join(tmpdir(), 'tapwarden-doctor-'))
  try {
    const engine = await startEngine({ storeDir: join(folder, 'store'), logger: settings.logger })
    const store = openStore({ ...engine, database: 'default' })
    try {
      const [row] = await store.query<{ readonly version: string }>('SELECT version() AS version')
      return { name: 'engine', state: 'ok', detail: `starts (ClickHouse ${row?.version ?? 'of unknown version'})` }
    } finally {
      await store.close()
      await engine.stop()
    }
  } catch (error) {
    return { name: 'engine', state: 'fault', detail: error instanceof Error ? error.message : 'does not start' }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
