import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FlowTable, type FlowTunnel } from './flow-table.js'
import { SegmentView, tcpAck } from './frame.js'
import { type BuiltFrame, buildConversation, buildPacket, type SegmentSpec } from './frame-builder.js'
import { networkKeyOf } from './network-key.js'
import { SegmentReader, type SegmentReaderOptions } from './segment-reader.js'
import {
  asEthernet,
  asIp,
  bytesOf,
  type Carried,
  ethernet,
  fragmentsOf,
  udp,
  type Wrap,
  type WrapName,
  wraps,
} from './tunnel-builder.js'

const spec: SegmentSpec = {
  sourceIp: '192.0.2.1',
  sourcePort: 40_000,
  destinationIp: '198.51.100.9',
  destinationPort: 80,
  seq: 1,
  ack: 2,
  flags: tcpAck,
  payload: Uint8Array.from({ length: 700 }, (_value, index) => index & 0xff),
}
const packet = buildPacket(spec)
const inner: Carried = { kind: 'ip', bytes: packet }
const payload = Buffer.from(spec.payload!).toString('hex')

function reading(options: Partial<SegmentReaderOptions> = {}) {
  const payloads: string[] = []
  const names: string[][] = []
  const reader = new SegmentReader({
    ...options,
    onSegment: (segment) => {
      payloads.push(Buffer.from(segment.buffer.subarray(segment.payloadFrom, segment.payloadTo)).toString('hex'))
      names.push([...segment.tunnels.subarray(0, segment.tunnelCount)].map(String))
    },
  })
  const read = (bytes: Uint8Array, linkType = 1) =>
    reader.readFrame({
      buffer: bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset),
      offset: 0,
      end: bytes.length,
      timestampUs: 5,
      linkType,
    })
  return { reader, read, payloads, names }
}

/** IP fragments of what an outer packet carries, each in a frame of its own. */
const inPieces = (carried: Carried, maxBytes: number, id = 9): Carried[] =>
  fragmentsOf(asIp(carried), maxBytes, id).map((bytes) => ({ kind: 'ip', bytes }))

