/**
 * One direction of an HTTP/2 connection: bytes → frames, resumable at any byte. RFC 9113 §3.4, §4.1, §6. Cases: `http2.md`.
 *
 *     preface ──► head (9 octets) ──► payload ──► head …        lost: looks for a place where frames are sure
 *        └──► not HTTP/2: dead
 *
 * DATA is handed on as it comes; what opens or goes on a header block is gathered until its frame, and then its block, is complete, within
 * `headMaxBytes`. Invariants: `remainingBytes` is payload still to come, padding included; `blockStreamId` is not 0 while a block is open.
 * Never throws on input. @long: one state machine, whose steps share its state.
 */

import { FrameType, findFrames, frameHeadBytes, hasWrongSize } from './http2-frame.js'

/** What a parser tells; `half` says which frame of which stream it is about. Bytes are borrowed. */
export interface FrameListener {
  /** A header block is complete: `type` is HEADERS or PUSH_PROMISE. */
  headerBlock(half: Http2Parser, bytes: Uint8Array, from: number, to: number): void
  /** A header block of `streamId`, or part of one, was missed or is too large: what it did to the table is not known. */
  blockLost(half: Http2Parser, streamId: number): void
  data(half: Http2Parser, buffer: Uint8Array, from: number, to: number): void
  /** So much of a DATA frame's content was missed. */
  dataMissed(half: Http2Parser, missedBytes: number): void
  /** The last DATA of its stream is over. */
  dataEnded(half: Http2Parser): void
  reset(half: Http2Parser, errorCode: number): void
  /** Streams above `lastStreamId` that the other side opened will not be answered. */
  goAway(half: Http2Parser, lastStreamId: number): void
  setting(half: Http2Parser, identifier: number, value: number): void
  /** The position was lost: frames may be among the missed bytes. */
  lost(half: Http2Parser, missedBytes: number): void
  /** Frames were found again behind a gap. */
  found(half: Http2Parser): void
  /** This is no HTTP/2. */
  dead(half: Http2Parser): void
  oddity(half: Http2Parser, name: FrameOddity): void
}

export type FrameOddity =
  | 'http2.frame-malformed'
  | 'http2.frame-too-large'
  | 'http2.continuation-unexpected'
  | 'http2.continuation-flood'
  | 'http2.header-block-too-large'

type State = 'preface' | 'head' | 'payload' | 'lost' | 'dead'

/** RFC 9113 §3.4. */
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
/** The part that reads like a request of HTTP/1. */
export const prefaceHeadBytes = 18
/** RFC 9113 §6.5.2. */
const frameStandardMaxBytes = 16_384
/** More frames of one block than any field list needs. */
const continuationsMaxCount = 64
const noBytes = new Uint8Array(0)
const flagEndStream = 0x01
const flagEndHeaders = 0x04
const flagPadded = 0x08
const flagPriority = 0x20

export class Http2Parser {
  state: State
  /** The frame at hand. */
  type = 0
  flags = 0
  streamId = 0
  /** SEQ and ACK of its first byte, and when that came. */
  firstSeq = 0
  firstAck = 0
  firstByteAtUs = 0
  atUs = 0
  /** Of a complete block: whether the stream's direction ends with it, and the stream that a PUSH_PROMISE opens. */
  endsStream = false
  promisedStreamId = 0
  /** Largest frame that the other side takes, as far as it was seen; 0: it is not known. */
  frameMaxBytes: number
  /** Largest stream id of any frame. */
  lastStreamId = 0
  readonly #listener: FrameListener
  /** The connection was joined midway, and no frame was found yet. */
  #isMidway: boolean
  readonly #blockMaxBytes: number
  #prefaceBytes: number
  /** A head, or what is read of a small payload, that is not all in one call: made when there is one, as most never meet one. */
  #gathered: Uint8Array = noBytes
  #headCount = 0
  #remainingBytes = 0
  /** Padding at the end of the payload; -1: its length is still to come. */
  #padBytes = 0
  /** -1: part of it was missed. */
  #smallCount = 0
  /** Payload of a frame with part of a block, gathered; and the block's parts before. */
  #payload: Uint8Array = noBytes
  #payloadCount = 0
  #block: Uint8Array = noBytes
  #blockCount = 0
  #blockStreamId = 0
  #isBlockLost = false
  #continuationCount = 0
  /** Type, SEQ, ACK and time of the frame that opened the block. */
  #opener = { type: 0, firstSeq: 0, firstAck: 0, firstByteAtUs: 0 }

