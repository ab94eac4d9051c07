/**
 * Each tunnel and link layer: read as what it is, told by name, and refused when it lies.
 *
 * @long: tables, one row a header or a lie about it.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Decoded, decodeFrame, SegmentView, tcpAck } from '../frame.js'
import { buildPacket, type SegmentSpec } from '../frame-builder.js'
import {
  asEthernet,
  bytesOf,
  type Carried,
  ethernet,
  geneveHeader,
  greHeader,
  gtpHeader,
  ip,
  mplsStack,
  udp,
  type Wrap,
  type WrapName,
  wraps,
} from '../tunnel-builder.js'
import { flowTunnelOf } from './flow-tunnel.js'
import { tunnelNames, udpTunnelTable } from './tunnels.js'

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
const packet4 = buildPacket(v4)
const packet6 = buildPacket(v6)
const inner4: Carried = { kind: 'ip', bytes: packet4 }
const inner6: Carried = { kind: 'ip', bytes: packet6 }
const patched = (bytes: Uint8Array, ...patches: [number, number][]) => {
  const copy = bytes.slice()
  for (const [at, value] of patches) copy[at] = value
  return copy
}

function decode(bytes: Uint8Array, linkType = 1, segment = new SegmentView()) {
  const buffer = new Uint8Array(bytes.length + 20).fill(0xee)
  buffer.set(bytes, 9)
  const view = new DataView(buffer.buffer)
  const frame = { buffer, view, offset: 9, end: 9 + bytes.length, timestampUs: 5, linkType }
  return { decoded: decodeFrame(frame, segment), segment }
}

/** What says which flow a segment is of, and what it carries. */
function told({ decoded, segment }: { decoded: Decoded; segment: SegmentView }) {
  const { buffer, sourceAt, addressBytes, payloadFrom, payloadTo, cutBytes } = segment
  const hex = (from: number, to: number) => Buffer.from(buffer.subarray(from, to)).toString('hex')
  return {
    decoded,
    addresses: hex(sourceAt, sourceAt + 2 * addressBytes),
    numbers: [segment.sourcePort, segment.destinationPort, segment.seq, segment.ack, segment.flags],
    payload: hex(payloadFrom, payloadTo),
    cutBytes,
  }
}
const bare4 = told(decode(packet4, 101))
const bare6 = told(decode(packet6, 101))
const around = (segment: SegmentView) => flowTunnelOf(segment)
const wrapNames = Object.keys(wraps) as WrapName[]

