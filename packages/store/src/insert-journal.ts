/**
 * The one block of rows that is being inserted, on disk with its deduplication token until the store has acknowledged it.
 *
 * The base table and each materialized view commit on their own. A process that dies between them leaves them apart; the same
 * block inserted again under the same token fills in what is missing and doubles nothing. So the block must outlive the process.
 */

import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

export interface JournaledBlock {
  readonly deduplicationToken: string
  /** NDJSON. */
  readonly bytes: Uint8Array
}

const fileName = 'transactions.journal'
const newline = 0x0a

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
    return { deduplicationToken: content.toString('latin1', 0, end), bytes: content.subarray(end + 1) }
  }

  /** On disk when it resolves; whole or not at all, whenever the process or the machine dies. */
  async write(block: JournaledBlock): Promise<void> {
    const draft = `${this.#path}.new`
    const file = await open(draft, 'w', 0o600)
    try {
      await file.write(`${block.deduplicationToken}\n`, undefined, 'latin1')
      await file.write(block.bytes)
      await file.datasync()
    } finally {
      await file.close()
    }
    await rename(draft, this.#path)
    const folder = await open(this.#folder, 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  /** Coming back after a power cut does no harm: the token is still known to the store. */
  async clear(): Promise<void> {
    await rm(this.#path, { force: true })
  }
}
