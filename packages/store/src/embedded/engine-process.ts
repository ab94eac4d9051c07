/**
 * The engine's child process: owns chdb in its main thread and serves ClickHouse's HTTP interface on loopback.
 *
 *   fork ─► start ─► open folder ─► listen ─► endpoint.json ─► ready ─► … ─► stop, or the parent is gone ─► exit
 *
 * It ends when its parent does: the IPC channel closes with the parent, however that one dies. Ctrl-C reaches the whole process
 * group, so signals are left to the parent, which says `stop` when the services have flushed. kill -9 at any moment is safe:
 * an insert that was acknowledged is on disk (fsync), the folder's lock goes with the process.
 */

import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { database } from '@tapwarden/contracts/names'
import { removeEndpoint, type StoreEndpoint, writeEndpoint } from './endpoint-file.js'
import { blockFolderOf, engineConfigXml } from './engine-config.js'
import {
  type FromEngine,
  readerConcurrentCount,
  type StartMessage,
  serviceConcurrentCount,
  type ToEngine,
} from './engine-messages.js'
import { type Gateway, startGateway } from './gateway.js'
import { NativeEngine } from './native-engine.js'

interface Running {
  readonly storeDir: string
  readonly engine: NativeEngine
  readonly gateway: Gateway
}

let running: Running | undefined
let stopping = false

function say(message: FromEngine): void {
  if (process.connected) process.send?.(message)
}

async function start(message: StartMessage): Promise<void> {
  const storeDir = resolve(message.storeDir)
  const emptyFolder = blockFolderOf(storeDir)
  const dataFolder = join(storeDir, 'engine')
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 })
  mkdirSync(emptyFolder, { recursive: true, mode: 0o700 })
  const configPath = join(storeDir, 'engine.xml')
  writeFileSync(configPath, engineConfigXml(message.limits, emptyFolder), { mode: 0o600 })
  // Relative names in SQL start here as well.
  process.chdir(emptyFolder)

  let engine: NativeEngine
  try {
    engine = new NativeEngine(dataFolder, configPath, emptyFolder)
  } catch (error) {
    // chdb says why on stderr only; its one lock is the folder's, and everything else was made just above.
    say({
      kind: 'failed',
      held: (error as { code?: unknown }).code === 'CHDB_CONNECTION',
      reason: (error as Error).message,
    })
    process.exit(1)
  }
  // Ours alone from here on: the lock is taken.
  for (const name of readdirSync(emptyFolder)) rmSync(join(emptyFolder, name), { recursive: true, force: true })

  const service = { user: 'tapwarden', password: randomBytes(24).toString('base64url') }
  const reader = { user: 'reader', password: randomBytes(24).toString('base64url') }
  const gateway = await startGateway({
    engine,
    port: message.port,
    service,
    reader,
    serviceConcurrentCount,
    readerConcurrentCount,
    bodyMaxBytes: message.limits.bodyMaxBytes,
  })
  const endpoint: StoreEndpoint = {
    url: gateway.url,
    pid: process.pid,
    user: service.user,
    password: service.password,
    readerUser: reader.user,
    readerPassword: reader.password,
    database,
  }
  running = { storeDir, engine, gateway }
  await writeEndpoint(storeDir, endpoint)
  say({ kind: 'ready', endpoint })
}

async function stop(): Promise<void> {
  if (stopping) return
  stopping = true
  if (running !== undefined) {
    // First, so that an heir waits for the folder's lock rather than take us for a holder that stays.
    await removeEndpoint(running.storeDir)
    await running.gateway.close()
    running.engine.close()
  }
  process.exit(0)
}

process.umask(0o077)
process.on('SIGINT', () => undefined)
process.on('SIGTERM', () => undefined)
process.on('message', (message: ToEngine) => {
  if (message.kind === 'stop') void stop()
  else {
    start(message).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error)
      const { syscall, code } = error as NodeJS.ErrnoException
      say({
        kind: 'failed',
        held: false,
        reason,
        ...(syscall === 'listen' && code !== undefined ? { listenCode: code } : {}),
      })
      process.exit(1)
    })
  }
})
// Nobody is left to ask for anything: what is under way may finish, but not for long.
process.on('disconnect', () => {
  setTimeout(() => process.exit(1), 5_000).unref()
  void stop()
})