describe('each tunnel', () => {
  it.each(wrapNames)('%s: the segment inside is the segment, with IPv4 and IPv6', (name) => {
    for (const [inner, bare] of [
      [inner4, bare4],
      [inner6, bare6],
    ] as const) {
      const wrapped = asEthernet(wraps[name](inner))
      expect(told(decode(wrapped))).toEqual(bare)
      expect(told(decode(bytesOf(wrapped, new Uint8Array(9))))).toEqual(bare) // Padding behind it.
    }
  })

  it.each<[WrapName, readonly string[], number | undefined, readonly number[]]>([
    ['vlan', [], undefined, [100]],
    ['mpls, two labels', ['mpls'], undefined, []],
    ['pseudowire with control word', ['pseudowire'], undefined, []],
    ['pseudowire without control word', ['pseudowire'], undefined, []],
    ['pppoe', ['pppoe'], undefined, []],
    ['ip in IPv4', ['ip-in-ip'], undefined, []],
    ['gre with checksum, key, sequence', ['gre'], undefined, []],
    ['gre of Ethernet', ['gre'], undefined, []],
    ['nvgre', ['nvgre'], 5_000, []],
    ['pptp', ['pptp'], undefined, []],
    ['erspan I', ['erspan'], undefined, []],
    ['erspan II', ['erspan'], undefined, []],
    ['erspan III with subheader', ['erspan'], undefined, []],
    ['vxlan', ['vxlan'], 5_001, []],
    ['vxlan-gpe of nsh', ['vxlan-gpe', 'nsh'], 6_002, []],
    ['geneve of IP', ['geneve'], 7_003, []],
    ['gtp-u with extension headers', ['gtp-u'], undefined, []],
    ['l2tp', ['l2tp'], undefined, []],
    ['mac in mac', ['mac-in-mac'], 0x2345, []],
  ])('%s is told as %j, network %s, VLANs %j', (name, names, vni, vlans) => {
    const { segment } = decode(asEthernet(wraps[name](inner4)))
    expect(around(segment)).toEqual(vni === undefined ? { names } : { names, vni })
    expect([...segment.vlanIds.subarray(0, segment.vlanCount)]).toEqual(vlans)
  })

  it('MPLS: a packet whose addresses look like an Ethernet header is one with a right checksum', () => {
    const packet = buildPacket({ ...v4, sourceIp: '8.0.69.0', destinationIp: '0.40.1.1' })
    const { decoded, segment } = decode(ethernet(0x8847, mplsStack([16], packet)).bytes)
    expect([decoded, ...around(segment).names]).toEqual(['segment', 'mpls'])
  })

  it('AYIYA: an identity of 32 bytes', () => {
    const header = bytesOf([0x52, 0x52, 0x11, 41], new Uint8Array(4 + 32 + 20))
    expect(told(decode(asEthernet(udp(5_072, bytesOf(header, packet6)))))).toEqual(bare6)
  })

  it('names each header of a nest, outermost first, and the innermost network', () => {
    const nest = [wraps.vlan, wraps.vxlan, wraps['vlan, 802.1ad'], wraps.geneve, wraps.gre, wraps.pppoe]
    const { decoded, segment } = decode(asEthernet(nest.reduce((inner: Carried, wrap: Wrap) => wrap(inner), inner4)))
    expect(decoded).toBe('segment')
    expect(around(segment)).toEqual({ names: ['pppoe', 'gre', 'geneve', 'vxlan'], vni: 5_001 })
    expect([...segment.vlanIds.subarray(0, segment.vlanCount)]).toEqual([200, 100])
  })

  it.each([
    ['off', 0x10, [100]],
    ['on', 0x18, []],
    ['never on', 0x00, []],
  ])('ERSPAN II names a VLAN where the switch took the tag off: %s', (_name, encapsulation, vlans) => {
    const header = bytesOf(greHeader(0x1000, 0x88be), [0x10, 100, encapsulation, 7, 0, 0, 0, 0])
    const { decoded, segment } = decode(asEthernet(ip(47, bytesOf(header, asEthernet(inner4)))))
    expect([decoded, ...segment.vlanIds.subarray(0, segment.vlanCount)]).toEqual(['segment', ...vlans])
  })

  it('forgets the tunnels of the frame before', () => {
    const segment = new SegmentView()
    decode(asEthernet(wraps.vxlan(inner4)), 1, segment)
    decode(asEthernet(wraps.gre(inner4)), 1, segment)
    expect(around(segment)).toEqual({ names: ['gre'] })
    decode(asEthernet(inner4), 1, segment)
    expect(segment.tunnelCount).toBe(0)
  })
})

const ppp4 = bytesOf([0, 0x21], packet4)
const snap4 = bytesOf([0xaa, 0xaa, 3, 0, 0, 0, 8, 0], packet4)
const radiotap = (flags: number, fcs = 0) =>
  bytesOf([0, 0, 9, 0, 2, 0, 0, 0, flags], wifi([8, 1], 24), snap4, new Uint8Array(fcs))
/** Frame control, then as many bytes of header as asked for. */
const wifi = (control: readonly number[], headerBytes: number) => bytesOf(control, new Uint8Array(headerBytes - 2))
const nflog = (...attributes: Uint8Array[]) => bytesOf([2, 0, 0, 1], ...attributes)
const attribute = (type: number, body: Uint8Array, isLittle = true) => {
  const header = new Uint8Array(4)
  new DataView(header.buffer).setUint16(0, 4 + body.length, isLittle)
  new DataView(header.buffer).setUint16(2, type, isLittle)
  return bytesOf(header, body, new Uint8Array(-body.length & 3))
}

