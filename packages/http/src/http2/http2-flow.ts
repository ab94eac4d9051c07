/**
 * Both directions of one HTTP/2 connection → transactions, one a stream, each handed to a sink, borrowed, when both halves of its stream have
 * ended or one side reset it. RFC 9113, RFC 8441. Has the shape of net's StreamConsumer, as `HttpFlow` has, which makes one of these
 * where it meets HTTP/2; whoever has decrypted bytes gives them to either.
 *
 *     c2s bytes ──► frames ──► HPACK ──┐
 *                                      ├─► streams ──► sink(RawTransaction)
 *     s2c bytes ──► frames ──► HPACK ──┘
 *
 * @long: one life cycle, whose steps share its state.
 */

import { looksLikeText } from '../coding-ways.js'
import { forgetDecoded } from '../content.js'
import type { AnomalyName, FlowAnomalyName, HttpCounters, HttpLimits } from '../http-limits.js'
import type { Message, MessagePool } from '../message.js'
import type { Proxied } from '../proxy-protocol.js'
import type { RawTransactionSink } from '../raw-transaction.js'
import { HeaderBlock, HpackDecoder } from './hpack.js'
import { absent, fillRequest, fillResponse, fillTrailers, pseudo, readPseudo, statusOf, textOf } from './http2-head.js'
import { type FrameListener, type FrameOddity, Http2Parser } from './http2-parser.js'
import { Http2Stream, streamBytes } from './http2-stream.js'

export interface Http2FlowOptions {
  readonly pool: MessagePool
  readonly sink: RawTransactionSink
  /** The flow was joined after its start. */
  readonly midStream: boolean
  /**
   * What the first bytes of each direction are. Default: `midway` when `midStream`, else `start`: the client's begin with the preface, the server's
   * with a frame.
   */
  readonly from?: 'start' | 'midway'
  /** The peer taken for the server sends the requests. */
  readonly reversed?: boolean
  readonly proxied?: Proxied | undefined
  /** 0-based position of the first request in its flow: so many came by HTTP/1 before. */
  readonly flowIndex?: number
}

type Direction = 'c2s' | 's2c'

/** Filled and read for one block after the other. */
const block = new HeaderBlock()
const settingTableBytes = 1
const settingFrameMaxBytes = 5
/** A client that resets so many streams, and more than half of all, does not want answers. */
const rapidResetMin = 100
/** What one costs with nothing in it, beyond a flow of HTTP/1, as measured. */
const flowBytes = 2_048
/** A stream is kept up to this size, however much all others hold, if it is the only one. */
const waitingAlwaysBytes = 8_192
/** RFC 9110 §15. */
const interimStatusMin = 100
const finalStatusMin = 200
const redirectionStatusMin = 300

export class Http2Flow implements FrameListener {
  reversed: boolean
  readonly #pool: MessagePool
  readonly #limits: HttpLimits
  readonly #counters: HttpCounters
  readonly #options: Http2FlowOptions
  #requests: Http2Parser
  #responses: Http2Parser
  #requestFields: HpackDecoder
  #responseFields: HpackDecoder
  /** Oldest first. */
  readonly #streams = new Map<number, Http2Stream>()
  #touched: Http2Stream[] = []
  /** Held by the streams, and by parsers and tables beside. */
  #streamsBytes = 0
  #overheadBytes = 0
  #requestCount: number
  #lastRequestId = 0
  #lastPushId = 0
  /** Every byte was seen so far: what is not known was never there. */
  #isWhole: boolean
  /** It is known which direction carries the requests. */
  #hasSides: boolean
  #endedDirections = 0
  #isDead = false
  #clientResetCount = 0
  /** What was odd while no message of that direction was being read; made when there is something. */
  #noted: { readonly requests: Set<Oddity>; readonly responses: Set<Oddity> } | undefined