  /**
   * `start`: what the first bytes are. `midway`: nobody knows. `blockMaxBytes`: largest header block that is gathered.
   */
  constructor(listener: FrameListener, start: 'preface' | 'frames' | 'midway', blockMaxBytes: number) {
    this.#listener = listener
    this.#isMidway = start === 'midway'
    this.#blockMaxBytes = blockMaxBytes
    this.#prefaceBytes = start === 'preface' ? 0 : preface.length
    this.state = start === 'preface' ? 'preface' : start === 'frames' ? 'head' : 'lost'
    this.frameMaxBytes = start === 'midway' ? 0 : frameStandardMaxBytes
  }

  /** Memory that it holds. */
  get heldBytes(): number {
    return this.#payload.length + this.#block.length
  }

  /** What reads like a request of HTTP/1 was read already. */
  skipPrefaceHead(): void {
    this.#prefaceBytes = prefaceHeadBytes
    this.state = 'preface'
  }

  /** In-order bytes `buffer[from, to)`, borrowed. `seq` and `ack` belong to the first of them. */
  bytes(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    this.atUs = atUs
    for (let at = from; at < to; ) {
      switch (this.state) {
        case 'payload':
          at = this.#readPayload(buffer, at, to)
          break
        case 'head':
          at = this.#readHead(buffer, at, to, seq + (at - from), ack)
          break
        case 'preface':
          at = this.#readPreface(buffer, at, to)
          break
        case 'lost':
          at = this.#search(buffer, at, to)
          break
        default:
          return
      }
    }
  }

  /** `missedBytes` are missing here. Within a frame's payload the framing holds. */
  gap(missedBytes: number): void {
    if (this.state === 'dead') return
    if (this.state === 'payload' && missedBytes <= this.#remainingBytes) {
      this.#missPayload(missedBytes)
      return
    }
    if (this.state === 'payload' && this.type === FrameType.data) this.#missPayload(this.#remainingBytes)
    this.state = 'lost'
    this.#headCount = 0
    this.#payloadCount = 0
    this.#closeBlock()
    this.#listener.lost(this, missedBytes)
  }

  /** Nothing is read any more, nothing is held. */
  stop(): void {
    this.state = 'dead'
    this.#payload = noBytes
    this.#block = noBytes
  }

