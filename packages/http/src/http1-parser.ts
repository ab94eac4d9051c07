/**
 * One direction of an HTTP/1 connection: bytes → messages, resumable at any byte. Cases: `http1-parser.md`.
 *
 *            start line      empty line               content ends
 *     start ────────────► head ────────► length │ chunked │ until-close ────► start
 *       ▲ │ not a message            └──────► (no content) ─────────────────► start
 *       │ ▼
 *      lost: looks for the next plausible start line            opaque: after 101, CONNECT, TLS: nothing is read
 *                                                               bare: an answer without head, nothing is read until a gap
 *
 * A message that lies in one packet is read in place: offsets count from its first byte. One that does not is gathered in the
 * message's own head buffer. Invariants: `#message` exists in every state but start, lost and opaque; no byte is read more than
 * twice. Never throws on input. @long: one state machine, whose steps share its state.
 */

import { type BodyFraming, frameBody } from './body-framing.js'
import { ChunkedBody } from './chunked-body.js'
import { needMore, scanFields } from './field-line.js'
import type { Message, MessagePool } from './message.js'
import { CR, indexOfLf, LF } from './octets.js'
import {
  mayBecomeStartLine,
  mayBecomeVersion,
  parseRequestLine,
  parseStatusLine,
  readPlainRequestLine,
  readPlainStatusLine,
  type StartLine,
} from './start-line.js'

/** What may follow a head, known only to whoever pairs messages. RFC 9112 §6.3, rules 1 and 2. */
export type ContentRule = 'by-fields' | 'none' | 'opaque'

export interface MessageListener {
  /** Content that the flow may still hold, for the message that starts now. */
  roomBytes(): number
  /** Whether a first response that starts like none is one without head, until the connection closes. */
  isBareAnswer(): boolean
  /** A head is complete. */
  head(message: Message, isRequest: boolean): ContentRule
  /** Bytes behind the last message, of whatever the connection speaks now. Borrowed. */
  opaque(isRequest: boolean, buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void
  /** The bytes here are no message, or not all of one: from here on, the order of messages tells nothing. */
  lost(): void
  /** A message is complete, or will never be (`message.isIncomplete`). The listener owns it from here on. */
  ended(message: Message, isRequest: boolean): void
}

type State = 'start' | 'bare' | 'head' | 'length' | 'chunked' | 'until-close' | 'opaque'

/** Filled and read for one head after the other: an idle flow need not hold one. */
const framing: BodyFraming = { kind: 'none', lengthBytes: 0, transferCodings: '' }

export class Http1Parser {
  readonly isRequest: boolean
  state: State = 'start'
  /** Looking for a message amid bytes that are none. */
  isLost = false
  /** The present segment goes on with what was lost: what looks like a message in it may be content. */
  #isInsideLost = false
  /** Bytes were missed, and no message was found since. */
  #isBehindGap = false
  /** Where the flow was joined midway, as behind a gap, a request may start at the first byte of any segment. */
  mayStartAnywhere = false
  /** The last byte that was skipped ended no line. */
  #isAmidLine = false
  #isNextDoubtful = false
  /** Bytes skipped since the last message. */
  skippedBytes = 0
  messageCount = 0
  readonly #pool: MessagePool
  readonly #listener: MessageListener
  #message: Message | undefined
  #hasStartLine = false
  #remainingBytes = 0
  #chunked: ChunkedBody | undefined

  constructor(isRequest: boolean, pool: MessagePool, listener: MessageListener) {
    this.isRequest = isRequest
    this.#pool = pool
    this.#listener = listener
  }

  /** The message that is being read. */
  get current(): Message | undefined {
    return this.#message
  }

