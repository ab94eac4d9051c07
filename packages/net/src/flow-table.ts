/**
 * @long: the life of a flow in one place. All flows: which segment belongs to which, when a flow is over, and who leaves when there are too many. Event time only.
 *
 *   segment ──► find flow (or open one: SYN, or data joined mid-stream) ──► decide what is overdue ──► half-stream ──► consumer
 *
 * Flows are in four lists by age. When the table is full the oldest of the first list that has one leaves: closed flows, then flows
 * without a byte (a flood of SYNs must not push out real ones), then those that said little, then busy ones. The busy wait for that:
 * but one that was silent for eight times as long as the oldest of those that said little leaves before that.
 *
 * Invariants: at most `flowMaxCount` flows and `bufferMaxBytes` of early segments; what a flow yields depends on its own segments
 * alone unless one of these limits bites, so that sensors and workers which share traffic by flow agree.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { addressText } from './address-text.js'
import { AgeLists } from './age-lists.js'
import { AnomalyCounts } from './anomaly-counts.js'
import { flowTunnelOf } from './decapsulation/flow-tunnel.js'
import { Flow, type FlowContext, type FlowInfo } from './flow.js'
import { communityId } from './flow-id.js'
import { FlowIndex, type HashSeed } from './flow-index.js'
import { type FlowLimits, flowDefaultLimits } from './flow-limits.js'
import { type SegmentView, tcpAck, tcpFin, tcpRst, tcpSyn, tcpUrg } from './frame.js'
import { earlyOverheadBytes, type HalfStream, type HalfStreamAnomaly, noAck, windowMaxBytes } from './half-stream.js'
import { seqAdd, seqDistance } from './sequence.js'
import type { FlowAnomaly, StreamConsumer } from './stream-consumer.js'

export type { FlowInfo, FlowTunnel } from './flow.js'
export { type FlowLimits, flowDefaultLimits } from './flow-limits.js'

export interface FlowTableOptions {
  /**
   * Called once a flow that carries bytes, before its first. `buffer[from, to)`, borrowed, are those that the consumer will be given first, so that
   * they may tell which it should be; none when a gap comes first.
   */
  readonly consumerOf: (flow: FlowInfo, buffer: Uint8Array, from: number, to: number) => StreamConsumer
  readonly limits?: Partial<FlowLimits>
  /** Random numbers where packets come from strangers. Default: always the same. */
  readonly hashSeed?: HashSeed
}

export interface FlowStatistics {
  readonly flowCount: number
  readonly openedFlowCount: number
  readonly segmentCount: number
  readonly payloadBytes: number
  readonly bufferedBytes: number
  readonly earlySegmentCount: number
  readonly retransmittedSegmentCount: number
  readonly gapCount: number
  readonly missedBytes: number
  readonly evictedFlowCount: number
  readonly idleFlowCount: number
}

const closedList = 0
const openingList = 1
const activeList = 2
const busyList = 3
const evictionOrder = [closedList, openingList, activeList, busyList]

/** So many segments with data make a flow busy: about five requests with their responses. */
const busySegmentCount = 12
const busyPatience = 8

const sweepIntervalUs = 10_000
const touchIntervalUs = 1_000_000
const lateSynMaxBytes = 1_048_576

export class FlowTable implements FlowContext {
  readonly #consumerOf: FlowTableOptions['consumerOf']
  readonly #limits: FlowLimits
  readonly #index: FlowIndex
  readonly #ages = new AgeLists(evictionOrder.length)
  readonly #flows: (Flow | undefined)[] = []
  /** Flows that have early segments or wait for acknowledged bytes. */
  readonly #undecided = new Set<Flow>()
  #sweptAtUs = 0
  #bufferedBytes = 0
  readonly anomalies: AnomalyCounts
  readonly ackedByDataUs: number
  readonly ackedUs: number
  readonly gapTimeoutUs: number
  #openedFlowCount = 0
  readonly #serverTexts = new BoundedMap<string, string>({ maxEntries: 4_096, onFull: 'evict-oldest' })
  #segmentCount = 0
  #payloadBytes = 0
  #earlySegmentCount = 0
  #retransmittedSegmentCount = 0
  #gapCount = 0
  #missedBytes = 0
  #evictedFlowCount = 0
  #idleFlowCount = 0