  #readPreface(buffer: Uint8Array, from: number, to: number): number {
    let at = from
    while (at < to && this.#prefaceBytes < preface.length) {
      if (buffer[at] !== preface[this.#prefaceBytes]) {
        this.stop()
        this.#listener.dead(this)
        return to
      }
      at++
      this.#prefaceBytes++
    }
    if (this.#prefaceBytes === preface.length) this.state = 'head'
    return at
  }

  #readHead(buffer: Uint8Array, from: number, to: number, seq: number, ack: number): number {
    if (this.#headCount === 0) {
      this.firstSeq = seq >>> 0
      this.firstAck = ack >>> 0
      this.firstByteAtUs = this.atUs
      if (to - from >= frameHeadBytes) {
        this.#startFrame(buffer, from)
        return from + frameHeadBytes
      }
    }
    let at = from
    this.#makeGathered()
    while (at < to && this.#headCount < frameHeadBytes) this.#gathered[this.#headCount++] = buffer[at++]!
    if (this.#headCount === frameHeadBytes) {
      this.#headCount = 0
      this.#startFrame(this.#gathered, 0)
    }
    return at
  }

  #startFrame(bytes: Uint8Array, at: number): void {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!
    this.type = bytes[at + 3]!
    this.flags = bytes[at + 4]!
    this.streamId = ((bytes[at + 5]! & 0x7f) << 24) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 8) | bytes[at + 8]!
    this.#remainingBytes = length
    this.#smallCount = 0
    this.#payloadCount = 0
    this.state = 'payload'
    if (this.streamId > this.lastStreamId) this.lastStreamId = this.streamId
    if (hasWrongSize(this.type, this.flags, length, this.streamId)) this.#listener.oddity(this, 'http2.frame-malformed')
    else if (this.frameMaxBytes > 0 && length > this.frameMaxBytes) this.#listener.oddity(this, 'http2.frame-too-large')
    // RFC 9113 §6.10: nothing may stand between the frames of a block.
    if (this.#blockStreamId !== 0 && (this.type !== FrameType.continuation || this.streamId !== this.#blockStreamId)) {
      this.#listener.oddity(this, 'http2.continuation-unexpected')
      this.#loseBlock()
      this.#closeBlock()
    }
    const isPadded = (this.flags & flagPadded) !== 0
    if (this.type === FrameType.data) this.#padBytes = isPadded && length > 0 ? -1 : 0
    else if (this.type === FrameType.headers || this.type === FrameType.pushPromise) this.#openBlock()
    else if (this.type === FrameType.continuation) this.#continueBlock()
    if (this.#remainingBytes === 0) this.#endFrame()
  }

