/**
 * One request or response while it is read and until its transaction is published. Pooled: a message is taken, filled by the
 * parser, and given back; its buffers and tables are used again.
 *
 * Head and content are *lent* (they stand in the packet) until `keep` copies them; whoever holds a message when the packet's
 * bytes end must have called it. Invariant: `keptBytes <= encodedBytes`, and content beyond the limits is counted, not kept.
 * @long: a message, what shows it to readers, and the pool that counts its bytes, which nothing else may change.
 */

import { assert } from '@tapwarden/base/assert'
import { looksLikeGzip } from './coding-ways.js'
import { codingsOf, decodeContent } from './content.js'
import type { FieldScan } from './field-line.js'
import { FieldTable, nameHashOf } from './field-list.js'
import type { AnomalyName, FlowAnomalyName, HttpCounters, HttpLimits } from './http-limits.js'
import type { GrpcTraffic } from './http2/grpc.js'
import { latin1 } from './octets.js'
import type { Proxied } from './proxy-protocol.js'
import type { Http2Facts, RawRequest, RawResponse, RawTransaction } from './raw-transaction.js'
import { emptyStartLine, isMethod, methodText, versionText } from './start-line.js'
import type { WebSocketTraffic } from './web-socket.js'

const noBytes = new Uint8Array(0)
type Oddity = AnomalyName | FlowAnomalyName
const noAnomalies: readonly Oddity[] = []
const gzipAlone = ['gzip']
const textTypePattern = /^(?:text\/|application\/(?:[a-z.+-]*\+)?(?:json|xml|javascript|x-www-form-urlencoded)\b)/i
const contentEncodingHash = nameHashOf('content-encoding')
const initialHeadBytes = 1_024
const initialStoreBytes = 3_072
/** Beside what a waiting request holds: the buffers that it holds it in; its tables cost about as much again. */
const waitingBytes = initialHeadBytes + initialStoreBytes
/** Shares of all that may be held: from one on flows must leave, until there is as much room as the other says. */
const crowdedRatio = 0.875
const relievedRatio = 0.75
/** Heads of the first messages stand in one block, so that whoever reads kept and lent heads in turn meets two blocks only. */
const headBlockBytes = 262_144
/** Memory of the messages that wait to be used again. */
const freeMaxBytes = 33_554_432
/** Buffers larger than this are not kept for the next message. */
const pooledBufferMaxBytes = 131_072

export class Message implements RawRequest, RawResponse {
  readonly startLine = emptyStartLine()
  readonly fields = new FieldTable()
  /** While the head is read. Here and not in the parser, since idle connections have no message. */
  readonly scan: FieldScan = { lineStart: 0, scannedTo: 0 }
  readonly #trailerTable = new FieldTable()
  hasTrailers = false
  firstSeq = 0
  firstAck = 0
  firstByteAtUs = 0
  lastByteAtUs = 0
  missedBytes = 0
  /** Content is missing, or where it ends is not known. */
  isIncomplete = false
  /** The parser is done with it. */
  isEnded = false
  isPublished = false
  /** Of a request: 0-based position in its flow, and its response once that is complete. */
  flowIndex = 0
  /** Of a request: others may be missing right in front of it, and if so, unanswered when it was sent. */
  isBehindMissed = false
  isAmongMissed = false
  /** Of a request that waits: missed bytes among which its response may be. */
  doubtedBytes = 0
  /** Bytes in front of it that belong to no message. */
  skippedBytes = 0
  /** It was found in a segment that goes on with lost content, and may be part of that. */
  isInsideLost = false
  /** It starts where the message before it ended: nothing is missing between them. */
  isNext = false
  response: Message | undefined
  transferCodings = ''
  encodedBytes = 0
  contentBytes: number | undefined = 0
  contentTruncated = false
  /** `capacityBytes` as the pool counted them. */
  pooledBytes = 0
  /** So much content may be kept: what the flow has left. */
  roomBytes = 0

