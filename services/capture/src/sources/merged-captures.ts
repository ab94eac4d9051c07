/**
 * Several captures as one, in the order of their frames' times: the parts of a rotated capture, or what several interfaces saw at once.
 *
 *   waiting, by the time of their first frame ──that time is reached──► open cursors ──oldest head first──► sink
 *
 * A capture that no other overlaps is read straight through: its frames go to the sink as they are read, at the cost of one comparison
 * each. Of equal times the one named first comes first. Within a capture its own order holds, whatever its clock says.
 */

import type { FrameView } from '@tapwarden/pcap/pcap-reader'
import { blockDefaultBytes, CaptureInput } from './capture-input.js'
import { FrameCursor } from './frame-cursor.js'
import { type FrameSink, type FrameSource, FrameSourceError, type FrameSourceStatistics } from './frame-source.js'

export interface MergedCapture {
  /** Or `-` for standard input. */
  readonly path: string
  /** Undefined where nobody could look: then it is opened at the start. */
  readonly firstFrameUs: number | undefined
}

interface OpenCapture {
  readonly cursor: FrameCursor
  /** Among those named. */
  readonly order: number
}

export interface MergedCapturesOptions {
  /** Captures read at once; more that overlap are read when one has ended, and that is said. Default 256. */
  readonly openMaxCount?: number
}

/** A block each, of all that are open. */
const blocksMaxBytes = 16 * 1_048_576
const blockMinBytes = 65_536

export class MergedCapturesSource implements FrameSource {
  readonly #openMaxCount: number
  readonly #blockBytes: number
  readonly #isOfFiles: boolean
  /** In the order of opening. */
  #waiting: readonly MergedCapture[]
  readonly #order: ReadonlyMap<MergedCapture, number>
  #open: OpenCapture[] = []
  #secondHeadUs = Number.POSITIVE_INFINITY
  #frameCount = 0
  #bytesReadBefore = 0
  #saidTooMany = false
  #isStopped = false
  #running: Promise<void> | undefined
  readonly #warnings: string[] = []
  /** Captures that could not be read to their end, in the order of that. */
  readonly faults: FrameSourceError[] = []

  constructor(captures: readonly MergedCapture[], options: MergedCapturesOptions = {}) {
    this.#openMaxCount = options.openMaxCount ?? 256
    this.#blockBytes = Math.max(
      blockMinBytes,
      Math.min(blockDefaultBytes, Math.floor(blocksMaxBytes / captures.length)),
    )
    this.#isOfFiles = captures.every(({ firstFrameUs }) => firstFrameUs !== undefined)
    this.#order = new Map(captures.map((capture, index) => [capture, index]))
    this.#waiting = captures.toSorted((a, b) => startOf(a) - startOf(b) || 0)
  }

  get comesAtOnce(): boolean {
    return this.#isOfFiles
  }

  /** The one read latest, for people. */
  get current(): string {
    return this.#open.at(-1)?.cursor.input.name ?? ''
  }

  frames(sink: FrameSink): Promise<void> {
    this.#running ??= this.#mergeAll(sink)
    return this.#running
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    if (!this.comesAtOnce) await Promise.all(this.#open.map(({ cursor }) => cursor.input.close()))
    await this.#running?.catch(() => undefined) // Whoever called `frames` hears of it.
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#open.reduce((sum, { cursor }) => sum + cursor.input.bytesRead, this.#bytesReadBefore),
      totalBytes: undefined,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [...this.#warnings],
    }
  }

  async #mergeAll(sink: FrameSink): Promise<void> {
    const handOn = (frame: FrameView): void => {
      this.#frameCount++
      sink.frame(frame)
    }
    try {
      while (!this.#isStopped) {
        const first = this.#oldest()
        if (this.#waiting.length > 0 && startOf(this.#waiting[0]) <= (first?.headUs ?? Number.POSITIVE_INFINITY)) {
          if (await this.#openNext(sink)) continue
        }
        if (first === undefined) return
        const opensAtUs = this.#canOpen ? startOf(this.#waiting[0]) : Number.POSITIVE_INFINITY
        const untilUs = Math.min(this.#secondHeadUs, opensAtUs)
        do handOn(first.next())
        while (first.headUs < untilUs)
        if (first.headUs === Number.POSITIVE_INFINITY) await this.#refill(first, untilUs, handOn, sink)
      }
    } finally {
      await Promise.all(this.#open.map(({ cursor }) => cursor.close()))
    }
  }

  get #canOpen(): boolean {
    return this.#open.length < this.#openMaxCount
  }

  /** False when too many are open. Afterwards the cursor has a head, or has ended and is closed. */
  async #openNext(sink: FrameSink): Promise<boolean> {
    const capture = this.#waiting[0]
    if (capture === undefined) return false
    if (!this.#canOpen) {
      if (!this.#saidTooMany) {
        this.#warnings.push(
          `more than ${this.#openMaxCount} captures overlap in time: those beyond were read when one had ended, so that frames are out of order; merge them first, with mergecap`,
        )
      }
      this.#saidTooMany = true
      return false
    }
    this.#waiting = this.#waiting.slice(1)
    try {
      const input = await CaptureInput.open(capture.path, { blockBytes: this.#blockBytes })
      const cursor = new FrameCursor(input, sink.tlsSecrets?.bind(sink))
      this.#open.push({ cursor, order: this.#order.get(capture) ?? 0 })
      await this.#refill(cursor, Number.NEGATIVE_INFINITY, () => undefined, {})
    } catch (error) {
      if (!(error instanceof FrameSourceError)) throw error
      this.faults.push(error)
    }
    return true
  }

  /** Until the cursor has a head again, or has ended: it is closed then. Frames older than `untilUs` are handed on meanwhile. */
  async #refill(
    cursor: FrameCursor,
    untilUs: number,
    handOn: (frame: FrameView) => void,
    sink: Pick<FrameSink, 'afterBlock'>,
  ): Promise<void> {
    await sink.afterBlock?.()
    while (cursor.isDry && !this.#isStopped) {
      await cursor.fill(untilUs, handOn)
      if (cursor.isDry) await sink.afterBlock?.()
    }
    if (cursor.headUs !== Number.POSITIVE_INFINITY || this.#isStopped) return
    if (cursor.warning !== undefined) this.#warnings.push(cursor.warning)
    if (cursor.fault !== undefined) this.faults.push(cursor.fault)
    this.#open = this.#open.filter((each) => each.cursor !== cursor)
    this.#bytesReadBefore += cursor.input.bytesRead
    await cursor.close()
    await sink.afterBlock?.()
  }

  /** The cursor whose turn it is; the time from which it is another's is left in `#secondHeadUs`. */
  #oldest(): FrameCursor | undefined {
    let first: OpenCapture | undefined
    this.#secondHeadUs = Number.POSITIVE_INFINITY
    for (const each of this.#open) {
      if (first === undefined || comesBefore(each, first)) {
        if (first !== undefined) this.#secondHeadUs = first.cursor.headUs
        first = each
      } else this.#secondHeadUs = Math.min(this.#secondHeadUs, each.cursor.headUs)
    }
    return first?.cursor
  }
}

function comesBefore(one: OpenCapture, other: OpenCapture): boolean {
  const { headUs } = one.cursor
  return headUs < other.cursor.headUs || (headUs === other.cursor.headUs && one.order < other.order)
}

function startOf(capture: MergedCapture | undefined): number {
  if (capture === undefined) return Number.POSITIVE_INFINITY
  return capture.firstFrameUs ?? Number.NEGATIVE_INFINITY
}
