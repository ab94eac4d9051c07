/** Frames → TCP segments, fragments put together on the way: the glue between a capture reader and a flow table. */

import { AnomalyCounts } from './anomaly-counts.js'
import { type CapturedFrame, type Decoded, decodeFrame, decodeIp, SegmentView } from './frame.js'
import { type FragmentLimits, fragmentDefaultLimits, IpFragments } from './ip-fragments.js'

export interface SegmentReaderOptions {
  /** `segment` is the same object every time, borrowed until the call returns. */
  readonly onSegment: (segment: SegmentView) => void
  readonly fragmentLimits?: Partial<FragmentLimits>
}

export interface SegmentReaderStatistics {
  readonly frameCount: number
  readonly segmentCount: number
  /** Well-formed, but not TCP over IP. */
  readonly otherCount: number
  readonly fragmentCount: number
  readonly reassembledPacketCount: number
  readonly abandonedPacketCount: number
}

export class SegmentReader {
  readonly #onSegment: (segment: SegmentView) => void
  readonly #fragments: IpFragments
  readonly #segment = new SegmentView()
  readonly anomalies: AnomalyCounts
  #frameCount = 0
  #segmentCount = 0
  #otherCount = 0
  #fragmentCount = 0

  constructor(options: SegmentReaderOptions, anomalies: AnomalyCounts = new AnomalyCounts()) {
    this.#onSegment = options.onSegment
    this.anomalies = anomalies
    this.#fragments = new IpFragments({ ...fragmentDefaultLimits, ...options.fragmentLimits }, anomalies)
  }

  /** Takes one frame, borrowed until the call returns. */
  readFrame(frame: CapturedFrame): void {
    this.#frameCount++
    const decoded = decodeFrame(frame, this.#segment)
    if (decoded === 'segment') {
      this.#segmentCount++
      this.#onSegment(this.#segment)
    } else if (decoded === 'fragment') this.#readFragment()
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
    }
  }

  #readFragment(): void {
    this.#fragmentCount++
    const segment = this.#segment
    const packet = this.#fragments.add(segment)
    if (packet === undefined) return
    segment.buffer = packet
    segment.view = new DataView(packet.buffer)
    const decoded = decodeIp(0, packet.length, segment)
    if (decoded === 'segment') {
      this.#segmentCount++
      this.#onSegment(segment)
    } else if (decoded === 'fragment') this.anomalies.add('ip.fragment-nested')
    else this.#count(decoded)
  }

  #count(decoded: Decoded): void {
    if (decoded === 'other') this.#otherCount++
    else this.anomalies.add(decoded)
  }
}