describe('each link layer', () => {
  it.each<[string, number, Uint8Array]>([
    ['PPP', 9, ppp4],
    ['PPP with address and control', 9, bytesOf([0xff, 3], ppp4)],
    ['PPP with a short protocol number', 9, bytesOf([0x21], packet4)],
    ['PPP with MPLS', 9, bytesOf([2, 0x81], mplsStack([16], packet4))],
    ['PPP with a bridged frame, padded', 9, bytesOf([0, 0x31, 2, 1], asEthernet(inner4), [0, 0])],
    ['PPP behind a direction', 204, bytesOf([1, 0xff, 3], ppp4)],
    ['PPP in HDLC frames', 50, bytesOf([0xff, 3], ppp4)],
    ['Cisco HDLC', 104, bytesOf([0x0f, 0, 8, 0], packet4)],
    ['Cisco HDLC to all', 50, bytesOf([0x8f, 0, 8, 0], packet4)],
    ['PPPoE without Ethernet', 51, bytesOf([0x11, 0, 0, 1, 0, ppp4.length], ppp4)],
    ['FDDI', 10, bytesOf(new Uint8Array(13), snap4)],
    ['LLC on ATM', 100, snap4],
    ['LLC on ATM, a bridged frame', 100, bytesOf([0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], asEthernet(inner4))],
    ['LLC with IP at its own address', 1, bytesOf(new Uint8Array(12), [0, 83], [6, 6, 3], packet4)],
    ['Frame Relay, NLPID', 107, bytesOf([0x18, 0x41, 3, 0xcc], packet4)],
    ['Frame Relay, SNAP, padded', 107, bytesOf([0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], packet4)],
    ['Frame Relay of Cisco', 107, bytesOf([0x18, 0x41, 8, 0], packet4)],
    ['MPLS alone', 219, mplsStack([16], packet4)],
    ['802.11 to the network', 105, bytesOf(wifi([8, 1], 24), snap4)],
    ['802.11 from the network', 105, bytesOf(wifi([8, 2], 24), snap4)],
    ['802.11 between access points', 105, bytesOf(wifi([8, 3], 30), snap4)],
    ['802.11 QoS', 105, bytesOf(wifi([0x88, 1], 26), snap4)],
    ['802.11 QoS with HT control', 105, bytesOf(wifi([0x88, 0x81], 30), snap4)],
    ['radiotap', 127, radiotap(0)],
    ['radiotap with check sequence', 127, radiotap(0x10, 4)],
    [
      'radiotap, time first, header padded',
      127,
      bytesOf([0, 0, 20, 0, 3, 0, 0, 0], new Uint8Array(8), [0x20], [0, 0, 0], wifi([0x88, 1], 28), snap4),
    ],
    [
      'radiotap, two words of presence',
      127,
      bytesOf([0, 0, 17, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x00, 0, 0, 0, 0], wifi([8, 1], 24), snap4),
    ],
    ['Prism', 119, bytesOf([0x44, 0, 0, 0, 12, 0, 0, 0, 9, 9, 9, 9], wifi([8, 1], 24), snap4)],
    ['AVS', 163, bytesOf([0x80, 0x21, 0x10, 1, 0, 0, 0, 12, 9, 9, 9, 9], wifi([8, 1], 24), snap4)],
    ['PPI', 192, bytesOf([0, 0, 8, 0, 105, 0, 0, 0], wifi([8, 1], 24), snap4)],
    ['NFLOG', 239, nflog(attribute(10, Uint8Array.of(1, 2, 3)), attribute(9, packet4))],
    ['NFLOG of a big-endian host', 239, nflog(attribute(10, Uint8Array.of(1), false), attribute(9, packet4, false))],
    ['VN-tag', 1, ethernet(0x8926, bytesOf([0, 0, 0, 1, 8, 0], packet4)).bytes],
    ['E-tag', 1, ethernet(0x893f, bytesOf([0, 0, 0, 0, 0, 1, 8, 0], packet4)).bytes],
    ['PBB in a VLAN', 1, asEthernet(wraps.vlan(wraps['mac in mac'](inner4)))],
  ])('%s', (_name, linkType, bytes) => expect(told(decode(bytes, linkType))).toEqual(bare4))

  it.each<[string, number, Uint8Array, Decoded]>([
    ['encrypted 802.11', 105, bytesOf(wifi([8, 0x41], 24), snap4), 'wifi.encrypted'],
    ['a fragment in 802.11', 105, bytesOf(wifi([8, 0x05], 24), snap4), 'wifi.fragment'],
    ['an aggregate in 802.11', 105, bytesOf(wifi([0x88, 1], 24), [0x80, 0], snap4), 'wifi.aggregate'],
    ['a beacon', 105, bytesOf(wifi([0x80, 0], 24), snap4), 'other'],
    ['QoS without data', 105, bytesOf(wifi([0xc8, 1], 26), snap4), 'other'],
    ['radiotap of a damaged frame', 127, radiotap(0x40), 'wifi.damaged'],
    ['radiotap longer than its frame', 127, bytesOf([0, 0, 0xff, 0, 0, 0, 0, 0], snap4), 'frame.truncated'],
    ['radiotap shorter than itself', 127, bytesOf([0, 0, 4, 0, 0, 0, 0, 0], snap4), 'radiotap.header'],
    ['radiotap of which all is presence', 127, bytesOf([0, 0, 12, 0, 2, 0, 0, 0x80, 0, 0, 0, 0x80]), 'frame.truncated'],
    [
      'radiotap of a damaged frame, time aligned behind two words of presence',
      127,
      bytesOf([0, 0, 25, 0, 3, 0, 0, 0x80, 0, 0, 0, 0], new Uint8Array(12), [0x40], wifi([8, 1], 24), snap4),
      'wifi.damaged',
    ],
    ['an NFLOG attribute of length 0', 239, nflog(new Uint8Array(8)), 'nflog.attribute'],
    ['NFLOG without a packet', 239, nflog(attribute(1, new Uint8Array(8))), 'other'],
    ['link control', 9, bytesOf([0xc0, 0x21], packet4), 'other'],
    ['PPPoE discovery', 1, ethernet(0x8863, packet4).bytes, 'other'],
    ['PPPoE of another version', 1, ethernet(0x8864, bytesOf([0x12, 0, 0, 1, 0, 60], ppp4)).bytes, 'pppoe.header'],
    ['PPPoE of no bytes', 1, ethernet(0x8864, bytesOf([0x11, 0, 0, 1, 0, 0], ppp4)).bytes, 'pppoe.header'],
    ['17 labels', 1, ethernet(0x8847, mplsStack(new Array(17).fill(16), packet4)).bytes, 'mpls.stack-too-deep'],
    ['labels without end', 1, ethernet(0x8847, new Uint8Array(400)).bytes, 'mpls.stack-too-deep'],
    ['labels and nothing', 1, ethernet(0x8847, mplsStack([16], new Uint8Array(0))).bytes, 'frame.truncated'],
    ["a pseudowire's control channel", 219, mplsStack([16], bytesOf([0x10, 0, 0, 7], packet4)), 'mpls.payload-unknown'],
    ['an LLC frame of spanning tree', 1, bytesOf(new Uint8Array(12), [0, 40, 0x42, 0x42, 3], packet4), 'other'],
    ['a link type of no one', 999, packet4, 'frame.link-type-unsupported'],
  ])('%s: %s', (_name, linkType, bytes, decoded) => expect(decode(bytes, linkType).decoded).toBe(decoded))
})

