/**
 * The frames of one capture, one block at a time, so that several captures can be read in turn by time.
 *
 *   fill: the next block with frames is read; where its frames lie is noted     next: one of them is handed on
 *
 * Notes are columns of numbers, none an object. What they point into is borrowed from the capture until the next `fill`; the one frame
 * of a block that began in the block before is kept as a copy, since its reader reuses those bytes for the one that the block cuts.
 */

import { type FrameView, PcapReader, type PcapReaderOptions } from '@tapwarden/pcap/pcap-reader'
import type { CaptureInput } from './capture-input.js'
import { captureFault } from './capture-start.js'
import { FrameSourceError } from './frame-source.js'
import { cutWarning } from './pcap-file.js'

/** What a frame of a block can be at most: a pcap record has 16 bytes beside it. */
const columnCount = 6
const columnsMinFrames = 1_024

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

const noBytes: Uint8Array = new Uint8Array(0)

export class FrameCursor {
  readonly input: CaptureInput
  readonly #reader: PcapReader
  readonly #blocks: AsyncGenerator<Uint8Array, void>
  /** Time of the frame that `next` would hand on; Infinity when the capture has ended. */
  headUs = Number.POSITIVE_INFINITY
  /** What was wrong with the capture; it has ended then. */
  fault: FrameSourceError | undefined
  warning: string | undefined
  #hasEnded = false

  /** Times, offsets, ends, original lengths, link types, interfaces of the noted frames: `columnCount` numbers a frame. */
  #notes = new Float64Array(columnsMinFrames * columnCount)
  #noteCount = 0
  #nextNote = 0
  #block = noBytes
  #view = new DataView(noBytes.buffer)
  #cut = noBytes
  #cutView = new DataView(noBytes.buffer)
  readonly #frame: Mutable<FrameView> = {
    buffer: noBytes,
    view: this.#view,
    offset: 0,
    end: 0,
    capturedBytes: 0,
    originalBytes: 0,
    timestampUs: 0,
    linkType: 0,
    interfaceIndex: 0,
  }
  /** Frames before this time are handed on while their block is read, without a note: nothing else is older. */
  #aheadUntilUs = Number.NEGATIVE_INFINITY
  #onAhead: (frame: FrameView) => void = () => undefined

  constructor(input: CaptureInput, onTlsSecrets?: PcapReaderOptions['onTlsSecrets']) {
    this.input = input
    this.#blocks = input.blocks()
    this.#reader = new PcapReader({
      onFrame: (frame) => this.#take(frame),
      ...(onTlsSecrets === undefined ? {} : { onTlsSecrets }),
    })
  }

  /** Whether everything that was read is handed on, and more may come. */
  get isDry(): boolean {
    return this.#nextNote === this.#noteCount && !this.#hasEnded
  }

  /**
   * Reads one block, if the capture has one more. Its frames up to the first that is not older than `untilUs` go to `onFrame` at once,
   * the rest are noted. Only when dry.
   */
  async fill(untilUs: number, onFrame: (frame: FrameView) => void): Promise<void> {
    this.#noteCount = 0
    this.#nextNote = 0
    this.#aheadUntilUs = untilUs
    this.#onAhead = onFrame
    try {
      const next = await this.#blocks.next()
      if (next.done === true) this.#end()
      else {
        this.#block = next.value
        const fault = this.#reader.push(next.value)
        if (fault !== undefined) throw captureFault(this.input.name, fault)
      }
    } catch (error) {
      if (!(error instanceof FrameSourceError)) throw error
      this.fault = error
      this.#hasEnded = true
    }
    this.#look()
  }

  /** The head; there is one as long as `headUs` is finite. Borrowed until the next call. */
  next(): FrameView {
    const notes = this.#notes
    const at = this.#nextNote * columnCount
    const frame = this.#frame
    const isCut = this.#nextNote === 0 && this.#cut !== noBytes
    frame.buffer = isCut ? this.#cut : this.#block
    frame.view = isCut ? this.#cutView : this.#view
    frame.timestampUs = notes[at] ?? 0
    frame.offset = notes[at + 1] ?? 0
    frame.end = notes[at + 2] ?? 0
    frame.originalBytes = notes[at + 3] ?? 0
    frame.linkType = notes[at + 4] ?? 0
    frame.interfaceIndex = notes[at + 5] ?? 0
    frame.capturedBytes = frame.end - frame.offset
    this.#nextNote++
    this.#look()
    return frame
  }

  async close(): Promise<void> {
    this.#hasEnded = true
    await this.input.close()
    await this.#blocks.return()
  }

  #look(): void {
    this.headUs =
      this.#nextNote < this.#noteCount ? (this.#notes[this.#nextNote * columnCount] ?? 0) : Number.POSITIVE_INFINITY
  }

  #take(frame: FrameView): void {
    if (this.#noteCount === 0) {
      if (frame.timestampUs < this.#aheadUntilUs) {
        this.#onAhead(frame)
        return
      }
      const isCut = frame.buffer !== this.#block
      this.#cut = isCut ? frame.buffer.slice(frame.offset, frame.end) : noBytes
      if (isCut) this.#cutView = new DataView(this.#cut.buffer)
    }
    const isCut = this.#noteCount === 0 && this.#cut !== noBytes
    if (!isCut) this.#view = frame.view
    const at = this.#noteCount * columnCount
    if (at === this.#notes.length) this.#growNotes()
    const notes = this.#notes
    notes[at] = frame.timestampUs
    notes[at + 1] = isCut ? 0 : frame.offset
    notes[at + 2] = isCut ? frame.capturedBytes : frame.end
    notes[at + 3] = frame.originalBytes
    notes[at + 4] = frame.linkType
    notes[at + 5] = frame.interfaceIndex
    this.#noteCount++
  }

  #growNotes(): void {
    const grown = new Float64Array(this.#notes.length * 2)
    grown.set(this.#notes)
    this.#notes = grown
  }

  #end(): void {
    this.#hasEnded = true
    const fault = this.#reader.end()
    if (fault?.code === 'truncated' || this.input.isCut) this.warning = cutWarning(this.input)
    else if (fault !== undefined) this.fault = captureFault(this.input.name, fault)
  }
}