  constructor(options: Http2FlowOptions) {
    const { pool, midStream } = options
    const from = options.from ?? (midStream ? 'midway' : 'start')
    const isStart = from === 'start'
    const blockMaxBytes = pool.limits.headMaxBytes
    this.#options = options
    this.#pool = pool
    this.#limits = pool.limits
    this.#counters = pool.counters
    this.reversed = options.reversed === true
    this.#requestCount = options.flowIndex ?? 0
    this.#isWhole = isStart
    this.#hasSides = isStart
    this.#requests = new Http2Parser(this, isStart ? 'preface' : 'midway', blockMaxBytes)
    this.#responses = new Http2Parser(this, isStart ? 'frames' : 'midway', blockMaxBytes)
    this.#requestFields = new HpackDecoder(isStart)
    this.#responseFields = new HpackDecoder(isStart)
    this.#counters.http2FlowCount++
    this.#countOverhead()
  }

  /** The client's bytes go on behind `PRI * HTTP/2.0` and the empty line. */
  skipPrefaceHead(): void {
    this.#requests.skipPrefaceHead()
  }

  /** `request` came by HTTP/1 and is answered on stream 1 (RFC 7540 §3.2); it belongs to this flow now. */
  adopt(request: Message): void {
    const stream = this.#open(1)
    request.keep()
    stream.isUpgraded = true
    stream.setRequest(request)
    stream.isRequestEnded = true
    this.#lastRequestId = 1
    this.#count(stream)
  }

  bytes(
    direction: Direction,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    if (this.#isDead) {
      this.#counters.opaqueBytes += to - from
      return
    }
    this.#half(direction).bytes(buffer, from, to, atUs, seq, ack)
    this.#settleCall()
  }