const gre = (...parts: (Uint8Array | readonly number[])[]) => asEthernet(ip(47, bytesOf(...parts)))
const geneve = (header: Uint8Array) => asEthernet(udp(6_081, bytesOf(header, asEthernet(inner4))))
const vxlanPayload = bytesOf([8, 0, 0, 0, 0, 0, 7, 0], asEthernet(inner4))

describe('headers that lie', () => {
  it.each<[string, Uint8Array, Decoded]>([
    ['GRE with routing', gre(greHeader(0x4000, 0x0800), packet4), 'gre.routing'],
    ['GRE of version 2', gre([0, 2, 8, 0], packet4), 'gre.version'],
    ['enhanced GRE without key', gre([0x10, 1, 0x88, 0x0b], packet4), 'gre.version'],
    ['a GRE keepalive', gre([0, 0, 0, 0]), 'other'],
    ['GRE shorter than its flags say', gre([0xb0, 0, 8, 0, 0, 0]), 'frame.truncated'],
    ['ERSPAN II of another version', gre(greHeader(0x1000, 0x88be), new Uint8Array(8), packet4), 'erspan.version'],
    ['ERSPAN III of another version', gre(greHeader(0x1000, 0x22eb), new Uint8Array(12), packet4), 'erspan.version'],
    ['IPv6 where IPv4 should be', asEthernet(ip(4, packet6)), 'ip.version-unknown'],
    ['EtherIP of another version', asEthernet(ip(97, bytesOf([0x20, 0], asEthernet(inner4)))), 'other'],
    ['NSH shorter than itself', ethernet(0x894f, bytesOf([0, 1, 1, 1, 0, 0, 0, 0], packet4)).bytes, 'nsh.header'],
    ['a VXLAN header without its flag', asEthernet(udp(4_789, patched(vxlanPayload, [0, 0]))), 'other'],
    ['VXLAN of something else', asEthernet(udp(4_789, bytesOf([8, 0, 0, 0, 0, 0, 7, 0], packet4))), 'other'],
    ['VXLAN-GPE for operations', asEthernet(udp(4_790, bytesOf([0x0d, 0, 0, 1, 0, 0, 7, 0], packet4))), 'other'],
    ['GENEVE of another version', geneve(patched(geneveHeader(0x6558, 7, []), [0, 0x40])), 'other'],
    ['GENEVE for control', geneve(patched(geneveHeader(0x6558, 7, []), [1, 0x80])), 'other'],
    [
      'GENEVE options longer than their sum',
      geneve(patched(geneveHeader(0x6558, 7, [new Uint8Array(4)]), [11, 5])),
      'other',
    ],
    [
      'GENEVE options beyond the packet',
      asEthernet(udp(6_081, patched(geneveHeader(0x6558, 7, []), [0, 63]))),
      'other',
    ],
    ['a GTP-U extension header of length 0', gtp(gtpHeader(packet4.length, [[0, 0, 0, 0]])), 'other'],
    ['GTP-U longer than its datagram', gtp(gtpHeader(packet4.length + 100, [])), 'other'],
    ['a GTP-U echo', gtp(patched(gtpHeader(packet4.length, []), [1, 1])), 'other'],
    ['GTP version 2', gtp(patched(gtpHeader(packet4.length, []), [0, 0x48])), 'other'],
    ['Teredo with a byte behind it', asEthernet(udp(3_544, bytesOf(packet6, [0]))), 'other'],
    ['Teredo of which indications are all', asEthernet(udp(3_544, bytesOf([0, 1, 255, 255], packet6))), 'other'],
    ['NSH of another version', ethernet(0x894f, bytesOf([0x40, 2, 1, 1, 0, 0, 0, 0], packet4)).bytes, 'nsh.header'],
    [
      'L2TP longer than its datagram',
      asEthernet(udp(1_701, bytesOf([0x40, 2, 0, 99, 0, 1, 0, 2, 0, 0x21], packet4))),
      'other',
    ],
    ['L2TP for control', asEthernet(udp(1_701, bytesOf([0xc8, 2, 0, 20], packet4))), 'other'],
    ['AYIYA with an identity of 2 GiB', asEthernet(udp(5_072, bytesOf([0xf2, 0x52, 0x11, 41], packet6))), 'other'],
    ['a UDP length beyond the packet', patched(asEthernet(udp(4_789, vxlanPayload)), [38, 0xff]), 'other'],
    ['a UDP length below the header', patched(asEthernet(udp(4_789, vxlanPayload)), [38, 0], [39, 7]), 'other'],
  ])('%s: %s', (_name, bytes, decoded) => expect(decode(bytes).decoded).toBe(decoded))

  it('of a datagram shorter than its header is not even a tunnel refused', () => {
    const { segment } = decode(patched(asEthernet(udp(4_789, vxlanPayload)), [38, 0], [39, 7]))
    expect(segment.refusedTunnel).toBe(0)
  })

  // A length of 0 means: up to the end of what carries it.
  const open4 = patched(packet4, [2, 0], [3, 0])
  it.each<[string, number, Uint8Array]>([
    ['a check sequence', 127, bytesOf(radiotap(0x10).subarray(0, -packet4.length), open4, [1, 2, 3, 4])],
    ['padding behind PPPoE', 1, bytesOf(wraps.pppoe({ kind: 'ip', bytes: open4 }).bytes, new Uint8Array(9))],
    [
      'what follows a datagram in its packet',
      1,
      asEthernet(
        ip(
          17,
          bytesOf(
            udp(4_789, bytesOf([8, 0, 0, 0, 0, 0, 7, 0], asEthernet({ kind: 'ip', bytes: open4 }))).bytes.subarray(20),
            [9, 9],
          ),
        ),
      ),
    ],
    [
      'what follows the payload of GTP-U',
      1,
      asEthernet(udp(2_152, bytesOf(gtpHeader(open4.length, []), open4, [9, 9]))),
    ],
    [
      'what follows PPP in PPTP',
      1,
      asEthernet(ip(47, bytesOf(wraps.pptp({ kind: 'ip', bytes: open4 }).bytes.subarray(20), [9]))),
    ],
  ])('%s is no payload', (_name, linkType, bytes) => expect(told(decode(bytes, linkType))).toEqual(bare4))

  it('of options and extension headers without data, as many as fit, are read to their end', () => {
    const options = Array.from({ length: 63 }, () => new Uint8Array(4))
    expect(told(decode(geneve(geneveHeader(0x6558, 7, options))))).toEqual(bare4)
    const extensions = Array.from({ length: 2_000 }, () => [1, 0, 0, 0])
    expect(told(decode(gtp(gtpHeader(packet4.length, extensions))))).toEqual(bare4)
  })
})

