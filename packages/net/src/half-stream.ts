/**
 * One direction of a flow: segments in, bytes in order out. In-order bytes are lent straight from the packet; what comes early is
 * copied, bounded, and lent when its turn comes. What never came is reported as a gap rather than hidden.
 *
 *   idle ──start──► open ──every byte up to FIN delivered──► ended
 *                    │ a hole: wait for the bytes, until `giveUp` decides that the sensor missed them
 *
 * A segment has its turn when (1) every byte before it was delivered or given up, and (2) so was every byte of the other direction
 * that it acknowledges: a response never overtakes the request that it answers, however the capture mixed up the packets.
 *
 * Invariants: `pending` is sorted, disjoint, and lies at or behind `nextSeq`; first bytes win; each byte is delivered at most once.
 * RFC 9293 §3.4, §3.10.7.4.
 */

import { seqAdd, seqDistance } from './sequence.js'

/** What a half-stream reports to, and asks about the other direction. */
export interface HalfStreamOwner {
  /** `buffer[from, to)`, borrowed until the call returns. */
  deliver(half: HalfStream, buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void
  missed(half: HalfStream, missedBytes: number, atUs: number): void
  /** False while the other direction has yet to deliver bytes that `ack` acknowledges. */
  isCaughtUp(half: HalfStream, ack: number): boolean
  /** Every byte up to the FIN was delivered or given up. */
  finished(half: HalfStream, atUs: number): void
}

export type SegmentFate = 'delivered' | 'buffered' | 'retransmitted' | 'wild' | 'after-end' | 'overflow'

interface EarlySegment {
  readonly seq: number
  readonly bytes: Uint8Array
  readonly ack: number
  readonly atUs: number
}

/** Stands for the acknowledgement number of a segment without ACK flag. */
export const noAck = -1

/** A number further than this from what is expected belongs to another connection, or to an attacker. */
export const windowMaxBytes = 16_777_216
/** So many wild segments in a row, each following the last, and it is the expectation that was wrong. */
const resyncSegmentCount = 3
const wildFollowMaxBytes = 65_536
/** What an early segment costs beside its bytes. */
const earlyOverheadBytes = 128

export class HalfStream {
  readonly #owner: HalfStreamOwner
  readonly #pending: EarlySegment[] = []
  /** Sequence number of the next byte to deliver. */
  nextSeq = 0
  isStarted = false
  /** The start is that of a SYN, not of whatever came first. */
  isStartKnown = false
  /** Sequence number of the first byte; where it was joined, if that is not known. */
  firstSeq = 0
  isEnded = false
  /** Memory that `pending` costs. */
  bufferedBytes = 0
  #finSeq = 0
  #hasFin = false
  #wildCount = 0
  #wildNextSeq = 0
  /** The other side acknowledged up to here what was not delivered yet; decided at `ackDeadlineUs`. */
  #ackedSeq = 0
  #ackDeadlineUs = Number.POSITIVE_INFINITY

