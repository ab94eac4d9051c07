/**
 * Which response answers which request, on one HTTP/1 connection: in order (RFC 9112 §9.3), as long as every byte was seen. After
 * a gap by number: a request acknowledges everything that the client has, so its response starts at the request's ACK number.
 * Pipelined requests share that number; they are told apart by order, where the response follows the last one without a gap.
 * What remains open is left unpaired: half a transaction is better than a wrong one.
 *
 * Holds the requests that wait, oldest first, at most `pendingRequestsMax`.
 */

import type { Message } from './message.js'

export class TransactionPairer {
  /** Oldest first. A request leaves when its response is complete, and it is too. */
  readonly pending: Message[] = []
  /** Not every byte was seen: order alone proves no pair. */
  hasGap: boolean
  /** Bytes missed behind the last request that is known, in which there may be others; and whether the server spoke since. */
  #missedBytes = 0
  #hasAnswerSinceLack = false

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
    const isBehindMissed = this.#missedBytes >= requestMinBytes || (this.#missedBytes > 0 && request.skippedBytes > 0)
    request.isBehindMissed = isBehindMissed
    request.isAmongMissed = isBehindMissed && !this.#hasAnswerSinceLack
    this.#missedBytes = 0
    this.pending.push(request)
  }

  /** Responses were missed, nobody knows how many: those that wait may have had theirs, and say so. */
  doubtWaiting(missedBytes: number): void {
    this.#hasAnswerSinceLack = true
    for (const request of this.pending) if (request.response === undefined) request.doubtedBytes += missedBytes
  }

  /** Requests may be among these bytes, nobody knows how many. */
  requestsMissed(missedBytes: number): void {
    this.#missedBytes += missedBytes
    this.#hasAnswerSinceLack = false
  }

  /** What the server sends now may answer requests that were missed. */
  serverSpoke(): void {
    this.#hasAnswerSinceLack = true
  }

  /** The request that `response` answers, or undefined for an orphan. Requests that turn out to have lost their response stay in front. */
  match(response: Message): Message | undefined {
    const first = this.#firstWaiting()
    if (first < 0) return undefined
    if (!this.hasGap) return this.pending[first]
    return this.#matchByNumber(response, first)
  }

  #matchByNumber({ firstSeq, isNext }: Message, first: number): Message | undefined {
    let last: Message | undefined
    let lastCount = 0
    for (let index = first; index < this.pending.length; index++) {
      const request = this.pending[index]!
      if (request.response !== undefined) continue
      // An exact number, unless it is shared with a request that was missed.
      if (request.firstAck === firstSeq) return request.isAmongMissed ? undefined : request
      // The response started before the client had sent this request, and those behind it.
      if (((firstSeq - request.firstAck) | 0) < 0) break
      lastCount = last?.firstAck === request.firstAck ? lastCount + 1 : 1
      last = request
    }
    if (last === undefined) return undefined
    // It follows the response before: it answers the next request, unless some in between are unknown.
    const request = isNext ? this.pending[first]! : lastCount === 1 && this.#missedBytes === 0 ? last : undefined
    return request === undefined || request.doubtedBytes > 0 || request.isBehindMissed ? undefined : request
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

/** `GET / HTTP/1.1` and two line ends. */
const requestMinBytes = 16
const noMessages: Message[] = []
