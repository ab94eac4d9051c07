/** Frames → TCP segments, fragments put together on the way: the glue between a capture reader and a flow table. */

import { AnomalyCounts } from './anomaly-counts.js'
import { TunnelCounts, type TunnelStatistics } from './decapsulation/tunnel-counts.js'
import { type CapturedFrame, type Decoded, decodeFrame, decodeIp, SegmentView, type TunnelOptions } from './frame.js'
import { type FragmentLimits, fragmentDefaultLimits, IpFragments } from './ip-fragments.js'
import { type NetworkKeyOptions, networkKeyOf } from './network-key.js'

export interface SegmentReaderOptions {
  /** `segment` is the same object every time, borrowed until the call returns. */
  readonly onSegment: (segment: SegmentView) => void
  readonly fragmentLimits?: Partial<FragmentLimits>
  readonly tunnels?: TunnelOptions
  /** Of what a network's number is part of its flows' keys. Default: of nothing, so that a packet seen in two networks is one. */
  readonly networks?: NetworkKeyOptions
}

export interface SegmentReaderStatistics {
  readonly frameCount: number
  readonly segmentCount: number
  /** Well-formed, but not TCP over IP. */
  readonly otherCount: number
  readonly fragmentCount: number
  readonly reassembledPacketCount: number
  readonly abandonedPacketCount: number
  /** By tunnel, those that were seen. */
  readonly tunnels: TunnelStatistics
}

export class SegmentReader {
  readonly #onSegment: (segment: SegmentView) => void
  readonly #fragments: IpFragments
  readonly #segment: SegmentView
  readonly #networks: NetworkKeyOptions | undefined
  readonly #tunnels = new TunnelCounts()
  readonly anomalies: AnomalyCounts
  #frameCount = 0
  #segmentCount = 0
  #otherCount = 0
  #fragmentCount = 0

  constructor(options: SegmentReaderOptions, anomalies: AnomalyCounts = new AnomalyCounts()) {
    this.#onSegment = options.onSegment
    this.#segment = new SegmentView(options.tunnels)
    const { networks } = options
    this.#networks = networks?.byVlan === true || networks?.byVni === true ? networks : undefined
    this.anomalies = anomalies
    this.#fragments = new IpFragments({ ...fragmentDefaultLimits, ...options.fragmentLimits }, anomalies)
  }

  /** Takes one frame, borrowed until the call returns. */
  readFrame(frame: CapturedFrame): void {
    this.#frameCount++
    const decoded = decodeFrame(frame, this.#segment)
    if (decoded === 'segment') this.#hand()
    else if (decoded === 'fragment') this.#readFragment()
    else this.#count(decoded)
  }

  statistics(): SegmentReaderStatistics {
    return {
      frameCount: this.#frameCount,
      segmentCount: this.#segmentCount,
      otherCount: this.#otherCount,
      fragmentCount: this.#fragmentCount,
      reassembledPacketCount: this.#fragments.reassembledCount,
      abandonedPacketCount: this.#fragments.abandonedCount,
      tunnels: this.#tunnels.statistics(),
    }
  }

  #hand(): void {
    const segment = this.#segment
    this.#segmentCount++
    if (segment.tunnelCount > 0) this.#tunnels.read(segment)
    if (this.#networks !== undefined) segment.networkKey = networkKeyOf(segment, this.#networks)
    this.#onSegment(segment)
  }

  /** A packet put together may be a tunnel's, with a fragment inside: each round is one tunnel deeper, and their number is bounded. */
  #readFragment(): void {
    const segment = this.#segment
    for (let tunnelCount = -1; tunnelCount < segment.tunnelCount; ) {
      this.#fragmentCount++
      tunnelCount = segment.tunnelCount
      if (this.#networks !== undefined) segment.networkKey = networkKeyOf(segment, this.#networks)
      const packet = this.#fragments.add(segment)
      if (packet === undefined) return
      segment.buffer = packet
      segment.view = new DataView(packet.buffer)
      const decoded = decodeIp(0, packet.length, segment)
      if (decoded === 'fragment') continue
      if (decoded === 'segment') this.#hand()
      else this.#count(decoded)
      return
    }
    this.anomalies.add('ip.fragment-nested')
  }

  #count(decoded: Exclude<Decoded, 'segment' | 'fragment'>): void {
    const segment = this.#segment
    if (segment.tunnelCount > 0 || segment.refusedTunnel > 0) {
      if (decoded === 'other') this.#tunnels.read(segment)
      else this.#tunnels.failed(segment)
    }
    if (decoded === 'other') this.#otherCount++
    else this.anomalies.add(decoded)
  }
}
