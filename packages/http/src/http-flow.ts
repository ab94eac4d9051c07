/**
 * Both directions of one TCP connection → transactions. Takes what `net` gives (it has the shape of net's StreamConsumer) and
 * hands each transaction to a sink, borrowed.
 *
 *     c2s bytes ──► request parser ──head──► pairer ◄──head── response parser ◄── s2c bytes
 *                                              │ both complete, or no response will come
 *                                              ▼ sink(RawTransaction)
 *
 * Where the connection turns out to speak HTTP/2, all further bytes go to an `Http2Flow`.
 *
 * @long: one life cycle, whose steps share its state.
 */

import { forgetDecoded } from './content.js'
import { nameHashOf } from './field-list.js'
import type { FlowAnomalyName, HttpCounters } from './http-limits.js'
import { type ContentRule, Http1Parser, type MessageListener } from './http1-parser.js'
import { Http2Flow } from './http2/http2-flow.js'
import { findFrames } from './http2/http2-frame.js'
import type { Message, MessagePool } from './message.js'
import { guessProtocol } from './protocol-guess.js'
import { mayStartProxyHeader, needMoreOctets, notProxyHeader, type Proxied, ProxyHeader } from './proxy-protocol.js'
import type { RawTransactionSink } from './raw-transaction.js'
import { TransactionPairer } from './transaction-pairer.js'
import { WebSocketDirection, type WebSocketTraffic } from './web-socket.js'

export type FlowDirection = 'c2s' | 's2c'
export type FlowEnd = 'fin' | 'rst' | 'idle' | 'evicted' | 'end-of-capture'

export interface HttpFlowOptions {
  readonly pool: MessagePool
  readonly sink: RawTransactionSink
  /** The flow was joined after its start. */
  readonly midStream: boolean
  /** What a PROXY header said in front of what the bytes were decrypted from. */
  readonly proxied?: Proxied | undefined
  /** Makes the reader of what the connection carries from here on: TLS behind a PROXY header or a gap, or the inside of a CONNECT tunnel. */
  readonly openInner?: ((kind: InnerKind, proxied: Proxied | undefined) => InnerFlow) | undefined
}

export type InnerKind = 'tls' | 'tunnel'

/** Reads what `HttpFlow` does not, and counts it: the shape of net's StreamConsumer. */
export interface InnerFlow {
  bytes(
    direction: FlowDirection,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void
  gap(direction: FlowDirection, missedBytes: number, atUs: number): void
  end(direction: FlowDirection, reason: FlowEnd, atUs: number): void
  abandon(): void
}

const hostHash = nameHashOf('host')

type Opaque = keyof HttpCounters['opaqueFlows']

export class HttpFlow implements MessageListener {
  /** The peer taken for the server sends the requests. */
  reversed = false
  readonly #pool: MessagePool
  readonly #sink: RawTransactionSink
  readonly #midStream: boolean
  readonly #requests: Http1Parser
  readonly #responses: Http1Parser
  readonly #pairer: TransactionPairer
  #isOpaque = false
  /** No byte of the client's was read yet, or those so far may be a PROXY header. */
  #isAtStart: boolean
  #proxyHeader: ProxyHeader | undefined
  #proxied: Proxied | undefined
  #seenDirections = 0
  /** It is known which direction carries the requests. */
  #hasSides = false
  #endedDirections = 0
  #requestCount = 0
  /** The request whose response is being read; undefined for an interim or orphan response. */
  #answered: Message | undefined
  /** Behind a WebSocket handshake. The request of one that is not published yet, and until when it may wait. */
  #clientFrames: WebSocketDirection | undefined
  #serverFrames: WebSocketDirection | undefined
  #handshake: Message | undefined
  #handshakeDueUs = 0
  /** Reads all bytes once the connection speaks HTTP/2. */
  #http2: Http2Flow | undefined
  /** Reads all bytes once the connection speaks TLS, or tunnels. */
  #inner: InnerFlow | undefined
  readonly #openInner: HttpFlowOptions['openInner']
  /** What was odd below while no message of that direction was being read; made when there is something. */
  #noted: { readonly requests: Set<FlowAnomalyName>; readonly responses: Set<FlowAnomalyName> } | undefined