  constructor(options: FlowTableOptions, anomalies: AnomalyCounts = new AnomalyCounts()) {
    this.#consumerOf = options.consumerOf
    this.#limits = { ...flowDefaultLimits, ...options.limits }
    this.#index = new FlowIndex(this.#limits.flowMaxCount, options.hashSeed ?? [0, 0])
    this.anomalies = anomalies
    this.ackedByDataUs = this.#limits.ackedByDataUs
    this.ackedUs = this.#limits.ackedUs
    this.gapTimeoutUs = this.#limits.gapTimeoutUs
  }

  /** Takes one segment, borrowed until the call returns; bytes of it are lent to the consumer of its flow meanwhile. */
  segment(segment: SegmentView): void {
    const nowUs = segment.timestampUs
    this.#segmentCount++
    // A sweep visits every undecided flow: a flood of flows with holes makes sweeps rarer (1 µs a flow), not dearer. What flows tell
    // does not depend on when they are swept.
    if (Math.abs(nowUs - this.#sweptAtUs) > sweepIntervalUs + this.#undecided.size) this.#sweep(nowUs)
    const flow = this.#flowOf(segment, nowUs)
    if (flow === undefined) return
    const half = this.#index.isSenderFirst ? flow.first : flow.second
    const { flags, payloadFrom, payloadTo } = segment
    const bytes = payloadTo - payloadFrom
    const bufferedBefore = flow.bufferedBytes
    if (flow.isUndecided) {
      flow.decide(nowUs)
      // A refused connection's RST acknowledges what nobody has read.
      if ((flags & (tcpAck | tcpRst)) === tcpAck) flow.judgeSyn(half, segment.ack)
    }
    flow.lastSeenUs = nowUs
    half.isSeen = true
    if ((flags & tcpSyn) !== 0) this.#synchronize(flow, half, segment)
    if ((flags & tcpAck) !== 0) flow.acknowledge(half, segment.seq, segment.ack, bytes > 0, nowUs)
    if (bytes > 0) {
      if ((flags & tcpSyn) === 0) this.#payload(flow, half, segment)
      else this.#synPayload(flow, half, segment)
    }
    if ((bytes === 0 || segment.cutBytes > 0) && (flags & tcpRst) === 0) this.#show(flow, half, segment)
    if ((flags & (tcpFin | tcpRst)) !== 0) {
      if ((flags & tcpFin) !== 0) this.#finish(flow, half, segment)
      if ((flags & tcpRst) !== 0) this.#reset(flow, half, segment)
    }
    if (flow.isUndecided || flow.isWaiting) this.#settle(flow, bufferedBefore)
    this.#touch(flow, nowUs)
  }

  #settle(flow: Flow, bufferedBefore: number): void {
    if (flow.bufferedBytes > 0) flow.settle()
    this.#bufferedBytes += flow.bufferedBytes - bufferedBefore
    this.#noteUndecided(flow)
  }

  #noteUndecided(flow: Flow): void {
    if (flow.isUndecided === flow.isWaiting) return
    flow.isUndecided = flow.isWaiting
    if (flow.isUndecided) this.#undecided.add(flow)
    else this.#undecided.delete(flow)
  }

