import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AnomalyCounts } from './anomaly-counts.js'
import { type Decoded, decodeFrame, decodeIp, SegmentView, tcpAck } from './frame.js'
import { buildFrame, buildPacket, type SegmentSpec } from './frame-builder.js'
import { IpFragments } from './ip-fragments.js'

const v4: SegmentSpec = {
  sourceIp: '192.0.2.1',
  sourcePort: 40_000,
  destinationIp: '198.51.100.9',
  destinationPort: 80,
  seq: 0xffff_fff0,
  ack: 77,
  flags: tcpAck,
  payload: Uint8Array.from({ length: 40 }, (_value, index) => index),
}
const v6: SegmentSpec = { ...v4, sourceIp: '2001:db8::1', destinationIp: '2001:db8::9' }

const bytesOf = (...parts: (Uint8Array | readonly number[])[]) => Uint8Array.from(parts.flatMap((part) => [...part]))

function decode(bytes: Uint8Array, linkType: number): { decoded: Decoded; segment: SegmentView } {
  const segment = new SegmentView()
  // In the middle of a larger buffer, so that absolute and relative offsets cannot be mixed up.
  const buffer = new Uint8Array(bytes.length + 20).fill(0xee)
  buffer.set(bytes, 9)
  const frame = {
    buffer,
    view: new DataView(buffer.buffer),
    offset: 9,
    end: 9 + bytes.length,
    timestampUs: 5,
    linkType,
  }
  return { decoded: decodeFrame(frame, segment), segment }
}

function summary({ decoded, segment }: { decoded: Decoded; segment: SegmentView }) {
  const { buffer, sourcePort, destinationPort, seq, ack, payloadFrom, payloadTo, cutBytes, vlanIds, vlanCount } =
    segment
  return {
    decoded,
    numbers: [sourcePort, destinationPort, seq, ack],
    payload: Buffer.from(buffer.subarray(payloadFrom, payloadTo)).toString('hex'),
    cutBytes,
    vlans: [...vlanIds.subarray(0, vlanCount)],
    source: Buffer.from(buffer.subarray(segment.sourceAt, segment.sourceAt + segment.addressBytes)).toString('hex'),
  }
}
const expected = (spec: SegmentSpec, vlans: number[] = []) => ({
  decoded: 'segment',
  numbers: [40_000, 80, 0xffff_fff0, 77],
  payload: Buffer.from(v4.payload!).toString('hex'),
  cutBytes: 0,
  vlans,
  source: spec === v6 ? '20010db8000000000000000000000001' : 'c0000201',
})

const [packet4, packet6] = [buildPacket(v4), buildPacket(v6)]
const mac = new Uint8Array(12)
const macs = (type: number[]) => bytesOf(mac, type)
const sll = (type: number[]) => bytesOf(new Uint8Array(14), type)
const sll2 = (type: number[]) => bytesOf(type, new Uint8Array(18))
const patched = (bytes: Uint8Array, ...patches: [number, number][]) => {
  const copy = bytes.slice()
  for (const [at, value] of patches) copy[at] = value
  return copy
}
/** IPv6 with extension headers between its header and TCP: [type, bytes of the header with next header to be filled in]. */
function extended(...extensions: [number, number[]][]): Uint8Array {
  const types = [...extensions.map(([type]) => type), 6]
  const headers = extensions.map(([, bytes], index) => bytesOf([types[index + 1]!], bytes.slice(1)))
  const whole = bytesOf(packet6.subarray(0, 40), ...headers, packet6.subarray(40))
  whole[6] = types[0]!
  new DataView(whole.buffer).setUint16(4, whole.length - 40)
  return whole
}
const eight = [0, 0, 1, 4, 0, 0, 0, 0]
const withOptions = () => {
  const whole = bytesOf(packet4.subarray(0, 20), new Uint8Array(8).fill(1), packet4.subarray(20))
  return patched(whole, [0, 0x47], [3, whole.length])
}

