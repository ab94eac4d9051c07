/** Frames made in this process as a source: the seeded history, and what the Node edge's tap sees. */

import { EventEmitter, once } from 'node:events'
import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import type { FrameView } from '@tapwarden/pcap/pcap-reader'
import { linkTypeEthernet } from '@tapwarden/pcap/pcap-writer'
import type { FrameSink, FrameSource, FrameSourceStatistics } from '@tapwarden/service-capture/frame-source'

const blockMaxFrames = 2_048
/** How long frames wait for company, so that a block is not one frame. */
const lingerMs = 20

export class FrameQueueSource implements FrameSource {
  #waiting: BuiltFrame[] = []
  /** Index of the first that was not handed on. */
  #next = 0
  readonly #changed = new EventEmitter()
  #ended = false
  #frameCount = 0
  #bytes = 0

  push(frames: readonly BuiltFrame[]): void {
    for (const frame of frames) this.#waiting.push(frame)
    if (this.#waiting.length >= blockMaxFrames) this.#changed.emit('change')
  }

  /** Everything pushed so far is still handed on. */
  end(): void {
    this.#ended = true
    this.#changed.emit('change')
  }

  async frames(sink: FrameSink): Promise<void> {
    while (!this.#ended || this.#waiting.length > 0) {
      const block = this.#waiting.slice(this.#next, this.#next + blockMaxFrames)
      this.#next += block.length
      if (this.#next === this.#waiting.length) {
        this.#waiting = []
        this.#next = 0
      }
      for (const frame of block) {
        this.#frameCount++
        this.#bytes += frame.bytes.length
        sink.frame(viewOf(frame))
      }
      if (block.length > 0) await sink.afterBlock?.()
      if (this.#waiting.length < blockMaxFrames && !this.#ended) await this.#company()
    }
  }

  stop(): Promise<void> {
    this.end()
    return Promise.resolve()
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#bytes,
      totalBytes: undefined,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [],
    }
  }

  async #company(): Promise<void> {
    const timer = setTimeout(() => this.#changed.emit('change'), lingerMs)
    await once(this.#changed, 'change')
    clearTimeout(timer)
  }
}

function viewOf({ bytes, timestampUs }: BuiltFrame): FrameView {
  return {
    buffer: bytes,
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
    offset: 0,
    end: bytes.length,
    capturedBytes: bytes.length,
    originalBytes: bytes.length,
    timestampUs,
    linkType: linkTypeEthernet,
    interfaceIndex: 0,
  }
}