  /** In-order bytes `buffer[from, to)`, borrowed. `seq` and `ack` belong to the first of them. */
  bytes(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    for (let at = from; at < to; ) {
      switch (this.state) {
        case 'opaque':
          this.#listener.opaque(this.isRequest, buffer, at, to, atUs, seq + (at - from), ack)
          return
        case 'bare':
          return
        case 'start':
          at = this.isLost ? this.#findStart(buffer, at, to) : skipLineEnds(buffer, at, to)
          if (this.isLost && !this.#isBehindGap) this.#isInsideLost = !this.isRequest && this.skippedBytes > 0
          else if (at === from) this.#isInsideLost = false
          else if (this.isLost) this.#isInsideLost = true
          if (at < to) this.#begin(atUs, seq + (at - from), ack)
          break
        case 'head':
          at = this.#head(buffer, at, to, atUs)
          break
        default:
          at = this.#content(buffer, at, to, atUs)
      }
    }
    this.#message?.keep()
  }

  /** `missedBytes` are missing here. Inside content whose end is known the framing holds. */
  gap(missedBytes: number): void {
    const message = this.#message
    if (this.state === 'opaque') return
    this.#isBehindGap = true
    if (message === undefined) {
      this.#lose()
      return
    }
    message.missedBytes += missedBytes
    message.isIncomplete = true
    if (this.state === 'head' && this.#hasStartLine && !this.isRequest) {
      this.#cutHead()
      this.#lose()
      return
    }
    if (this.state !== 'head') message.report('http.content-incomplete')
    if (this.state === 'until-close') return
    if (this.state === 'length' && missedBytes <= this.#remainingBytes) {
      this.#remainingBytes -= missedBytes
      if (this.#remainingBytes === 0) this.#end()
      return
    }
    const chunked = this.#chunked
    if (this.state === 'chunked' && chunked !== undefined && chunked.skip(missedBytes)) {
      return
    }
    this.#giveUp()
    this.#lose()
  }

  /** Nothing more comes. Closing is how content without length ends (RFC 9112 §6.3, rule 8), if it was `isOrderly`. */
  end(isOrderly: boolean): void {
    const message = this.#message
    if (message !== undefined) {
      const isWhole = this.state === 'until-close' ? isOrderly : this.#chunked?.state === 'trailers'
      if (this.state === 'head' || !isWhole) message.isIncomplete = true
      this.#giveUp()
    }
    this.state = 'opaque'
  }

  /** From here on the connection speaks something else. */
  goOpaque(): void {
    this.#message?.keep()
    this.#giveUp()
    this.state = 'opaque'
  }

  /** The receiver may have read other bytes here: the next message need not be the one behind this. */
  doubt(): void {
    this.#isNextDoubtful = true
  }

  /** What comes next begins something: a greeting of another protocol need not end with a line. */
  otherSideSpoke(): void {
    this.#isAmidLine = false
  }

  /** What was read so far was not for this parser. */
  restart(): void {
    const isNew = this.state === 'start' && this.#message === undefined && !this.isLost
    this.#giveUp()
    if (!isNew) this.#lose()
  }

  /** What is being read counts no longer. Nothing is read any more. */
  abandon(): void {
    this.#message?.release()
    this.#message = undefined
    this.state = 'opaque'
  }

  #takeMessage(atUs: number, seq: number, ack: number): Message {
    const message = this.#pool.take(this.#listener.roomBytes())
    message.firstSeq = seq >>> 0
    message.firstAck = ack >>> 0
    message.firstByteAtUs = atUs
    message.lastByteAtUs = atUs
    return message
  }

  #begin(atUs: number, seq: number, ack: number): void {
    this.#message = this.#takeMessage(atUs, seq, ack)
    this.#message.skippedBytes = this.skippedBytes
    this.#message.isNext = !this.isLost && this.messageCount > 0 && !this.#isNextDoubtful
    this.#isNextDoubtful = false
    this.#message.isInsideLost = this.#isInsideLost
    this.#hasStartLine = false
    this.#message.scan.lineStart = 0
    this.#message.scan.scannedTo = 0
    this.state = 'head'
  }

