/**
 * PPP behind HDLC-like framing, PPPoE, GRE or L2TP: optional address and control FF 03, RFC 1662 §3.1, a protocol number of one or two
 * bytes, RFC 1661 §2 and §6.5. Link control and what is compressed or encrypted is no IP packet to us.
 */

import type { SegmentView } from '../segment-view.js'
import { etherTypeMpls, layerEthernet, layerIp, type Read } from './layer.js'

export function readPpp(out: SegmentView): Read {
  const { view, innerTo: end } = out
  let at = out.innerFrom
  if (end - at >= 2 && view.getUint16(at) === 0xff03) at += 2
  if (at >= end) return 'frame.truncated'
  let protocol = view.getUint8(at++)
  // The low bit of the last byte of a protocol number is set, of the first one is not.
  if ((protocol & 1) === 0) {
    if (at >= end) return 'frame.truncated'
    protocol = (protocol << 8) | view.getUint8(at++)
  }
  out.innerFrom = at
  switch (protocol) {
    case 0x0021:
    case 0x0057:
      return layerIp
    case 0x0281:
    case 0x0283:
      return etherTypeMpls
    case 0x0031:
      return readBridged(out)
    default:
      return 'other'
  }
}

/** A bridged frame, RFC 3518 §4.2: flags and padding, MAC type 1 for Ethernet, padding up to the frame. */
function readBridged(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 2) return 'frame.truncated'
  const flags = view.getUint8(at)
  if (view.getUint8(at + 1) !== 1) return 'other'
  out.innerFrom = at + 2
  out.innerTo = Math.max(out.innerFrom, end - (flags & 0x0f)) // Padding behind it.
  return layerEthernet
}
