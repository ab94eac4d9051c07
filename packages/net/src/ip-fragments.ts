/**
 * Fragments → packets, for IPv4 and IPv6. Bounded in packets, bytes and event time; first bytes win where fragments overlap, and a
 * packet whose fragments overlap is counted (RFC 5722 forbids it; a sensor still wants to see what an attacker hid there).
 *
 * Invariant: `bufferedBytes` is the sum over all kept fragments and never exceeds `bufferMaxBytes`.
 */

import type { AnomalyCounts } from './anomaly-counts.js'
import type { SegmentView } from './frame.js'

export interface FragmentLimits {
  /** Incomplete packets kept; the oldest leaves. */
  readonly packetMaxCount: number
  readonly bufferMaxBytes: number
  /** Event time after its first fragment at which an incomplete packet is given up. */
  readonly timeoutUs: number
}

/** 60 s: the upper bound of RFC 8200 §4.5. */
export const fragmentDefaultLimits: FragmentLimits = {
  packetMaxCount: 1_024,
  bufferMaxBytes: 16_777_216,
  timeoutUs: 60_000_000,
}

const packetMaxBytes = 65_535
const fragmentMaxCount = 256

interface Piece {
  readonly from: number
  readonly bytes: Uint8Array
}

interface PartialPacket {
  readonly firstAtUs: number
  readonly header: Uint8Array
  /** By offset; disjoint. */
  readonly pieces: Piece[]
  storedBytes: number
  /** Known once the last fragment was seen. */
  totalBytes: number | undefined
  /** Of the fragment at offset 0: extension headers may differ in the others. */
  protocol: number
}

export class IpFragments {
  readonly #limits: FragmentLimits
  readonly #anomalies: AnomalyCounts
  readonly #packets = new Map<string, PartialPacket>()
  #bufferedBytes = 0
  /** Packets put together. */
  reassembledCount = 0
  /** Incomplete packets given up: timeout, or a limit. */
  abandonedCount = 0

  constructor(limits: FragmentLimits, anomalies: AnomalyCounts) {
    this.#limits = limits
    this.#anomalies = anomalies
  }

  get bufferedBytes(): number {
    return this.#bufferedBytes
  }

  get packetCount(): number {
    return this.#packets.size
  }

  /** Takes a copy of the fragment in `segment`. Returns the whole packet, from its IP header on, once its last byte is there. */
  add(segment: SegmentView): Uint8Array | undefined {
    this.#expire(segment.timestampUs)
    const from = segment.fragmentOffsetBytes
    const to = from + segment.payloadTo - segment.payloadFrom
    const isMisshapen = segment.moreFragments && (to - from) % 8 !== 0
    if (segment.cutBytes > 0 || to === from || to > packetMaxBytes || isMisshapen) {
      this.#anomalies.add(segment.cutBytes > 0 ? 'frame.truncated' : 'ip.fragment-size')
      return undefined
    }
    const key = keyOf(segment)
    const packet = this.#packets.get(key) ?? this.#open(key, segment)
    if (from === 0) packet.protocol = segment.protocol
    if (!segment.moreFragments) packet.totalBytes ??= to
    if (endOf(packet, to) > (packet.totalBytes ?? packetMaxBytes)) {
      this.#anomalies.add('ip.fragment-beyond-end')
      this.#abandon(key, packet)
      return undefined
    }
    this.#store(packet, segment, from, to)
    if (packet.storedBytes !== packet.totalBytes) {
      if (packet.pieces.length > fragmentMaxCount) this.#abandon(key, packet)
      while (this.#bufferedBytes > this.#limits.bufferMaxBytes) this.#abandonOldest()
      return undefined
    }
    this.#remove(key, packet)
    this.reassembledCount++
    return wholePacket(packet)
  }

  /** Keeps those bytes of [from, to) that no earlier fragment holds. */
  #store(packet: PartialPacket, segment: SegmentView, from: number, to: number): void {
    let at = from
    let index = 0
    const { pieces } = packet
    while (at < to) {
      const next = pieces[index]
      if (next !== undefined && next.from <= at) {
        const nextTo = next.from + next.bytes.length
        if (nextTo > at) {
          // A mirror may show one fragment twice: only other bytes, or another cut, are an overlap.
          const isRepeated = next.from === from && nextTo === to && holds(next.bytes, segment)
          if (!isRepeated) this.#anomalies.add('ip.fragment-overlap')
          at = nextTo
        }
        index++
        continue
      }
      const until = next === undefined ? to : Math.min(to, next.from)
      const source = segment.payloadFrom + at - from
      const bytes = segment.buffer.slice(source, source + until - at)
      pieces.splice(index++, 0, { from: at, bytes })
      packet.storedBytes += bytes.length
      this.#bufferedBytes += bytes.length
      at = until
    }
  }