  #head(buffer: Uint8Array, at: number, to: number, atUs: number): number {
    const message = this.#message!
    const heldBytes = message.headBytes
    message.lastByteAtUs = atUs
    if (heldBytes === 0) {
      const end = this.#readHead(buffer, at, Math.min(to, at + this.#pool.limits.headMaxBytes))
      if (end >= 0) return end
      if (this.#message !== message) return -end
    }
    const taken = Math.min(to - at, this.#pool.limits.headMaxBytes - heldBytes)
    if (this.#pool.isFull && heldBytes + taken > headAlwaysBytes) return this.#refuseHead(at + taken)
    message.appendHead(buffer, at, at + taken)
    message.headEnd = message.headBytes
    if (heldBytes > 0) {
      const end = this.#readHead(message.head, 0, message.headBytes)
      if (end >= 0) return at + end - heldBytes
      if (this.#message !== message) return at + Math.max(0, -end - heldBytes)
    }
    message.fields.bytes = message.head
    message.fields.base = 0
    if (message.headBytes >= this.#pool.limits.headMaxBytes) {
      this.#pool.counters.headTooLongCount++
      message.report('http.head-too-long')
      this.#giveUp()
      this.#lose()
    }
    return at + taken
  }

  /** All flows together hold too much: a long head that is not complete is not kept. */
  #refuseHead(end: number): number {
    this.#pool.counters.bufferOverflowCount++
    this.#giveUp()
    this.#lose()
    return end
  }

  /**
   * Reads as much of the head in `bytes[base, to)` as there is. Returns the index behind it; or below 0 if it is not complete or
   * no message: then `#message` is gone and the negated value is where to go on (never 0, as something was read).
   */
  #readHead(bytes: Uint8Array, base: number, to: number): number {
    const message = this.#message!
    message.fields.bytes = bytes
    message.fields.base = base
    if (!this.#hasStartLine) {
      const end = this.#readStartLine(bytes, base, to)
      if (end <= 0) return end
      this.#hasStartLine = true
      message.scan.lineStart = end - base
      if (message.startLine.version === 9) return this.#headDone(end, base)
    }
    const end = scanFields(bytes, base, to, message.scan, message.fields, message.report)
    return end === needMore ? needMore : this.#headDone(end, base)
  }

  /** The index behind the start line; else as `#readHead`. */
  #readStartLine(bytes: Uint8Array, base: number, to: number): number {
    const line = this.#message!.startLine
    const { scan } = this.#message!
    let lf = scan.scannedTo > 0 ? -1 : this.#readPlainStartLine(bytes, base, to, line)
    if (lf < 0) {
      if (!this.isRequest && !mayBecomeVersion(bytes, base, to)) {
        // No status line starts here; one may start inside the line, since nothing needs to end what came before.
        return -this.#reject(1, base + 1)
      }
      lf = indexOfLf(bytes, base + scan.scannedTo, to)
      if (lf < 0) {
        scan.scannedTo = to - base
        return needMore
      }
      let end = lf
      while (end > base && bytes[end - 1] === CR) end--
      if (!this.#readOddStartLine(bytes, base, end)) return -this.#reject(lf + 1 - base, lf + 1)
    }
    line.methodEnd -= base
    line.targetStart -= base
    line.targetEnd -= base
    return lf + 1
  }

  #readPlainStartLine(bytes: Uint8Array, base: number, to: number, line: StartLine): number {
    return this.isRequest ? readPlainRequestLine(bytes, base, to, line) : readPlainStatusLine(bytes, base, to, line)
  }

  #readOddStartLine(bytes: Uint8Array, from: number, to: number): boolean {
    const message = this.#message!
    const line = message.startLine
    const isStart = this.isRequest ? parseRequestLine(bytes, from, to, line) : parseStatusLine(bytes, from, to, line)
    if (!isStart) return false
    if (this.isLost && (line.version === 9 || line.isVersionMalformed || line.hasInnerSpace)) return false
    if (line.isVersionMalformed) message.report('http.version-malformed')
    if (line.version === 9) message.report('http.version-0.9')
    if (line.hasInnerSpace) message.report('http.target-with-space')
    return true
  }