function gtp(header: Uint8Array): Uint8Array {
  return asEthernet(udp(2_152, bytesOf(header, packet4)))
}

describe('the limit on nesting', () => {
  const nested = (wrap: Wrap, count: number) => {
    let carried = inner4
    for (let i = 0; i < count; i++) carried = wrap(carried)
    return asEthernet(carried)
  }
  it.each(wrapNames.filter((name) => !name.startsWith('vlan')))('%s: 100 deep is one anomaly', (name) => {
    const { decoded, segment } = decode(nested(wraps[name], 100))
    // What fills a datagram cannot nest for ever: its lengths are 16 bits.
    expect(['tunnel.nested-too-deep', 'other']).toContain(decoded)
    expect(segment.tunnelCount).toBeLessThanOrEqual(8)
  })

  it('is where it is said to be, and may be set', () => {
    expect(decode(nested(wraps.gre, 8)).decoded).toBe('segment')
    expect(decode(nested(wraps.gre, 9)).decoded).toBe('tunnel.nested-too-deep')
    const none = new SegmentView({ tunnelMaxCount: 0 })
    expect(decode(nested(wraps.gre, 1), 1, none).decoded).toBe('tunnel.nested-too-deep')
    expect(decode(nested(wraps.gre, 0), 1, none).decoded).toBe('segment')
    const deep = new SegmentView({ tunnelMaxCount: 16 })
    expect(decode(nested(wraps.gre, 16), 1, deep).decoded).toBe('segment')
    expect(decode(nested(wraps.gre, 17), 1, deep).decoded).toBe('tunnel.nested-too-deep')
  })

  it('holds for tags, which are no tunnels', () => {
    const tags = bytesOf(...Array.from({ length: 100 }, () => [0, 0, 0, 1, 0x89, 0x26]), packet4)
    expect(decode(ethernet(0x8926, tags).bytes).decoded).toBe('tunnel.nested-too-deep')
  })
})