describe('decodeFrame', () => {
  it.each<[string, number, Uint8Array, SegmentSpec, number[]]>([
    ['Ethernet', 1, buildFrame(v4), v4, []],
    ['Ethernet, IPv6', 1, buildFrame(v6), v6, []],
    ['802.1Q', 1, buildFrame({ ...v4, vlanIds: [0xabc] }), v4, [0xabc]],
    [
      '802.1ad over 802.1Q, priority bits',
      1,
      bytesOf(macs([0x88, 0xa8]), [0xe0, 5, 0x81, 0, 0x20, 6, 8, 0], packet4),
      v4,
      [5, 6],
    ],
    ['802.3 with SNAP', 1, bytesOf(macs([0, 88]), [0xaa, 0xaa, 3, 0, 0, 0, 8, 0], packet4), v4, []],
    ['Linux cooked', 113, bytesOf(sll([8, 0]), packet4), v4, []],
    ['Linux cooked, VLAN', 113, bytesOf(sll([0x81, 0]), [0, 9, 0x86, 0xdd], packet6), v6, [9]],
    ['Linux cooked v2', 276, bytesOf(sll2([0x86, 0xdd]), packet6), v6, []],
    ['BSD loopback, little-endian', 0, bytesOf([2, 0, 0, 0], packet4), v4, []],
    ['BSD loopback, big-endian, IPv6 of Darwin', 0, bytesOf([0, 0, 0, 30], packet6), v6, []],
    ['OpenBSD loopback', 108, bytesOf([0, 0, 0, 2], packet4), v4, []],
    ['raw IP', 101, packet4, v4, []],
    ['raw IP, IPv6', 12, packet6, v6, []],
    ['raw IPv4', 228, packet4, v4, []],
    ['raw IPv6', 229, packet6, v6, []],
    ['Ethernet padding', 1, bytesOf(buildFrame(v4), new Uint8Array(6)), v4, []],
    ['IPv4 options', 101, withOptions(), v4, []],
    ['total length 0 (offload)', 101, patched(packet4, [2, 0], [3, 0]), v4, []],
    ['IPv6 payload length 0 (offload)', 101, patched(packet6, [4, 0], [5, 0]), v6, []],
    [
      'IPv6 hop-by-hop, routing, destination options',
      101,
      extended([0, eight], [43, eight], [60, [0, 1, ...new Array(14).fill(0)]]),
      v6,
      [],
    ],
    ['IPv6 authentication header', 101, extended([51, [0, 1, ...new Array(10).fill(0)]]), v6, []],
    ['IPv6 atomic fragment', 101, extended([44, new Array(8).fill(0)]), v6, []],
  ])('%s', (_name, linkType, bytes, spec, vlans) => {
    expect(summary(decode(bytes, linkType))).toEqual(expected(spec, vlans))
  })

  it('says how much of a payload the snap length cut', () => {
    const { segment, decoded } = decode(packet4.subarray(0, -10), 101)
    expect([decoded, segment.payloadTo - segment.payloadFrom, segment.cutBytes]).toEqual(['segment', 30, 10])
  })

  it.each<[string, number, Uint8Array, Decoded]>([
    ['ARP', 1, bytesOf(macs([8, 6]), new Uint8Array(28)), 'other'],
    ['SNAP in SNAP, as deep as the frame', 1, bytesOf(macs([0, 88]), snaps(32_000)), 'other'],
    ['UDP', 101, patched(packet4, [9, 17]), 'other'],
    ['ICMPv6', 101, patched(packet6, [6, 58]), 'other'],
    ['an unknown link type', 147, packet4, 'frame.link-type-unsupported'],
    ['IP version 5', 101, patched(packet4, [0, 0x55]), 'ip.version-unknown'],
    ['an IPv4 header of 4 words', 101, patched(packet4, [0, 0x44]), 'ip.header-length'],
    ['a total length below the header', 101, patched(packet4, [3, 19]), 'ip.total-length-short'],
    ['a TCP header of 4 words', 101, patched(packet4, [32, 0x40]), 'tcp.data-offset'],
    [
      'a TCP header longer than the packet',
      101,
      patched(buildPacket({ ...v4, payload: new Uint8Array(0) }), [32, 0xf0]),
      'tcp.data-offset',
    ],
    ['nothing', 1, new Uint8Array(0), 'frame.truncated'],
    ['five VLAN tags', 1, buildFrame({ ...v4, vlanIds: [1, 2, 3, 4, 5] }), 'vlan.nested-too-deep'],
    ['nine extension headers', 101, extended(...new Array(9).fill([60, eight])), 'ip.extensions-too-many'],
  ])('%s is %s', (_name, linkType, bytes, decoded) => expect(decode(bytes, linkType).decoded).toBe(decoded))

  it('never reads outside the frame, whatever it holds', () => {
    const starts = [
      buildFrame(v4),
      buildFrame({ ...v6, vlanIds: [1] }),
      packet4,
      extended([44, [0, 0, 0, 1, 0, 0, 0, 9]]),
      sll2([8, 0]),
    ]
    const linkType = fc.constantFrom(0, 1, 12, 101, 108, 113, 228, 229, 276, 999)
    const flips = fc.array(fc.tuple(fc.nat(90), fc.nat(255)), { maxLength: 6 })
    fc.assert(
      fc.property(fc.constantFrom(...starts), flips, fc.nat(120), linkType, (start, patches, keptBytes, link) => {
        const bytes = start.slice(0, keptBytes)
        for (const [at, value] of patches) if (at < bytes.length) bytes[at] = value
        const { decoded, segment } = decode(bytes, link)
        if (decoded !== 'segment' && decoded !== 'fragment') return true
        return (
          segment.payloadFrom <= segment.payloadTo && segment.payloadFrom >= 9 && segment.payloadTo <= 9 + bytes.length
        )
      }),
      { numRuns: 2_000 },
    )
  })
})