  /** Head bytes of our own, and how many of them belong to this message. */
  head: Buffer
  headBytes = 0
  #method: string | undefined
  #target: string | undefined
  #anomalies: Oddity[] | undefined
  #store = Buffer.allocUnsafeSlow(initialStoreBytes)
  #keptBytes = 0
  #lent: Uint8Array | undefined
  #lentFrom = 0
  #lentTo = 0
  /** Of the head, the trailers and waiting, as the pool counted them. */
  #countedBytes = 0
  #isOverflown = false
  #content: Uint8Array | undefined
  readonly #pool: MessagePool

  constructor(pool: MessagePool) {
    this.#pool = pool
    this.head = pool.headBuffer()
  }

  get method(): string {
    const line = this.startLine
    this.#method ??= methodText(this.fields.bytes, this.fields.base, this.fields.base + line.methodEnd)
    return this.#method
  }

  hasMethod(method: string): boolean {
    const { base, bytes } = this.fields
    return isMethod(bytes, base, base + this.startLine.methodEnd, method)
  }

  get target(): string {
    const { base, bytes } = this.fields
    this.#target ??= latin1(bytes, base + this.startLine.targetStart, base + this.startLine.targetEnd)
    return this.#target
  }

  /** Made when asked for: nobody looks at the content of most messages. */
  get content(): Uint8Array {
    this.#content ??= this.#encodedContent()
    return this.#content
  }

  get status(): number {
    return this.startLine.status
  }

  get httpVersion(): string {
    return versionText(this.startLine.version)
  }

  get trailers(): FieldTable | undefined {
    return this.hasTrailers ? this.#trailerTable : undefined
  }

  get trailerTable(): FieldTable {
    return this.#trailerTable
  }

  get anomalies(): readonly Oddity[] {
    return this.#anomalies ?? noAnomalies
  }

  /** What its buffers cost while it is free. */
  get capacityBytes(): number {
    return this.head.length + this.#store.length
  }

  /** Bytes held in memory for this message. */
  get bufferedBytes(): number {
    return this.#keptBytes + this.#countedBytes
  }

  /** It waits, its buffers with it: whatever is in them, they cost so much. */
  countWaiting(): void {
    this.#count(waitingBytes)
  }

  /** The trailers are held in a buffer of `bytes`. */
  countTrailers(bytes: number): void {
    this.#count(bytes)
  }

