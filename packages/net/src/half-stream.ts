/**
 * @long: one state machine whose every step may end it. One direction of a flow: segments in, bytes in order out. In-order bytes are lent straight from the packet; what comes early is
 * copied, bounded, and lent when its turn comes. What never came is reported as a gap rather than hidden.
 *
 *   idle ──start──► open ──every byte up to FIN delivered──► ended
 *                    │ a hole: wait for the bytes, until `giveUp` decides that the sensor missed them
 *
 * A segment has its turn when (1) every byte before it was delivered or given up, and (2) so was every byte of the other direction
 * that it acknowledges: a response never overtakes the request that it answers, however the capture mixed up the packets.
 *
 * Urgent bytes are left out, as a receiver without SO_OOBINLINE leaves them out: the application never reads them in line.
 *
 * Invariants: `pending` is sorted, disjoint, and lies at or behind `nextSeq`; first bytes win; each byte is delivered at most once.
 * RFC 9293 §3.4, §3.8.5, §3.10.7.4; RFC 6093.
 */

import { areEqual, mark } from './repeated-bytes.js'
import { seqAdd, seqDistance } from './sequence.js'
import type { FlowAnomaly } from './stream-consumer.js'

/** What a half-stream reports to, and asks about the other direction. */
export interface HalfStreamOwner {
  /** `buffer[from, to)`, borrowed until the call returns. */
  deliver(half: HalfStream, buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void
  missed(half: HalfStream, missedBytes: number, atUs: number): void
  /** False while the other direction has yet to deliver bytes that `ack` acknowledges. */
  isCaughtUp(half: HalfStream, ack: number): boolean
  /** The other direction has shown that it sent what `ack` acknowledges; else its sender would have ignored the segment. */
  isShown(half: HalfStream, ack: number): boolean
  /** Every byte up to the FIN was delivered or given up. */
  finished(half: HalfStream, atUs: number): void
  /** Something odd that is no fate of one segment, to count. */
  anomaly(half: HalfStream, name: HalfStreamAnomaly): void
  /** Something odd to tell, counted elsewhere: about `buffer[from, to)`, which comes next; about what came before or no bytes, if empty. */
  touched(half: HalfStream, name: FlowAnomaly, buffer: Uint8Array, from: number, to: number): void
}

export type HalfStreamAnomaly =
  /** Other bytes came for numbers that had theirs: the first won. Known of waiting bytes, sampled for the last segment lent. */
  | 'tcp.overlap-conflict'
  | 'tcp.fin-wild'
  /** Bytes waited with an acknowledgement of more than their receiver had sent; it read others at their numbers. */
  | 'tcp.ack-wild'
  /** Bytes came with a SYN, and the other side did not take them: it never read them from there. */
  | 'tcp.syn-data-refused'

export type SegmentFate = 'delivered' | 'buffered' | 'retransmitted' | 'wild' | 'after-end' | 'overflow'

interface EarlySegment {
  readonly seq: number
  readonly bytes: Uint8Array
  readonly ack: number
  readonly atUs: number
  /** Other bytes came for these numbers. */
  isContested: boolean
}

/** What few half-streams ever need to remember of themselves. */
interface Doubts {
  /** The sender is known to have sent everything before this, though the bytes were not captured; undefined until it shows so. */
  shownSeq: number | undefined
  /** The other side acknowledged up to here what the sender has not shown that it sent: nothing waits for it. */
  unbelievedSeq: number | undefined
  /** What came with the SYN, before the other side has shown whether it took it. */
  synBytes: EarlySegment | undefined
}

/** Stands for the acknowledgement number of a segment without ACK flag. */
export const noAck = -1

/** A number further than this from what is expected belongs to another connection, or to an attacker. */
export const windowMaxBytes = 16_777_216
/** So many wild segments in a row, each following the last, and it is the expectation that was wrong. */
const resyncSegmentCount = 3
/** … or so many if the other side acknowledges there. */
const resyncAckedSegmentCount = 2
const wildFollowMaxBytes = 65_536
/** A FIN that was not seen has a number, too: what follows it may be one ahead of the bytes. */
const finBytes = 1
/** A keep-alive may repeat one byte before what is expected. RFC 9293 §3.8.4. */
const keepAliveBytes = 1
const urgentMaxCount = 16
/** What an early segment costs beside its bytes. */
export const earlyOverheadBytes = 128

const started = 1
const startKnown = 2
const startByAck = 4
const holdingSyn = 8

const noSegments: EarlySegment[] = []
const noBytes = new Uint8Array(0)

export class HalfStream {
  readonly #owner: HalfStreamOwner
  /** Its own array once something came early: most half-streams never need one. */
  #pending: EarlySegment[] = noSegments
  /** Sequence number of the next byte to deliver. */
  nextSeq = 0
  /** Bits `started`, `startKnown`, `startByAck`, `holdingSyn` in one field: idle flows are many. */
  #flags = 0
  /** Sequence number of the first byte; where it was joined, if that is not known. */
  firstSeq = 0
  isEnded = false
  /** Memory that `pending` costs. */
  bufferedBytes = 0
  /** The sender of this direction was seen: not only the other side's answers to it. */
  isSeen = false
  /** What the other side acknowledged last; `noAck` before it did. */
  peerAck: number = noAck
  #finSeq = 0
  #hasFin = false
  #wildCount = 0
  #wildNextSeq = 0
  /** Numbers of bytes that are out of band and still to come; made when the first is announced. */
  #urgentSeqs: number[] | undefined
  /** Length and a few bytes of the segment lent last, to tell a repetition from a forgery. */
  #lentBytes = 0
  #lentMark = 0
  #doubts: Doubts | undefined
  /** The other side acknowledged up to here what was not delivered yet; decided at `ackDeadlineUs`. */
  #ackedSeq = 0
  #ackDeadlineUs = Number.POSITIVE_INFINITY

