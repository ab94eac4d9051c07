/**
 * The key log that servers or clients write ("SSLKEYLOGFILE"), read as it grows. Its path may be told to anybody; what is in it never leaves this
 * process: no message quotes a line.
 */

import type { Stats } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { fileReadError, UserError } from '@tapwarden/runtime/user-error'
import { KeyLog } from '@tapwarden/tls/key-log'

const blockBytes = 65_536
const readableByOthers = 0o004

export class KeyLogFile {
  readonly keyLog = new KeyLog()
  readonly #path: string
  readonly #block = new Uint8Array(blockBytes)
  #file: FileHandle
  #inode: number
  #readBytes = 0
  #reading: Promise<boolean> | undefined

  private constructor(path: string, file: FileHandle, inode: number) {
    this.#path = path
    this.#file = file
    this.#inode = inode
  }

  /** Reads what is there. Throws `UserError` when there is no such file, or none that can be read. */
  static async open(path: string): Promise<KeyLogFile> {
    const { file, found } = await openRegular(path)
    const keyLogFile = new KeyLogFile(path, file, found.ino)
    await keyLogFile.read()
    return keyLogFile
  }

  /**
   * Reads what was appended since; of a file that was replaced or emptied, all of it. Resolves to whether secrets came. While the file is away,
   * nothing comes. Rejects with what the system says.
   */
  read(): Promise<boolean> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  async close(): Promise<void> {
    await this.#reading?.catch(() => undefined) // Whoever called `read` hears of it.
    await this.#file.close()
  }

  async #read(): Promise<boolean> {
    const { generation } = this.keyLog
    await this.#followReplacement()
    if ((await this.#file.stat()).size < this.#readBytes) this.#startAnew()
    for (;;) {
      const { bytesRead } = await this.#file.read(this.#block, 0, blockBytes, this.#readBytes)
      if (bytesRead === 0) break
      this.#readBytes += bytesRead
      this.keyLog.push(this.#block.subarray(0, bytesRead))
    }
    this.#block.fill(0) // Secrets need not stay where the next heap dump finds them.
    return this.keyLog.generation !== generation
  }

  async #followReplacement(): Promise<void> {
    const found = await stat(this.#path).catch(() => undefined)
    if (found === undefined || found.ino === this.#inode || !found.isFile()) return
    const replaced = await openRegular(this.#path)
    await this.#file.close()
    this.#file = replaced.file
    this.#inode = replaced.found.ino
    this.#startAnew()
  }

  #startAnew(): void {
    this.#readBytes = 0
    this.keyLog.restart()
  }
}

/** For before anything is started: throws as `KeyLogFile.open` does, and says in a sentence what is wrong with how the file is kept. */
export async function inspectKeyLogFile(path: string): Promise<string | undefined> {
  const { file, found } = await openRegular(path)
  await file.close()
  if ((found.mode & readableByOthers) === 0) return undefined
  return `${path} can be read by every user of this machine, and so can the traffic that it opens: chmod 600`
}

/** Of bytes that somebody has already; more may be pushed. */
export function keyLogOf(bytes: Uint8Array): KeyLog {
  const keyLog = new KeyLog()
  keyLog.pushAside(bytes)
  return keyLog
}

async function openRegular(path: string): Promise<{ readonly file: FileHandle; readonly found: Stats }> {
  let file: FileHandle
  try {
    file = await open(path, 'r')
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    const advice = isMissing ? ' (where it is yet to be written, create it empty: it is followed as it grows)' : ''
    throw fileReadError(`TLS key log ${path}${advice}`, error) ?? error
  }
  const found = await file.stat()
  if (found.isFile()) return { file, found }
  await file.close()
  throw new UserError('noInput', `TLS key log ${path}: is no regular file`)
}