  /** No message starts here: skip `skippedBytes` and look for one from `end` on. */
  #reject(skippedBytes: number, end: number): number {
    const message = this.#message!
    const wasLost = this.isLost
    this.skippedBytes += skippedBytes
    if (!wasLost) message.report('http.start-line-invalid')
    this.#message = undefined
    this.#pool.give(message)
    this.#lose()
    if (!this.isRequest && !wasLost && this.messageCount === 0 && this.#listener.isBareAnswer()) {
      this.#pool.counters.anomaly('http.response-without-head')
      this.state = 'bare'
    }
    return end
  }

  #headDone(end: number, base: number): number {
    const message = this.#message!
    message.headEnd = end - base
    this.messageCount++
    this.skippedBytes = 0
    this.#isBehindGap = false
    if (this.isLost) {
      this.isLost = false
      message.report('http.resynchronized')
    }
    if (message.isInsideLost && this.isRequest) message.report('http.request-doubtful')
    const rule = this.#listener.head(message, this.isRequest)
    if (rule === 'opaque') {
      this.#end()
      this.state = 'opaque'
      return end
    }
    if (rule === 'none' || message.startLine.version === 9) {
      this.#end()
      return end
    }
    frameBody(message.fields, this.isRequest, framing, message.report)
    // RFC 9112 §6.1: whoever knows but 1.0 reads other content than whoever knows the field.
    if (framing.kind === 'chunked' && message.startLine.version < 11) message.report('http.transfer-encoding-in-1.0')
    message.transferCodings = framing.transferCodings
    switch (framing.kind) {
      case 'none':
        this.#end()
        break
      case 'length':
        this.#remainingBytes = framing.lengthBytes
        if (this.#remainingBytes === 0) this.#end()
        else this.state = 'length'
        break
      case 'chunked':
        this.#chunked ??= new ChunkedBody()
        this.#chunked.reset()
        this.state = 'chunked'
        break
      case 'until-close':
        this.state = 'until-close'
    }
    return end
  }

  #content(buffer: Uint8Array, at: number, to: number, atUs: number): number {
    const message = this.#message!
    message.lastByteAtUs = atUs
    if (this.state === 'chunked') return this.#chunks(buffer, at, to)
    if (this.state === 'until-close') {
      message.appendContent(buffer, at, to)
      return to
    }
    const end = Math.min(to, at + this.#remainingBytes)
    message.appendContent(buffer, at, end)
    this.#remainingBytes -= end - at
    if (this.#remainingBytes === 0) this.#end()
    return end
  }

  #chunks(buffer: Uint8Array, at: number, to: number): number {
    const message = this.#message!
    const chunked = this.#chunked!
    const end = chunked.push(buffer, at, to, message, this.#pool.limits)
    if (chunked.isOdd) message.report('http.chunk-size-odd')
    if (chunked.hasOddLineEnd) message.report('http.chunk-line-end-odd')
    if (chunked.state === 'done') this.#end()
    else if (chunked.state === 'malformed') {
      message.report('http.chunk-malformed')
      message.isIncomplete = true
      this.#giveUp()
      this.#lose()
    }
    return end
  }

  #end(): void {
    const message = this.#message!
    this.#message = undefined
    this.state = 'start'
    message.isEnded = true
    this.#listener.ended(message, this.isRequest)
  }

  /** Ends the message as it is: what is missing will not come. A head that is not complete is no message. */
  #giveUp(): void {
    const message = this.#message
    if (message === undefined) return
    if (this.state === 'head') {
      this.#message = undefined
      this.state = 'start'
      this.#giveUpHead(message)
      return
    }
    if (message.isIncomplete) message.report('http.content-incomplete')
    this.#end()
  }

  /**
   * The rest of a response's head is missing. Its status is known; whether content follows, nobody knows. Of a request that would be too
   * little: without its host or its credentials it would be taken for another.
   */
  #cutHead(): void {
    const message = this.#message!
    message.headEnd = message.headBytes
    message.report('http.head-incomplete')
    this.messageCount++
    this.skippedBytes = 0
    this.#listener.head(message, this.isRequest)
    this.#end()
  }

  #giveUpHead(message: Message): void {
    this.skippedBytes += message.headBytes
    this.#pool.counters.anomaly('http.head-incomplete')
    this.#pool.give(message)
  }

  #lose(): void {
    this.state = 'start'
    this.isLost = true
    this.#isAmidLine = false
    this.#listener.lost()
  }

  /**
   * While lost: index of the next line that may become a start line; `to` when there is none. Behind a gap the bytes handed in count as a line, as nobody
   * knows what they follow. Responses are looked for inside lines as well, since nothing needs to end the content before them.
   */
  #findStart(bytes: Uint8Array, from: number, to: number): number {
    let at = from
    if (this.#isAmidLine && this.isRequest && !this.#isBehindGap && !this.mayStartAnywhere) at = nextLine(bytes, at, to)
    while (at < to) {
      if (mayBecomeStartLine(bytes, at, to, this.isRequest)) break
      at = this.isRequest ? nextLine(bytes, at, to) : nextVersion(bytes, at + 1, to)
    }
    this.#isAmidLine = at === to && bytes[to - 1] !== LF
    this.skippedBytes += at - from
    return at
  }
}

/** So much of a head that is not complete is kept in any case. */
const headAlwaysBytes = 4_096

/** Empty lines before a message are skipped. RFC 9112 §2.2. */
function skipLineEnds(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] === LF || bytes[at] === CR)) at++
  return at
}

function nextLine(bytes: Uint8Array, from: number, to: number): number {
  const lf = indexOfLf(bytes, from, to)
  return lf < 0 ? to : lf + 1
}

/** The next `H` that starts `HTTP/1.`, as far as the bytes go. */
function nextVersion(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (bytes[i] === 0x48 && mayBecomeStartLine(bytes, i, to, false)) return i
  }
  return to
}