  gap(direction: Direction, missedBytes: number, _atUs: number): void {
    if (this.#isDead) return
    this.#half(direction).gap(missedBytes)
    this.#settleCall()
  }

  /** The connection tells something odd of this direction: see `HttpFlow`. */
  anomaly(direction: Direction, name: FlowAnomalyName): void {
    if (!this.#isDead) this.#note(this.#half(direction), name)
  }

  end(direction: Direction, _reason: string, _atUs: number): void {
    const bit = direction === 'c2s' ? 1 : 2
    if ((this.#endedDirections & bit) !== 0) return
    this.#endedDirections |= bit
    if (this.#endedDirections !== 3) return
    this.#flush()
    this.#close()
  }

  /** See `HttpFlow`. */
  abandon(): void {
    for (const stream of this.#streams.values()) {
      stream.request?.release()
      stream.response?.release()
      if (stream.isHeld) this.#pool.heldHandshakeCount--
    }
    this.#pool.count(-streamBytes * this.#streams.size)
    this.#streams.clear()
    this.#touched = []
    this.#close()
  }

  headerBlock(half: Http2Parser, bytes: Uint8Array, from: number, to: number): void {
    const decoder = this.#fieldsOf(half)
    decoder.decode(bytes, from, to, block, this.#limits.headMaxBytes)
    readPseudo(block)
    if (!this.#hasSides) this.#findSides(half)
    const isRequest = half === this.#requests
    if (block.isMalformed) {
      this.#report(half, 'http2.hpack-malformed')
      this.#dropBlock(half, half.streamId)
    } else if (half.promisedStreamId !== 0) this.#promise(half)
    else if (isRequest) this.#requestBlock(half)
    else this.#responseBlock(half)
  }

  blockLost(half: Http2Parser, streamId: number): void {
    this.#isWhole = false
    this.#fieldsOf(half).forget()
    this.#report(half, 'http2.header-block-lost')
    this.#dropBlock(half, streamId)
  }

  data(half: Http2Parser, buffer: Uint8Array, from: number, to: number): void {
    const stream = this.#streams.get(half.streamId)
    if (stream === undefined) {
      this.#strayFrame(half)
      return
    }
    const isRequest = half === this.#requests
    if (stream.isTunnel) {
      this.#tunnel(stream, isRequest, half, buffer, from, to)
      return
    }
    const message = stream.message(isRequest)
    if (message === undefined || stream.isEnded(isRequest)) return
    message.appendContent(buffer, from, to)
    message.lastByteAtUs = half.atUs
    stream.content(isRequest, buffer, from, to)
    this.#touch(stream)
  }

  dataMissed(half: Http2Parser, missedBytes: number): void {
    const stream = this.#streams.get(half.streamId)
    if (stream === undefined) return
    const isRequest = half === this.#requests
    if (stream.isTunnel) {
      const frames = isRequest ? stream.clientFrames : stream.serverFrames
      frames?.gap(missedBytes)
      return
    }
    const message = stream.message(isRequest)
    if (message === undefined) return
    message.missedBytes += missedBytes
    if (missedBytes > 0) message.isIncomplete = true
    stream.contentMissed(isRequest, missedBytes)
    this.#touch(stream)
  }

  dataEnded(half: Http2Parser): void {
    const stream = this.#streams.get(half.streamId)
    if (stream !== undefined) this.#endHalf(stream, half)
  }

  reset(half: Http2Parser, errorCode: number): void {
    const stream = this.#streams.get(half.streamId)
    if (stream === undefined) return
    if (half === this.#requests) this.#clientResetCount++
    if (!stream.isPublished) stream.resetCode = errorCode
    if (errorCode === noError && half === this.#responses && isAllSent(stream)) this.#endHalf(stream, half)
    if (this.#streams.get(stream.id) === stream) this.#finish(stream)
  }

  /** RFC 9113 §6.8: those above the last one will not be answered. */
  goAway(half: Http2Parser, lastStreamId: number): void {
    this.#counters.http2GoAwayCount++
    const isOwn = half === this.#responses ? 1 : 0
    for (const stream of [...this.#streams.values()]) {
      if (stream.id > lastStreamId && stream.id % 2 === isOwn) this.#finish(stream)
    }
  }

  setting(half: Http2Parser, identifier: number, value: number): void {
    const other = half === this.#requests ? this.#responses : this.#requests
    if (identifier === settingTableBytes) {
      const decoder = this.#fieldsOf(other)
      decoder.allowedBytes = Math.max(decoder.allowedBytes, value)
    } else if (identifier === settingFrameMaxBytes && other.frameMaxBytes > 0) {
      other.frameMaxBytes = Math.max(other.frameMaxBytes, value)
    }
  }

  /** Frames may be among the missed bytes, header blocks with them. */
  lost(half: Http2Parser, missedBytes: number): void {
    const isRequest = half === this.#requests
    this.#isWhole = false
    this.#fieldsOf(half).forget()
    for (const stream of [...this.#streams.values()]) {
      if (stream.isTunnel) {
        const frames = isRequest ? stream.clientFrames : stream.serverFrames
        frames?.gap(Number.MAX_SAFE_INTEGER)
        continue
      }
      const message = stream.message(isRequest)
      if (message === undefined) {
        if (!isRequest && stream.request !== undefined) stream.request.doubtedBytes += missedBytes
        continue
      }
      if (stream.isEnded(isRequest)) continue
      message.missedBytes += missedBytes
      message.isIncomplete = true
      stream.contentMissed(isRequest, Number.MAX_SAFE_INTEGER)
      // That it ended may have been among them.
      if (isRequest) stream.isRequestEndDoubtful = true
      if (isRequest && stream.isResponseEnded) this.#finish(stream)
    }
  }

  found(half: Http2Parser): void {
    this.#report(half, 'http.resynchronized')
  }

  dead(_half: Http2Parser): void {
    this.#counters.anomaly('http2.preface-invalid')
    this.#counters.opaqueFlows.http2++
    this.#flush()
    this.#close()
  }

  oddity(half: Http2Parser, name: FrameOddity): void {
    this.#report(half, name)
  }

  #requestBlock(half: Http2Parser): void {
    const known = this.#streams.get(half.streamId)
    if (known !== undefined) {
      this.#trailers(known, half, true)
      return
    }
    const id = half.streamId
    const isNew = id > this.#lastRequestId && id % 2 === 1
    if (id === 0 || (!isNew && (this.#isWhole || pseudo.method === absent))) {
      this.#strayFrame(half)
      return
    }
    const hasTarget = pseudo.path !== absent || textOf(block, pseudo.method) === 'CONNECT'
    // Trailers of a request that was not seen.
    if (pseudo.method === absent && !hasTarget && block.unknownCount === 0 && !this.#isWhole) return
    this.#lastRequestId = Math.max(this.#lastRequestId, id)
    const stream = this.#open(id)
    if (pseudo.method === absent || !hasTarget || block.isTooLong) this.#refuseRequest()
    else this.#takeRequest(stream, half)
    if (half.endsStream) this.#endHalf(stream, half)
    this.#count(stream)
  }

  /** A request of which the method, the target or part of the fields is not known would be taken for another: its stream is passed over. */
  #refuseRequest(): void {
    this.#requestCount++
    if (block.isTooLong) {
      this.#counters.headTooLongCount++
      this.#counters.anomaly('http.head-too-long')
    } else if (block.unknownCount > 0 || !this.#isWhole) {
      this.#counters.http2UnknownRequestCount++
      this.#counters.anomaly('http2.request-unknown')
    } else this.#counters.anomaly('http2.pseudo-field-invalid')
  }

  #takeRequest(stream: Http2Stream, half: Http2Parser): void {
    const request = this.#message(half)
    const noted = this.#noted
    if (noted !== undefined) takeNoted(request, noted.requests)
    fillRequest(request, block)
    request.flowIndex = this.#requestCount++
    const scheme = textOf(block, pseudo.scheme).toLowerCase()
    if (scheme === 'http' || scheme === 'https') stream.scheme = scheme
    if (this.reversed) request.report('http.directions-swapped')
    const isRapid = this.#clientResetCount >= rapidResetMin && this.#clientResetCount * 2 > this.#requestCount
    if (isRapid) request.report('http2.rapid-reset')
    stream.setRequest(request)
    this.#touch(stream)
  }

  /** RFC 9113 §8.4: the server tells the request that it answers unasked. */
  #promise(half: Http2Parser): void {
    const id = half.promisedStreamId
    if (half !== this.#responses || id % 2 === 1 || id <= this.#lastPushId) {
      this.#report(half, 'http2.frame-malformed')
      return
    }
    this.#lastPushId = id
    const stream = this.#open(id)
    stream.isPushed = true
    if (pseudo.method === absent || pseudo.path === absent || block.isTooLong) this.#refuseRequest()
    else this.#takeRequest(stream, half)
    stream.isRequestEnded = true
    if (stream.request !== undefined) stream.request.isEnded = true
    this.#count(stream)
  }

  #responseBlock(half: Http2Parser): void {
    const stream = this.#streams.get(half.streamId)
    if (stream === undefined) {
      this.#strayResponse(half)
      return
    }
    if (stream.response !== undefined || stream.isTunnel) {
      this.#trailers(stream, half, false)
      return
    }
    const status = statusOf(block)
    if (status >= interimStatusMin && status < finalStatusMin) {
      this.#counters.interimResponseCount++
      return
    }
    if (stream.request !== undefined) this.#takeResponse(stream, stream.request, half, status)
    if (half.endsStream) this.#endHalf(stream, half)
    else this.#count(stream)
  }

  #takeResponse(stream: Http2Stream, request: Message, half: Http2Parser, status: number): void {
    if (status === absent) {
      if (!stream.isStatusUnknown)
        request.report(block.unknownCount > 0 ? 'http2.status-unknown' : 'http2.pseudo-field-invalid')
      stream.isStatusUnknown = true
      return
    }
    const response = this.#message(half)
    if (this.#noted !== undefined) takeNoted(response, this.#noted.responses)
    fillResponse(response, block, status)
    if (block.isTooLong) {
      this.#counters.headTooLongCount++
      response.report('http.head-too-long')
    }
    stream.setResponse(response)
    this.#touch(stream)
    if (status < redirectionStatusMin && request.hasMethod('CONNECT') && !half.endsStream)
      this.#openTunnel(stream, response)
  }

  /** RFC 9113 §8.5, RFC 8441 §5: what follows belongs to whatever is spoken there. */
  #openTunnel(stream: Http2Stream, response: Message): void {
    stream.isTunnel = true
    response.isEnded = true
    if (stream.request?.fields.first('upgrade')?.toLowerCase() !== 'websocket') {
      this.#publish(stream, false)
      return
    }
    stream.openWebSocket()
    if (this.#pool.heldHandshakeCount >= this.#limits.webSocketHeldMax) {
      this.#publish(stream, true)
      return
    }
    stream.isHeld = true
    stream.heldUntilUs = response.lastByteAtUs + this.#limits.webSocketHoldUs
    this.#pool.heldHandshakeCount++
    this.#touch(stream)
  }

  #tunnel(
    stream: Http2Stream,
    isRequest: boolean,
    { atUs }: Http2Parser,
    buffer: Uint8Array,
    from: number,
    to: number,
  ): void {
    this.#counters.opaqueBytes += to - from
    if (stream.isHeld && atUs >= stream.heldUntilUs) this.#publish(stream, true)
    const frames = isRequest ? stream.clientFrames : stream.serverFrames
    frames?.push(buffer, from, to)
  }

  #trailers(stream: Http2Stream, half: Http2Parser, isRequest: boolean): void {
    const message = stream.message(isRequest)
    if (stream.isEnded(isRequest)) {
      this.#strayFrame(half)
      return
    }
    if (message !== undefined && !stream.isTunnel) {
      // RFC 9113 §8.1: fields behind content end it.
      if (!half.endsStream || message.hasTrailers) message.report('http2.frame-unexpected')
      if (!message.hasTrailers && !block.isTooLong) fillTrailers(message, block)
      message.lastByteAtUs = half.atUs
    }
    if (half.endsStream) this.#endHalf(stream, half)
    else this.#count(stream)
  }

  /** The block says nothing that can be used; that its stream ends with it, it may have said. */
  #dropBlock(half: Http2Parser, streamId: number): void {
    const stream = this.#streams.get(streamId)
    if (stream === undefined || half.promisedStreamId !== 0) return
    const isRequest = half === this.#requests
    const message = stream.message(isRequest)
    if (message !== undefined) message.isIncomplete = true
    else if (!isRequest) stream.isStatusUnknown = true
    if (half.endsStream) this.#endHalf(stream, half)
  }

  #endHalf(stream: Http2Stream, half: Http2Parser): void {
    const isRequest = half === this.#requests
    if (stream.isEnded(isRequest)) return
    const message = stream.message(isRequest)
    if (isRequest) stream.isRequestEnded = true
    else stream.isResponseEnded = true
    if (message !== undefined && !stream.isPublished) {
      message.isEnded = true
      message.lastByteAtUs = half.atUs
      if (!stream.isTunnel)
        checkLength(message, isRequest ? stream.requestAnnouncedBytes : stream.responseAnnouncedBytes)
    }
    if (stream.isOver || (stream.isResponseEnded && stream.isRequestEndDoubtful)) this.#finish(stream)
    else this.#touch(stream)
  }

  /** Nothing more of it will come: it is published as it is. */
  #finish(stream: Http2Stream): void {
    if (!stream.isPublished && stream.request !== undefined) this.#publish(stream, false)
    for (const frames of [stream.clientFrames, stream.serverFrames]) {
      if (frames === undefined) continue
      const { frameCount, textMessageCount, binaryMessageCount } = frames.counts
      this.#counters.webSocketFrameCount += frameCount
      this.#counters.webSocketMessageCount += textMessageCount + binaryMessageCount
    }
    this.#remove(stream)
  }

  /** `isOpen`: what is spoken on it goes on. */
  #publish(stream: Http2Stream, isOpen: boolean): void {
    const { request, response } = stream
    if (request === undefined) return
    cutShort(request, stream.isRequestEnded || stream.isTunnel)
    if (response !== undefined) cutShort(response, stream.isResponseEnded || stream.isTunnel)
    forgetDecoded()
    settle(request, this.#limits)
    if (response !== undefined) settle(response, this.#limits)
    this.#counters.transactionCount++
    if (response === undefined) {
      this.#counters.unansweredRequestCount++
      request.missedBytes += request.doubtedBytes
    }
    const grpc = stream.grpcTraffic()
    if (grpc !== undefined) this.#counters.grpcMessageCount += grpc.c2s.messageCount + grpc.s2c.messageCount
    const view = this.#pool.view
    view.fill(request, response, this.#options.midStream, this.reversed)
    view.proxied = this.reversed ? undefined : this.#options.proxied
    view.webSocket = stream.webSocketTraffic(isOpen)
    view.scheme = stream.scheme
    view.http2 = {
      streamId: stream.id,
      isUpgraded: stream.isUpgraded,
      isPushed: stream.isPushed,
      resetCode: stream.resetCode,
    }
    view.grpc = grpc
    this.#letGo(stream)
    try {
      this.#options.sink(view)
    } catch (error) {
      request.release()
      response?.release()
      throw error
    } finally {
      view.webSocket = view.scheme = view.http2 = view.grpc = undefined
    }
    this.#pool.give(request)
    if (response !== undefined) this.#pool.give(response)
  }

  /** Its messages are nobody's any more. */
  #letGo(stream: Http2Stream): void {
    stream.isPublished = true
    stream.request = stream.response = undefined
    if (stream.isHeld) this.#pool.heldHandshakeCount--
    stream.isHeld = false
    this.#count(stream)
  }

  #open(id: number): Http2Stream {
    if (this.#streams.size >= this.#limits.pendingRequestsMax) this.#evictOldest()
    const stream = new Http2Stream(id)
    this.#streams.set(id, stream)
    this.#pool.count(streamBytes)
    return stream
  }

  #remove(stream: Http2Stream): void {
    if (!this.#streams.delete(stream.id)) return
    this.#pool.count(-streamBytes)
    this.#streamsBytes -= stream.countedBytes
    stream.countedBytes = 0
  }

  /** What it holds now. */
  #count(stream: Http2Stream): void {
    if (this.#streams.get(stream.id) !== stream) return
    const bytes = stream.heldBytes
    this.#streamsBytes += bytes - stream.countedBytes
    stream.countedBytes = bytes
  }

  #touch(stream: Http2Stream): void {
    if (stream.isTouched) return
    stream.isTouched = true
    this.#touched.push(stream)
  }

  /** The packet's bytes are about to go: what was lent of them is kept, and all that is held is counted. */
  #settleCall(): void {
    for (const stream of this.#touched) {
      stream.isTouched = false
      const { request, response } = stream
      request?.keep()
      response?.keep()
      if (request !== undefined && !stream.isCountedWaiting) {
        stream.isCountedWaiting = true
        request.countWaiting()
      }
      this.#count(stream)
    }
    this.#touched.length = 0
    this.#countOverhead()
    this.#keepToLimits()
  }

  #countOverhead(): void {
    const parsersBytes = this.#requests.heldBytes + this.#responses.heldBytes
    const tablesBytes = this.#requestFields.heldBytes + this.#responseFields.heldBytes
    const bytes = this.#isDead ? 0 : flowBytes + parsersBytes + tablesBytes
    if (bytes === this.#overheadBytes) return
    this.#pool.count(bytes - this.#overheadBytes)
    this.#overheadBytes = bytes
  }

  /** Content is left out first (`roomBytes`); then whoever holds too much gives up its oldest streams, and what its tables know. */
  #keepToLimits(): void {
    const { flowBufferedMaxBytes } = this.#limits
    while (this.#streams.size > 1 && (this.#streamsBytes > flowBufferedMaxBytes || this.#pool.isFull))
      this.#evictOldest()
    if (!this.#pool.isFull) return
    if (this.#streamsBytes > waitingAlwaysBytes) this.#evictOldest()
    if (this.#requestFields.heldBytes + this.#responseFields.heldBytes === 0) return
    this.#counters.anomaly('http2.table-not-kept')
    this.#isWhole = false
    this.#requestFields.forget()
    this.#responseFields.forget()
    this.#countOverhead()
  }

  /** What still comes of it belongs to nobody. */
  #evictOldest(): void {
    const [stream] = this.#streams.values()
    if (stream === undefined) return
    this.#counters.pendingOverflowCount++
    stream.request?.report('http2.stream-overflow')
    this.#finish(stream)
  }

  #message(half: Http2Parser): Message {
    const message = this.#pool.take(Math.max(0, this.#limits.flowBufferedMaxBytes - this.#streamsBytes))
    message.firstSeq = half.firstSeq
    message.firstAck = half.firstAck
    message.firstByteAtUs = half.firstByteAtUs
    message.lastByteAtUs = half.atUs
    return message
  }

  /** Of a stream that is over, or was never seen. */
  #strayFrame(half: Http2Parser): void {
    this.#counters.http2StrayFrameCount++
    if (this.#isWhole && half.streamId > this.#lastRequestId) this.#report(half, 'http2.frame-unexpected')
  }

  #strayResponse(half: Http2Parser): void {
    const status = statusOf(block)
    const isFinal = status >= finalStatusMin
    if (isFinal && (!this.#isWhole || half.streamId > this.#lastRequestId)) this.#counters.orphanResponseCount++
    else this.#strayFrame(half)
  }

  /** Joined midway: who asks is told by the first block that says a method or a status. */
  #findSides(half: Http2Parser): void {
    const isRequest = half === this.#requests
    const isAsking = pseudo.method !== absent || half.promisedStreamId !== 0
    if (!isAsking && pseudo.status === absent) return
    this.#hasSides = true
    // The server sends promises.
    const fromClient = isAsking && half.promisedStreamId === 0
    if (isRequest === fromClient) return
    this.reversed = !this.reversed
    const requests = this.#requests
    const fields = this.#requestFields
    this.#requests = this.#responses
    this.#requestFields = this.#responseFields
    this.#responses = requests
    this.#responseFields = fields
  }

  #flush(): void {
    for (const stream of [...this.#streams.values()]) this.#finish(stream)
  }

  /** Nothing is read or held any more. */
  #close(): void {
    this.#isDead = true
    this.#requests.stop()
    this.#responses.stop()
    this.#requestFields.forget()
    this.#responseFields.forget()
    this.#countOverhead()
  }

  #report(half: Http2Parser, name: AnomalyName): void {
    this.#counters.anomaly(name)
    this.#note(half, name)
  }

  /** It goes to the message that is being read, else to the request that was read last, else to the next message. */
  #note(half: Http2Parser, name: Oddity): void {
    const isRequest = half === this.#requests
    const stream = this.#streams.get(half.streamId)
    const message = stream?.message(isRequest)
    if (message !== undefined && (isRequest || stream?.isResponseEnded === false)) {
      message.note(name)
      return
    }
    this.#noted ??= { requests: new Set(), responses: new Set() }
    this.#noted[isRequest ? 'requests' : 'responses'].add(name)
  }

  #half(direction: Direction): Http2Parser {
    return (direction === 'c2s') !== this.reversed ? this.#requests : this.#responses
  }

  #fieldsOf(half: Http2Parser): HpackDecoder {
    return half === this.#requests ? this.#requestFields : this.#responseFields
  }
}

