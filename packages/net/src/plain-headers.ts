/**
 * The headers of plain traffic at (view, offset): VLAN tags, IPv4, IPv6 with its extension headers, TCP. The path that nearly all frames
 * take from end to end; where something else stands, it says `carried` and where.
 *
 * Checksums are not looked at: offload leaves them wrong in captures. Lengths are: nothing is read outside [offset, end).
 * RFC 791, 8200, 9293; IEEE 802.1Q.
 */

import { layerIpProtocol } from './decapsulation/layer.js'
import { protocolTcp } from './flow-id.js'
import { type PlainDecoded, type SegmentView, tcpUrg, vlanMaxCount } from './segment-view.js'

const etherTypeIpv4 = 0x0800
const etherTypeIpv6 = 0x86dd
const extensionMaxCount = 8
const tcpHeaderMinBytes = 20

export function decodeEthernet(at: number, end: number, out: SegmentView): PlainDecoded {
  return end - at < 14 ? 'frame.truncated' : decodeEtherType(out.view.getUint16(at + 12), at + 14, end, out)
}

export function decodeEtherType(first: number, offset: number, end: number, out: SegmentView): PlainDecoded {
  let type = first
  let at = offset
  for (let count = 0; type === 0x8100 || type === 0x88a8 || type === 0x9100 || type === 0x9200; count++) {
    if (end - at < 4) return 'frame.truncated'
    if (count === vlanMaxCount) return 'vlan.nested-too-deep'
    out.vlanIds[out.vlanCount++] = out.view.getUint16(at) & 0x0fff
    type = out.view.getUint16(at + 2)
    at += 4
  }
  if (type === etherTypeIpv4 || type === etherTypeIpv6) return decodeIpPacket(at, end, out)
  out.layer = type
  out.innerFrom = at
  out.innerTo = end
  out.innerStatedTo = end
  return 'carried'
}

/** Decodes the IP packet in `out.view[at, end)`. `out` must name buffer, view, time and VLANs already. */
export function decodeIpPacket(at: number, end: number, out: SegmentView): PlainDecoded {
  if (end - at < 20) return 'frame.truncated'
  const version = out.view.getUint8(at) >> 4
  if (version === 4) return decodeIpv4(at, end, out)
  if (version === 6) return decodeIpv6(at, end, out)
  return 'ip.version-unknown'
}

function decodeIpv4(at: number, end: number, out: SegmentView): PlainDecoded {
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
    return protocol === protocolTcp || mayCarry(protocol) ? 'fragment' : 'other'
  }
  return protocol === protocolTcp ? decodeTcp(out) : carried(protocol, out)
}

function decodeIpv6(at: number, end: number, out: SegmentView): PlainDecoded {
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
    if (!isExtension(next)) {
      out.payloadFrom = header
      return carried(next, out)
    }
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
        return after === protocolTcp || isExtension(after) || mayCarry(after) ? 'fragment' : 'other'
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

/** UDP, IP in IP, GRE, EtherIP, MPLS: what decapsulation reads. */
function mayCarry(protocol: number): boolean {
  return protocol === 17 || protocol === 4 || protocol === 41 || protocol === 47 || protocol === 97 || protocol === 137
}

function carried(protocol: number, out: SegmentView): PlainDecoded {
  if (!mayCarry(protocol)) return 'other'
  out.layer = layerIpProtocol + protocol
  out.innerFrom = out.payloadFrom
  out.innerTo = out.payloadTo
  out.innerStatedTo = out.payloadTo + out.cutBytes
  return 'carried'
}

function setPayload(from: number, statedTo: number, end: number, out: SegmentView): void {
  out.payloadFrom = from
  out.payloadTo = statedTo < end ? statedTo : end // Whatever follows in the frame is padding.
  out.cutBytes = statedTo > end ? statedTo - end : 0
}

function decodeTcp(out: SegmentView): PlainDecoded {
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
