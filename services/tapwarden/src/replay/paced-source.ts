/**
 * A capture as it happened: hands on each frame when as much wall time has passed as lay between the frames, instead of at once:
 * what `--speed real` puts between capture-files.ts and the sensor.
 */

import type { FrameView } from '@tapwarden/pcap/pcap-reader'
import { pause, systemTimers, type Timers } from '@tapwarden/runtime/timers'
import type { FrameSink, FrameSource, FrameSourceStatistics } from '@tapwarden/service-capture/frame-source'

/** Frames closer together than this are handed on together: no timer is finer. */
const groupMs = 5

export class PacedSource implements FrameSource {
  readonly #inner: FrameSource
  readonly #timers: Timers
  readonly #stopping = new AbortController()
  /** Wall time minus event time, in ms, of the first frame. */
  #offsetMs: number | undefined

  constructor(inner: FrameSource, timers: Timers = systemTimers) {
    this.#inner = inner
    this.#timers = timers
  }

  /** The frames of one block of the inner source are copied and waited for; the next block is read after that. */
  frames(sink: FrameSink): Promise<void> {
    let waiting: FrameView[] = []
    return this.#inner.frames({
      frame: (frame) => waiting.push(copyOf(frame)),
      tlsSecrets: (bytes, from, to) => sink.tlsSecrets?.(bytes, from, to),
      afterBlock: async () => {
        const due = waiting
        waiting = []
        await this.#handOn(due, sink)
      },
    })
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#inner.stop()
  }

  statistics(): FrameSourceStatistics {
    return this.#inner.statistics()
  }

  async #handOn(frames: readonly FrameView[], sink: FrameSink): Promise<void> {
    for (const frame of frames) {
      const eventMs = frame.timestampUs / 1_000
      this.#offsetMs ??= this.#timers.nowMs() - eventMs
      const earlyMs = eventMs + this.#offsetMs - this.#timers.nowMs()
      if (earlyMs > groupMs) {
        await sink.afterBlock?.()
        await pause(this.#timers, earlyMs, this.#stopping.signal)
      }
      if (this.#stopping.signal.aborted) break
      sink.frame(frame)
    }
    await sink.afterBlock?.()
  }
}

function copyOf(frame: FrameView): FrameView {
  const buffer = frame.buffer.slice(frame.offset, frame.end)
  return {
    ...frame,
    buffer,
    view: new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength),
    offset: 0,
    end: buffer.length,
  }
}
