/** The store for a command that asks: the running stack's when there is one, else the engine started for as long as the question takes. */

import { readdir } from 'node:fs/promises'
import type { Logger } from '@tapwarden/runtime/logger'
import { listenError, systemErrorCode, UserError } from '@tapwarden/runtime/user-error'
import { attachOrStart, type Engine, StoreHeld } from '@tapwarden/store/embedded/engine'
import { type HttpStore, openStore } from '@tapwarden/store/http-store'
import { applyMigrations, MigrationMismatch } from '@tapwarden/store/migrations/migrations'
import { StoreUnavailable } from '@tapwarden/store/store'
import { type CommonFlags, readSettings, type Settings } from './common-flags.js'
import { pastable } from './hints.js'
import type { Output } from './output.js'

export interface OpenedStore {
  readonly store: HttpStore
  readonly engine: Engine
  close(): Promise<void>
}

/** Opens the store of these flags, asks, closes. Does nothing after `--print-config`. */
export async function askStore(
  flags: CommonFlags,
  output: Output,
  ask: (store: HttpStore, settings: Settings) => Promise<void>,
): Promise<void> {
  const settings = await readSettings(flags, output, { quietLevel: 'error' })
  if (settings === undefined) return
  await requireStore(settings.storeFolder, flags)
  const opened = await attachStore(settings.storeFolder, settings.logger, settings.config.store.port)
  try {
    await ask(opened.store, settings)
  } finally {
    await opened.close()
  }
}

/** Attaches or starts, and brings the tables up to date when the engine is ours. Throws `UserError` when another process holds the folder. */
export async function attachStore(storeFolder: string, logger: Logger, port: number): Promise<OpenedStore> {
  const engine = await startedEngine(() => attachOrStart({ storeDir: storeFolder, logger, port }), storeFolder, port)
  const store = openStore(engine)
  const close = async (): Promise<void> => {
    await store.close()
    await engine.stop()
  }
  try {
    if (engine.owned) await migrated(store, storeFolder)
  } catch (error) {
    await close()
    throw error
  }
  return { store, engine, close }
}

export async function migrated(store: HttpStore, storeFolder: string): Promise<void> {
  try {
    await applyMigrations(store)
  } catch (cause) {
    if (!(cause instanceof MigrationMismatch)) throw cause
    const wayOut = 'use the version that made it, or another folder with --store DIR'
    throw new UserError('unavailable', `${storeFolder}: ${cause.message}; ${wayOut}`, { cause })
  }
}

/** Runs `start`, with the faults a person can do something about as `UserError`s. */
export async function startedEngine(start: () => Promise<Engine>, storeFolder: string, port: number): Promise<Engine> {
  try {
    return await start()
  } catch (cause) {
    if (cause instanceof StoreHeld) {
      throw new UserError('unavailable', `${cause.message}; stop that one, or give another folder with --store DIR`, {
        cause,
      })
    }
    if (cause instanceof StoreUnavailable) {
      const settings = { hostSetting: 'store', portSetting: 'store.port' }
      throw listenError({ what: "the store's port", host: '127.0.0.1', port, ...settings }, cause) ?? cause
    }
    const code = systemErrorCode(cause)
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new UserError(
        'cannotCreate',
        `${storeFolder}: the store cannot be created here; give another with --store DIR`,
        { cause },
      )
    }
    if (code === 'ENOENT') {
      throw new UserError(
        'cannotCreate',
        `${storeFolder}: no folder can be made there; give another with --store DIR`,
        { cause },
      )
    }
    if (code === 'ENOTDIR' || code === 'EEXIST') {
      throw new UserError('cannotCreate', `${storeFolder}: is no folder; give another with --store DIR`, { cause })
    }
    if (code === 'ENOSPC') throw new UserError('cannotCreate', `${storeFolder}: the disk is full`, { cause })
    throw cause
  }
}

async function requireStore(storeFolder: string, flags: CommonFlags): Promise<void> {
  const missing = `no store in ${storeFolder} yet; make one with: ${pastable(flags, 'replay FILE.pcap')}, or name another with --store DIR`
  try {
    if ((await readdir(storeFolder)).length === 0) throw new UserError('noInput', missing)
  } catch (cause) {
    const code = systemErrorCode(cause)
    if (code === 'ENOENT') throw new UserError('noInput', missing, { cause })
    if (code === 'ENOTDIR') throw new UserError('noInput', `${storeFolder}: is no folder`, { cause })
    if (code === 'EACCES')
      throw new UserError('noPermission', `${storeFolder}: may not be read by this user`, { cause })
    throw cause
  }
}