  #count(bytes: number): void {
    this.#countedBytes += bytes
    this.#pool.bufferedBytes += bytes
  }

  /** What it holds is no longer counted. */
  release(): void {
    this.#pool.bufferedBytes -= this.#keptBytes + this.#countedBytes
    this.#keptBytes = 0
    this.#countedBytes = 0
  }

  readonly report = (name: AnomalyName): void => {
    this.#pool.counters.anomaly(name)
    this.note(name)
  }

  /** Once each; the names are few, as they are spelled in code. */
  note(name: Oddity): void {
    this.#anomalies ??= []
    if (!this.#anomalies.includes(name)) this.#anomalies.push(name)
  }

  /** Appends `bytes[from, to)` to the head of our own, growing it. The caller keeps to the limit. */
  appendHead(bytes: Uint8Array, from: number, to: number): void {
    const end = this.headBytes + to - from
    if (end > this.head.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, this.head.length * 2))
      grown.set(this.head.subarray(0, this.headBytes))
      this.head = grown
    }
    this.head.set(bytes.subarray(from, to), this.headBytes)
    this.headBytes = end
    this.#count(to - from)
  }

  appendContent(bytes: Uint8Array, from: number, to: number): void {
    this.encodedBytes += to - from
    if (this.encodedBytes === to - from) {
      this.#lent = bytes
      this.#lentFrom = from
      this.#lentTo = to
      return
    }
    this.#keepContent()
    this.#storeContent(bytes, from, to)
  }

  /** Copies what is lent, because the packet's bytes are about to go. */
  keep(): void {
    if (this.fields.bytes !== this.head) {
      const { base, bytes } = this.fields
      const headEnd = this.headEnd
      this.headBytes = 0
      this.appendHead(bytes, base, base + headEnd)
      this.fields.bytes = this.head
      this.fields.base = 0
    }
    this.#keepContent()
  }

  /** Bytes from the start of the message to the end of its head. Known once the head is. */
  headEnd = 0

  /** Decodes the content, once, when the transaction is published. */
  settle(limits: HttpLimits): void {
    if (this.encodedBytes === 0) {
      this.contentBytes = this.isIncomplete ? undefined : 0
      this.contentTruncated = this.isIncomplete
      return
    }
    const codings = this.#codings() ?? this.#unlabelledCodings()
    if (codings === undefined) {
      this.contentBytes = this.isIncomplete ? undefined : this.encodedBytes
      this.contentTruncated = this.isIncomplete || this.#heldBytes < this.encodedBytes
      return
    }
    const encoded = this.#encodedContent()
    const isAllHere = encoded.length === this.encodedBytes && !this.isIncomplete
    const decoded = decodeContent(encoded, codings, isAllHere, limits, this.report)
    this.#content = decoded.bytes
    this.contentBytes = decoded.totalBytes
    this.contentTruncated = decoded.isTruncated
    if (decoded.isHidden) this.#pool.counters.undecodedContentCount++
  }

  /** Encoded bytes of the content at hand, within the limit. */
  get #heldBytes(): number {
    if (this.#lent === undefined) return this.#keptBytes
    return Math.min(this.#lentTo - this.#lentFrom, this.#pool.limits.contentMaxBytes)
  }

  #encodedContent(): Uint8Array {
    const bytes = this.#heldBytes
    if (bytes === 0) return noBytes
    if (this.#lent === undefined) return this.#store.subarray(0, bytes)
    return this.#lent.subarray(this.#lentFrom, this.#lentFrom + bytes)
  }

  reset(): void {
    this.fields.clear()
    this.fields.bytes = noBytes
    this.#trailerTable.clear()
    this.#trailerTable.bytes = noBytes
    this.hasTrailers = false
    this.missedBytes = 0
    this.isIncomplete = false
    this.isEnded = false
    this.isPublished = false
    this.doubtedBytes = 0
    this.response = undefined
    this.transferCodings = ''
    this.encodedBytes = 0
    this.#content = undefined
    this.contentBytes = 0
    this.contentTruncated = false
    this.headBytes = 0
    this.headEnd = 0
    this.#method = undefined
    this.#target = undefined
    this.#anomalies = undefined
    this.release()
    this.#lent = undefined
    this.#isOverflown = false
    if (this.#store.length > pooledBufferMaxBytes) this.#store = Buffer.allocUnsafeSlow(initialStoreBytes)
    if (this.head.length > pooledBufferMaxBytes) this.head = Buffer.allocUnsafeSlow(initialHeadBytes)
  }

  #codings(): string[] | undefined {
    let index = this.fields.indexOfHashed('content-encoding', contentEncodingHash, 0)
    if (index < 0 && this.transferCodings === '') return undefined
    let values = ''
    for (; index >= 0; index = this.fields.indexOfHashed('content-encoding', contentEncodingHash, index + 1)) {
      values += `${this.fields.value(index)},`
    }
    const codings = codingsOf(values + this.transferCodings)
    return codings.length === 0 ? undefined : codings
  }

  /** Some senders compress text and do not say so. What is no text may well be a compressed file, and stays one. */
  #unlabelledCodings(): string[] | undefined {
    const first = this.#lent === undefined ? this.#store[0] : this.#lent[this.#lentFrom]
    if (first !== 0x1f || !looksLikeGzip(this.#encodedContent())) return undefined
    if (!textTypePattern.test(this.fields.first('content-type') ?? '')) return undefined
    this.report('http.content-coding-unlabelled')
    return gzipAlone
  }

  #keepContent(): void {
    const lent = this.#lent
    if (lent === undefined) return
    this.#lent = undefined
    this.#storeContent(lent, this.#lentFrom, this.#lentTo)
  }

  #storeContent(bytes: Uint8Array, from: number, to: number): void {
    const limits = this.#pool.limits
    const room = Math.min(this.roomBytes - this.#keptBytes, limits.totalBufferedMaxBytes - this.#pool.bufferedBytes)
    const count = Math.min(to - from, room)
    if (count < to - from && this.#keptBytes + to - from <= limits.contentMaxBytes && !this.#isOverflown) {
      this.#isOverflown = true
      this.#pool.counters.bufferOverflowCount++
      this.report('http.content-not-kept')
    }
    if (count <= 0) return
    const end = this.#keptBytes + count
    if (end > this.#store.length) {
      const grown = Buffer.allocUnsafe(Math.max(end, Math.min(this.#store.length * 4, limits.contentMaxBytes)))
      grown.set(this.#store.subarray(0, this.#keptBytes))
      this.#store = grown
    }
    this.#store.set(bytes.subarray(from, from + count), this.#keptBytes)
    this.#keptBytes = end
    this.#pool.bufferedBytes += count
  }
}

class TransactionView implements RawTransaction {
  #request: Message | undefined
  response: Message | undefined
  midStream = false
  reversed = false
  proxied: Proxied | undefined = undefined
  webSocket: WebSocketTraffic | undefined
  /** These three are undefined again once the sink has returned. */
  scheme: 'http' | 'https' | undefined
  http2: Http2Facts | undefined
  grpc: GrpcTraffic | undefined
  anomalies: readonly Oddity[] = noAnomalies

  get request(): Message {
    assert(this.#request !== undefined, 'a transaction is read only while its sink runs')
    return this.#request
  }

  get flowIndex(): number {
    return this.request.flowIndex
  }

  get firstSeq(): number {
    return this.request.firstSeq
  }

  get firstAck(): number {
    return this.request.firstAck
  }

  get missedBytes(): number {
    return this.request.missedBytes + (this.response?.missedBytes ?? 0)
  }

  fill(request: Message, response: Message | undefined, midStream: boolean, reversed: boolean): void {
    this.#request = request
    this.response = response
    this.midStream = midStream
    this.reversed = reversed
    const theirs = response?.anomalies ?? noAnomalies
    if (theirs.length === 0) this.anomalies = request.anomalies
    else this.anomalies = [...new Set([...request.anomalies, ...theirs])]
  }
}

/** Messages and their buffers, shared by all flows of one sensor. */
export class MessagePool {
  /** The transaction being published: one object, filled again for each. */
  readonly view = new TransactionView()
  readonly limits: HttpLimits
  readonly counters: HttpCounters
  /** Heads, trailers and content held by all messages that are taken, and what those cost that wait. */
  bufferedBytes = 0
  /** WebSocket handshakes that wait for the end of their connections. */
  heldHandshakeCount = 0
  readonly #free: Message[] = []
  #freeBytes = 0
  readonly #headBlock = Buffer.allocUnsafeSlow(headBlockBytes)
  #headBlockUsedBytes = 0

  constructor(limits: HttpLimits, counters: HttpCounters) {
    this.limits = limits
    this.counters = counters
  }

  /** Bytes that are held beside messages, or no longer, below 0. */
  count(bytes: number): void {
    this.bufferedBytes += bytes
  }

  /** No more is to be held. */
  get isFull(): boolean {
    return this.bufferedBytes > this.limits.totalBufferedMaxBytes
  }

  /** Nearly no more can be held: room is to be made before a message finds none. */
  get isCrowded(): boolean {
    return this.bufferedBytes > this.limits.totalBufferedMaxBytes * crowdedRatio
  }

  /** Enough room was made. */
  get isRelieved(): boolean {
    return this.bufferedBytes <= this.limits.totalBufferedMaxBytes * relievedRatio
  }

  /** `roomBytes`: content that its flow may still hold. */
  take(roomBytes: number): Message {
    const message = this.#free.pop() ?? new Message(this)
    this.#freeBytes -= message.pooledBytes
    message.pooledBytes = 0
    message.roomBytes = Math.min(roomBytes, this.limits.contentMaxBytes)
    return message
  }

  /** Of a new message. Behind the block's end each head is its own, so that the block is all that can outlive its use. */
  headBuffer(): Buffer {
    const from = this.#headBlockUsedBytes
    if (from + initialHeadBytes > headBlockBytes) return Buffer.allocUnsafeSlow(initialHeadBytes)
    this.#headBlockUsedBytes += initialHeadBytes
    return this.#headBlock.subarray(from, from + initialHeadBytes)
  }

  give(message: Message): void {
    message.reset()
    const bytes = message.capacityBytes
    if (this.#freeBytes + bytes > freeMaxBytes) return
    message.pooledBytes = bytes
    this.#freeBytes += bytes
    this.#free.push(message)
  }
}