describe('fragments', () => {
  const carriers: WrapName[] = [
    'ip in IPv4',
    'ip in IPv6',
    'gre',
    'nvgre',
    'erspan II',
    'vxlan',
    'vxlan over IPv6',
    'geneve with options',
    'gtp-u',
    'gtp-u with extension headers',
    'teredo',
    'etherip',
    'mpls in UDP',
  ]
  it.each(carriers)('%s: outside, inside and both', (name) => {
    const wrap: Wrap = wraps[name]
    const outside = inPieces(wrap(inner), 304)
    const inside = inPieces(inner, 304).map(wrap)
    const both = inPieces(inner, 304).flatMap((piece, index) => inPieces(wrap(piece), 200, 50 + index))
    for (const pieces of [outside, inside, both, [...both].reverse()]) {
      expect(pieces.length).toBeGreaterThan(2)
      const { reader, read, payloads } = reading()
      for (const piece of pieces) read(asEthernet(piece))
      expect(payloads).toEqual([payload])
      expect(reader.anomalies.snapshot()).toEqual({})
      expect(reader.statistics().abandonedPacketCount).toBe(0)
    }
  })

  it('in any order and nest give the packet, once', () => {
    const nest = fc.array(fc.constantFrom(...carriers), { minLength: 1, maxLength: 3 })
    fc.assert(
      fc.property(nest, fc.integer({ min: 8, max: 60 }), fc.infiniteStream(fc.nat()), (names, words, order) => {
        let pieces: Carried[] = [inner]
        let id = 0
        for (const name of names) pieces = pieces.flatMap((piece) => inPieces(wraps[name](piece), words * 8, ++id))
        const shuffled = pieces.map((piece) => ({ piece, at: order.next().value })).sort((a, b) => a.at - b.at)
        const { read, payloads } = reading({ fragmentLimits: { packetMaxCount: 10_000 } })
        for (const { piece } of shuffled) read(asEthernet(piece))
        expect(payloads).toEqual([payload])
      }),
      { numRuns: 60 },
    )
  })

  it('of fragments, without end, are an anomaly', () => {
    // A packet put together whose payload is again a fragment header: IPv6 allows to write it, no sender does.
    const nested = bytesOf(
      buildPacket({ ...spec, sourceIp: '2001:db8::1', destinationIp: '2001:db8::2' }).subarray(0, 40),
      [6, 0, 0, 1, 0, 0, 0, 1],
      new Uint8Array(32),
    )
    nested[6] = 44
    new DataView(nested.buffer).setUint16(4, 40)
    const { reader, read } = reading()
    for (const piece of fragmentsOf(nested, 24, 3)) read(piece, 101)
    expect(reader.anomalies.of('ip.fragment-nested')).toBe(1)
  })

  it('of two networks with equal addresses and identifications are kept apart where that is asked for', () => {
    const other = {
      kind: 'ip',
      bytes: buildPacket({ ...spec, payload: spec.payload!.map((byte) => byte ^ 0xff) }),
    } as const
    const [one, two] = [inPieces(inner, 304).map(wraps.vlan), inPieces(other, 304).map(wraps['vlan, 802.1ad'])]
    const mixed = one.flatMap((piece, index) => [piece, two[index]!])
    const apart = reading({ networks: { byVlan: true } })
    for (const piece of mixed) apart.read(asEthernet(piece))
    expect(apart.payloads).toEqual([payload, Buffer.from(spec.payload!.map((byte) => byte ^ 0xff)).toString('hex')])
    expect(apart.reader.anomalies.snapshot()).toEqual({})
  })

  it('of ordinary UDP leave nothing behind', () => {
    const { reader, read, payloads } = reading()
    for (const piece of inPieces(udp(53, new Uint8Array(900)), 304)) read(asEthernet(piece))
    expect(payloads).toEqual([])
    expect(reader.statistics()).toMatchObject({ otherCount: 1, reassembledPacketCount: 1, tunnels: {} })
  })
})

it('counts frames by tunnel, and those that were not understood', () => {
  const { reader, read } = reading()
  read(asEthernet(wraps.vxlan(wraps.gre(inner))))
  read(asEthernet(wraps.vxlan(inner)))
  read(asEthernet(wraps.vxlan({ kind: 'ethernet', bytes: ethernet(0x0806, new Uint8Array(28)).bytes })))
  read(asEthernet(udp(4_789, packet)))
  read(asEthernet(wraps.vxlan({ kind: 'ip', bytes: packet.subarray(0, 30) })))
  read(asEthernet(inner))
  expect(reader.statistics()).toMatchObject({
    segmentCount: 3,
    otherCount: 2,
    tunnels: { vxlan: { frameCount: 4, notUnderstoodCount: 2 }, gre: { frameCount: 1, notUnderstoodCount: 0 } },
  })
})