  /** Moves a flow to the young end of its list; the order within a list is good to a second. */
  #touch(flow: Flow, nowUs: number): void {
    const list = listOf(flow)
    if (list === flow.list && Math.abs(nowUs - flow.touchedAtUs) < touchIntervalUs) return
    flow.list = list
    flow.touchedAtUs = nowUs
    this.#ages.touch(flow.index, list)
  }

  /** The capture is over: flushes every flow, longest idle first within its list. */
  end(): void {
    for (const list of evictionOrder) {
      for (let flow = this.#oldest(list); flow !== undefined; flow = this.#oldest(list)) {
        this.#close(flow, 'end-of-capture')
      }
    }
  }

  /** Event time goes on without segments (a quiet interface): times out what is due. */
  advance(nowUs: number): void {
    this.#sweep(nowUs)
  }

  statistics(): FlowStatistics {
    return {
      flowCount: this.#index.count,
      openedFlowCount: this.#openedFlowCount,
      segmentCount: this.#segmentCount,
      payloadBytes: this.#payloadBytes,
      bufferedBytes: this.#bufferedBytes,
      earlySegmentCount: this.#earlySegmentCount,
      retransmittedSegmentCount: this.#retransmittedSegmentCount,
      gapCount: this.#gapCount,
      missedBytes: this.#missedBytes,
      evictedFlowCount: this.#evictedFlowCount,
      idleFlowCount: this.#idleFlowCount,
    }
  }

  #flowOf(segment: SegmentView, nowUs: number): Flow | undefined {
    const number = this.#index.find(segment)
    const known = number < 0 ? undefined : this.#flows[number]
    if (known !== undefined) {
      if (this.#isExpired(known, nowUs)) this.#close(known, 'idle')
      else if ((segment.flags & tcpSyn) !== 0 && this.#isPortReused(known, segment)) {
        this.anomalies.add('tcp.port-reused')
        this.#close(known, 'evicted')
      } else return known
    }
    // Joining mid-stream takes data: a lone ACK, FIN or RST says nothing worth a flow.
    const isWorthFlow = (segment.flags & tcpSyn) !== 0 || segment.payloadTo > segment.payloadFrom
    if (!isWorthFlow || (segment.flags & tcpRst) !== 0) return undefined
    if (this.#index.isFull) this.#evict(nowUs)
    const vlanIds = segment.vlanCount === 0 ? noVlans : [...segment.vlanIds.subarray(0, segment.vlanCount)]
    const flow = new Flow(this.#index.add(), this, vlanIds, nowUs)
    if (segment.tunnelCount > 0) flow.tunnel = flowTunnelOf(segment)
    this.#flows[flow.index] = flow
    return flow
  }

  #isExpired(flow: Flow, nowUs: number): boolean {
    const { closedTimeoutUs, idleTimeoutUs, openingTimeoutUs } = this.#limits
    const timeoutUs = flow.isClosed ? closedTimeoutUs : flow.hasOpened ? idleTimeoutUs : openingTimeoutUs
    return Math.abs(nowUs - flow.lastSeenUs) > timeoutUs // A clock that jumps back must not keep flows for ever.
  }

  /** A SYN for a known flow: a repeated or late one, or a new connection between the same ports? */
  #isPortReused(flow: Flow, segment: SegmentView): boolean {
    const half = this.#index.isSenderFirst ? flow.first : flow.second
    const firstSeq = seqAdd(segment.seq, 1)
    if (!half.isStarted) return flow.isClosed
    const sinceSyn = seqDistance(firstSeq, half.firstSeq)
    if (sinceSyn === 0) return false
    if (flow.isClosed) return true
    if ((segment.flags & tcpAck) !== 0) return segment.ack === flow.proposedSeq
    const isLateSyn = !half.isStartKnown && sinceSyn > 0 && sinceSyn <= lateSynMaxBytes
    if (isLateSyn || !flow.otherOf(half).isSeen) return !isLateSyn
    // Once the server has answered, a client could blind us with SYNs that it ignores: only another answer proves a new connection.
    flow.proposedSeq = firstSeq
    this.#tell(flow, half, 'tcp.syn-in-flow')
    return false
  }

  #synchronize(flow: Flow, half: HalfStream, segment: SegmentView): void {
    const isFirst = half === flow.first
    const hasAck = (segment.flags & tcpAck) !== 0
    const other = flow.otherOf(half)
    if (!hasAck && !half.isStarted && other.isStartKnown) {
      // The other side has sent its SYN: this one is answered by nobody, or by a SYN-ACK of the same number.
      this.#tell(flow, half, 'tcp.syn-in-flow')
      return
    }
    if (!half.isStarted || half.canRestart) half.start(seqAdd(segment.seq, 1), true)
    else if (half.firstSeq === seqAdd(segment.seq, 1)) half.confirmStart()
    else if (hasAck) this.#tell(flow, half, 'tcp.syn-ack-mismatch')
    if (hasAck) {
      if (!other.isStarted || (other.canRestart && other.firstSeq === segment.ack)) other.start(segment.ack, true)
      // It answers another SYN than the one that we took for the beginning.
      else if (!other.mayStartBefore(segment.ack)) other.restart(segment.ack)
    }
    if (!flow.hasOpened) flow.isFirstClient ??= isFirst !== hasAck
  }

  #payload(flow: Flow, half: HalfStream, segment: SegmentView): void {
    const { buffer, payloadFrom, payloadTo, timestampUs, flags, seq } = segment
    const ack = (flags & tcpAck) !== 0 ? segment.ack : noAck
    const bytes = payloadTo - payloadFrom
    this.#payloadBytes += bytes
    if (flow.dataSegmentCount < busySegmentCount) flow.dataSegmentCount++
    if (!half.isStarted) half.start(seq, false)
    const { bufferMaxBytes, halfBufferMaxBytes } = this.#limits
    const maxBytes = Math.min(halfBufferMaxBytes, bufferMaxBytes - this.#bufferedBytes + half.bufferedBytes)
    if ((flags & tcpUrg) !== 0) {
      this.anomalies.add('tcp.urgent-byte')
      half.urgent(urgentSeqOf(segment, seq))
    }
    const isPeerSeen = flow.otherOf(half).isSeen
    let fate = half.segment(buffer, payloadFrom, payloadTo, timestampUs, seq, ack, maxBytes, isPeerSeen)
    if (fate === 'overflow' && maxBytes < halfBufferMaxBytes && this.#makeRoom(flow, bytes)) {
      fate = half.segment(buffer, payloadFrom, payloadTo, timestampUs, seq, ack, halfBufferMaxBytes, isPeerSeen)
    }
    if (fate === 'overflow') {
      this.#tell(flow, half, 'tcp.early-data-overflow')
      flow.flush(timestampUs)
      half.segmentNow(buffer, payloadFrom, payloadTo, timestampUs, seq, ack)
      fate = 'delivered'
    }
    if (half === flow.resetBy && (fate === 'delivered' || fate === 'buffered')) this.#doubtReset(flow, half, seq, bytes)
    if (fate === 'delivered') return
    if (fate === 'buffered') {
      this.#earlySegmentCount++
      flow.reconsider(half, timestampUs)
    } else if (fate === 'retransmitted') this.#retransmittedSegmentCount++
    else if (fate === 'wild') this.#tell(flow, half, 'tcp.sequence-wild')
    else if (fate === 'after-end') this.#tell(flow, half, 'tcp.data-after-fin')
  }

  /** What comes with a SYN waits for the other side's word. */
  #synPayload(flow: Flow, half: HalfStream, segment: SegmentView): void {
    const { buffer, payloadFrom, payloadTo, timestampUs, flags } = segment
    const bytes = payloadTo - payloadFrom
    this.#payloadBytes += bytes
    if (!this.#makeRoom(flow, bytes)) {
      this.#tell(flow, half, 'tcp.early-data-overflow')
      return
    }
    const ack = (flags & tcpAck) !== 0 ? segment.ack : noAck
    const fate = half.synSegment(buffer, payloadFrom, payloadTo, timestampUs, seqAdd(segment.seq, 1), ack)
    if (fate === 'buffered') this.#earlySegmentCount++
    else if (fate === 'retransmitted') this.#retransmittedSegmentCount++
    else if (fate === 'after-end') this.#tell(flow, half, 'tcp.data-after-fin')
  }

  /** A segment without bytes says where its sender is; so does one that the capture has cut. */
  #show(flow: Flow, half: HalfStream, segment: SegmentView): void {
    const { flags, payloadFrom, payloadTo, cutBytes } = segment
    const synBytes = (flags & tcpSyn) !== 0 ? 1 : 0
    const seq = seqAdd(segment.seq, synBytes + payloadTo - payloadFrom + cutBytes)
    if (seq === half.nextSeq) return
    half.show(seq)
    flow.reconsider(half, flow.lastSeenUs)
  }

  /** Flushes what has waited longest in other flows, so that early data which nobody ever completes starves none. */
  #makeRoom(flow: Flow, bytes: number): boolean {
    const neededBytes = bytes + earlyOverheadBytes
    for (const other of this.#undecided) {
      if (this.#bufferedBytes + neededBytes <= this.#limits.bufferMaxBytes) return true
      if (other === flow || other.bufferedBytes === 0) continue
      this.anomalies.add('tcp.early-data-overflow')
      this.#bufferedBytes -= other.bufferedBytes
      other.flush(other.lastSeenUs)
      this.#noteUndecided(other)
    }
    return this.#bufferedBytes + neededBytes <= this.#limits.bufferMaxBytes
  }

  #finish(flow: Flow, half: HalfStream, segment: SegmentView): void {
    const synBytes = (segment.flags & tcpSyn) !== 0 ? 1 : 0
    const bytes = segment.payloadTo - segment.payloadFrom + segment.cutBytes + synBytes
    const isBehind = half.canRestart && seqDistance(half.firstSeq, segment.seq) < 0
    if (!half.isStarted || isBehind) half.start(segment.seq, false)
    half.fin(seqAdd(segment.seq, bytes), flow.lastSeenUs)
    flow.reconsider(half, flow.lastSeenUs)
  }

  /** Bytes already captured, and those still on their way, keep their worth: the flow ends when it has been quiet for a while. */
  #reset(flow: Flow, half: HalfStream, segment: SegmentView): void {
    // Receivers obey the number that they expect and no other, RFC 5961 §3.2; what they expect may be ahead of what was captured.
    const ahead = half.isStarted ? seqDistance(half.nextSeq, segment.seq) : 0
    if (ahead < 0 || ahead > windowMaxBytes) this.#tell(flow, half, 'tcp.reset-wild')
    else {
      flow.resetBy = half
      flow.resetSeq = segment.seq
    }
  }

  /** Whoever sent a RST has no socket any more: new bytes of it prove that somebody else made the RST up. */
  #doubtReset(flow: Flow, half: HalfStream, seq: number, bytes: number): void {
    if (seqDistance(flow.resetSeq, seqAdd(seq, bytes)) <= 0) return
    this.#tell(flow, half, 'tcp.reset-forged')
    flow.resetBy = undefined
  }

  #sweep(nowUs: number): void {
    this.#sweptAtUs = nowUs
    for (const flow of this.#undecided) {
      const before = flow.bufferedBytes
      flow.decide(nowUs)
      this.#bufferedBytes += flow.bufferedBytes - before
      this.#noteUndecided(flow)
    }
    for (const list of evictionOrder) {
      for (
        let flow = this.#oldest(list);
        flow !== undefined && this.#isExpired(flow, nowUs);
        flow = this.#oldest(list)
      ) {
        this.#close(flow, 'idle')
      }
    }
  }

  /**
   * Memory of the consumers is scarce, for as long as `isScarce` says so: flows whose consumers hold bytes leave, of those that said little the
   * longest silent first, then busy ones. Walks all flows if that does not help. To be called between segments.
   */
  relieve(isScarce: () => boolean): void {
    // Among those that are opening are some whose first bytes a sweep has lent since.
    for (const list of evictionOrder) {
      for (let index = this.#ages.oldest(list); index >= 0 && isScarce(); ) {
        const flow = this.#flows[index]!
        index = this.#ages.newerThan(index)
        if (!flow.isHolding) continue
        this.#evictedFlowCount++
        this.anomalies.add('flow.evicted')
        this.#close(flow, 'evicted')
      }
    }
  }

  #oldest(list: number): Flow | undefined {
    return this.#flows[this.#ages.oldest(list)]
  }

  #evict(nowUs: number): void {
    const flow = this.#oldest(closedList) ?? this.#oldest(openingList) ?? this.#leastActive(nowUs)
    if (flow === undefined) return
    if (!flow.isClosed) {
      this.#evictedFlowCount++
      this.anomalies.add('flow.evicted')
    }
    this.#close(flow, 'evicted')
  }

  #leastActive(nowUs: number): Flow | undefined {
    const [active, busy] = [this.#oldest(activeList), this.#oldest(busyList)]
    if (active === undefined || busy === undefined) return active ?? busy
    return nowUs - busy.lastSeenUs > busyPatience * (nowUs - active.lastSeenUs) ? busy : active
  }

  #close(flow: Flow, reason: 'idle' | 'evicted' | 'end-of-capture'): void {
    if (reason === 'idle' && !flow.isClosed) this.#idleFlowCount++
    this.#bufferedBytes -= flow.bufferedBytes
    flow.close(reason)
    this.#undecided.delete(flow)
    this.#ages.remove(flow.index)
    this.#flows[flow.index] = undefined
    this.#index.remove(flow.index)
  }

  #tell(flow: Flow, half: HalfStream, name: FlowAnomaly): void {
    this.anomalies.add(name)
    flow.touched(half, name, noBytes, 0, 0)
  }

  /** For flows of this table only. */
  openConsumer(flow: Flow, isFirstClient: boolean, buffer: Uint8Array, from: number, to: number): StreamConsumer {
    this.#openedFlowCount++
    const client = this.#index.endpoint(flow.index, isFirstClient)
    const server = this.#index.endpoint(flow.index, !isFirstClient)
    const info: FlowInfo = {
      flowId: communityId(client.address, client.port, server.address, server.port),
      clientIp: addressText(client.address, 0, client.address.length === 4 ? 4 : 16),
      clientPort: client.port,
      serverIp: this.#shared(addressText(server.address, 0, server.address.length === 4 ? 4 : 16)),
      serverPort: server.port,
      vlanIds: flow.vlanIds,
      directionAssumed: flow.isDirectionAssumed,
      midStream: flow.isMidStream,
    }
    // A spread in the literal above would put what follows it into a second object, for each connection.
    const { tunnel } = flow
    return this.#consumerOf(tunnel === undefined ? info : { ...info, tunnel }, buffer, from, to)
  }

  /** Many connections have one server: its text is kept once, as far as it is among the last ones. */
  #shared(text: string): string {
    const known = this.#serverTexts.get(text)
    if (known === undefined) this.#serverTexts.set(text, text)
    return known ?? text
  }

  /** For flows of this table only. */
  portOf(flow: Flow, isFirst: boolean): number {
    return this.#index.endpoint(flow.index, isFirst).port
  }

  /** For flows of this table only. */
  countAnomaly(name: HalfStreamAnomaly): void {
    this.anomalies.add(name)
  }

  /** For flows of this table only. */
  countGap(missedBytes: number): void {
    this.#gapCount++
    this.#missedBytes += missedBytes
  }
}

const noVlans: readonly number[] = []
const noBytes = new Uint8Array(0)

function listOf(flow: Flow): number {
  if (flow.isClosed) return closedList
  if (!flow.hasOpened) return openingList
  return flow.dataSegmentCount < busySegmentCount ? activeList : busyList
}

/** The pointer names the byte behind the urgent one, and 0 the first: as receivers read it, not as RFC 793 wrote it. RFC 6093 §3.2. */
function urgentSeqOf(segment: SegmentView, firstSeq: number): number {
  return seqAdd(firstSeq, segment.urgentPointer === 0 ? 0 : segment.urgentPointer - 1)
}
