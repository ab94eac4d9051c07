/**
 * One or several capture files, in the order given, as a frame source.
 *
 * All files are looked at before the first is read: a wrong name costs nothing. A file that is damaged further in is read up to there;
 * one that merely stops inside a record (a capture that was cut off) gives a warning, any other damage is thrown after all files.
 */

import { constants } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { type PcapFault, PcapReader } from '@tapwarden/pcap/pcap-reader'
import { type FrameSink, type FrameSource, FrameSourceError, type FrameSourceStatistics } from './frame-source.js'

const blockBytes = 1_048_576

export class PcapFileSource implements FrameSource {
  readonly #paths: readonly string[]
  readonly #warnings: string[] = []
  #frameCount = 0
  #bytesRead = 0
  #totalBytes: number | undefined
  #isStopped = false
  #running: Promise<void> | undefined

  constructor(paths: readonly string[]) {
    this.#paths = paths
  }

  /** A pipe is filled by somebody who may pause. */
  get comesAtOnce(): boolean {
    return this.#totalBytes !== undefined
  }

  frames(sink: FrameSink): Promise<void> {
    this.#running ??= this.#readAll(sink)
    return this.#running
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#running?.catch(() => undefined) // Whoever called `frames` hears of it.
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#bytesRead,
      totalBytes: this.#totalBytes,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [...this.#warnings],
    }
  }

  async #readAll(sink: FrameSink): Promise<void> {
    await this.#measure()
    let damage: FrameSourceError | undefined
    const block = new Uint8Array(blockBytes)
    for (const path of this.#paths) {
      if (this.#isStopped) return
      const file = await openFile(path)
      try {
        const fault = await this.#readOne(file, block, sink)
        if (fault?.code === 'truncated')
          this.#warnings.push(`${path} ends inside a record; what came before it was read`)
        else if (fault !== undefined) damage ??= faultError(path, fault)
      } finally {
        await file.close()
      }
    }
    if (damage !== undefined) throw damage
  }

  /** Refuses what is no capture before anything is read, and sums up the sizes. */
  async #measure(): Promise<void> {
    let totalBytes: number | undefined = 0
    for (const path of this.#paths) {
      const sizeBytes = await regularFileBytes(path)
      if (sizeBytes === undefined) {
        totalBytes = undefined
        continue
      }
      if (totalBytes !== undefined) totalBytes += sizeBytes
      const file = await openFile(path)
      try {
        const start = new Uint8Array(4_096)
        const { bytesRead } = await file.read(start, 0, start.length, 0)
        const reader = new PcapReader({ onFrame: () => undefined })
        const fault = reader.push(start, 0, bytesRead) ?? reader.end()
        if (fault?.code === 'empty' || fault?.code === 'not-a-capture') throw faultError(path, fault)
      } finally {
        await file.close()
      }
    }
    this.#totalBytes = totalBytes
  }

  async #readOne(file: FileHandle, block: Uint8Array, sink: FrameSink): Promise<PcapFault | undefined> {
    const reader = new PcapReader({
      onFrame: (frame) => {
        this.#frameCount++
        sink.frame(frame)
      },
    })
    while (!this.#isStopped) {
      const { bytesRead } = await file.read(block, 0, block.length)
      if (bytesRead === 0) return reader.end()
      this.#bytesRead += bytesRead
      const fault = reader.push(block, 0, bytesRead)
      await sink.afterBlock?.()
      if (fault !== undefined) return fault
    }
    return undefined
  }
}

/** Undefined for a pipe: it can be opened and read once only, and nobody knows how long it is. */
async function regularFileBytes(path: string): Promise<number | undefined> {
  try {
    const found = await stat(path)
    return found.isFile() || found.isDirectory() ? found.size : undefined
  } catch (cause) {
    throw openError(path, cause)
  }
}

async function openFile(path: string): Promise<FileHandle> {
  let file: FileHandle
  try {
    file = await open(path, constants.O_RDONLY)
  } catch (cause) {
    throw openError(path, cause)
  }
  if (!(await file.stat()).isDirectory()) return file
  await file.close()
  throw new FrameSourceError('directory', `${path} is a directory; name the capture files in it`)
}

function openError(path: string, cause: unknown): FrameSourceError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new FrameSourceError('missing', `${path} does not exist`, { cause })
  if (code === 'EISDIR') return new FrameSourceError('directory', `${path} is a directory`, { cause })
  const why = code === 'EACCES' || code === 'EPERM' ? 'this user may not read it' : String(code)
  return new FrameSourceError('unreadable', `${path} cannot be read: ${why}`, { cause })
}

function faultError(path: string, fault: PcapFault): FrameSourceError {
  switch (fault.code) {
    case 'empty':
      return new FrameSourceError('empty', `${path} is empty`)
    case 'not-a-capture':
      return new FrameSourceError('not-a-capture', `${path} is neither pcap nor pcapng: ${fault.detail}`)
    case 'record-too-large':
      return new FrameSourceError('record-too-large', `${path} is damaged at byte ${fault.atBytes}: ${fault.detail}`)
    default:
      return new FrameSourceError('malformed-record', `${path} is damaged at byte ${fault.atBytes}: ${fault.detail}`)
  }
}