describe('a packet cut by the mirror, whose lengths are those of the whole', () => {
  const overUdp = wrapNames.filter((name) => /vxlan|geneve|gtp|gre over|mpls in/.test(name))
  const cut = (packet: Uint8Array): Carried => ({ kind: 'ip', bytes: packet.subarray(0, -16) })
  it.each(
    overUdp.flatMap((name) => [4, 6].map((version) => [name, version] as const)),
  )('%s of IPv%i says how much is missing', (name, version) => {
    // With its checksum wrong, as offload leaves it.
    const packet = version === 4 ? patched(packet4, [10, 0], [11, 0]) : packet6
    const { decoded, segment } = decode(asEthernet(wraps[name](cut(packet))))
    expect([decoded, segment.payloadTo - segment.payloadFrom, segment.cutBytes]).toEqual(['segment', 24, 16])
  })

  it('is none when it holds no TCP header either', () => {
    const bad = [
      patched(packet4, [11, 0], [32, 0x40]),
      patched(packet4, [11, 0], [33, 3]),
      patched(packet6, [52, 0x5e]),
    ]
    for (const packet of bad) expect(decode(asEthernet(wraps['vxlan-gpe of IP'](cut(packet)))).decoded).toBe('other')
  })
})

describe('UDP', () => {
  it('is looked into on the ports that are configured', () => {
    const own = new SegmentView({ udpTunnels: udpTunnelTable({ vxlan: [9_999], geneve: [] }) })
    expect(decode(asEthernet(udp(9_999, vxlanPayload)), 1, own).decoded).toBe('segment')
    expect(decode(asEthernet(udp(4_789, vxlanPayload)), 1, own).decoded).toBe('other')
    expect(decode(asEthernet(wraps.geneve(inner4)), 1, own).decoded).toBe('other')
    expect(decode(asEthernet(udp(50_000, vxlanPayload)), 1).decoded).toBe('other')
  })

  it('says of what came to the port of a tunnel as something else which tunnel that was', () => {
    const { decoded, segment } = decode(asEthernet(udp(4_789, packet4)))
    expect([decoded, tunnelNames[segment.refusedTunnel], segment.tunnelCount]).toEqual(['other', 'vxlan', 0])
    expect(decode(asEthernet(udp(53, packet4))).segment.refusedTunnel).toBe(0)
  })

  it('carries Teredo between any ports, known by its addresses', () => {
    const teredo = buildPacket({ ...v6, sourceIp: '2001:0:4137:9e50::1' })
    expect(decode(asEthernet(udp(32_900, teredo, 4, 3_797))).decoded).toBe('segment')
    expect(decode(asEthernet(udp(32_900, packet6, 4, 3_797))).decoded).toBe('other')
    const off = new SegmentView({ udpTunnels: udpTunnelTable({ teredo: [] }) })
    expect(decode(asEthernet(udp(32_900, teredo, 4, 3_797)), 1, off).decoded).toBe('other')
  })

  it.each<[string, number, Uint8Array]>([
    ['GRE with routing', 4_754, bytesOf(greHeader(0x4000, 0x0800), packet4)],
    ['GRE with reserved bits', 4_754, bytesOf(greHeader(0x0400, 0x0800), packet4)],
    ['GRE of what is no IP', 4_754, bytesOf(greHeader(0, 0x0800), packet6)],
    ['GRE of what is no Ethernet', 4_754, bytesOf(greHeader(0, 0x6558), packet4)],
    ['GRE of anything else', 4_754, bytesOf(greHeader(0, 0x880b), packet4)],
    ['GRE of nothing', 4_754, bytesOf(greHeader(0xb000, 0x0800))],
    ['labels without end', 6_635, new Uint8Array(400)],
    ['labels above what is no packet', 6_635, mplsStack([16], new Uint8Array(60).fill(0x44))],
  ])('%s is no tunnel, and no anomaly', (_name, port, bytes) => {
    const { decoded, segment } = decode(asEthernet(udp(port, bytes)))
    expect([decoded, segment.tunnelCount, segment.refusedTunnel > 0]).toEqual(['other', 0, true])
  })

  it('of random bytes is never a segment', () => {
    const ports = fc.constantFrom(4_789, 4_790, 6_081, 2_152, 3_544, 5_072, 1_701, 4_754, 6_635, 8_472, 53)
    const payload = fc.uint8Array({ minLength: 0, maxLength: 200 })
    fc.assert(
      fc.property(ports, payload, (port, bytes) => decode(asEthernet(udp(port, bytes))).decoded !== 'segment'),
      { numRuns: 3_000 },
    )
  })
})

