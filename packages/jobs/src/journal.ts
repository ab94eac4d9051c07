/**
 * An append-only file of lines with group commit: whatever is written while one fsync runs shares the next one.
 *
 * Invariants: bytes before `#goodBytes` are whole, synced lines; a failed or torn write is cut off before the next one; one flush
 * at a time, and a rewrite (compaction) happens between flushes, so that no line is lost to it. One process owns the file.
 */

import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Timers } from '@tapwarden/runtime/timers'

const retryMs = 1_000

interface Entry {
  readonly line: string
  /** Whoever waits for durability; a line without one is kept and retried until it is written. */
  readonly settle: ((error?: unknown) => void) | undefined
}

export interface JournalOptions {
  readonly file: string
  readonly timers: Timers
  /** Asked after each flush; the lines of a smaller file that says the same, or undefined to go on. */
  readonly compacted: (lineCount: number) => readonly string[] | undefined
}

export class Journal {
  readonly #options: JournalOptions
  #handle: FileHandle
  #goodBytes: number
  #lineCount: number
  #entries: Entry[] = []
  #flushing: Promise<void> | undefined
  #tailUnsure = false
  #callOffRetry: (() => void) | undefined

  private constructor(options: JournalOptions, handle: FileHandle, goodBytes: number, lineCount: number) {
    this.#options = options
    this.#handle = handle
    this.#goodBytes = goodBytes
    this.#lineCount = lineCount
  }

  /** Opens or makes the file (mode 0600) and hands each whole line to `replay`. What follows the last newline was never acknowledged: cut off. */
  static async open(options: JournalOptions, replay: (line: string) => void): Promise<Journal> {
    const handle = await open(options.file, 'a+', 0o600)
    await handle.close()
    const bytes = await readFile(options.file)
    const goodBytes = bytes.lastIndexOf(0x0a) + 1
    let lineCount = 0
    for (let start = 0; start < goodBytes; ) {
      const end = bytes.indexOf(0x0a, start)
      replay(bytes.toString('utf8', start, end))
      lineCount++
      start = end + 1
    }
    // Not append mode: Linux ignores the position of a write there, and a failed write must be written over.
    const writable = await open(options.file, 'r+')
    if (goodBytes < bytes.length) await writable.truncate(goodBytes)
    await syncFolder(options.file)
    return new Journal(options, writable, goodBytes, lineCount)
  }

  get bytes(): number {
    return this.#goodBytes
  }

  /** Resolves when the line is on the disk. Rejects with the cause when it could not be written; it will not be. */
  append(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#entries.push({ line, settle: (error) => (error === undefined ? resolve() : reject(error)) })
      this.#startFlush()
    })
  }

  /** Writes the line with the next flush, and again until it succeeds. For what is true whether or not the disk knows. */
  note(line: string): void {
    this.#entries.push({ line, settle: undefined })
    this.#startFlush()
  }

  async close(): Promise<void> {
    this.#callOffRetry?.()
    while (this.#flushing !== undefined) await this.#flushing
    await this.#handle.close()
  }

  #startFlush(): void {
    if (this.#flushing !== undefined) return
    this.#flushing = this.#flush().finally(() => {
      this.#flushing = undefined
      if (this.#entries.length > 0 && !this.#tailUnsure) this.#startFlush()
    })
  }

  async #flush(): Promise<void> {
    // One turn of the event loop for others to join the group.
    await new Promise<void>((resolve) => setImmediate(resolve))
    const entries = this.#entries
    this.#entries = []
    try {
      await this.#write(entries)
    } catch (error) {
      this.#tailUnsure = true
      this.#entries = [...entries.filter((entry) => entry.settle === undefined), ...this.#entries]
      for (const entry of entries) entry.settle?.(error)
      this.#callOffRetry?.()
      if (this.#entries.length > 0) this.#callOffRetry = this.#options.timers.after(retryMs, () => this.#startFlush())
      return
    }
    for (const entry of entries) entry.settle?.()
    const lines = this.#options.compacted(this.#lineCount)
    if (lines !== undefined) await this.#rewrite(lines).catch(() => {}) // The old file still says everything.
  }

  async #write(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return
    if (this.#tailUnsure) await this.#handle.truncate(this.#goodBytes)
    const bytes = Buffer.from(entries.map((entry) => `${entry.line}\n`).join(''))
    for (let done = 0; done < bytes.length; ) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, this.#goodBytes + done)
      done += bytesWritten
    }
    await this.#handle.datasync()
    this.#tailUnsure = false
    this.#goodBytes += bytes.length
    this.#lineCount += entries.length
  }

  async #rewrite(lines: readonly string[]): Promise<void> {
    const nextFile = `${this.#options.file}.next`
    const next = await open(nextFile, 'w', 0o600)
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''))
    try {
      await next.writeFile(bytes)
      await next.datasync()
      await rename(nextFile, this.#options.file)
    } catch (error) {
      await next.close()
      throw error
    }
    const previous = this.#handle
    this.#handle = next
    this.#goodBytes = bytes.length
    this.#lineCount = lines.length
    await previous.close()
    await syncFolder(this.#options.file)
  }
}

/** A new name is durable once its folder is. */
async function syncFolder(file: string): Promise<void> {
  const folder = await open(dirname(file), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
