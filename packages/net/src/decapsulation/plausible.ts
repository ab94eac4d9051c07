/**
 * Whether bytes are what they are taken for, where no field says so: behind MPLS labels, and behind UDP ports that anybody may use.
 * Strict, since a wrong yes turns data into traffic.
 */

import { protocolTcp } from '../flow-id.js'
import { type SegmentView, tcpFin, tcpRst, tcpSyn } from '../segment-view.js'
import { lengthMaxValue } from './layer.js'

const ethernetHeaderBytes = 14

/**
 * An IP header at `at` whose packet fits in front of `statedTo`. Mirrors cut long packets and leave their lengths as they were: of one that
 * does not fit, its checksum or a whole TCP header must be right.
 */
export function looksLikeIp(out: SegmentView, at: number, statedTo: number): boolean {
  if (out.innerTo - at < 20) return false
  const { view } = out
  const version = view.getUint8(at) >> 4
  if (version === 4) {
    const headerBytes = (view.getUint8(at) & 0x0f) * 4
    const totalBytes = view.getUint16(at + 2)
    if (headerBytes < 20 || (totalBytes !== 0 && totalBytes < headerBytes)) return false
    if (at + totalBytes <= statedTo || hasIpv4Checksum(out, at)) return true
    return view.getUint8(at + 9) === protocolTcp && hasTcpHeader(out, at + headerBytes)
  }
  if (version !== 6 || out.innerTo - at < 40) return false
  if (at + 40 + view.getUint16(at + 4) <= statedTo) return true
  return view.getUint8(at + 6) === protocolTcp && hasTcpHeader(out, at + 40)
}

/** Data offset within the packet, reserved bits 0, and flags that a segment may have: never SYN with FIN or RST. RFC 9293 §3.1. */
function hasTcpHeader({ view, innerTo }: SegmentView, at: number): boolean {
  if (innerTo - at < 20) return false
  const offsetBytes = (view.getUint8(at + 12) >> 4) * 4
  if (offsetBytes < 20 || at + offsetBytes > innerTo || (view.getUint8(at + 12) & 0x0e) !== 0) return false
  const flags = view.getUint8(at + 13)
  return (flags & tcpSyn) === 0 || (flags & (tcpFin | tcpRst)) === 0
}

/** RFC 791 §3.1: the header's words sum up to all ones. */
export function hasIpv4Checksum(out: SegmentView, at: number): boolean {
  if (out.innerTo - at < 20) return false
  const { view } = out
  const headerBytes = (view.getUint8(at) & 0x0f) * 4
  if (view.getUint8(at) >> 4 !== 4 || headerBytes < 20 || out.innerTo - at < headerBytes) return false
  let sum = 0
  for (let word = 0; word < headerBytes; word += 2) sum += view.getUint16(at + word)
  sum = (sum & 0xffff) + (sum >>> 16)
  return (sum & 0xffff) + (sum >>> 16) === 0xffff
}

/** An Ethernet header at `at`: an EtherType that we know, and IP behind it where it says so. */
export function looksLikeEthernet(out: SegmentView, at: number, statedTo: number): boolean {
  if (out.innerTo - at < ethernetHeaderBytes) return false
  const type = out.view.getUint16(at + 12)
  const inner = at + ethernetHeaderBytes
  if (type === 0x0800 || type === 0x86dd) {
    const version = out.innerTo > inner ? out.view.getUint8(inner) >> 4 : 0
    return version === (type === 0x0800 ? 4 : 6) && looksLikeIp(out, inner, statedTo)
  }
  if (type <= lengthMaxValue) {
    // Length, then LLC: SNAP, or a bridge's spanning tree.
    if (out.innerTo - inner < 3 || inner + type > statedTo) return false
    const saps = out.view.getUint16(inner)
    return (saps === 0xaaaa || saps === 0x4242) && out.view.getUint8(inner + 2) === 3
  }
  return isKnownEtherType(type)
}

/** ARP, VLAN tags, MPLS, PPPoE, E-tag, VN-tag, NSH, provider backbone bridges, LLDP. */
function isKnownEtherType(type: number): boolean {
  switch (type) {
    case 0x0806:
    case 0x8100:
    case 0x88a8:
    case 0x9100:
    case 0x9200:
    case 0x8847:
    case 0x8848:
    case 0x8863:
    case 0x8864:
    case 0x893f:
    case 0x8926:
    case 0x894f:
    case 0x88e7:
    case 0x88cc:
      return true
    default:
      return false
  }
}