  #open(key: string, segment: SegmentView): PartialPacket {
    if (this.#packets.size >= this.#limits.packetMaxCount) this.#abandonOldest()
    const packet: PartialPacket = {
      firstAtUs: segment.timestampUs,
      header: headerOf(segment),
      pieces: [],
      storedBytes: 0,
      totalBytes: undefined,
      protocol: segment.protocol,
    }
    this.#packets.set(key, packet)
    return packet
  }

  /** Map order is age order, so that looking at the first is enough. */
  #expire(nowUs: number): void {
    for (const [key, packet] of this.#packets) {
      if (Math.abs(nowUs - packet.firstAtUs) <= this.#limits.timeoutUs) return
      this.#abandon(key, packet)
    }
  }

  #abandonOldest(): void {
    for (const [key, packet] of this.#packets) {
      this.#abandon(key, packet)
      return
    }
  }

  #abandon(key: string, packet: PartialPacket): void {
    this.abandonedCount++
    this.#remove(key, packet)
  }

  #remove(key: string, packet: PartialPacket): void {
    if (this.#packets.delete(key)) this.#bufferedBytes -= packet.storedBytes
  }
}

/** Whether `bytes` are those of the fragment in `segment`, which is as long. */
function holds(bytes: Uint8Array, { buffer, payloadFrom }: SegmentView): boolean {
  return bytes.every((byte, index) => byte === buffer[payloadFrom + index])
}

/** Offset behind the last byte that the packet has, once a fragment up to `to` is in it. */
function endOf(packet: PartialPacket, to: number): number {
  const last = packet.pieces.at(-1)
  return last === undefined ? to : Math.max(to, last.from + last.bytes.length)
}

/** Addresses, identification, network; the protocol belongs to it in IPv4 only. RFC 791 §3.2, RFC 8200 §4.5. */
function keyOf(segment: SegmentView): string {
  const { buffer, addressBytes, sourceAt, fragmentId, networkKey } = segment
  const addresses = String.fromCharCode(...buffer.subarray(sourceAt, sourceAt + 2 * addressBytes))
  return `${addresses}${fragmentId}@${networkKey}${addressBytes === 4 ? `/${segment.protocol}` : ''}`
}

/** An IP header for the whole packet: addresses of the fragment, no options, lengths filled in later. */
function headerOf(segment: SegmentView): Uint8Array {
  const { buffer, addressBytes, sourceAt } = segment
  const header = new Uint8Array(addressBytes === 4 ? 20 : 40)
  header[0] = addressBytes === 4 ? 0x45 : 0x60
  header.set(buffer.subarray(sourceAt, sourceAt + 2 * addressBytes), addressBytes === 4 ? 12 : 8)
  return header
}

function wholePacket(packet: PartialPacket): Uint8Array {
  const headerBytes = packet.header.length
  const whole = new Uint8Array(headerBytes + packet.storedBytes)
  whole.set(packet.header)
  for (const { from, bytes } of packet.pieces) whole.set(bytes, headerBytes + from)
  const view = new DataView(whole.buffer)
  if (headerBytes === 20) {
    view.setUint16(2, Math.min(whole.length, packetMaxBytes))
    whole[9] = packet.protocol
  } else {
    view.setUint16(4, packet.storedBytes)
    whole[6] = packet.protocol
  }
  return whole
}
