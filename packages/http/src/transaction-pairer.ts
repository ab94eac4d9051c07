/**
 * Which response answers which request, on one HTTP/1 connection: in order (RFC 9112 §9.3), as long as every byte was seen and made sense. After
 * that there are two proofs. By succession: a response that starts where the one before ended answers the request behind the one
 * that that one answered; behind an interim response, the same. By number: a request acknowledges everything that the client has, so
 * its response starts at the request's ACK number. Pipelined requests share that number, and a client that sends another request
 * while some wait makes it lie: then it holds only where none waits in front.
 * What remains open is left unpaired: half a transaction is better than a wrong one.
 *
 * Holds the requests that wait, oldest first, at most `pendingRequestsMax`. Those given up before their response (`evict`) are still
 * owed one each: it goes to nobody.
 */

import type { Message } from './message.js'

const unknown = -1
/** Of a request that came without: with its SYN (RFC 7413). */
const noAck = 0

export class TransactionPairer {
  /** Oldest first. A request leaves when its response is complete, and it is too. */
  readonly pending: Message[] = []
  /** Not every byte was seen, or some were no message: order alone proves no pair. */
  hasGap: boolean
  /** Bytes missed behind the last request that is known, in which there may be others. */
  #missedBytes = 0
  #isContested = false
  /** Where the server's bytes last were since, and what they acknowledged; `hasServerSpoken`: there were some. */
  #hasServerSpoken = false
  #serverSeq = 0
  #serverAck = 0
  /** `flowIndex` of the request that the response before was for, or `unknown`; and whether that was an interim one. */
  #previous = unknown
  #isPreviousInterim = false
  /** Requests that were sent while others waited, of which the client had seen less. */
  #isStaggered = false
  #isStartChecked = false
  /** Evicted requests whose responses are to come; the last of them, its ACK number, and the last that others may be missing in front of. */
  #owedCount = 0
  #evictedTo = unknown
  #evictedAck = 0
  #evictedBehindMissed = unknown

  /** `hasGap`: the connection was joined after its start. */
  constructor(hasGap: boolean) {
    this.hasGap = hasGap
  }

  /** Bytes held by the requests that wait. */
  get bufferedBytes(): number {
    let bytes = 0
    for (const request of this.pending) bytes += request.bufferedBytes + (request.response?.bufferedBytes ?? 0)
    return bytes
  }

