/** For tests: an engine in a folder of its own, compiled first since its process runs compiled code. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type HttpStore, openStore } from '../http-store.js'
import { applyMigrations } from '../migrations/migrations.js'
import { type Engine, startEngine } from './engine.js'

export const silent = { info: () => undefined, warn: () => undefined }

/** Undefined where chdb can run; else why not. In CI a machine without it is an error, not a reason to skip. */
export function engineMissing(): string | undefined {
  const supported = ['linux-x64', 'linux-arm64', 'darwin-arm64', 'darwin-x64'].includes(
    `${process.platform}-${process.arch}`,
  )
  if (supported) return undefined
  const why = `chdb has no engine for ${process.platform}-${process.arch}`
  if (process.env['CI'] === 'true') throw new Error(why)
  return why
}

/** Type errors, which may be another package's, are left to `npm run check`: the compiler emits in spite of them. */
export function compileEngine(): void {
  const packageRoot = fileURLToPath(new URL('../..', import.meta.url))
  spawnSync('npx', ['--no-install', 'tsc', '-b', packageRoot], { stdio: 'ignore' })
}

export interface TestStore {
  readonly engine: Engine
  readonly store: HttpStore
  readonly storeDir: string
  stop(): Promise<void>
}

export async function startTestStore(): Promise<TestStore> {
  compileEngine()
  const storeDir = mkdtempSync(join(tmpdir(), 'tapwarden-store-'))
  const engine = await startEngine({ storeDir, logger: silent })
  const store = openStore(engine)
  await applyMigrations(store)
  return {
    engine,
    store,
    storeDir,
    async stop() {
      await store.close()
      await engine.stop()
      rmSync(storeDir, { recursive: true, force: true })
    },
  }
}
