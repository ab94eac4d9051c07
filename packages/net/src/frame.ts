/**
 * How a frame becomes a TCP segment: link, IP and TCP headers decoded at (view, offset) into one reused `SegmentView`.
 *
 *   link header → VLAN tags → IPv4 | IPv6 + extension headers → TCP
 *                                 └─► fragment: see ip-fragments.ts, which comes back with `decodeIp`
 *
 * Checksums are not looked at: offload leaves them wrong in captures. Lengths are: nothing is read outside [offset, end).
 * Numbers only; no string, array or object is made per frame. RFC 791, 8200, 9293; IEEE 802.1Q; tcpdump.org/linktypes.html.
 */

import { protocolTcp } from './flow-id.js'

/** What the decoder asks of a captured frame; `FrameView` of `pcap` is one. `view` covers exactly the bytes of `buffer`. */
export interface CapturedFrame {
  readonly buffer: Uint8Array
  readonly view: DataView
  readonly offset: number
  readonly end: number
  readonly timestampUs: number
  readonly linkType: number
}

export const tcpFin = 0x01
export const tcpSyn = 0x02
export const tcpRst = 0x04
export const tcpAck = 0x10
export const tcpUrg = 0x20

export const vlanMaxCount = 4

/** One TCP segment, or one fragment of a packet. Offsets are into `buffer`; it is borrowed, as the frame was. */
export class SegmentView {
  buffer: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(this.buffer.buffer)
  timestampUs = 0
  /** Outermost first; the first `vlanCount` entries count. */
  readonly vlanIds = new Uint16Array(vlanMaxCount)
  vlanCount = 0
  addressBytes: 4 | 16 = 4
  sourceAt = 0
  destinationAt = 0
  /** IP payload as captured, and how many bytes of it a snap length cut off. */
  payloadFrom = 0
  payloadTo = 0
  cutBytes = 0

  // Fragments only
  protocol = 0
  fragmentId = 0
  fragmentOffsetBytes = 0
  moreFragments = false

  // Segments only; the payload is then that of TCP
  sourcePort = 0
  destinationPort = 0
  seq = 0
  ack = 0
  flags = 0
  /** Of meaning with URG only. */
  urgentPointer = 0
}

export type FrameAnomaly =
  | 'frame.truncated'
  | 'frame.link-type-unsupported'
  | 'vlan.nested-too-deep'
  | 'ip.version-unknown'
  | 'ip.header-length'
  | 'ip.total-length-short'
  | 'ip.extensions-too-many'
  | 'tcp.data-offset'

/** `other`: well-formed, but not TCP over IP. */
export type Decoded = 'segment' | 'fragment' | 'other' | FrameAnomaly

const etherTypeIpv4 = 0x0800
const etherTypeIpv6 = 0x86dd
/** Not a number of any registry: whoever carries raw IP lets the version nibble decide. */
const etherTypeRawIp = -1
const extensionMaxCount = 8
const tcpHeaderMinBytes = 20

/** Decodes one frame into `out`. Never throws on input, keeps nothing but the borrowed buffer. */
export function decodeFrame(frame: CapturedFrame, out: SegmentView): Decoded {
  const { view, offset, end } = frame
  out.buffer = frame.buffer
  out.view = view
  out.timestampUs = frame.timestampUs
  out.vlanCount = 0
  switch (frame.linkType) {
    case 1: // Ethernet
      return end - offset < 14 ? 'frame.truncated' : decodeEtherType(view.getUint16(offset + 12), offset + 14, end, out)
    case 113: // Linux cooked
      return end - offset < 16 ? 'frame.truncated' : decodeEtherType(view.getUint16(offset + 14), offset + 16, end, out)
    case 276: // Linux cooked v2
      return end - offset < 20 ? 'frame.truncated' : decodeEtherType(view.getUint16(offset), offset + 20, end, out)
    case 0: // BSD loopback, order of the capturing host
    case 108: // OpenBSD loopback, network order
      if (end - offset < 4) return 'frame.truncated'
      return isIpFamily(view.getUint32(offset)) || isIpFamily(view.getUint32(offset, true))
        ? decodeIp(offset + 4, end, out)
        : 'other'
    case 12: // Raw IP, by three of its numbers …
    case 14:
    case 101:
    case 228: // … IPv4 only, IPv6 only
    case 229:
      return decodeEtherType(etherTypeRawIp, offset, end, out)
    default:
      return 'frame.link-type-unsupported'
  }
}

/** AF_INET, and the AF_INET6 of Linux, NetBSD, FreeBSD and Darwin. */
function isIpFamily(family: number): boolean {
  return family === 2 || family === 10 || family === 24 || family === 28 || family === 30
}

function decodeEtherType(first: number, offset: number, end: number, out: SegmentView): Decoded {
  let type = first
  let at = offset
  while (type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200) {
    if (end - at < 4) return 'frame.truncated'
    if (out.vlanCount === vlanMaxCount) return 'vlan.nested-too-deep'
    out.vlanIds[out.vlanCount++] = out.view.getUint16(at) & 0x0fff
    type = out.view.getUint16(at + 2)
    at += 4
  }
  if (type === etherTypeIpv4 || type === etherTypeIpv6 || type === etherTypeRawIp) return decodeIp(at, end, out)
  const isSnap = type >= 0 && type <= 1_500 && end - at >= 8 && out.view.getUint32(at) === 0xaaaa0300
  if (!isSnap || out.view.getUint8(at + 4) !== 0 || out.view.getUint8(at + 5) !== 0) return 'other'
  // A length here would let a frame of SNAP headers nest as deeply as it is long.
  const inner = out.view.getUint16(at + 6)
  return inner <= 1_500 ? 'other' : decodeEtherType(inner, at + 8, end, out)
}