describe('whatever a frame holds', () => {
  const names = fc.constantFrom(...wrapNames)
  const flips = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 })

  it('any nest of up to six wraps gives the segment inside', () => {
    fc.assert(
      fc.property(fc.array(names, { maxLength: 6 }), fc.boolean(), (nest, isV4) => {
        // Teredo, AYIYA and what turns frames to packets may add a header, so the limit is the highest.
        const frame = nest.reduce((inner, name) => wraps[name](inner), isV4 ? inner4 : inner6)
        const got = decode(asEthernet(frame), 1, new SegmentView({ tunnelMaxCount: 16 }))
        expect(told(got)).toEqual(isV4 ? bare4 : bare6)
      }),
      { numRuns: 500 },
    )
  })

  it('nothing is read outside of it', () => {
    const linkType = fc.oneof(
      { weight: 4, arbitrary: fc.constant(1) },
      fc.constantFrom(9, 10, 50, 51, 100, 104, 105, 107, 119, 127, 163, 166, 192, 204, 219, 239),
    )
    fc.assert(
      fc.property(fc.array(names, { maxLength: 4 }), flips, fc.nat(500), linkType, (nest, patches, keptBytes, link) => {
        const frame = asEthernet(nest.reduce((inner: Carried, name) => wraps[name](inner), inner4))
        const bytes = frame.slice(0, keptBytes)
        for (const [at, value] of patches) if (at < bytes.length) bytes[at] = value
        const { decoded, segment } = decode(bytes, link)
        expect(segment.tunnelCount).toBeLessThanOrEqual(8)
        if (decoded !== 'segment' && decoded !== 'fragment') return
        expect(segment.payloadFrom).toBeLessThanOrEqual(segment.payloadTo)
        expect(segment.payloadFrom).toBeGreaterThanOrEqual(9)
        expect(segment.payloadTo).toBeLessThanOrEqual(9 + bytes.length)
      }),
      { numRuns: 3_000 },
    )
  })
})
