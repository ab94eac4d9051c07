/** `endpoint.json` in the store folder: how to reach the engine that holds it. Mode 0600, since it names the passwords. */

import { open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface StoreEndpoint {
  readonly url: string
  /** The process that owns the engine. */
  readonly pid: number
  /** Full rights, for services. */
  readonly user: string
  readonly password: string
  /** Reads through the SQL gate, for people and their tools. */
  readonly readerUser: string
  readonly readerPassword: string
  readonly database: string
}

const fileName = 'endpoint.json'

export async function writeEndpoint(storeDir: string, endpoint: StoreEndpoint): Promise<void> {
  const path = join(storeDir, fileName)
  const draft = `${path}.new`
  // A left-over draft could have another mode.
  await rm(draft, { force: true })
  const file = await open(draft, 'wx', 0o600)
  try {
    await file.writeFile(`${JSON.stringify(endpoint, undefined, 2)}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}

export async function removeEndpoint(storeDir: string): Promise<void> {
  await rm(join(storeDir, fileName), { force: true })
}

/** The endpoint of a running engine; undefined where there is none, or only the file of one that died. */
export async function readLiveEndpoint(storeDir: string): Promise<StoreEndpoint | undefined> {
  const endpoint = await readEndpoint(storeDir)
  if (endpoint === undefined || !isRunning(endpoint.pid)) return undefined
  return (await answers(endpoint)) ? endpoint : undefined
}

async function readEndpoint(storeDir: string): Promise<StoreEndpoint | undefined> {
  let text: string
  try {
    text = await readFile(join(storeDir, fileName), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const value = JSON.parse(text) as Partial<StoreEndpoint>
    const texts = [value.url, value.user, value.password, value.readerUser, value.readerPassword, value.database]
    return typeof value.pid === 'number' && texts.every((part) => typeof part === 'string')
      ? (value as StoreEndpoint)
      : undefined
  } catch {
    // Not a file of ours that anyone could attach with.
    return undefined
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM: it runs, as somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The pid may by now be another program's, and the port too: only the right password proves that it is our engine. */
async function answers(endpoint: StoreEndpoint): Promise<boolean> {
  try {
    const response = await fetch(endpoint.url, {
      method: 'POST',
      body: 'SELECT 1',
      headers: { 'X-ClickHouse-User': endpoint.user, 'X-ClickHouse-Key': endpoint.password },
      signal: AbortSignal.timeout(5_000),
    })
    return response.ok && (await response.text()) === '1\n'
  } catch {
    // Nobody listens there, or not in time.
    return false
  }
}
