/**
 * Captures in the order given, as frame sources: files that follow one another in time are one capture, so that a connection may go on in
 * the next file; one that begins earlier than the one before it ended is another capture, and its connections are others.
 * (Two halves of one link, captured at the same time, are merged by time beforehand: `mergecap`.)
 *
 * A damaged file is read up to its damage; the next one is read all the same. Driven by read-captures.ts, in the sensor's thread.
 */

import type { UserError } from '@tapwarden/runtime/user-error'
import {
  type FrameSink,
  type FrameSource,
  FrameSourceError,
  type FrameSourceStatistics,
} from '@tapwarden/service-capture/frame-source'
import { PcapFileSource } from '@tapwarden/service-capture/pcap-file'
import { sourceFault } from '../sensor.js'
import type { InputFile } from './input-files.js'

/** A rotated capture's next file may begin a little early: several queues of one network card. */
const overlapMaxUs = 1_000_000

/** The files of one run of the command. Bytes and faults are of all of them together. */
export class CaptureFiles {
  readonly #files: readonly InputFile[]
  #nextIndex = 0
  #readBytes = 0
  readonly faults: UserError[] = []

  constructor(files: readonly InputFile[]) {
    this.#files = files
  }

  get readBytes(): number {
    return this.#readBytes
  }

  /** The file under way. */
  get current(): string {
    return this.#files[Math.max(0, this.#nextIndex - 1)]?.path ?? ''
  }

  /** The next capture: one file and those that follow it in time. Undefined when all are read. Read each to its end before the next. */
  nextCapture(): FrameSource | undefined {
    if (this.#nextIndex >= this.#files.length) return undefined
    let lastUs: number | undefined
    return new FileChain((chain) => {
      const file = this.#files[this.#nextIndex]
      lastUs = chain.lastFrameUs
      if (file === undefined || (lastUs !== undefined && (file.firstFrameUs ?? lastUs) < lastUs - overlapMaxUs))
        return undefined
      this.#nextIndex++
      return new PcapFileSource([file.path])
    }, this)
  }

  addBytes(bytes: number): void {
    this.#readBytes += bytes
  }
}

class FileChain implements FrameSource {
  readonly #next: (chain: FileChain) => PcapFileSource | undefined
  readonly #files: CaptureFiles
  readonly #warnings: string[] = []
  #current: PcapFileSource | undefined
  #frameCount = 0
  #bytesRead = 0
  #stopped = false
  lastFrameUs: number | undefined

  constructor(next: (chain: FileChain) => PcapFileSource | undefined, files: CaptureFiles) {
    this.#next = next
    this.#files = files
  }

  get comesAtOnce(): boolean {
    return this.#current?.comesAtOnce === true
  }

  async frames(sink: FrameSink): Promise<void> {
    while (!this.#stopped) {
      const source = this.#next(this)
      if (source === undefined) return
      this.#current = source
      await this.#readOne(source, sink)
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#current?.stop()
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#bytesRead,
      totalBytes: undefined,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: this.#warnings,
    }
  }

  async #readOne(source: PcapFileSource, sink: FrameSink): Promise<void> {
    let counted = 0
    const count = (): void => {
      const { bytesRead } = source.statistics()
      this.#bytesRead += bytesRead - counted
      this.#files.addBytes(bytesRead - counted)
      counted = bytesRead
    }
    try {
      await source.frames({
        frame: (frame) => {
          this.#frameCount++
          this.lastFrameUs = frame.timestampUs
          sink.frame(frame)
        },
        afterBlock: async () => {
          count()
          await sink.afterBlock?.()
        },
      })
    } catch (error) {
      if (!(error instanceof FrameSourceError)) throw error
      this.#files.faults.push(sourceFault(error))
    }
    count()
    this.#warnings.push(...source.statistics().warnings)
  }
}
