/**
 * One TCP connection as seen: two half-streams, who is the client, and the consumer that reads them.
 *
 *   opening ──first byte or gap──► active (a consumer exists) ──both sides ended, or RST──► closed
 *
 * The consumer is made with the first byte, so that scans cost none, and so that as much as possible is known about the direction.
 * A closed flow stays for a while: late segments find it, and do not look like a new flow joined in the middle.
 */

import { isSenderClient } from './client-guess.js'
import type { TunnelName } from './decapsulation/tunnels.js'
import { HalfStream, type HalfStreamAnomaly, type HalfStreamOwner, noAck } from './half-stream.js'
import type { Direction, EndReason, FlowAnomaly, StreamConsumer } from './stream-consumer.js'

/** The tunnels around a packet. */
export interface FlowTunnel {
  /** Outermost first. */
  readonly names: readonly TunnelName[]
  /** Number of the innermost virtual network (VXLAN, GENEVE, NVGRE, backbone bridges), if one is named. */
  readonly vni?: number
}

/** What a consumer is told of its flow; strings are made once. */
export interface FlowInfo {
  /** Community ID v1. */
  readonly flowId: string
  readonly clientIp: string
  readonly clientPort: number
  readonly serverIp: string
  readonly serverPort: number
  /** Outermost first, of the packet that opened the flow. */
  readonly vlanIds: readonly number[]
  /** What that packet came through; absent where it came through nothing. */
  readonly tunnel?: FlowTunnel
  /** Neither SYN nor SYN-ACK told who the client is. */
  readonly directionAssumed: boolean
  /** Joined after its start. */
  readonly midStream: boolean
}

/** What flows of one table share. */
export interface FlowContext {
  /** `isFirstClient`: the client is the endpoint that comes first in the flow's key. `buffer[from, to)`: the bytes that come first, borrowed. */
  openConsumer(flow: Flow, isFirstClient: boolean, buffer: Uint8Array, from: number, to: number): StreamConsumer
  portOf(flow: Flow, isFirst: boolean): number
  countGap(missedBytes: number): void
  countAnomaly(name: HalfStreamAnomaly): void
  /** How long bytes that the other side has acknowledged may be late: behind its data, behind a pure ACK; and otherwise. */
  readonly ackedByDataUs: number
  readonly ackedUs: number
  readonly gapTimeoutUs: number
}

export class Flow implements HalfStreamOwner {
  readonly index: number
  readonly #context: FlowContext
  /** Sent by the endpoint that comes first in the key. */
  readonly first: HalfStream
  readonly second: HalfStream
  readonly vlanIds: readonly number[]
  tunnel: FlowTunnel | undefined
  lastSeenUs: number
  /** Undefined until a SYN, a SYN-ACK or a guess tells. */
  isFirstClient: boolean | undefined
  /** Who sent a RST, and the number of it: bytes of the same sender behind it say that nobody obeyed it. */
  resetBy: HalfStream | undefined
  resetSeq = 0
  /** A SYN that does not fit came while bytes flow: what a SYN-ACK must acknowledge to prove that a new connection began. */
  proposedSeq: number = noAck
  isDirectionAssumed = false
  /** For the table that owns the flow: whether it is among the undecided, which list it is in, and since when. */
  isUndecided = false
  list = -1
  touchedAtUs = 0
  /** For the table: segments with data, counted no further than it takes to be busy. */
  dataSegmentCount = 0
  #consumer: StreamConsumer | undefined
  #hasOpened = false

  constructor(index: number, context: FlowContext, vlanIds: readonly number[], atUs: number) {
    this.index = index
    this.#context = context
    this.vlanIds = vlanIds
    this.tunnel = undefined
    this.lastSeenUs = atUs
    this.first = new HalfStream(this)
    this.second = new HalfStream(this)
  }

  /** A consumer was made. */
  get hasOpened(): boolean {
    return this.#hasOpened
  }

  /** Its end lets memory of its consumer go. */
  get isHolding(): boolean {
    return this.#consumer !== undefined && this.#consumer.isHolding?.() !== false
  }

  get isReset(): boolean {
    return this.resetBy !== undefined
  }

  get isClosed(): boolean {
    return this.isReset || (this.first.isEnded && this.second.isEnded)
  }

