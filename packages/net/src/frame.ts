/**
 * How a frame becomes a TCP segment: link, IP and TCP headers decoded at (view, offset) into one reused `SegmentView`.
 *
 *   link header → VLAN tags → IPv4 | IPv6 + extension headers → TCP        plain-headers.ts
 *                     │           │   └─► fragment: see ip-fragments.ts, which comes back with `decodeIp`
 *                     └───────────┴─────► anything else that may carry a packet: decapsulation/, and back to IP
 *
 * Plain traffic comes first and never meets what tunnels need. Numbers only; no string, array or object is made per frame.
 * tcpdump.org/linktypes.html.
 */

import { decapsulate } from './decapsulation/decapsulate.js'
import { layerLinkType } from './decapsulation/layer.js'
import { decodeEthernet, decodeEtherType, decodeIpPacket } from './plain-headers.js'
import type { Decoded, PlainDecoded, SegmentView } from './segment-view.js'

export {
  type Decoded,
  type FrameAnomaly,
  SegmentView,
  type TunnelOptions,
  tcpAck,
  tcpFin,
  tcpRst,
  tcpSyn,
  tcpUrg,
  vlanMaxCount,
} from './segment-view.js'

/** What the decoder asks of a captured frame; `FrameView` of `pcap` is one. `view` covers exactly the bytes of `buffer`. */
export interface CapturedFrame {
  readonly buffer: Uint8Array
  readonly view: DataView
  readonly offset: number
  readonly end: number
  readonly timestampUs: number
  readonly linkType: number
}

/** Decodes one frame into `out`. Never throws on input, keeps nothing but the borrowed buffer. */
export function decodeFrame(frame: CapturedFrame, out: SegmentView): Decoded {
  out.buffer = frame.buffer
  out.view = frame.view
  out.timestampUs = frame.timestampUs
  out.vlanCount = 0
  out.tunnelCount = 0
  out.refusedTunnel = 0
  const decoded = decodeLink(frame, out)
  return decoded === 'carried' ? decapsulate(out) : decoded
}

/** Decodes the IP packet in `out.view[at, end)`. `out` must name buffer, view, time, VLANs and the tunnels around it already. */
export function decodeIp(at: number, end: number, out: SegmentView): Decoded {
  const decoded = decodeIpPacket(at, end, out)
  return decoded === 'carried' ? decapsulate(out) : decoded
}

function decodeLink(frame: CapturedFrame, out: SegmentView): PlainDecoded {
  const { view, offset, end } = frame
  switch (frame.linkType) {
    case 1: // Ethernet
      return decodeEthernet(offset, end, out)
    case 113: // Linux cooked
      return end - offset < 16 ? 'frame.truncated' : decodeEtherType(view.getUint16(offset + 14), offset + 16, end, out)
    case 276: // Linux cooked v2
      return end - offset < 20 ? 'frame.truncated' : decodeEtherType(view.getUint16(offset), offset + 20, end, out)
    case 0: // BSD loopback, order of the capturing host
    case 108: // OpenBSD loopback, network order
      if (end - offset < 4) return 'frame.truncated'
      return isIpFamily(view.getUint32(offset)) || isIpFamily(view.getUint32(offset, true))
        ? decodeIpPacket(offset + 4, end, out)
        : 'other'
    case 12: // Raw IP, by three of its numbers …
    case 14:
    case 101:
    case 228: // … IPv4 only, IPv6 only
    case 229:
      return decodeIpPacket(offset, end, out)
    default:
      out.layer = layerLinkType + frame.linkType
      out.innerFrom = offset
      out.innerTo = end
      out.innerStatedTo = end
      return 'carried'
  }
}

/** AF_INET, and the AF_INET6 of Linux, NetBSD, FreeBSD and Darwin. */
function isIpFamily(family: number): boolean {
  return family === 2 || family === 10 || family === 24 || family === 28 || family === 30
}