  constructor(owner: HalfStreamOwner) {
    this.#owner = owner
  }

  get isStarted(): boolean {
    return (this.#flags & started) !== 0
  }

  /** The start is that of a SYN, not of whatever came first. */
  get isStartKnown(): boolean {
    return (this.#flags & startKnown) !== 0
  }

  /** Only what the other side acknowledged tells the start: the sender's own bytes know better. */
  get isStartByAck(): boolean {
    return (this.#flags & startByAck) !== 0
  }

  /** A SYN confirms where it started. */
  confirmStart(): void {
    this.#flags |= startKnown
  }

  get pendingCount(): number {
    return this.#pending.length
  }

  /** Early segments or a SYN's bytes wait, or bytes that the other side has acknowledged are awaited. */
  get isWaiting(): boolean {
    return this.#pending.length > 0 || this.#ackDeadlineUs !== Number.POSITIVE_INFINITY || this.isHoldingSyn
  }

  /** Bytes that came with the SYN wait for `judgeSyn`, and everything behind them. */
  get isHoldingSyn(): boolean {
    return (this.#flags & holdingSyn) !== 0
  }

  get hasFin(): boolean {
    return this.#hasFin
  }

  /** Time of the earliest-numbered segment that waits; infinite when none does. */
  get pendingSinceUs(): number {
    return (this.#doubts?.synBytes ?? this.#pending[0])?.atUs ?? Number.POSITIVE_INFINITY
  }

  /** Bytes are missing before the first early segment. */
  get hasHole(): boolean {
    const head = this.#pending[0]
    return head !== undefined && head.seq !== this.nextSeq
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
    this.#flags = started | (isKnown ? startKnown : 0)
    if (this.#pending.length > 0) this.#forgetOutside(seq)
  }

  /** What waits and lies before the start, or far behind it, is of no connection that starts there. Without this `pending` would lie before `nextSeq`. */
  #forgetOutside(seq: number): void {
    const waiting = this.#pending
    this.#pending = []
    this.bufferedBytes = 0
    for (const early of waiting) {
      const ahead = seqDistance(seq, early.seq)
      const skipped = ahead < 0 ? -ahead : 0
      if (skipped >= early.bytes.length || ahead > windowMaxBytes) continue
      const bytes = early.bytes.subarray(skipped)
      this.#pending.push({ ...early, seq: seqAdd(early.seq, skipped), bytes })
      this.bufferedBytes += bytes.length + earlyOverheadBytes
    }
  }

  /** The other side acknowledged `ack` before anything of this direction was captured. `isKnown`: nothing can have come before. */
  startByAck(ack: number, isKnown: boolean): void {
    this.start(ack, isKnown)
    this.#flags |= startByAck
  }

  /** Whether a SYN-ACK that acknowledges `ack` can be the answer to its SYN; also if bytes were delivered already. */
  mayStartBefore(ack: number): boolean {
    const ahead = seqDistance(this.firstSeq, ack)
    return this.nextSeq !== this.firstSeq || (ahead >= 0 && ahead <= (this.#doubts?.synBytes?.bytes.length ?? 0))
  }

  /** Nothing was delivered yet, and the bytes start at `seq`: what waits for numbers before that is of another connection. */
  restart(seq: number): void {
    const others = this.#pending
    this.#pending = noSegments
    this.bufferedBytes = 0
    if (this.#doubts !== undefined) this.#doubts.synBytes = undefined
    this.start(seq, true)
    for (const { bytes, atUs, seq: at, ack } of others) {
      const ahead = seqDistance(seq, at)
      if (ahead >= 0 && ahead <= windowMaxBytes) this.#keep(bytes, 0, bytes.length, atUs, at, ack)
    }
  }

  /** Its start was told by the other side alone, and nothing was delivered or given up since. */
  get canRestart(): boolean {
    return this.isStartByAck && this.nextSeq === this.firstSeq
  }

  /**
   * Takes `buffer[from, to)`, whose first byte has number `seq`. `maxBytes`: how much memory may wait here. `isPeerSeen`: the other
   * side is in the capture, so that what it never acknowledges is not believed.
   */
  segment(
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
    maxBytes: number,
    isPeerSeen: boolean,
  ): SegmentFate {
    let ahead = seqDistance(this.nextSeq, seq)
    if (this.isEnded) return ahead + to - from <= keepAliveBytes && ahead <= 0 ? 'retransmitted' : 'after-end'
    if (ahead < 0 && ahead >= -windowMaxBytes && this.canRestart && to - from > keepAliveBytes) {
      this.start(seq, false)
      ahead = 0
    }
    // The fast path: it is what comes next, and nothing waits.
    if (ahead === 0 && this.#pending.length === 0 && !this.isHoldingSyn && this.#owner.isCaughtUp(this, ack)) {
      this.#wildCount = 0
      this.#lend(buffer, from, to, atUs, seq, ack)
      return 'delivered'
    }
    if (ahead > windowMaxBytes || ahead < -windowMaxBytes) {
      if (!this.#isResync(seq, to - from, isPeerSeen)) return 'wild'
      this.#resync(seq, atUs)
      if (this.isEnded) return 'after-end'
      ahead = 0
    }
    this.#wildCount = 0
    if (ahead + to - from <= 0) {
      if (-ahead === this.#lentBytes && to - from === this.#lentBytes && mark(buffer, from, to) !== this.#lentMark) {
        this.#owner.anomaly(this, 'tcp.overlap-conflict')
        this.#owner.touched(this, 'tcp.overlap-conflict', buffer, to, to)
      }
      return 'retransmitted'
    }
    const skipped = ahead < 0 ? -ahead : 0
    this.#replaceUnshown(buffer, from, to, seq, ack)
    if (this.bufferedBytes + to - from > maxBytes) return 'overflow'
    this.#keep(buffer, from + skipped, to, atUs, seqAdd(seq, skipped), ack)
    return this.drain() ? 'delivered' : 'buffered'
  }

  /**
   * Takes bytes that came with a SYN, the first of them at `seq`. They are not lent before the other side has acknowledged: most servers drop
   * them, and their sender repeats them, or others. RFC 9293 §3.4, RFC 7413 §3.
   */
  synSegment(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): SegmentFate {
    if (this.isEnded) return 'after-end'
    if (!this.isStarted || seq !== this.nextSeq || seq !== this.firstSeq || this.isHoldingSyn) return 'retransmitted'
    this.#doubts ??= noDoubts()
    this.#doubts.synBytes = { seq, bytes: buffer.slice(from, to), ack, atUs, isContested: false }
    this.#flags |= holdingSyn
    this.bufferedBytes += to - from + earlyOverheadBytes
    if (this.peerAck !== noAck) this.judgeSyn(this.peerAck)
    return 'buffered'
  }

  /** The other side acknowledged `ack`: so much of the SYN's bytes it took, and no more. Ignored if that is of another connection. */
  judgeSyn(ack: number): void {
    const takenBytes = seqDistance(this.firstSeq, ack)
    if (takenBytes >= 0 && takenBytes <= windowMaxBytes) this.#releaseSyn(takenBytes)
  }

  /** Nobody acknowledged: they were read if the other side is not in the capture, and not if it is. */
  giveUpSyn(isPeerSeen: boolean): void {
    this.#releaseSyn(isPeerSeen ? 0 : windowMaxBytes)
  }

  /** The first `takenBytes` of what came with the SYN stand before everything else, the rest is forgotten. */
  #releaseSyn(takenBytes: number): void {
    const doubts = this.#doubts
    const held = doubts?.synBytes
    if (doubts === undefined || held === undefined) return
    doubts.synBytes = undefined
    this.#flags &= ~holdingSyn
    this.bufferedBytes -= held.bytes.length + earlyOverheadBytes
    this.#settleDoubts(doubts)
    if (takenBytes < held.bytes.length) this.#owner.anomaly(this, 'tcp.syn-data-refused')
    const bytes = held.bytes.subarray(0, takenBytes)
    if (bytes.length > 0) this.#keepFirst({ ...held, bytes })
    this.drain()
  }

  /** Puts `first` in front, over what waits for the same numbers. */
  #keepFirst(first: EarlySegment): void {
    const others = this.#pending
    this.#pending = []
    this.bufferedBytes = 0
    this.#keep(first.bytes, 0, first.bytes.length, first.atUs, first.seq, first.ack)
    for (const { bytes, atUs, seq, ack } of others) this.#keep(bytes, 0, bytes.length, atUs, seq, ack)
  }

  /** The byte of number `seq` is out of band. Ignored when it was read already, or unless near what is expected. RFC 9293 §3.8.5. */
  urgent(seq: number): void {
    const ahead = seqDistance(this.nextSeq, seq)
    if (this.isEnded || ahead < 0 || ahead > windowMaxBytes) return
    this.#urgentSeqs ??= []
    if (this.#urgentSeqs.includes(seq)) return
    if (this.#urgentSeqs.length === urgentMaxCount) this.#urgentSeqs.shift()
    this.#urgentSeqs.push(seq)
  }

  /** The direction ends before `seq`. Ignored behind what was delivered, and unless near what is expected. */
  fin(seq: number, atUs: number): void {
    if (this.#hasFin) return
    const ahead = seqDistance(this.nextSeq, seq)
    if (ahead < -finBytes || ahead > windowMaxBytes || this.#isReadBehind(seq)) {
      this.#owner.anomaly(this, 'tcp.fin-wild')
      this.#owner.touched(this, 'tcp.fin-wild', noBytes, 0, 0)
      return
    }
    this.#hasFin = true
    this.#finSeq = seq
    this.#checkEnd(atUs)
  }

  /** Behind the last byte that is here or was. */
  get #seenSeq(): number {
    const last = this.#pending.at(-1)
    return last === undefined ? this.nextSeq : seqAdd(last.seq, last.bytes.length)
  }

  /** Bytes that lie behind `seq` are here, and the other side has acknowledged some: nothing ends at `seq`. */
  #isReadBehind(seq: number): boolean {
    if (this.peerAck === noAck || seqDistance(seq, this.#seenSeq) <= 0) return false
    const acked = seqDistance(seq, this.peerAck)
    return acked > finBytes && acked <= windowMaxBytes
  }

  /** True while bytes that `ack` acknowledges were neither delivered nor given up. One byte may be a FIN that was not seen. */
  lacks(ack: number): boolean {
    if (!this.isStarted || this.isEnded || ack === noAck) return false
    if (this.isStartByAck && !this.isStartKnown && !this.isSeen) return false
    const behind = seqDistance(this.nextSeq, ack)
    return behind > finBytes && behind <= windowMaxBytes
  }

  /** A pure ACK said so before, and the sender has not shown that it sent so much. */
  isDisbelieved(ack: number): boolean {
    const unbelievedSeq = this.#doubts?.unbelievedSeq
    return unbelievedSeq !== undefined && seqDistance(unbelievedSeq, ack) <= 0
  }

  /** The sender has shown that it sent what `ack` acknowledges, or was not seen. */
  hasShown(ack: number): boolean {
    return !this.lacks(ack) || seqDistance(this.#believable(ack), ack) <= finBytes
  }

  /** The sender is at `seq` with a segment that brings no bytes before it: those that were not captured were sent. */
  show(seq: number): void {
    const ahead = seqDistance(this.nextSeq, seq)
    if (!this.isStarted || this.isEnded || ahead <= 0 || ahead > windowMaxBytes) return
    this.#doubts ??= noDoubts()
    const { shownSeq } = this.#doubts
    if (shownSeq === undefined || seqDistance(shownSeq, seq) > 0) this.#doubts.shownSeq = seq
  }

  /** The other side acknowledged a hole for which nobody waits, and the sender has shown by now that it did send it. */
  get isHoleConfirmed(): boolean {
    if (this.#ackDeadlineUs !== Number.POSITIVE_INFINITY || this.peerAck === noAck || this.isEnded) return false
    return seqDistance(this.nextSeq, this.#believable(this.peerAck)) > finBytes
  }

  /**
   * The other side has bytes that we have not seen: unless they come by `deadlineUs`, the sensor missed them, as far as their sender has shown by then
   * that it sent so much.
   */
  expectUntil(ack: number, deadlineUs: number): void {
    if (deadlineUs >= this.#ackDeadlineUs) return
    this.#ackedSeq = ack
    this.#ackDeadlineUs = deadlineUs
  }

  /** What it waits for waits for the other direction, which decides at `deadlineUs`. */
  postpone(deadlineUs: number): void {
    this.#ackDeadlineUs = deadlineUs
  }

  /** Lends what has its turn. Returns whether anything was lent. */
  drain(): boolean {
    let lent = false
    for (;;) {
      const head = this.#pending[0]
      if (head === undefined || head.seq !== this.nextSeq || this.isHoldingSyn) return lent
      if (!this.#owner.isCaughtUp(this, head.ack)) return lent
      this.#lendHead()
      lent = true
    }
  }

  /**
   * Takes a step towards what was expected: of the bytes that the other side acknowledged, those up to the next one that is here are a
   * gap. Returns false if there is no step: what is here waits for the other direction.
   */
  giveUpAcked(atUs: number): boolean {
    const believedSeq = this.#believable(this.#ackedSeq)
    if (seqDistance(this.nextSeq, believedSeq) <= 0) {
      this.#disbelieve()
      return true
    }
    if (this.#pending[0]?.seq === this.nextSeq) return false
    this.#step(believedSeq, atUs)
    return true
  }

  /** Gives up what is missing before `seq`, or before the first segment that is here. */
  #step(seq: number, atUs: number): void {
    const head = this.#pending[0]
    this.#jump(head === undefined || seqDistance(head.seq, seq) <= 0 ? seq : head.seq, atUs)
  }

  /** For one that waits for the other direction: gives up what that still lacks. Returns false if there was nothing to give up. */
  giveUpBefore(ack: number, atUs: number): boolean {
    if (!this.lacks(ack)) return false
    if (this.hasHole) return this.giveUpHole(atUs)
    if (this.#pending.length > 0) return false
    this.#jump(this.#withoutFin(ack), atUs)
    return true
  }

  /** Goes on at the first pending segment. Returns false if there is no hole before it. */
  giveUpHole(atUs: number): boolean {
    const head = this.#pending[0]
    if (head === undefined || head.seq === this.nextSeq) return false
    this.#jump(head.seq, atUs)
    return true
  }

  /** Lends the first pending segment whatever it waits for: nothing else can go on. */
  force(atUs: number): void {
    this.#releaseSyn(0)
    this.giveUpHole(atUs)
    // Nothing but a FIN can have emptied `pending` meanwhile.
    this.#lendHead()
  }

  /** At the end of a flow: bytes that are known to have been sent, by ACK or FIN, and never came. Pending must be empty. */
  giveUpTail(atUs: number): void {
    const unbelievedSeq = this.#doubts?.unbelievedSeq
    if (this.#ackDeadlineUs !== Number.POSITIVE_INFINITY) this.giveUpAcked(atUs)
    if (unbelievedSeq !== undefined && !this.isEnded && !this.#hasFin) this.#jump(unbelievedSeq, atUs)
    if (this.#hasFin && !this.isEnded) this.#jump(this.#finSeq, atUs)
  }

  /** For a segment that no memory is left to keep, with nothing pending: everything before it is given up. */
  segmentNow(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    this.#jump(seq, atUs)
    const skipped = seqDistance(seq, this.nextSeq)
    if (skipped < to - from && !this.isEnded) this.#lend(buffer, from + skipped, to, atUs, this.nextSeq, ack)
  }

  /** How much of what the other side acknowledged is to be believed: no more than a sender in the capture has shown that it sent. */
  #believable(ack: number): number {
    const ackedSeq = this.#withoutFin(ack)
    if (!this.isSeen || this.#hasFin) return ackedSeq
    let shownSeq = this.#seenSeq
    const told = this.#doubts?.shownSeq
    if (told !== undefined && seqDistance(shownSeq, told) > 0) shownSeq = told
    return seqDistance(shownSeq, ackedSeq) > 0 ? shownSeq : ackedSeq
  }

  #withoutFin(ack: number): number {
    return this.#hasFin && seqDistance(this.#finSeq, ack) > 0 && !this.#isReadBehind(this.#finSeq) ? this.#finSeq : ack
  }

  /** What is left of the expectation is more than the sender has shown. RFC 9293 §3.10.7.4: receivers of such an ACK ignore it. */
  #disbelieve(): void {
    this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    if (!this.lacks(this.#ackedSeq)) return
    this.#doubts ??= noDoubts()
    this.#doubts.unbelievedSeq = this.#ackedSeq
  }

  #lendHead(): void {
    const head = this.#takeHead()
    if (head === undefined) return
    const { bytes } = head
    if (head.isContested) this.#owner.touched(this, 'tcp.overlap-conflict', bytes, 0, bytes.length)
    this.#lend(bytes, 0, bytes.length, head.atUs, head.seq, head.ack)
  }

  #takeHead(): EarlySegment | undefined {
    const head = this.#pending.shift()
    if (head === undefined) return undefined
    this.bufferedBytes -= head.bytes.length + earlyOverheadBytes
    return head
  }

  #lend(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    this.#lentBytes = to - from
    this.#lentMark = mark(buffer, from, to)
    if (this.#urgentSeqs !== undefined) this.#lendAroundUrgent(buffer, from, to, atUs, seq, ack)
    else {
      this.nextSeq = seqAdd(seq, to - from)
      this.#owner.deliver(this, buffer, from, to, atUs, seq, ack === noAck ? 0 : ack)
    }
    this.#afterAdvance(atUs)
  }

  #lendAroundUrgent(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    const passed: number[] = []
    for (const urgentSeq of this.#urgentSeqs ?? []) {
      const ahead = seqDistance(seq, urgentSeq)
      if (ahead < to - from) passed.push(ahead)
    }
    this.#urgentSeqs = this.#urgentSeqs?.filter((urgentSeq) => seqDistance(seq, urgentSeq) >= to - from)
    if (this.#urgentSeqs?.length === 0) this.#urgentSeqs = undefined
    if (passed.length > 0) this.#owner.touched(this, 'tcp.urgent-byte', buffer, from, to)
    let at = 0
    for (const urgentAt of [...passed.sort((a, b) => a - b), to - from]) {
      if (urgentAt < at) continue // Given up with a gap.
      this.nextSeq = seqAdd(seq, urgentAt)
      if (urgentAt > at) {
        this.#owner.deliver(this, buffer, from + at, from + urgentAt, atUs, seqAdd(seq, at), ack === noAck ? 0 : ack)
      }
      at = urgentAt + 1
    }
  }

  #jump(seq: number, atUs: number): void {
    const missedBytes = seqDistance(this.nextSeq, seq)
    if (missedBytes <= 0) return
    if (this.isHoldingSyn) this.#releaseSyn(0)
    this.nextSeq = seq
    this.#owner.missed(this, missedBytes, atUs)
    this.#afterAdvance(atUs)
  }

  #afterAdvance(atUs: number): void {
    const isAwaited = this.#ackDeadlineUs !== Number.POSITIVE_INFINITY
    if (isAwaited && !this.lacks(this.#ackedSeq)) this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    if (this.#doubts !== undefined) this.#settleDoubts(this.#doubts)
    if (this.#hasFin) this.#checkEnd(atUs)
  }

  #settleDoubts(doubts: Doubts): void {
    const { shownSeq, unbelievedSeq } = doubts
    if (shownSeq !== undefined && seqDistance(this.nextSeq, shownSeq) <= 0) doubts.shownSeq = undefined
    if (unbelievedSeq !== undefined && seqDistance(this.nextSeq, unbelievedSeq) <= 0) doubts.unbelievedSeq = undefined
    const isSettled = doubts.shownSeq === undefined && doubts.unbelievedSeq === undefined
    if (isSettled && doubts.synBytes === undefined) this.#doubts = undefined
  }

  #checkEnd(atUs: number): void {
    if (this.isEnded || seqDistance(this.nextSeq, this.#finSeq) > 0) return
    if (this.#isReadBehind(this.#finSeq)) {
      this.#hasFin = false
      this.#owner.anomaly(this, 'tcp.fin-wild')
      this.#owner.touched(this, 'tcp.fin-wild', noBytes, 0, 0)
      return
    }
    this.isEnded = true
    this.#pending = noSegments // Data behind a FIN.
    this.#urgentSeqs = undefined
    this.bufferedBytes = 0
    this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    this.#owner.finished(this, atUs)
  }

  /** Copies those bytes that no pending segment holds: first bytes win. */
  #keep(buffer: Uint8Array, from: number, to: number, atUs: number, seq: number, ack: number): void {
    if (this.#pending === noSegments) this.#pending = []
    const pending = this.#pending
    const bytes = to - from
    let index = this.#pendingIndexOf(seq)
    let at = 0
    while (at < bytes) {
      const next = pending[index]
      const nextAt = next === undefined ? bytes : seqDistance(seq, next.seq)
      if (next !== undefined && nextAt <= at) {
        const overlapTo = Math.min(bytes, nextAt + next.bytes.length)
        if (!areEqual(buffer, from + at, from + overlapTo, next.bytes, at - nextAt)) {
          next.isContested = true
          this.#owner.anomaly(this, 'tcp.overlap-conflict')
        }
        at = Math.max(at, nextAt + next.bytes.length)
        index++
        continue
      }
      const until = Math.min(bytes, nextAt)
      const bytesHere = buffer.slice(from + at, from + until)
      pending.splice(index++, 0, { seq: seqAdd(seq, at), bytes: bytesHere, ack, atUs, isContested: false })
      this.bufferedBytes += until - at + earlyOverheadBytes
      at = until
    }
  }

  /** What waits at these numbers with an acknowledgement that its receiver ignores leaves for other bytes that it reads there. RFC 9293 §3.10.7.4. */
  #replaceUnshown(buffer: Uint8Array, from: number, to: number, seq: number, ack: number): void {
    const pending = this.#pending
    if (pending.length === 0 || !this.#owner.isCaughtUp(this, ack)) return
    for (let index = this.#pendingIndexOf(seq); index < pending.length; ) {
      const { seq: start, bytes, ack: theirs } = pending[index]!
      const at = seqDistance(seq, start)
      if (at >= to - from) return
      const first = Math.max(0, at)
      const last = Math.min(to - from, at + bytes.length)
      if (this.#owner.isShown(this, theirs) || areEqual(buffer, from + first, from + last, bytes, first - at)) {
        index++
        continue
      }
      this.#owner.anomaly(this, 'tcp.ack-wild')
      this.#owner.touched(this, 'tcp.ack-wild', buffer, from, to)
      pending.splice(index, 1)
      this.bufferedBytes -= bytes.length + earlyOverheadBytes
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

  /** Whether the expectation was wrong rather than the segment: the other side acknowledges there, or is not in the capture. */
  #isResync(seq: number, bytes: number, isPeerSeen: boolean): boolean {
    const follows = seqDistance(this.#wildNextSeq, seq)
    const isNext = this.#wildCount > 0 && follows >= 0 && follows <= wildFollowMaxBytes
    this.#wildCount = isNext ? this.#wildCount + 1 : 1
    this.#wildNextSeq = seqAdd(seq, bytes)
    if (!isPeerSeen) return this.#wildCount >= resyncSegmentCount
    const isAcked = this.peerAck !== noAck && Math.abs(seqDistance(this.peerAck, seq)) <= windowMaxBytes
    return isAcked && this.#wildCount >= resyncAckedSegmentCount
  }

  /** Goes on at `seq`. Behind us, nobody knows how much is missing: one byte says that something is. */
  #resync(seq: number, atUs: number): void {
    while (this.#pending.length > 0) this.force(atUs)
    this.#hasFin = false
    this.#releaseSyn(0)
    this.#doubts = undefined
    this.#ackDeadlineUs = Number.POSITIVE_INFINITY
    const missedBytes = Math.max(1, seqDistance(this.nextSeq, seq))
    this.nextSeq = seq
    this.#owner.missed(this, missedBytes, atUs)
  }
}

function noDoubts(): Doubts {
  return { shownSeq: undefined, unbelievedSeq: undefined, synBytes: undefined }
}