  add(request: Message): void {
    // What stands before the first is another protocol's greeting: SOCKS, for one.
    const openBytes = this.#missedBytes + (request.flowIndex === 0 ? 0 : request.skippedBytes)
    const isBehindMissed = openBytes >= requestMinBytes || (this.#missedBytes > 0 && request.skippedBytes > 0)
    request.isBehindMissed = isBehindMissed || request.isInsideLost
    request.isAmongMissed = request.isInsideLost || (isBehindMissed && !this.#isBehindAnswer(request))
    // What looked like a request may have been content, and the next one's start be part of it.
    this.#missedBytes = request.isInsideLost || this.#isContested ? requestMinBytes : 0
    if (request.isInsideLost) this.#hasServerSpoken = false
    const last = this.pending.at(-1)
    const isBehindWaiting = last !== undefined && last.response === undefined && last.firstAck !== request.firstAck
    if (isBehindWaiting && !this.hasGap) this.#isStaggered = true
    this.pending.push(request)
  }

  /** The oldest request leaves before its response came. `isAnswered`: that is being read. */
  evict(request: Message, isAnswered: boolean): void {
    this.remove(request)
    if (isAnswered || request.response !== undefined) return
    this.#owedCount++
    this.#evictedTo = request.flowIndex
    this.#evictedAck = request.firstAck
    if (request.isBehindMissed) this.#evictedBehindMissed = request.flowIndex
  }

  /**
   * The server had all that was missed in front of `request` when it sent bytes that the client had when it sent that: so nothing that was missed has the
   * same ACK number.
   */
  #isBehindAnswer({ firstSeq, firstAck }: Message): boolean {
    if (!this.#hasServerSpoken || firstAck === noAck) return false
    return ((this.#serverAck - firstSeq) | 0) >= 0 && ((this.#serverSeq - firstAck) | 0) < 0
  }

  /** Responses were missed, nobody knows how many: those that wait may have had theirs, and say so. */
  doubtWaiting(missedBytes: number): void {
    for (const request of this.pending) if (request.response === undefined) request.doubtedBytes += missedBytes
  }

  /**
   * Other bytes than those that were read may be what the server read: there may be requests that were not seen, from here on. `isInHead`: the one
   * that is being read comes before them.
   */
  requestsContested(isInHead: boolean): void {
    this.#isContested = true
    if (!isInHead) this.requestsMissed(requestMinBytes)
  }

  /** Requests may be among these bytes, nobody knows how many. */
  requestsMissed(missedBytes: number): void {
    this.#missedBytes += missedBytes
    this.#hasServerSpoken = false
  }

  /** The server sent bytes, the first of them of number `seq`, and had what it acknowledged. */
  serverSpoke(seq: number, ack: number): void {
    this.#hasServerSpoken = true
    this.#serverSeq = seq
    this.#serverAck = ack
  }

  /**
   * The request that `response` answers, or undefined for an orphan. Requests that turn out to have lost their response stay in front.
   * To be called for each response in turn, interim ones too: what one is for tells about the next.
   */
  match(response: Message, isInterim: boolean): Message | undefined {
    if (!this.hasGap && !this.#isStartChecked) this.#checkStart(response)
    const request = this.hasGap ? this.#matchAfterGap(response) : this.#matchInOrder(isInterim)
    this.#isPreviousInterim = isInterim
    if (request === undefined || (this.hasGap && isSentBefore(response, request))) return undefined
    this.#owedCount = 0
    this.#previous = request.flowIndex
    return request
  }

  /** Without the server's SYN nobody knows where its bytes start, but the request that waits for the first of them acknowledges all in front. */
  #checkStart({ firstSeq }: Message): void {
    const first = this.pending[this.#firstWaiting()]
    if (first === undefined) return
    this.#isStartChecked = true
    if (first.firstAck === noAck) return
    if (((firstSeq - first.firstAck) | 0) <= 0) return
    this.hasGap = true
    this.#isStaggered = false // It may have had its response.
  }

  #matchInOrder(isInterim: boolean): Message | undefined {
    if (this.#owedCount === 0) {
      const first = this.#firstWaiting()
      if (first < 0) this.#previous = unknown
      return this.pending[first]
    }
    this.#previous = this.#evictedTo - this.#owedCount + 1
    if (!isInterim) this.#owedCount--
    return undefined
  }

  #matchAfterGap(response: Message): Message | undefined {
    const { firstSeq, isNext } = response
    const previous = isNext ? this.#previous : unknown
    // A response inside lost content would have to stand at an exact number to be one.
    const isExactOnly = response.isInsideLost
    this.#previous = unknown
    if (previous === unknown) return this.#matchByNumber(firstSeq, 0, isExactOnly)
    const expected = this.#isPreviousInterim ? previous : previous + 1
    if (expected <= this.#evictedTo) {
      if (expected > this.#evictedBehindMissed) this.#previous = expected
      return undefined
    }
    const from = this.pending.findIndex((request) => request.flowIndex >= expected && request.response === undefined)
    const request = this.pending[from]
    if (request === undefined) return undefined
    const isSure = request.flowIndex === expected && (this.#isPreviousInterim || !request.isBehindMissed)
    if (!isSure) return this.#matchByNumber(firstSeq, from, isExactOnly)
    // The response started before the client had sent it.
    if (((firstSeq - request.firstAck) | 0) < 0) return undefined
    if (this.pending.at(-1)?.firstAck !== request.firstAck) this.#isStaggered = true
    return request
  }

  #matchByNumber(firstSeq: number, from: number, isExactOnly: boolean): Message | undefined {
    // An evicted request may be the one that is answered.
    if (this.#owedCount > 0 && (this.#isStaggered || ((firstSeq - this.#evictedAck) | 0) <= 0)) return undefined
    let last: Message | undefined
    let lastCount = 0
    for (let index = from; index < this.pending.length; index++) {
      const request = this.pending[index]!
      if (request.response !== undefined) continue
      // An exact number, unless it is shared with a request that was missed.
      if (request.firstAck === firstSeq) {
        const isOpen = this.#isStaggered ? last !== undefined || request.isBehindMissed : request.isAmongMissed
        return isOpen ? undefined : request
      }
      // The response started before the client had sent this request, and those behind it.
      if (((firstSeq - request.firstAck) | 0) < 0) break
      lastCount = this.#isStaggered || last?.firstAck === request.firstAck ? lastCount + 1 : 1
      last = request
    }
    if (last === undefined || lastCount > 1 || this.#missedBytes > 0 || isExactOnly) return undefined
    return last.doubtedBytes > 0 || last.isBehindMissed ? undefined : last
  }

  /** Requests in front of `request` that got no response, removed. */
  takeSkipped(request: Message): Message[] {
    const index = this.pending.indexOf(request)
    if (index <= 0) return noMessages
    const skipped = this.pending.filter((message, i) => i < index && message.response === undefined)
    if (skipped.length === 0) return noMessages
    for (const message of skipped) this.remove(message)
    return skipped
  }

  remove(request: Message): void {
    const index = this.pending.indexOf(request)
    if (index === 0) this.pending.shift()
    else if (index > 0) this.pending.splice(index, 1)
  }

  #firstWaiting(): number {
    for (let index = 0; index < this.pending.length; index++) {
      if (this.pending[index]!.response === undefined) return index
    }
    return -1
  }
}

/** The server had nothing of `request` yet, if its segments say what they had. */
function isSentBefore(response: Message, request: Message): boolean {
  return response.firstAck !== noAck && ((response.firstAck - request.firstSeq) | 0) <= 0
}

/** `GET / HTTP/1.1` and two line ends. */
const requestMinBytes = 16
const noMessages: Message[] = []
