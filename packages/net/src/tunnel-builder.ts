/**
 * Packets inside of packets, as bytes, with right lengths and checksums where receivers look at them: for tests and fixtures. Each wrap takes
 * what is carried and gives what carries it, so that they nest in any order.
 */

import { addressBytes } from './address-text.js'

/** `ethernet`: a whole frame. `ip`: a packet from its IP header on. */
export interface Carried {
  readonly kind: 'ethernet' | 'ip'
  readonly bytes: Uint8Array
}

export type Wrap = (inner: Carried) => Carried

const station = [2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 8]
const outerV4 = ['10.99.0.1', '10.99.0.2'] as const
const outerV6 = ['fd00:99::1', 'fd00:99::2'] as const

export function bytesOf(...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const u16 = (value: number): number[] => [(value >> 8) & 0xff, value & 0xff]
const u24 = (value: number): number[] => [(value >> 16) & 0xff, ...u16(value)]
const u32 = (value: number): number[] => [...u16(value >>> 16), ...u16(value)]

export function ethernet(type: number, payload: Uint8Array | readonly number[]): Carried {
  return { kind: 'ethernet', bytes: bytesOf(station, u16(type), payload) }
}

function versionOf(packet: Uint8Array): number {
  return (packet[0] ?? 0) >> 4
}

const ipEtherType = (packet: Uint8Array): number => (versionOf(packet) === 4 ? 0x0800 : 0x86dd)

/** An Ethernet frame around an IP packet; a frame as it is. */
export function asEthernet(inner: Carried): Uint8Array {
  return inner.kind === 'ethernet' ? inner.bytes : ethernet(ipEtherType(inner.bytes), inner.bytes).bytes
}

/** The IP packet of a frame without tags; a frame of anything else in EtherIP. */
export function asIp(inner: Carried): Uint8Array {
  if (inner.kind === 'ip') return inner.bytes
  const type = ((inner.bytes[12] ?? 0) << 8) | (inner.bytes[13] ?? 0)
  if (type === 0x0800 || type === 0x86dd) return inner.bytes.subarray(14)
  return ip(97, bytesOf([0x30, 0], inner.bytes)).bytes
}

/** An IP packet from one end of the tunnel to the other. */
export function ip(protocol: number, payload: Uint8Array, version: 4 | 6 = 4): Carried {
  const [source, destination] = (version === 4 ? outerV4 : outerV6).map((text) => addressBytes(text)!) // Constants.
  if (version === 6) {
    const head = [0x60, 0, 0, 0, ...u16(payload.length), protocol, 64]
    return { kind: 'ip', bytes: bytesOf(head, source!, destination!, payload) }
  }
  const head = bytesOf([0x45, 0, ...u16(20 + payload.length), 0, 0, 0x40, 0, 64, protocol, 0, 0], source!, destination!)
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += (head[at]! << 8) | head[at + 1]! // In range by the condition.
  sum = (sum & 0xffff) + (sum >>> 16)
  head.set(u16(~sum & 0xffff), 10)
  return { kind: 'ip', bytes: bytesOf(head, payload) }
}

export function udp(port: number, payload: Uint8Array, version: 4 | 6 = 4, sourcePort = 50_123): Carried {
  return ip(17, bytesOf(u16(sourcePort), u16(port), u16(8 + payload.length), [0, 0], payload), version)
}

/** Fragments of an IP packet, of at most `maxBytes` of payload each, a multiple of 8. */
export function fragmentsOf(packet: Uint8Array, maxBytes: number, identification: number): Uint8Array[] {
  const isV4 = versionOf(packet) === 4
  const headerBytes = isV4 ? ((packet[0] ?? 0) & 0x0f) * 4 : 40
  const fragments: Uint8Array[] = []
  for (let from = headerBytes; from < packet.length; from += maxBytes) {
    const part = packet.subarray(from, from + maxBytes)
    const more = from + maxBytes < packet.length ? 1 : 0
    const head = packet.slice(0, headerBytes)
    if (isV4) {
      head.set([...u16(headerBytes + part.length), ...u16(identification)], 2)
      head.set(u16((more << 13) | ((from - headerBytes) / 8)), 6)
      fragments.push(bytesOf(head, part))
    } else {
      head.set(u16(8 + part.length), 4)
      head[6] = 44
      const extension = [packet[6] ?? 0, 0, ...u16((from - headerBytes) | more), ...u32(identification)]
      fragments.push(bytesOf(head, extension, part))
    }
  }
  return fragments
}

const vlan =
  (id: number, type = 0x8100): Wrap =>
  (inner) => {
    const frame = asEthernet(inner)
    return { kind: 'ethernet', bytes: bytesOf(frame.subarray(0, 12), u16(type), u16(id), frame.subarray(12)) }
  }

/** Labels from the top, in front of whatever stands below. */
export function mplsStack(labels: readonly number[], below: Uint8Array): Uint8Array {
  const entries = labels.map((label, index) =>
    u32(((label << 12) | (index === labels.length - 1 ? 0x100 : 0) | 64) >>> 0),
  )
  return bytesOf(...entries, below)
}

/** GRE with the flags given, zero in each field that they announce but the key. */
export function greHeader(flags: number, protocol: number, key = 0): Uint8Array {
  const fields = [flags & 0x8000 ? u32(0) : [], flags & 0x2000 ? u32(key) : [], flags & 0x1000 ? u32(7) : []]
  return bytesOf(u16(flags), u16(protocol), ...fields)
}

const gre =
  (flags: number, protocol?: number, key = 0): Wrap =>
  (inner) => {
    const payload = protocol === undefined ? asIp(inner) : asEthernet(inner)
    return ip(47, bytesOf(greHeader(flags, protocol ?? ipEtherType(payload), key), payload))
  }

const vxlanHeader = (vni: number): number[] => [8, 0, 0, 0, ...u24(vni), 0]

/** `options`: each class, type, words of data. */
export function geneveHeader(protocol: number, vni: number, options: readonly Uint8Array[]): Uint8Array {
  const optionBytes = bytesOf(...options)
  return bytesOf([optionBytes.length / 4, 0], u16(protocol), u24(vni), [0], optionBytes)
}

const geneveOptions = [Uint8Array.from([1, 2, 0x80, 0]), Uint8Array.from([1, 2, 3, 2, 9, 9, 9, 9, 8, 8, 8, 8])] as const

/** GTP-U's G-PDU; `extensions` are bodies with their length byte, whose last byte is filled in here. */
export function gtpHeader(
  payloadBytes: number,
  extensions: readonly (readonly number[])[],
  hasSequence = false,
): Uint8Array {
  if (extensions.length === 0 && !hasSequence) return bytesOf([0x30, 0xff], u16(payloadBytes), u32(77))
  const types = extensions.map((_, index) => (index === extensions.length - 1 ? 0 : 0x85))
  const bodies = extensions.map((body, index) => bytesOf(body.slice(0, -1), [types[index] ?? 0]))
  const rest = bytesOf(u16(1), [0], [extensions.length > 0 ? 0x85 : 0], ...bodies)
  const flags = 0x30 | (extensions.length > 0 ? 4 : 0) | (hasSequence ? 2 : 0)
  return bytesOf([flags, 0xff], u16(payloadBytes + rest.length), u32(77), rest)
}

/** Teredo and AYIYA carry IPv6 only. */
const asIpv6 = (inner: Carried): Uint8Array => {
  const packet = asIp(inner)
  return versionOf(packet) === 6 ? packet : ip(4, packet, 6).bytes
}

/** By name; several of a name differ in what is optional in the header. */
export const wraps = {
  vlan: vlan(100),
  'vlan, 802.1ad': vlan(200, 0x88a8),
  'mpls, two labels': (inner) => ethernet(0x8847, mplsStack([18_000, 16], asIp(inner))),
  'pseudowire with control word': (inner) =>
    ethernet(0x8847, mplsStack([100], bytesOf([0, 0, 0, 1], asEthernet(inner)))),
  'pseudowire without control word': (inner) => ethernet(0x8847, mplsStack([100], asEthernet(inner))),
  pppoe: (inner) => {
    const packet = asIp(inner)
    const protocol = versionOf(packet) === 4 ? 0x0021 : 0x0057
    return ethernet(0x8864, bytesOf([0x11, 0, 0, 5], u16(packet.length + 2), u16(protocol), packet))
  },
  'ip in IPv4': (inner) => ip(versionOf(asIp(inner)) === 4 ? 4 : 41, asIp(inner)),
  'ip in IPv6': (inner) => ip(versionOf(asIp(inner)) === 4 ? 4 : 41, asIp(inner), 6),
  gre: gre(0),
  'gre with checksum, key, sequence': gre(0xb000),
  'gre of Ethernet': gre(0x1000, 0x6558),
  nvgre: gre(0x2000, 0x6558, (5_000 << 8) | 1),
  'gre over UDP': (inner) => udp(4_754, bytesOf(greHeader(0x2000, ipEtherType(asIp(inner))), asIp(inner))),
  pptp: (inner) => {
    const ppp = bytesOf([0xff, 3], u16(versionOf(asIp(inner)) === 4 ? 0x0021 : 0x0057), asIp(inner))
    return ip(47, bytesOf([0x30, 0x81, 0x88, 0x0b], u16(ppp.length), u16(3), u32(1), u32(0), ppp))
  },
  'erspan I': (inner) => ip(47, bytesOf(greHeader(0, 0x88be), asEthernet(inner))),
  'erspan II': (inner) => {
    const header = [0x10, 100, 0x00, 7, ...u32(0)]
    return ip(47, bytesOf(greHeader(0x1000, 0x88be), header, asEthernet(inner)))
  },
  'erspan III': (inner) => {
    const header = [0x20, 100, 0x00, 7, ...u32(0), ...u32(0)]
    return ip(47, bytesOf(greHeader(0x1000, 0x22eb), header, asEthernet(inner)))
  },
  'erspan III with subheader': (inner) => {
    const header = [0x20, 100, 0x00, 7, ...u32(0), ...u32(1), ...u32(0), ...u32(0)]
    return ip(47, bytesOf(greHeader(0x1000, 0x22eb), header, asEthernet(inner)))
  },
  vxlan: (inner) => udp(4_789, bytesOf(vxlanHeader(5_001), asEthernet(inner))),
  'vxlan over IPv6': (inner) => udp(4_789, bytesOf(vxlanHeader(5_002), asEthernet(inner)), 6),
  'vxlan-gpe of IP': (inner) => {
    const packet = asIp(inner)
    return udp(4_790, bytesOf([0x0c, 0, 0, versionOf(packet) === 4 ? 1 : 2], u24(6_001), [0], packet))
  },
  'vxlan-gpe of nsh': (inner) => {
    const nsh = [0x0f, 0xc6, 1, 3, ...u32(0x0000_01ff), ...u32(0), ...u32(0), ...u32(0), ...u32(0)]
    return udp(4_790, bytesOf([0x0c, 0, 0, 4], u24(6_002), [0], nsh, asEthernet(inner)))
  },
  geneve: (inner) => udp(6_081, bytesOf(geneveHeader(0x6558, 7_001, []), asEthernet(inner))),
  'geneve with options': (inner) =>
    udp(6_081, bytesOf(geneveHeader(0x6558, 7_002, geneveOptions), asEthernet(inner)), 6),
  'geneve of IP': (inner) =>
    udp(6_081, bytesOf(geneveHeader(ipEtherType(asIp(inner)), 7_003, geneveOptions), asIp(inner))),
  'gtp-u': (inner) => udp(2_152, bytesOf(gtpHeader(asIp(inner).length, []), asIp(inner))),
  'gtp-u with extension headers': (inner) => {
    const extensions = [
      [1, 0x10, 9, 0],
      [2, 1, 2, 3, 4, 5, 6, 0],
    ]
    return udp(2_152, bytesOf(gtpHeader(asIp(inner).length, extensions, true), asIp(inner)), 6)
  },
  teredo: (inner) => udp(3_544, asIpv6(inner)),
  'teredo with authentication and origin': (inner) => {
    const authentication = [0, 1, 0, 0, ...new Array<number>(9).fill(7)]
    return udp(50_000, bytesOf(authentication, [0, 0, 1, 2, 3, 4, 5, 6], asIpv6(inner)), 4, 3_544)
  },
  ayiya: (inner) => {
    const header = [0x42, 0x52, 0x11, 41, ...u32(1_600_000_000), ...new Array<number>(36).fill(3)]
    return udp(5_072, bytesOf(header, asIpv6(inner)))
  },
  l2tp: (inner) => {
    const protocol = versionOf(asIp(inner)) === 4 ? 0x0021 : 0x0057
    const ppp = bytesOf([0xff, 3], u16(protocol), asIp(inner))
    return udp(1_701, bytesOf([0x40, 2], u16(8 + ppp.length), u16(1), u16(2), ppp), 4, 1_701)
  },
  etherip: (inner) => ip(97, bytesOf([0x30, 0], asEthernet(inner))),
  'mac in mac': (inner) => ethernet(0x88e7, bytesOf(u32(0x0000_2345), asEthernet(inner))),
  'mpls in UDP': (inner) => udp(6_635, mplsStack([40], asIp(inner))),
} as const satisfies Readonly<Record<string, Wrap>>

export type WrapName = keyof typeof wraps