type Oddity = AnomalyName | FlowAnomalyName

/** RFC 9113 §7. */
const noError = 0

/**
 * A server that closes a stream without an error has sent what it had: Node 24 puts that in the place of the empty DATA frame that would end the stream, and
 * clients take it so. Unless it announced more.
 */
function isAllSent({ response, responseAnnouncedBytes }: Http2Stream): boolean {
  return response !== undefined && (responseAnnouncedBytes < 0 || responseAnnouncedBytes === response.encodedBytes)
}

function cutShort(message: Message, isEnded: boolean): void {
  if (!isEnded) message.isIncomplete = true
  if (message.isIncomplete) message.report('http.content-incomplete')
}

/** How content is coded may be among the fields that are not known: what is no text then has no known size. */
function settle(message: Message, limits: HttpLimits): void {
  message.settle(limits)
  if (message.contentBytes === 0 || !message.anomalies.includes('http2.fields-unknown')) return
  if (message.fields.first('content-encoding') !== undefined) return
  if (!looksLikeText(message.content)) message.contentBytes = undefined
}

/** RFC 9113 §8.1.1: who translates to HTTP/1 may believe either. */
function checkLength(message: Message, announced: number): void {
  if (announced < 0 || message.isIncomplete || message.encodedBytes === announced) return
  message.report('http2.content-length-mismatch')
}

function takeNoted(message: Message, noted: Set<Oddity>): void {
  for (const name of noted) message.note(name)
  noted.clear()
}