/** Decodes the IP packet in `out.view[at, end)`. `out` must name buffer, view, time and VLANs already. */
export function decodeIp(at: number, end: number, out: SegmentView): Decoded {
  if (end - at < 20) return 'frame.truncated'
  const version = out.view.getUint8(at) >> 4
  if (version === 4) return decodeIpv4(at, end, out)
  if (version === 6) return decodeIpv6(at, end, out)
  return 'ip.version-unknown'
}

function decodeIpv4(at: number, end: number, out: SegmentView): Decoded {
  const view = out.view
  const headerBytes = (view.getUint8(at) & 0x0f) * 4
  if (headerBytes < 20) return 'ip.header-length'
  const statedBytes = view.getUint16(at + 2)
  const totalBytes = statedBytes === 0 ? end - at : statedBytes // 0: the card was to fill it in (segmentation offload).
  if (totalBytes < headerBytes) return 'ip.total-length-short'
  if (at + headerBytes > end) return 'frame.truncated'
  out.addressBytes = 4
  out.sourceAt = at + 12
  out.destinationAt = at + 16
  setPayload(at + headerBytes, at + totalBytes, end, out)
  const protocol = view.getUint8(at + 9)
  const fragment = view.getUint16(at + 6)
  if ((fragment & 0x3fff) !== 0) {
    out.fragmentId = view.getUint16(at + 4)
    out.fragmentOffsetBytes = (fragment & 0x1fff) * 8
    out.moreFragments = (fragment & 0x2000) !== 0
    out.protocol = protocol
    return protocol === protocolTcp ? 'fragment' : 'other'
  }
  return protocol === protocolTcp ? decodeTcp(out) : 'other'
}

function decodeIpv6(at: number, end: number, out: SegmentView): Decoded {
  if (end - at < 40) return 'frame.truncated'
  const view = out.view
  const statedBytes = view.getUint16(at + 4)
  out.addressBytes = 16
  out.sourceAt = at + 8
  out.destinationAt = at + 24
  setPayload(at + 40, statedBytes === 0 ? end : at + 40 + statedBytes, end, out)
  let next = view.getUint8(at + 6)
  let header = at + 40
  for (let count = 0; next !== protocolTcp; count++) {
    if (count === extensionMaxCount) return 'ip.extensions-too-many'
    if (!isExtension(next)) return 'other'
    if (header + 8 > out.payloadTo) return 'frame.truncated'
    const after = view.getUint8(header)
    if (next === 44) {
      const fragment = view.getUint16(header + 2)
      if ((fragment & 0xfff9) !== 0) {
        out.fragmentId = view.getUint32(header + 4)
        out.fragmentOffsetBytes = fragment & 0xfff8
        out.moreFragments = (fragment & 1) !== 0
        out.protocol = after
        out.payloadFrom = header + 8
        return after === protocolTcp || isExtension(after) ? 'fragment' : 'other'
      }
      header += 8 // An atomic fragment is whole. RFC 6946.
    } else {
      header += next === 51 ? (view.getUint8(header + 1) + 2) * 4 : (view.getUint8(header + 1) + 1) * 8
    }
    if (header > out.payloadTo) return 'frame.truncated'
    next = after
  }
  out.payloadFrom = header
  return decodeTcp(out)
}

/** Hop-by-hop, routing, fragment, authentication, destination options, mobility, HIP, Shim6. */
function isExtension(next: number): boolean {
  return (
    next === 0 ||
    next === 43 ||
    next === 44 ||
    next === 51 ||
    next === 60 ||
    next === 135 ||
    next === 139 ||
    next === 140
  )
}

function setPayload(from: number, statedTo: number, end: number, out: SegmentView): void {
  out.payloadFrom = from
  out.payloadTo = statedTo < end ? statedTo : end // Whatever follows in the frame is padding.
  out.cutBytes = statedTo > end ? statedTo - end : 0
}

function decodeTcp(out: SegmentView): Decoded {
  const view = out.view
  const at = out.payloadFrom
  const capturedBytes = out.payloadTo - at
  if (capturedBytes < tcpHeaderMinBytes) return 'frame.truncated'
  const headerBytes = (view.getUint8(at + 12) >> 4) * 4
  if (headerBytes < tcpHeaderMinBytes || headerBytes > capturedBytes + out.cutBytes) return 'tcp.data-offset'
  if (headerBytes > capturedBytes) return 'frame.truncated'
  out.sourcePort = view.getUint16(at)
  out.destinationPort = view.getUint16(at + 2)
  out.seq = view.getUint32(at + 4)
  out.ack = view.getUint32(at + 8)
  out.flags = view.getUint8(at + 13)
  out.urgentPointer = (out.flags & tcpUrg) === 0 ? 0 : view.getUint16(at + 18)
  out.payloadFrom = at + headerBytes
  return 'segment'
}
