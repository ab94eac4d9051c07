/**
 * Alerts as lines of a file, each once: the ids in the file's end are read at start, so an alert whose line was written just before a
 * crash is not written again. A torn last line is ended first. stdout remembers nothing: there, a crash can repeat the last alerts.
 */

import { type FileHandle, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Alert } from '@tapwarden/contracts/alert'
import { makeFolder } from '@tapwarden/runtime/make-folder'
import { fileCreateError } from '@tapwarden/runtime/user-error'

const tailMaxBytes = 8 * 1_048_576
const idsMaxCount = 100_000

export interface AlertSink {
  /** Resolves when the lines are where they belong. */
  deliver(alerts: readonly Alert[]): Promise<void>
  close(): Promise<void>
}

export class AlertFile implements AlertSink {
  readonly #handle: FileHandle
  readonly #written = new BoundedMap<string, true>({ maxEntries: idsMaxCount, onFull: 'evict-oldest' })
  #last: Promise<void> = Promise.resolve()

  private constructor(handle: FileHandle) {
    this.#handle = handle
  }

  /** Makes the folder when there is none. Throws `UserError` when the file cannot be had. */
  static async open(path: string): Promise<AlertFile> {
    const file = new AlertFile(await openedFile(path))
    await file.#readTail()
    return file
  }

  deliver(alerts: readonly Alert[]): Promise<void> {
    const written = this.#last.then(() => this.#append(alerts))
    this.#last = written.catch(() => {})
    return written
  }

  async close(): Promise<void> {
    await this.#last
    await this.#handle.close()
  }

  async #append(alerts: readonly Alert[]): Promise<void> {
    const fresh = alerts.filter((alert) => !this.#written.has(alert.id))
    if (fresh.length === 0) return
    await this.#handle.appendFile(linesOf(fresh))
    await this.#handle.datasync()
    for (const alert of fresh) this.#written.set(alert.id, true)
  }

  async #readTail(): Promise<void> {
    const { size } = await this.#handle.stat()
    const bytes = Buffer.alloc(Math.min(size, tailMaxBytes))
    await this.#handle.read(bytes, 0, bytes.length, size - bytes.length)
    const text = bytes.toString('utf8')
    for (const line of text.split('\n')) {
      const id = idOf(line)
      if (id !== undefined) this.#written.set(id, true)
    }
    if (text !== '' && !text.endsWith('\n')) await this.#handle.appendFile('\n')
  }
}

async function openedFile(path: string): Promise<FileHandle> {
  try {
    await makeFolder(dirname(path))
    return await open(path, 'a+', 0o640)
  } catch (error) {
    throw fileCreateError(path, 'set alerter.file to another', error) ?? error
  }
}

export class AlertStream implements AlertSink {
  readonly #stream: NodeJS.WritableStream

  constructor(stream: NodeJS.WritableStream) {
    this.#stream = stream
  }

  deliver(alerts: readonly Alert[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#stream.write(linesOf(alerts), (error) => (error == null ? resolve() : reject(error)))
    })
  }

  async close(): Promise<void> {}
}

export function linesOf(alerts: readonly Alert[]): string {
  return alerts.map((alert) => `${JSON.stringify(alert)}\n`).join('')
}

/** Of a whole line; a torn one has none, and its alert is written again. */
function idOf(line: string): string | undefined {
  try {
    const alert = JSON.parse(line) as { readonly id?: unknown }
    return typeof alert?.id === 'string' ? alert.id : undefined
  } catch {
    return undefined
  }
}