  #readPayload(buffer: Uint8Array, from: number, to: number): number {
    switch (this.type) {
      case FrameType.data:
        return this.#readData(buffer, from, to)
      case FrameType.headers:
      case FrameType.pushPromise:
      case FrameType.continuation:
        return this.#readBlockPart(buffer, from, to)
      case FrameType.settings:
      case FrameType.resetStream:
      case FrameType.goAway:
        return this.#readSmall(buffer, from, to)
      default:
        return this.#skip(from, to)
    }
  }

  #skip(from: number, to: number): number {
    const end = Math.min(to, from + this.#remainingBytes)
    this.#remainingBytes -= end - from
    if (this.#remainingBytes === 0) this.#endFrame()
    return end
  }

  #readData(buffer: Uint8Array, from: number, to: number): number {
    if (this.#padBytes < 0) {
      this.#remainingBytes--
      this.#takePadding(buffer[from]!)
      if (this.#remainingBytes === 0) this.#endFrame()
      return from + 1
    }
    const end = Math.min(to, from + this.#remainingBytes)
    const contentEnd = Math.min(end, from + this.#remainingBytes - this.#padBytes)
    this.#remainingBytes -= end - from
    if (contentEnd > from) this.#listener.data(this, buffer, from, contentEnd)
    // Who listens may have stopped this.
    if (this.#remainingBytes === 0 && this.state === 'payload') this.#endFrame()
    return end
  }

  /** RFC 9113 §6.1: as long as the payload or longer is an error; then nothing is content. */
  #takePadding(padBytes: number): void {
    this.#padBytes = Math.min(padBytes, this.#remainingBytes)
    if (padBytes > this.#remainingBytes) this.#listener.oddity(this, 'http2.frame-malformed')
  }

  /** SETTINGS by entries of six octets; of RST_STREAM and GOAWAY what stands at their start. */
  #readSmall(buffer: Uint8Array, from: number, to: number): number {
    const isSettings = this.type === FrameType.settings
    const wanted = isSettings ? 6 : this.type === FrameType.resetStream ? 4 : 8
    let at = from
    while (at < to && this.#remainingBytes > 0) {
      if (this.#smallCount < 0 || this.#smallCount === wanted) return this.#skip(at, to)
      if (this.#smallCount === 0 && to - at >= wanted && this.#remainingBytes >= wanted) {
        this.#remainingBytes -= wanted
        this.#takeSmall(buffer, at)
        at += wanted
      } else {
        this.#makeGathered()
        this.#gathered[this.#smallCount++] = buffer[at++]!
        this.#remainingBytes--
        if (this.#smallCount < wanted) continue
        this.#takeSmall(this.#gathered, 0)
      }
      this.#smallCount = isSettings ? 0 : wanted
      if (this.state !== 'payload') return to
    }
    if (this.#remainingBytes === 0) this.#endFrame()
    return at
  }

  #takeSmall(bytes: Uint8Array, at: number): void {
    if (this.type === FrameType.settings) {
      this.#listener.setting(this, (bytes[at]! << 8) | bytes[at + 1]!, wordAt(bytes, at + 2))
    } else if (this.type === FrameType.resetStream) this.#listener.reset(this, wordAt(bytes, at))
    else this.#listener.goAway(this, wordAt(bytes, at) & 0x7fff_ffff)
  }

  #makeGathered(): void {
    if (this.#gathered.length === 0) this.#gathered = new Uint8Array(frameHeadBytes)
  }

  #openBlock(): void {
    this.#blockStreamId = this.streamId
    this.#blockCount = 0
    this.#isBlockLost = false
    this.#continuationCount = 0
    this.endsStream = this.type === FrameType.headers && (this.flags & flagEndStream) !== 0
    this.promisedStreamId = 0
    const opener = this.#opener
    opener.type = this.type
    opener.firstSeq = this.firstSeq
    opener.firstAck = this.firstAck
    opener.firstByteAtUs = this.firstByteAtUs
    this.#checkBlock()
  }

  #continueBlock(): void {
    if (this.#blockStreamId === 0) {
      // The rest of a block whose start was missed, or nothing at all.
      this.#listener.oddity(this, 'http2.continuation-unexpected')
      this.#openBlock()
      this.#loseBlock()
      return
    }
    if (++this.#continuationCount === continuationsMaxCount) this.#listener.oddity(this, 'http2.continuation-flood')
    this.#checkBlock()
  }

  /** What is larger than the limit is not gathered. */
  #checkBlock(): void {
    if (this.#isBlockLost || this.#blockCount + this.#remainingBytes <= this.#blockMaxBytes) return
    this.#listener.oddity(this, 'http2.header-block-too-large')
    this.#loseBlock()
  }

  #readBlockPart(buffer: Uint8Array, from: number, to: number): number {
    if (this.#isBlockLost) return this.#skip(from, to)
    const end = Math.min(to, from + this.#remainingBytes)
    if (this.#payloadCount === 0 && end - from === this.#remainingBytes) {
      this.#remainingBytes = 0
      this.#takeBlockPart(buffer, from, end)
      return end
    }
    const needed = this.#payloadCount + this.#remainingBytes
    if (this.#payload.length < needed) {
      const grown = new Uint8Array(needed)
      grown.set(this.#payload.subarray(0, this.#payloadCount))
      this.#payload = grown
    }
    this.#payload.set(buffer.subarray(from, end), this.#payloadCount)
    this.#payloadCount += end - from
    this.#remainingBytes -= end - from
    if (this.#remainingBytes === 0) this.#takeBlockPart(this.#payload, 0, this.#payloadCount)
    return end
  }

  /** The whole payload of a frame of a block: without padding, priority and promised stream it is part of the block. */
  #takeBlockPart(bytes: Uint8Array, start: number, end: number): void {
    let from = start
    let to = end
    if (this.type !== FrameType.continuation) {
      if ((this.flags & flagPadded) !== 0 && from < to) {
        const padBytes = bytes[from++]!
        if (padBytes > to - from) this.#listener.oddity(this, 'http2.frame-malformed')
        to = Math.max(from, to - padBytes)
      }
      if (this.type === FrameType.headers && (this.flags & flagPriority) !== 0) from = Math.min(to, from + 5)
      else if (this.type === FrameType.pushPromise) {
        if (to - from >= 4) {
          this.promisedStreamId =
            ((bytes[from]! & 0x7f) << 24) | (bytes[from + 1]! << 16) | (bytes[from + 2]! << 8) | bytes[from + 3]!
        }
        from = Math.min(to, from + 4)
      }
    }
    const isLast = (this.flags & flagEndHeaders) !== 0
    if (isLast && this.#blockCount === 0) {
      this.#endBlock(bytes, from, to)
      this.#endFrame()
      return
    }
    if (this.#block.length < this.#blockCount + to - from) {
      const grown = new Uint8Array(Math.max((this.#blockCount + to - from) * 2, 1_024))
      grown.set(this.#block.subarray(0, this.#blockCount))
      this.#block = grown
    }
    this.#block.set(bytes.subarray(from, to), this.#blockCount)
    this.#blockCount += to - from
    if (isLast) this.#endBlock(this.#block, 0, this.#blockCount)
    this.#endFrame()
  }

  #endBlock(bytes: Uint8Array, from: number, to: number): void {
    const { type, firstSeq, firstAck, firstByteAtUs } = this.#opener
    this.type = type
    this.firstSeq = firstSeq
    this.firstAck = firstAck
    this.firstByteAtUs = firstByteAtUs
    this.#blockStreamId = 0
    this.#listener.headerBlock(this, bytes, from, to)
    this.#closeBlock()
  }

  #loseBlock(): void {
    if (!this.#isBlockLost) this.#listener.blockLost(this, this.#blockStreamId)
    this.#isBlockLost = true
    this.#blockCount = 0
    this.#payloadCount = 0
  }

  /** Blocks are mostly in one packet: what gathered one is not held for the next. */
  #closeBlock(): void {
    this.#blockStreamId = 0
    this.#blockCount = 0
    this.#isBlockLost = false
    this.#block = noBytes
    this.#payload = noBytes
  }

  #endFrame(): void {
    if (this.state !== 'payload') return
    this.state = 'head'
    const { type } = this
    if (type === FrameType.data) {
      if ((this.flags & flagEndStream) !== 0) this.#listener.dataEnded(this)
    } else if (this.#blockStreamId !== 0 && this.#isBlockLost && (this.flags & flagEndHeaders) !== 0) {
      this.#closeBlock()
    } else if (this.#blockStreamId !== 0 && this.#payloadCount === 0 && (this.flags & flagEndHeaders) !== 0) {
      // An empty frame ends the block.
      this.#endBlock(this.#block, 0, this.#blockCount)
    }
  }

  #missPayload(missedBytes: number): void {
    if (this.type === FrameType.data) {
      // How much of it was padding stood in its first octet.
      const contentBytes = this.#remainingBytes - Math.max(0, this.#padBytes)
      if (this.#padBytes < 0) this.#padBytes = 0
      this.#listener.dataMissed(this, Math.max(0, Math.min(missedBytes, contentBytes)))
    } else if (this.#blockStreamId !== 0) this.#loseBlock()
    else this.#smallCount = -1
    this.#remainingBytes -= missedBytes
    if (this.#remainingBytes === 0) this.#endFrame()
  }

  /** Index from which frames are sure, or `to`. */
  #search(buffer: Uint8Array, from: number, to: number): number {
    if (to - from >= preface.length && preface.equals(buffer.subarray(from, from + preface.length))) {
      this.#prefaceBytes = 0
      this.#found('preface')
      return from
    }
    const at = findFrames(buffer, from, to, this.lastStreamId)
    if (at < 0) return to
    this.#found('head')
    return at
  }

  #found(state: State): void {
    this.state = state
    if (!this.#isMidway) this.#listener.found(this)
    this.#isMidway = false
  }
}

function wordAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