  constructor(options: HttpFlowOptions) {
    this.#pool = options.pool
    this.#sink = options.sink
    this.#midStream = options.midStream
    this.#proxied = options.proxied
    this.#openInner = options.openInner
    this.#isAtStart = !options.midStream
    this.#pairer = new TransactionPairer(options.midStream)
    this.#requests = new Http1Parser(true, options.pool, this)
    this.#responses = new Http1Parser(false, options.pool, this)
    this.#requests.mayStartAnywhere = options.midStream
  }

  bytes(
    direction: FlowDirection,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    if (this.#isOpaque) {
      if (this.#handshake !== undefined && atUs >= this.#handshakeDueUs) this.#publishHandshake(true)
      this.opaque(this.#parser(direction).isRequest, buffer, from, to, atUs, seq, ack)
      return
    }
    if (this.#isAtStart && direction === 'c2s' && from < to) {
      this.#readStart(buffer, from, to, atUs, seq, ack)
      return
    }
    if (!this.#hasSides) this.#findSides(direction, buffer, from, to)
    if (this.#isOpaque) {
      this.opaque(this.#parser(direction).isRequest, buffer, from, to, atUs, seq, ack)
      return
    }
    const parser = this.#parser(direction)
    if (this.#pairer.hasGap && parser === this.#responses) {
      this.#pairer.serverSpoke(seq, ack)
      this.#requests.otherSideSpoke()
    }
    parser.bytes(buffer, from, to, atUs, seq, ack)
    if (parser.isLost) this.#checkSearch()
  }

  gap(direction: FlowDirection, missedBytes: number, atUs: number): void {
    if (this.#http2 !== undefined) {
      this.#http2.gap(direction, missedBytes, atUs)
      return
    }
    if (this.#inner !== undefined) {
      this.#inner.gap(direction, missedBytes, atUs)
      return
    }
    this.#pairer.hasGap = true
    if (this.#isOpaque) {
      this.#webSocketOf(this.#parser(direction).isRequest)?.gap(missedBytes)
      return
    }
    const bytes = direction === 'c2s' ? this.#missedBehindStart(missedBytes) : missedBytes
    if (bytes <= 0) return
    const parser = this.#parser(direction)
    parser.gap(bytes)
    if (!parser.isLost) return
    if (parser === this.#responses) this.#pairer.doubtWaiting(bytes)
    else this.#pairer.requestsMissed(bytes)
  }

  /**
   * The connection tells something odd of this direction. It goes to the message that is being read there; else to the request that was read last, if it
   * still waits; else to the next message: so what is told came at the latest with the message's bytes, and behind those of the message before it.
   */
  anomaly(direction: FlowDirection, name: FlowAnomalyName): void {
    if (this.#http2 !== undefined) {
      this.#http2.anomaly(direction, name)
      return
    }
    const parser = this.#parser(direction)
    const isRequest = parser === this.#requests
    if (name === 'tcp.overlap-conflict') this.#contested(parser)
    const message = this.#handshake ?? parser.current ?? (isRequest ? this.#pairer.pending.at(-1) : undefined)
    if (message !== undefined) message.note(name)
    else if (!this.#isOpaque) {
      this.#noted ??= { requests: new Set(), responses: new Set() }
      this.#noted[isRequest ? 'requests' : 'responses'].add(name)
    }
  }

  /** Which of the bytes its receiver read, nobody knows: there may be a message more, or one less. */
  #contested(parser: Http1Parser): void {
    this.#pairer.hasGap = true
    parser.doubt()
    if (parser === this.#requests) this.#pairer.requestsContested(parser.state === 'head')
  }

  end(direction: FlowDirection, reason: FlowEnd, atUs: number): void {
    this.#http2?.end(direction, reason, atUs)
    this.#inner?.end(direction, reason, atUs)
    const bit = direction === 'c2s' ? 1 : 2
    if ((this.#endedDirections & bit) !== 0) return
    this.#endedDirections |= bit
    // As after a gap: what was held is no header, or the rest of one is not there.
    if (direction === 'c2s') this.#missedBehindStart(0)
    this.#parser(direction).end(reason === 'fin')
    if (this.#endedDirections !== 3) return
    this.#flush()
    this.#endWebSocket()
  }

  /** A message is read, or waits: ending the flow lets memory go. */
  isHolding(): boolean {
    if (this.#pairer.pending.length > 0 || this.#handshake !== undefined || this.#proxyHeader !== undefined) return true
    return this.#requests.current !== undefined || this.#responses.current !== undefined || this.#http2 !== undefined
  }

  roomBytes(): number {
    return this.#pairer.pending.length === 0
      ? this.#pool.limits.flowBufferedMaxBytes
      : this.#pool.limits.flowBufferedMaxBytes - this.#pairer.bufferedBytes
  }

  /** The first answer on a connection starts without a status line: HTTP/0.9, or something that receivers take for it. */
  isBareAnswer(): boolean {
    return !this.#midStream && this.#pairer.pending.length > 0
  }

  head(message: Message, isRequest: boolean): ContentRule {
    return isRequest ? this.#requestHead(message) : this.#responseHead(message)
  }

  opaque(
    isRequest: boolean,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    if (this.#http2 !== undefined) {
      this.#http2.bytes(isRequest === this.reversed ? 's2c' : 'c2s', buffer, from, to, atUs, seq, ack)
      return
    }
    if (this.#inner !== undefined) {
      this.#inner.bytes(isRequest === this.reversed ? 's2c' : 'c2s', buffer, from, to, atUs, seq, ack)
      return
    }
    this.#pool.counters.opaqueBytes += to - from
    this.#webSocketOf(isRequest)?.push(buffer, from, to)
  }

  lost(): void {
    this.#pairer.hasGap = true
  }

  /** A message is over; from here on it belongs to this flow. */
  ended(message: Message, isRequest: boolean): void {
    if (isRequest) this.#requestEnd(message)
    else this.#responseEnd(message)
  }

  #requestHead(request: Message): ContentRule {
    if (request.startLine.version === 20 && request.hasMethod('PRI') && request.fields.count === 0) {
      this.#startHttp2('start').skipPrefaceHead()
      return 'opaque'
    }
    this.#hasSides = true
    if (this.#noted !== undefined) takeNoted(request, this.#noted.requests)
    request.flowIndex = this.#requestCount++
    if (this.reversed) request.report('http.directions-swapped')
    // RFC 9112 §3.2: which of them holds, receivers do not agree.
    const { fields } = request
    const host = fields.indexOfHashed('host', hostHash, 0)
    if (host >= 0 && fields.indexOfHashed('host', hostHash, host + 1) >= 0) request.report('http.host-repeated')
    this.#pairer.add(request)
    if (this.#pairer.pending.length > this.#pool.limits.pendingRequestsMax) this.#evictOldest()
    return 'by-fields'
  }

  #responseHead(response: Message): ContentRule {
    this.#answered = undefined
    const status = response.status
    if (status >= 100 && status < 200 && status !== 101) {
      this.#pairer.match(response, true)
      return 'none'
    }
    if (this.#noted !== undefined) takeNoted(response, this.#noted.responses)
    const request = this.#pairer.match(response, false)
    this.#answered = request
    if (request !== undefined) {
      for (const skipped of this.#pairer.takeSkipped(request)) this.#publish(skipped, undefined)
    }
    if (status === 101 || (request?.hasMethod('CONNECT') === true && status < 300)) return 'opaque'
    if (status === 204 || status === 304 || request?.hasMethod('HEAD') === true) return 'none'
    return 'by-fields'
  }

  #requestEnd(request: Message): void {
    if (this.#isOpaque) {
      this.#pool.give(request)
      return
    }
    if (request.isPublished) this.#pool.give(request)
    else if (request.response?.isEnded === true) this.#publish(request, request.response)
    else {
      request.keep()
      request.countWaiting()
      this.#keepToLimits()
    }
  }

  /** Heads and trailers cannot be left out as content can: whoever holds too much gives up its oldest requests. */
  #keepToLimits(): void {
    const { pending } = this.#pairer
    if (pending.length === 0) return
    let bytes = pending.length === 1 ? 0 : this.#pairer.bufferedBytes
    while (pending.length > 1 && (bytes > this.#pool.limits.flowBufferedMaxBytes || this.#pool.isFull)) {
      bytes -= pending[0]!.bufferedBytes
      this.#evictOldest()
    }
    const last = pending[0]!
    if (this.#pool.isFull && last.isEnded && last.bufferedBytes > waitingAlwaysBytes) this.#evictOldest()
  }

  /** Its response, should it come, goes to nobody. */
  #evictOldest(): void {
    const request = this.#pairer.pending[0]!
    this.#pool.counters.pendingOverflowCount++
    request.report('http.pipeline-overflow')
    this.#pairer.evict(request, this.#answered === request)
    this.#publish(request, request.response)
  }

  #responseEnd(response: Message): void {
    const request = this.#answered
    this.#answered = undefined
    if (request === undefined || request.isPublished) {
      if (response.status >= 100 && response.status < 200 && response.status !== 101)
        this.#pool.counters.interimResponseCount++
      else this.#pool.counters.orphanResponseCount++
      if (response.status === 101) this.#goOpaque('tunnel')
      this.#pool.give(response)
      return
    }
    request.response = response
    const isTunnel = response.status === 101 || (request.hasMethod('CONNECT') && response.status < 300)
    if (isTunnel) {
      if (!request.isEnded) this.#requests.end(true)
      else if (response.status === 101 && isWebSocket(response)) this.#hold(request, response)
      else if (response.status === 101 && speaksNow(response) === 'h2c') {
        this.#upgrade(request)
        this.#pool.give(response)
        return
      } else this.#publish(request, response)
      this.#flush()
      if (response.status === 101) this.#goOpaque('tunnel')
      else this.#goInside('tunnel')
    } else if (request.isEnded) this.#publish(request, response)
    else response.keep()
  }

  #publish(request: Message, response: Message | undefined, webSocket?: WebSocketTraffic | undefined): void {
    this.#pairer.remove(request)
    if (this.#answered === request) this.#answered = undefined
    request.isPublished = true
    forgetDecoded()
    request.settle(this.#pool.limits)
    response?.settle(this.#pool.limits)
    this.#pool.counters.transactionCount++
    if (response === undefined) {
      this.#pool.counters.unansweredRequestCount++
      request.missedBytes += request.doubtedBytes
    }
    const view = this.#pool.view
    view.fill(request, response, this.#midStream, this.reversed)
    view.proxied = this.reversed ? undefined : this.#proxied
    view.webSocket = webSocket
    try {
      this.#sink(view)
    } catch (error) {
      // In no list any more, so that `abandon` would not find them.
      request.release()
      response?.release()
      throw error
    }
    view.webSocket = undefined
    request.response = undefined
    // The parser still holds a message that has not ended: it comes back through `ended`.
    if (request.isEnded) this.#pool.give(request)
    if (response !== undefined) this.#pool.give(response)
  }

  /** A WebSocket begins: its handshake waits, so that it can tell what was spoken. */
  #hold(request: Message, response: Message): void {
    this.#clientFrames = new WebSocketDirection()
    this.#serverFrames = new WebSocketDirection()
    if (this.#pool.heldHandshakeCount >= this.#pool.limits.webSocketHeldMax) {
      this.#publish(request, response, this.#webSocketTraffic(true))
      return
    }
    this.#pairer.remove(request)
    request.keep()
    response.keep()
    this.#handshake = request
    this.#handshakeDueUs = response.lastByteAtUs + this.#pool.limits.webSocketHoldUs
    this.#pool.heldHandshakeCount++
  }

  #publishHandshake(isOpen: boolean): void {
    const request = this.#handshake
    if (request === undefined) return
    this.#handshake = undefined
    this.#pool.heldHandshakeCount--
    this.#publish(request, request.response, this.#webSocketTraffic(isOpen))
  }

  #endWebSocket(): void {
    this.#publishHandshake(false)
    for (const frames of [this.#clientFrames, this.#serverFrames]) {
      if (frames === undefined) continue
      const { frameCount, textMessageCount, binaryMessageCount } = frames.counts
      this.#pool.counters.webSocketFrameCount += frameCount
      this.#pool.counters.webSocketMessageCount += textMessageCount + binaryMessageCount
    }
    this.#clientFrames = this.#serverFrames = undefined
  }

  #webSocketOf(isRequest: boolean): WebSocketDirection | undefined {
    return isRequest ? this.#clientFrames : this.#serverFrames
  }

  #webSocketTraffic(isOpen: boolean): WebSocketTraffic | undefined {
    if (this.#clientFrames === undefined || this.#serverFrames === undefined) return undefined
    return { c2s: { ...this.#clientFrames.counts }, s2c: { ...this.#serverFrames.counts }, isOpen }
  }

  /**
   * After a fault of ours in the midst of it: nothing of the flow is published any more, what it holds counts no longer, and no
   * buffer of it is used again, as nobody knows who else has it.
   */
  abandon(): void {
    this.#isOpaque = true
    this.#http2?.abandon()
    this.#inner?.abandon()
    for (const parser of [this.#requests, this.#responses]) parser.abandon()
    const handshake = this.#handshake
    this.#handshake = undefined
    if (handshake !== undefined) this.#pool.heldHandshakeCount--
    for (const request of handshake === undefined ? this.#pairer.pending : [handshake, ...this.#pairer.pending]) {
      request.release()
      request.response?.release()
    }
    this.#pairer.pending.length = 0
  }

  /** The connection goes on in HTTP/2, and there the request is answered. RFC 7540 §3.2. */
  #upgrade(request: Message): void {
    this.#pairer.remove(request)
    request.response = undefined
    this.#startHttp2('start').adopt(request)
  }

  /** From here on the connection speaks HTTP/2. `from`: with its first bytes, or nobody knows where. */
  #startHttp2(from: 'start' | 'midway'): Http2Flow {
    this.#flush()
    this.#isOpaque = true
    this.#http2 = new Http2Flow({
      pool: this.#pool,
      sink: this.#sink,
      midStream: this.#midStream,
      from,
      reversed: this.reversed,
      proxied: this.#proxied,
      flowIndex: this.#requestCount,
    })
    return this.#http2
  }

  /** No response will come any more. */
  #flush(): void {
    const { pending } = this.#pairer
    while (pending.length > 0) {
      const request = pending[0]!
      this.#publish(request, request.response)
    }
  }

  #parser(direction: FlowDirection): Http1Parser {
    return (direction === 'c2s') !== this.reversed ? this.#requests : this.#responses
  }

  /** A connection that was seen from its beginning may begin with a PROXY header; the stream starts behind it. */
  #readStart(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    let next = from
    if (this.#proxyHeader !== undefined || mayStartProxyHeader(buffer, from, to)) {
      this.#proxyHeader ??= new ProxyHeader(atUs, seq, ack)
      next = this.#proxyHeader.push(buffer, from, to)
      if (next === needMoreOctets) return
      if (next === notProxyHeader) {
        this.#giveUpProxyHeader()
        next = from
      } else this.#takeProxied(this.#proxyHeader)
    }
    this.#isAtStart = false
    if (next < to) this.bytes('c2s', buffer, next, to, atUs, (seq + (next - from)) >>> 0, ack)
  }

  #takeProxied({ proxied }: ProxyHeader): void {
    this.#proxied = proxied
    this.#proxyHeader = undefined
  }

  /** It was none: what is held of segments before was the stream. */
  #giveUpProxyHeader(): void {
    this.#isAtStart = false
    const header = this.#proxyHeader
    if (header === undefined) return
    this.#proxyHeader = undefined
    if (header.heldBeforeCount === 0) return
    this.bytes('c2s', header.held, 0, header.heldBeforeCount, header.atUs, header.seq, header.ack)
  }

  /** Returns how many of the client's missed bytes lie behind a PROXY header that is being skipped. */
  #missedBehindStart(missedBytes: number): number {
    if (!this.#isAtStart) return missedBytes
    const header = this.#proxyHeader
    const behind = header === undefined ? notProxyHeader : header.gap(missedBytes)
    if (behind === needMoreOctets) return 0
    if (header !== undefined && behind !== notProxyHeader) {
      this.#isAtStart = false
      this.#takeProxied(header)
      return behind
    }
    this.#giveUpProxyHeader()
    return missedBytes
  }

  /** Until a message was seen: what do these bytes speak, and who is the client? */
  #findSides(direction: FlowDirection, buffer: Uint8Array, from: number, to: number): void {
    const bit = direction === 'c2s' ? 1 : 2
    const isFirst = (this.#seenDirections & bit) === 0
    this.#seenDirections |= bit
    const parser = this.#parser(direction)
    // In the middle of a start line, the next bytes may look like anything.
    if (!isFirst && !parser.isLost) return
    const guess = guessProtocol(buffer, from, to)
    // The preface of HTTP/2 reads like a request.
    if (guess === 'http1-request' || guess === 'http1-response' || guess === 'http2') {
      this.#hasSides = true
      const isReversed = (guess !== 'http1-response') !== (direction === 'c2s')
      if (isReversed === this.reversed) return
      this.reversed = isReversed
      this.#requests.restart()
      this.#responses.restart()
      return
    }
    if (guess === 'other' && this.#requestCount === 0 && findFrames(buffer, from, to, 0) >= 0) {
      // A server may speak before the client's preface came; all else is the middle of a connection.
      const isStart = !this.#midStream && !this.#pairer.hasGap && isFirst && parser === this.#responses
      this.#startHttp2(isStart ? 'start' : 'midway')
      return
    }
    if (!isFirst) return
    if (guess === 'tls') {
      if (this.#requestCount === 0) this.#goInside(guess)
      return
    }
    const isAnswer = parser === this.#responses && this.isBareAnswer()
    if (guess === 'other' && !isAnswer) {
      parser.isLost = true
      this.lost()
    }
  }

  /** Nothing like HTTP in so many bytes: the rest is not looked at. */
  #checkSearch(): void {
    if (this.#requests.messageCount + this.#responses.messageCount > 0) return
    const max = this.#pool.limits.searchMaxBytes
    if (this.#requests.skippedBytes > max || this.#responses.skippedBytes > max * 16) this.#goOpaque('other')
  }

  /** Whoever reads the inside counts what it cannot read. */
  #goInside(kind: InnerKind): void {
    this.#inner = this.#openInner?.(kind, this.#proxied)
    if (this.#inner === undefined) this.#goOpaque(kind)
    else this.#isOpaque = true
  }

  #goOpaque(kind: Opaque): void {
    if (this.#isOpaque) return
    this.#isOpaque = true
    this.#pool.counters.opaqueFlows[kind]++
  }
}

/** The one request of a connection is kept up to this size, its buffers included, however much all others hold: most are smaller. */
const waitingAlwaysBytes = 8_192

/** RFC 6455 §4.2.2: the server's Upgrade names what the connection speaks now. */
function isWebSocket(response: Message): boolean {
  return speaksNow(response) === 'websocket'
}

function speaksNow({ fields }: Message): string | undefined {
  return fields.first('upgrade')?.trim().toLowerCase()
}

function takeNoted(message: Message, noted: Set<FlowAnomalyName>): void {
  for (const name of noted) message.note(name)
  noted.clear()
}
