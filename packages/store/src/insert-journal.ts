/**
 * The one block of rows that is being inserted, on disk with its deduplication token until the store has acknowledged it.
 *
 * The base table and each materialized view commit on their own. A process that dies between them leaves them apart; the same
 * block inserted again under the same token fills in what is missing and doubles nothing. So the block must outlive the process.
 */

import { closeSync, fdatasync, fsync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

export interface JournaledBlock {
  readonly deduplicationToken: string
  /** Of a Native block, in its order. Absent: `bytes` are NDJSON, as older versions of this program left them. */
  readonly columns?: readonly string[]
  readonly bytes: Uint8Array
}

const fileName = 'transactions.journal'
const newline = 0x0a
/** First line of the file: the token, and for a Native block this word and its columns' names. */
const nativeWord = 'native'

export class InsertJournal {
  readonly #folder: string
  readonly #path: string

  constructor(folder: string) {
    this.#folder = folder
    this.#path = join(folder, fileName)
  }

  /** The block that was not acknowledged when the last process ended. */
  async read(): Promise<JournaledBlock | undefined> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    let content: Buffer
    try {
      content = await readFile(this.#path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
    const end = content.indexOf(newline)
    const [deduplicationToken = '', word, columns = ''] = content.toString('latin1', 0, end).split(' ')
    const bytes = content.subarray(end + 1)
    if (word === undefined) return { deduplicationToken, bytes }
    if (word !== nativeWord) throw new Error(`${this.#path} was left by a newer version of this program`)
    return { deduplicationToken, columns: columns.split(','), bytes }
  }

  /**
   * On disk when it resolves; whole or not at all, whenever the process or the machine dies. Only what waits for the disk is awaited: each
   * await is a turn of the event loop, and a busy loop made nine of them cost fifty times what the disk takes.
   */
  async write(block: JournaledBlock): Promise<void> {
    const draft = `${this.#path}.new`
    const file = openSync(draft, 'w', 0o600)
    try {
      const format = block.columns === undefined ? '' : ` ${nativeWord} ${block.columns.join(',')}`
      writeSync(file, `${block.deduplicationToken}${format}\n`, null, 'latin1')
      writeWhole(file, block.bytes)
      await synced(file, fdatasync)
    } finally {
      closeSync(file)
    }
    renameSync(draft, this.#path)
    const folder = openSync(this.#folder, 'r')
    try {
      await synced(folder, fsync)
    } finally {
      closeSync(folder)
    }
  }

  /** Coming back after a power cut does no harm: the token is still known to the store. */
  clear(): Promise<void> {
    rmSync(this.#path, { force: true })
    return Promise.resolve()
  }
}

/** Into the page cache. A write may be short. */
function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at, bytes.length - at)
}

function synced(file: number, sync: typeof fsync): Promise<void> {
  return new Promise((resolve, reject) => sync(file, (error) => (error === null ? resolve() : reject(error))))
}