  /** Where one of the directions starts is not known: responses may have been missed before the first that was seen. */
  get isMidStream(): boolean {
    const { first, second } = this
    if (!first.isStartKnown && !second.isStartKnown) return true
    return first.isStarted && second.isStarted && !(first.isStartKnown && second.isStartKnown)
  }

  get bufferedBytes(): number {
    return this.first.bufferedBytes + this.second.bufferedBytes
  }

  /** Something is open that time will decide. */
  get isWaiting(): boolean {
    return this.first.isWaiting || this.second.isWaiting
  }

  /** Event time at which something must be decided unless it resolves itself; infinite when nothing is open. */
  get deadlineUs(): number {
    const { first, second } = this
    return Math.min(
      first.ackDeadlineUs,
      second.ackDeadlineUs,
      this.#holeDeadlineOf(first),
      this.#holeDeadlineOf(second),
    )
  }

  #holeDeadlineOf(half: HalfStream): number {
    // What a visible receiver does not acknowledge it does not have: the network lost it and it will be repeated, or what came early was
    // forged. Time alone decides where nobody could acknowledge.
    const other = this.otherOf(half)
    if ((half.hasHole || half.isHoldingSyn) && other.isSeen) return Number.POSITIVE_INFINITY
    // Nor would it have taken what acknowledges more than it has sent.
    if (half.awaitedAck !== noAck && other.isDisbelieved(half.awaitedAck)) return Number.POSITIVE_INFINITY
    return half.pendingSinceUs + this.#context.gapTimeoutUs
  }

  otherOf(half: HalfStream): HalfStream {
    return half === this.first ? this.second : this.first
  }

  /** The sender of `half` acknowledges `ack` in a segment of number `seq`, with data or without. */
  acknowledge(half: HalfStream, seq: number, ack: number, withData: boolean, atUs: number): void {
    const other = this.otherOf(half)
    other.peerAck = ack
    // Behind its SYN it has acknowledged a SYN that was not captured, and no more, as long as it has said nothing.
    if (!other.isStarted) other.startByAck(ack, half.isStartKnown && seq === half.firstSeq)
    if (!other.lacks(ack) || other.isDisbelieved(ack)) return
    other.expectUntil(ack, atUs + (withData ? this.#context.ackedByDataUs : this.#context.ackedUs))
  }

  /** The sender of `half` acknowledges `ack`: what came with the other side's SYN was taken, or it was not. */
  judgeSyn(half: HalfStream, ack: number): void {
    const other = this.otherOf(half)
    if (other.isHoldingSyn) other.judgeSyn(ack)
  }

  /** The sender of `half` has shown bytes, or that it sent some: what the other side acknowledged before may be a hole. */
  reconsider(half: HalfStream, atUs: number): void {
    if (half.isHoleConfirmed) half.expectUntil(half.peerAck, atUs + this.#context.ackedByDataUs)
  }

  /** Lends whatever has its turn now, in both directions. */
  settle(): void {
    const { first, second } = this
    for (let lent = true; lent; ) {
      lent = first.pendingCount > 0 && first.drain()
      if (second.pendingCount > 0 && second.drain()) lent = true
    }
    this.#expectAwaited(first, second)
    this.#expectAwaited(second, first)
  }

  #expectAwaited(waiting: HalfStream, other: HalfStream): void {
    const ack = waiting.awaitedAck
    if (ack === noAck || !other.lacks(ack) || other.isDisbelieved(ack)) return
    other.expectUntil(ack, waiting.pendingSinceUs + this.#context.ackedByDataUs)
  }

  /**
   * Decides everything whose deadline has passed. What comes out, times included, does not depend on when this is called, as long as
   * it is before the next segment is taken: so flows do not depend on one another.
   */
  decide(nowUs: number): void {
    const atUs = this.lastSeenUs
    for (;;) {
      const deadlineUs = this.deadlineUs
      if (deadlineUs > nowUs || deadlineUs === Number.POSITIVE_INFINITY) return
      if (this.first.ackDeadlineUs === deadlineUs) this.#decideAcked(this.first, atUs)
      else if (this.second.ackDeadlineUs === deadlineUs) this.#decideAcked(this.second, atUs)
      else if (this.#holeDeadlineOf(this.first) === deadlineUs) this.#goOn(this.first, atUs)
      else this.#goOn(this.second, atUs)
      this.settle()
    }
  }

  #decideAcked(half: HalfStream, atUs: number): void {
    if (half.giveUpAcked(atUs)) return
    const other = this.otherOf(half)
    // Each waits for the other: numbers that no honest pair sends, or first bytes with a repetition's acknowledgement.
    const isCircle = other.awaitedAck !== noAck || other.ackDeadlineUs === Number.POSITIVE_INFINITY
    if (!isCircle && other.ackDeadlineUs > half.ackDeadlineUs) half.postpone(other.ackDeadlineUs)
    else if (isCircle || !other.giveUpAcked(atUs)) half.force(atUs)
  }

  /** Gives up one hole: its own or, if it waits for the other direction, one of that; its bytes are lent out of turn only if there is none. */
  #goOn(half: HalfStream, atUs: number): void {
    if (half.isHoldingSyn) {
      half.giveUpSyn(this.otherOf(half).isSeen)
      return
    }
    if (half.giveUpHole(atUs)) return
    if (!this.otherOf(half).giveUpBefore(half.awaitedAck, atUs)) half.force(atUs)
  }

  /** Hands on all that waits, in the order of its arrival, with gaps where bytes are missing. */
  flush(atUs: number): void {
    this.settle()
    for (const half of [this.first, this.second]) if (half.isHoldingSyn) half.giveUpSyn(this.otherOf(half).isSeen)
    while (this.first.pendingCount + this.second.pendingCount > 0) {
      this.#goOn(this.first.pendingSinceUs <= this.second.pendingSinceUs ? this.first : this.second, atUs)
      this.settle()
    }
  }

  /** Flushes and ends both directions. The flow is of no use afterwards. */
  close(reason: EndReason): void {
    const atUs = this.lastSeenUs
    this.decide(Number.MAX_VALUE)
    this.flush(atUs)
    const actual = this.isReset ? 'rst' : reason
    for (const half of [this.first, this.second]) {
      half.giveUpTail(atUs)
      if (!half.isEnded) this.#consumer?.end(this.#directionOf(half), actual, atUs)
    }
    this.#consumer = undefined
  }

  deliver(
    half: HalfStream,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    const consumer = this.#consumer ?? this.#open(half, buffer, from, to)
    consumer.bytes(this.#directionOf(half), buffer, from, to, atUs, seq, ack)
  }

  missed(half: HalfStream, missedBytes: number, atUs: number): void {
    this.#context.countGap(missedBytes)
    const consumer = this.#consumer ?? this.#open(half, noBytes, 0, 0)
    consumer.gap(this.#directionOf(half), missedBytes, atUs)
  }

  isCaughtUp(half: HalfStream, ack: number): boolean {
    return !this.otherOf(half).lacks(ack)
  }

  isShown(half: HalfStream, ack: number): boolean {
    return this.otherOf(half).hasShown(ack)
  }

  finished(half: HalfStream, atUs: number): void {
    this.#consumer?.end(this.#directionOf(half), 'fin', atUs)
    if (this.isClosed && !this.isReset) this.#consumer = undefined // Its memory is not to wait for the flow to be forgotten.
  }

  anomaly(_half: HalfStream, name: HalfStreamAnomaly): void {
    this.#context.countAnomaly(name)
  }

  /** Before the first byte there is nobody to tell, unless that byte comes with it. */
  touched(half: HalfStream, name: FlowAnomaly, buffer: Uint8Array, from: number, to: number): void {
    const consumer = this.#consumer ?? (from < to ? this.#open(half, buffer, from, to) : undefined)
    consumer?.anomaly?.(this.#directionOf(half), name)
  }

  #open(half: HalfStream, buffer: Uint8Array, from: number, to: number): StreamConsumer {
    if (this.isFirstClient === undefined) {
      const isFirst = half === this.first
      const senderPort = this.#context.portOf(this, isFirst)
      const receiverPort = this.#context.portOf(this, !isFirst)
      this.isFirstClient = isSenderClient(buffer, from, to, senderPort, receiverPort) === isFirst
      this.isDirectionAssumed = true
    }
    this.#hasOpened = true
    const consumer = this.#context.openConsumer(this, this.isFirstClient, buffer, from, to)
    this.#consumer = consumer
    const other = this.otherOf(half)
    if (other.isEnded) consumer.end(this.#directionOf(other), 'fin', this.lastSeenUs)
    return consumer
  }

  #directionOf(half: HalfStream): Direction {
    return (half === this.first) === this.isFirstClient ? 'c2s' : 's2c'
  }
}

const noBytes = new Uint8Array(0)
