/**
 * A folder and those above it. Not Node's `recursive`: where a file system makes no folders and says that there is no such file (/proc),
 * that one asks again for ever.
 */

import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { systemErrorCode } from './user-error.js'

/** Folders that it makes are for this user only. Throws the system's error: `EEXIST` when something else has the name. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await made(path)
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT' || dirname(path) === path) throw error
    await makeFolder(dirname(path))
    await made(path)
  }
}

async function made(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (systemErrorCode(error) !== 'EEXIST' || !(await stat(path)).isDirectory()) throw error
  }
}
