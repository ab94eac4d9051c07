/**
 * Which response answers which request, on one HTTP/1 connection: in order (RFC 9112 §9.3), as long as every byte was seen. After
 * a gap by number: a request acknowledges everything that the client has, so its response starts at the request's ACK number. A request
 * whose response may be among the missed bytes is answered by that number alone: the next response may be to a request that was missed, too.
 *
 * Holds the requests that wait, oldest first, at most `pendingRequestsMax`.
 */

import type { Message } from './message.js'

export class TransactionPairer {
  /** Oldest first. A request leaves when its response is complete, and it is too. */
  readonly pending: Message[] = []
  /** Not every byte was seen: order alone proves no pair. */
  hasGap: boolean
  /** Requests that acknowledge up to here waited when responses were missed; undefined when none did. */
  #doubtedAck: number | undefined

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
    if (this.pending.length === 0) this.#doubtedAck = undefined
    this.pending.push(request)
  }

  /** Responses were missed, nobody knows how many: those that wait may have had theirs. */
  doubtWaiting(): void {
    this.#doubtedAck = this.pending.at(-1)?.firstAck
  }

  /**
   * The request that a response starting at `seq` answers, or undefined for an orphan. Requests that turn out to have lost
   * their response stay in front of it: `takeSkipped` gives them.
   */
  match(seq: number): Message | undefined {
    const first = this.#firstWaiting()
    if (first < 0) return undefined
    if (!this.hasGap) return this.pending[first]
    for (let index = first; index < this.pending.length; index++) {
      if (this.pending[index]!.firstAck !== seq) continue
      this.#doubtedAck = undefined
      return this.pending[index]
    }
    const firstAck = this.pending[first]!.firstAck
    // The response started before the client had sent this request: it answers one that was lost.
    const isEarlier = ((seq - firstAck) | 0) < 0
    const isDoubted = this.#doubtedAck !== undefined && ((this.#doubtedAck - firstAck) | 0) >= 0
    return isEarlier || isDoubted ? undefined : this.pending[first]
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

const noMessages: Message[] = []