interface Fragment {
  readonly from: number
  readonly to: number
  readonly isLast: boolean
}

/** One fragment of the IP payload of `packet`. */
function fragment(packet: Uint8Array, { from, to, isLast }: Fragment, identification = 7): Uint8Array {
  const isV4 = packet[0]! >> 4 === 4
  const headerBytes = isV4 ? 20 : 40
  const part = packet.subarray(headerBytes + from, headerBytes + to)
  if (isV4) {
    const bytes = bytesOf(packet.subarray(0, 20), part)
    const view = new DataView(bytes.buffer)
    view.setUint16(2, bytes.length)
    view.setUint16(4, identification)
    view.setUint16(6, (from / 8) | (isLast ? 0 : 0x2000))
    return bytes
  }
  const bytes = bytesOf(
    packet.subarray(0, 40),
    [6, 0, from >> 8, (from & 0xf8) | (isLast ? 0 : 1), 0, 0, 0, identification],
    part,
  )
  bytes[6] = 44
  new DataView(bytes.buffer).setUint16(4, bytes.length - 40)
  return bytes
}

describe('IpFragments', () => {
  const limits = { packetMaxCount: 4, bufferMaxBytes: 1_000, timeoutUs: 1_000 }
  function feed(fragments: IpFragments, bytes: Uint8Array, timestampUs = 5): Uint8Array | undefined {
    const { decoded, segment } = decode(bytes, 101)
    expect(decoded).toBe('fragment')
    segment.timestampUs = timestampUs
    return fragments.add(segment)
  }
  function whole(bytes: Uint8Array) {
    const segment = new SegmentView()
    segment.buffer = bytes
    segment.view = new DataView(bytes.buffer)
    return summary({ decoded: decodeIp(0, bytes.length, segment), segment })
  }
  // 60 bytes of TCP in pieces at multiples of 8.
  const allPieces = [0, 8, 16, 24, 32, 40, 48, 56].map((from) => ({
    from,
    to: Math.min(from + 8, 60),
    isLast: from === 56,
  }))

  it.each([
    ['IPv4', packet4, v4],
    ['IPv6', packet6, v6],
  ] as const)('%s: any order and repetition of fragments gives the packet, once', (_name, packet, spec) => {
    const order = fc.tuple(fc.shuffledSubarray(allPieces, { minLength: 8 }), fc.subarray(allPieces))
    fc.assert(
      fc.property(order, ([pieces, repeated]) => {
        const anomalies = new AnomalyCounts()
        const fragments = new IpFragments(limits, anomalies)
        const results = [...repeated.slice(0, 3), ...pieces].map((piece) => feed(fragments, fragment(packet, piece)))
        const packets = results.filter((result) => result !== undefined)
        expect(packets).toHaveLength(1)
        expect(whole(packets[0]!)).toEqual(expected(spec))
        expect(anomalies.of('ip.fragment-overlap')).toBe(0)
      }),
    )
  })

  it('the first bytes win where fragments overlap, and that is told', () => {
    const anomalies = new AnomalyCounts()
    const fragments = new IpFragments(limits, anomalies)
    const evil = patched(packet4, ...[...Array(60).keys()].map((index): [number, number] => [20 + index, 0xff]))
    feed(fragments, fragment(packet4, { from: 0, to: 40, isLast: false }))
    const result = feed(fragments, fragment(evil, { from: 32, to: 60, isLast: true }))
    expect(whole(result!).payload).toBe(Buffer.from(v4.payload!.subarray(0, 20)).toString('hex') + 'ff'.repeat(20))
    expect(anomalies.of('ip.fragment-overlap')).toBe(1)
  })

  it.each<[string, Fragment[], string]>([
    [
      'a fragment behind the last',
      [
        { from: 8, to: 16, isLast: true },
        { from: 16, to: 24, isLast: false },
      ],
      'ip.fragment-beyond-end',
    ],
    [
      'a last fragment before another',
      [
        { from: 16, to: 24, isLast: false },
        { from: 8, to: 16, isLast: true },
      ],
      'ip.fragment-beyond-end',
    ],
    ['a size that is no multiple of 8', [{ from: 0, to: 12, isLast: false }], 'ip.fragment-size'],
    ['no bytes', [{ from: 8, to: 8, isLast: true }], 'ip.fragment-size'],
  ])('%s is an anomaly', (_name, pieces, anomaly) => {
    const anomalies = new AnomalyCounts()
    const fragments = new IpFragments(limits, anomalies)
    for (const piece of pieces) expect(feed(fragments, fragment(packet4, piece))).toBeUndefined()
    expect(anomalies.of(anomaly)).toBe(1)
    expect(fragments.bufferedBytes).toBe(0)
  })

  it('is bounded in packets, bytes and time', () => {
    const anomalies = new AnomalyCounts()
    const fragments = new IpFragments(limits, anomalies)
    for (let id = 0; id < 50; id++) feed(fragments, fragment(packet4, { from: 0, to: 40, isLast: false }, id))
    expect([fragments.packetCount, fragments.bufferedBytes]).toEqual([4, 160])
    feed(fragments, fragment(packet4, { from: 0, to: 40, isLast: false }, 99), 5_000)
    expect([fragments.packetCount, fragments.abandonedCount]).toEqual([1, 50])
    const narrow = new IpFragments({ ...limits, bufferMaxBytes: 100 }, anomalies)
    for (let id = 0; id < 4; id++) feed(narrow, fragment(packet4, { from: 0, to: 40, isLast: false }, id))
    expect(narrow.bufferedBytes).toBe(80)
  })
})

function snaps(count: number): Uint8Array {
  return bytesOf(...Array.from({ length: count }, () => [0xaa, 0xaa, 3, 0, 0, 0, 0, 88]))
}
