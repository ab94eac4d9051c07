/**
 * One or several captures, in the order given, as a frame source.
 *
 * All files are looked at before the first is read: a wrong name costs nothing. A file that is damaged further in is read up to there;
 * one that merely stops inside a record (a capture that was cut off) gives a warning, any other damage is thrown after all files.
 */

import { stat } from 'node:fs/promises'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { CaptureInput, standardInput } from './capture-input.js'
import { captureFault, lookAtCapture } from './capture-start.js'
import { type FrameSink, type FrameSource, FrameSourceError, type FrameSourceStatistics } from './frame-source.js'

export class PcapFileSource implements FrameSource {
  readonly #paths: readonly string[]
  readonly #warnings: string[] = []
  #frameCount = 0
  #bytesReadBefore = 0
  #current: CaptureInput | undefined
  #totalBytes: number | undefined
  #isStopped = false
  #running: Promise<void> | undefined

  /** Of each a path, or `-` for standard input. */
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
    // A pipe that nobody fills would not end by itself.
    if (!this.comesAtOnce) await this.#current?.close()
    await this.#running?.catch(() => undefined) // Whoever called `frames` hears of it.
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#bytesReadBefore + (this.#current?.bytesRead ?? 0),
      totalBytes: this.#totalBytes,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [...this.#warnings],
    }
  }

  async #readAll(sink: FrameSink): Promise<void> {
    await this.#measure()
    let damage: FrameSourceError | undefined
    for (const path of this.#paths) {
      if (this.#isStopped) return
      const input = await CaptureInput.open(path)
      this.#current = input
      try {
        await this.#readOne(input, sink)
      } catch (error) {
        if (!(error instanceof FrameSourceError)) throw error
        damage ??= error
      } finally {
        this.#current = undefined
        this.#bytesReadBefore += input.bytesRead
        await input.close()
      }
    }
    if (damage !== undefined) throw damage
  }

  /** Refuses what is no capture before anything is read, and sums up the sizes. A pipe can be read once only. */
  async #measure(): Promise<void> {
    let totalBytes: number | undefined = 0
    for (const path of this.#paths) {
      const sizeBytes: number | undefined = (await isPipe(path)) ? undefined : (await lookAtCapture(path)).totalBytes
      totalBytes = totalBytes === undefined || sizeBytes === undefined ? undefined : totalBytes + sizeBytes
    }
    this.#totalBytes = totalBytes
  }

  async #readOne(input: CaptureInput, sink: FrameSink): Promise<void> {
    const reader = new PcapReader({
      onFrame: (frame) => {
        this.#frameCount++
        sink.frame(frame)
      },
      onTlsSecrets: (bytes, from, to) => sink.tlsSecrets?.(bytes, from, to),
    })
    for await (const block of input.blocks()) {
      const fault = reader.push(block)
      await sink.afterBlock?.()
      if (fault !== undefined) throw captureFault(input.name, fault)
      if (this.#isStopped) return
    }
    if (this.#isStopped) return
    const fault = reader.end()
    if (fault?.code === 'truncated' || input.isCut) this.#warnings.push(cutWarning(input))
    else if (fault !== undefined) throw captureFault(input.name, fault)
  }
}

/** For a capture that was cut off, by a full disk or a kill: what is there is good. */
export function cutWarning(input: CaptureInput): string {
  const where = input.isCut ? 'in the middle of its compressed data' : 'inside a record'
  return `${input.name} ends ${where}; what came before it was read`
}

async function isPipe(path: string): Promise<boolean> {
  if (path === standardInput) return true
  try {
    const found = await stat(path)
    return !found.isFile() && !found.isDirectory()
  } catch {
    return false // Whoever opens it says why.
  }
}