  constructor(owner: HalfStreamOwner) {
    this.#owner = owner
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  get hasFin(): boolean {
    return this.#hasFin
  }

  /** Time of the earliest-numbered segment that waits; infinite when none does. */
  get pendingSinceUs(): number {
    return this.#pending[0]?.atUs ?? Number.POSITIVE_INFINITY
  }

  /** Acknowledgement number of the first pending segment, if that waits for the other direction alone; else `noAck`. */
  get awaitedAck(): number {
    const head = this.#pending[0]
    return head !== undefined && head.seq === this.nextSeq ? head.ack : noAck
  }

  get ackDeadlineUs(): number {
    return this.#ackDeadlineUs
  }

  /** `seq` is the number of the first byte. `isKnown`: it follows a SYN. */
  start(seq: number, isKnown: boolean): void {
    this.nextSeq = seq
    this.firstSeq = seq
    this.isStarted = true
    this.isStartKnown = isKnown
  }

  /** Takes `buffer[from, to)`, whose first byte has number `seq`. `maxBytes`: how much memory may wait here. */
  segment(
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
    maxBytes: number,
  ): SegmentFate {
    if (this.isEnded) return 'after-end'
    let ahead = seqDistance(this.nextSeq, seq)
    // The fast path: it is what comes next, and nothing waits.
    if (ahead === 0 && this.#pending.length === 0 && this.#owner.isCaughtUp(this, ack)) {
      this.#wildCount = 0
      this.#lend(buffer, from, to, atUs, seq, ack)
      return 'delivered'
    }
    if (ahead > windowMaxBytes || ahead < -windowMaxBytes) {
      if (!this.#isResync(seq, to - from)) return 'wild'
      this.#resync(seq, atUs)
      if (this.isEnded) return 'after-end'
      ahead = 0
    }
    this.#wildCount = 0
    if (ahead + to - from <= 0) return 'retransmitted'
    const skipped = ahead < 0 ? -ahead : 0
    if (this.bufferedBytes + to - from > maxBytes) return 'overflow'
    this.#keep(buffer, from + skipped, to, atUs, seqAdd(seq, skipped), ack)
    return this.drain() ? 'delivered' : 'buffered'
  }

  /** The direction ends before `seq`. Ignored unless near what is expected. */
  fin(seq: number, atUs: number): void {
    if (this.#hasFin || Math.abs(seqDistance(this.nextSeq, seq)) > windowMaxBytes) return
    this.#hasFin = true
    this.#finSeq = seq
    this.#checkEnd(atUs)
  }

  /** True while bytes that `ack` acknowledges were neither delivered nor given up. One byte may be a FIN that was not seen. */
  lacks(ack: number): boolean {
    if (!this.isStarted || this.isEnded || ack === noAck) return false
    const behind = seqDistance(this.nextSeq, ack)
    return behind > 1 && behind <= windowMaxBytes
  }

  /** The other side has bytes that we have not seen: unless they come by `deadlineUs`, the sensor missed them. */
  expectUntil(ack: number, deadlineUs: number): void {
    if (this.#ackDeadlineUs === Number.POSITIVE_INFINITY) this.#ackedSeq = ack
    if (deadlineUs < this.#ackDeadlineUs) this.#ackDeadlineUs = deadlineUs
  }

  /** Lends what has its turn. Returns whether anything was lent. */
  drain(): boolean {
    let lent = false
    for (;;) {
      const head = this.#pending[0]
      if (head === undefined || head.seq !== this.nextSeq || !this.#owner.isCaughtUp(this, head.ack)) return lent
      this.#lendHead()
      lent = true
    }
  }

  /** Decides what was expected: bytes that the other side acknowledged and that did not come are a gap. */
  giveUpAcked(atUs: number): void {
    this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    const ackedSeq = this.#hasFin && seqDistance(this.#finSeq, this.#ackedSeq) > 0 ? this.#finSeq : this.#ackedSeq
    while (seqDistance(this.nextSeq, ackedSeq) > 0) {
      const head = this.#pending[0]
      if (head === undefined || seqDistance(head.seq, ackedSeq) <= 0) this.#jump(ackedSeq, atUs)
      else this.giveUpHole(atUs)
    }
    this.drain()
  }

  /** Goes on at the first pending segment, whatever it waits for. */
  giveUpHole(atUs: number): void {
    const head = this.#pending[0]
    if (head === undefined) return
    this.#jump(head.seq, atUs)
    // Nothing but a FIN can have emptied `pending` meanwhile.
    if (this.#pending[0] === head) this.#lendHead()
  }

  /** At the end of a flow: bytes that are known to have been sent, by ACK or FIN, and never came. Pending must be empty. */
  giveUpTail(atUs: number): void {
    if (this.#ackDeadlineUs !== Number.POSITIVE_INFINITY) this.giveUpAcked(atUs)
    if (this.#hasFin && !this.isEnded) this.#jump(this.#finSeq, atUs)
  }

  /** For a segment that no memory is left to keep, with nothing pending: everything before it is given up. */
  segmentNow(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    this.#jump(seq, atUs)
    const skipped = seqDistance(seq, this.nextSeq)
    if (skipped < to - from && !this.isEnded) this.#lend(buffer, from + skipped, to, atUs, this.nextSeq, ack)
  }

  #lendHead(): void {
    const head = this.#pending.shift()
    if (head === undefined) return
    this.bufferedBytes -= head.bytes.length + earlyOverheadBytes
    this.#lend(head.bytes, 0, head.bytes.length, head.atUs, head.seq, head.ack)
  }

  #lend(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    this.nextSeq = seqAdd(seq, to - from)
    this.#owner.deliver(this, buffer, from, to, atUs, seq, ack === noAck ? 0 : ack)
    this.#afterAdvance(atUs)
  }

  #jump(seq: number, atUs: number): void {
    const missedBytes = seqDistance(this.nextSeq, seq)
    if (missedBytes <= 0) return
    this.nextSeq = seq
    this.#owner.missed(this, missedBytes, atUs)
    this.#afterAdvance(atUs)
  }

  #afterAdvance(atUs: number): void {
    const isAwaited = this.#ackDeadlineUs !== Number.POSITIVE_INFINITY
    if (isAwaited && !this.lacks(this.#ackedSeq)) this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    if (this.#hasFin) this.#checkEnd(atUs)
  }

  #checkEnd(atUs: number): void {
    if (this.isEnded || seqDistance(this.nextSeq, this.#finSeq) > 0) return
    this.isEnded = true
    this.#pending.length = 0 // Data behind a FIN.
    this.bufferedBytes = 0
    this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    this.#owner.finished(this, atUs)
  }

  /** Copies those bytes that no pending segment holds: first bytes win. */
  #keep(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    const pending = this.#pending
    const bytes = to - from
    let index = this.#pendingIndexOf(seq)
    let at = 0
    while (at < bytes) {
      const next = pending[index]
      const nextAt = next === undefined ? bytes : seqDistance(seq, next.seq)
      if (next !== undefined && nextAt <= at) {
        at = Math.max(at, nextAt + next.bytes.length)
        index++
        continue
      }
      const until = Math.min(bytes, nextAt)
      pending.splice(index++, 0, { seq: seqAdd(seq, at), bytes: buffer.slice(from + at, from + until), ack, atUs })
      this.bufferedBytes += until - at + earlyOverheadBytes
      at = until
    }
  }

  /** Index of the first pending segment that ends behind `seq`. */
  #pendingIndexOf(seq: number): number {
    let low = 0
    let high = this.#pending.length
    while (low < high) {
      const middle = (low + high) >> 1
      const { seq: start, bytes } = this.#pending[middle]!
      if (seqDistance(seq, start) + bytes.length <= 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #isResync(seq: number, bytes: number): boolean {
    const follows = seqDistance(this.#wildNextSeq, seq)
    const isNext = this.#wildCount > 0 && follows >= 0 && follows <= wildFollowMaxBytes
    this.#wildCount = isNext ? this.#wildCount + 1 : 1
    this.#wildNextSeq = seqAdd(seq, bytes)
    return this.#wildCount >= resyncSegmentCount
  }

  /** Goes on at `seq`. Behind us, nobody knows how much is missing: one byte says that something is. */
  #resync(seq: number, atUs: number): void {
    while (this.#pending.length > 0) this.giveUpHole(atUs)
    this.#hasFin = false
    this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    const missedBytes = Math.max(1, seqDistance(this.nextSeq, seq))
    this.nextSeq = seq
    this.#owner.missed(this, missedBytes, atUs)
  }
}
