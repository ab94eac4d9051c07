/**
 * The fleet key: what tokens are made with. One file outside the store, readable by its owner only; created on first use.
 * Every sensor that shall make comparable tokens gets a copy of it.
 *
 * Format: one key a line, `<id> <64 hex digits>`, ids from 1. The highest id makes new tokens; the others are still known.
 */

import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolder } from './make-folder.js'
import { fileReadError, systemErrorCode, UserError } from './user-error.js'

export interface FleetKey {
  readonly id: number
  /** 32 bytes. */
  readonly bytes: Uint8Array
}

const keyBytes = 32
const keyLine = /^([1-9][0-9]{0,8}) ([0-9a-f]{64})$/

/** Newest first, at least one. Throws `UserError` when the file is readable by others, damaged, or cannot be created. */
export async function loadFleetKeys(path: string): Promise<readonly [FleetKey, ...FleetKey[]]> {
  await createWhenMissing(path)
  let text: string
  try {
    const { mode } = await stat(path)
    if ((mode & 0o077) !== 0) {
      throw new UserError('noPermission', `${path}: others may read the fleet key; run: chmod 600 ${path}`)
    }
    text = await readFile(path, 'latin1')
  } catch (error) {
    throw fileReadError(path, error) ?? error
  }
  return parseFleetKeys(path, text)
}

export function parseFleetKeys(path: string, text: string): readonly [FleetKey, ...FleetKey[]] {
  const keys = new Map<number, FleetKey>()
  for (const line of text.split('\n').filter((each) => each.trim() !== '')) {
    const match = keyLine.exec(line.trim())
    const id = Number(match?.[1])
    if (match === null || keys.has(id)) {
      throw new UserError(
        'config',
        `${path}: not a fleet key file (one line a key: its number, a space, 64 hex digits)`,
      )
    }
    keys.set(id, { id, bytes: Buffer.from(match[2] ?? '', 'hex') })
  }
  const [newest, ...others] = [...keys.values()].sort((a, b) => b.id - a.id)
  if (newest === undefined) throw new UserError('config', `${path}: holds no key; remove the file to have one made`)
  return [newest, ...others]
}

/** Written whole under another name and then linked, so that of two processes that start at once both read the same key. */
async function createWhenMissing(path: string): Promise<void> {
  try {
    await stat(path)
    return
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw fileReadError(path, error) ?? error
  }
  const draft = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await makeFolder(dirname(path))
    const file = await open(draft, 'wx', 0o600)
    try {
      await file.writeFile(`1 ${randomBytes(keyBytes).toString('hex')}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await link(draft, path)
  } catch (cause) {
    if (systemErrorCode(cause) === 'EEXIST') return
    throw new UserError('cannotCreate', `${path}: the fleet key cannot be created here`, { cause })
  } finally {
    await rm(draft, { force: true })
  }
}