describe('one conversation, seen in several networks', () => {
  const turns = [
    { direction: 'c2s', bytes: Buffer.from('GET / HTTP/1.1\r\n\r\n') },
    { direction: 's2c', bytes: Buffer.from('HTTP/1.1 204 No Content\r\n\r\n') },
  ] as const
  const peers = { clientIp: '10.0.0.1', clientPort: 40_000, serverIp: '10.0.0.2', serverPort: 80 }
  const frames = buildConversation(peers, turns, 1_000_000)
  const wrapped = (wrap: Wrap) =>
    frames.map(({ timestampUs, bytes }) => ({ timestampUs, bytes: asEthernet(wrap({ kind: 'ethernet', bytes })) }))

  /** Bytes by flow, and what the flow says it came through. */
  function flowsOf(captured: readonly BuiltFrame[], networks?: SegmentReaderOptions['networks']) {
    const flows: { bytes: number; vlanIds: readonly number[]; tunnel: FlowTunnel | undefined }[] = []
    const table = new FlowTable({
      consumerOf: ({ vlanIds, tunnel }) => {
        const flow = { bytes: 0, vlanIds, tunnel }
        flows.push(flow)
        return {
          bytes: (_direction, _buffer, from, to) => {
            flow.bytes += to - from
          },
          gap: () => undefined,
          end: () => undefined,
        }
      },
    })
    const reader = new SegmentReader({
      onSegment: (segment) => table.segment(segment),
      ...(networks === undefined ? {} : { networks }),
    })
    for (const { bytes, timestampUs } of captured) {
      reader.readFrame({
        buffer: bytes,
        view: new DataView(bytes.buffer, bytes.byteOffset),
        offset: 0,
        end: bytes.length,
        timestampUs,
        linkType: 1,
      })
    }
    table.end()
    return flows
  }
  const bytes = turns.reduce((sum, turn) => sum + turn.bytes.length, 0)
  const beside = (one: readonly BuiltFrame[], other: readonly BuiltFrame[]) =>
    one.flatMap((frame, index) => [frame, other[index]!])
  const mirrored: [string, BuiltFrame[]][] = [
    ['bare and in a tunnel', beside(frames, wrapped(wraps.vxlan))],
    ['in a tunnel and bare', beside(wrapped(wraps['erspan II']), frames)],
    ['in two VLANs', beside(wrapped(wraps.vlan), wrapped(wraps['vlan, 802.1ad']))],
    ['in two networks', beside(wrapped(wraps.vxlan), wrapped(wraps.geneve))],
    ['one direction bare, one in a tunnel', frames.map((frame, i) => (i % 2 === 0 ? frame : wrapped(wraps.gre)[i]!))],
  ]
  it.each(mirrored)('%s: is one flow, whose bytes are counted once', (_name, captured) => {
    expect(flowsOf(captured).map((flow) => flow.bytes)).toEqual([bytes])
  })

  it.each([
    ['VLANs', { byVlan: true }, beside(wrapped(wraps.vlan), wrapped(wraps['vlan, 802.1ad']))],
    ['networks', { byVni: true }, beside(wrapped(wraps.vxlan), wrapped(wraps.geneve))],
    ['both', { byVlan: true, byVni: true }, beside(wrapped(wraps.vlan), wrapped(wraps.vxlan))],
  ])('is two where %s are told apart', (_name, networks, captured) => {
    expect(flowsOf(captured, networks).map((flow) => flow.bytes)).toEqual([bytes, bytes])
  })

  it.each([
    ['VLANs do not part what networks do', { byVlan: true }, beside(wrapped(wraps.vxlan), wrapped(wraps.geneve))],
    ['nor the other way round', { byVni: true }, beside(wrapped(wraps.vlan), wrapped(wraps['vlan, 802.1ad']))],
    ['one network is one', { byVlan: true, byVni: true }, beside(wrapped(wraps.vxlan), wrapped(wraps.vxlan))],
  ])('%s', (_name, networks, captured) => {
    expect(flowsOf(captured, networks).map((flow) => flow.bytes)).toEqual([bytes])
  })

  it('tells what the first packet came through', () => {
    expect(flowsOf(beside(wrapped(wraps.vxlan), frames))).toMatchObject([{ tunnel: { names: ['vxlan'], vni: 5_001 } }])
    expect(flowsOf(beside(frames, wrapped(wraps.vxlan)))[0]).not.toHaveProperty('tunnel.names')
  })
})

it('no VLAN is the network of its number', () => {
  const [tagged, inNetwork] = [new SegmentView(), new SegmentView()]
  tagged.vlanIds[0] = 5
  tagged.vlanCount = 1
  inNetwork.vni = 5
  inNetwork.tunnelCount = 1
  const both = { byVlan: true, byVni: true }
  expect(networkKeyOf(tagged, both)).not.toBe(networkKeyOf(inNetwork, both))
  expect(networkKeyOf(new SegmentView(), both)).toBe(0)
})

it('a view of its own has room for every VLAN tag that the limits allow', () => {
  expect(new SegmentView().vlanIds.length).toBeGreaterThanOrEqual(4 * 17)
})
