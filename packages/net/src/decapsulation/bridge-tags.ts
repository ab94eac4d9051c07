/** Tags of bridges beside VLANs: each a fixed number of bytes in front of another EtherType; and whole frames in the frames of a backbone. */

import type { SegmentView } from '../segment-view.js'
import { enter, layerEthernet, type Read } from './layer.js'
import { tunnelMacInMac } from './tunnels.js'

/** 802.1ah, provider backbone bridges: an I-TAG of four bytes, whose lower 24 bits name the service, then the customer's frame. */
export function readMacInMac(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 4) return 'frame.truncated'
  enter(out, tunnelMacInMac)
  out.vni = view.getUint32(at) & 0xff_ffff
  out.innerFrom = at + 4
  return layerEthernet
}

/** `tagBytes` in front of an EtherType: VN-tag and Cisco's metadata 4 and 6, E-tag of 802.1BR 6, HSR 4. */
export function readTag(out: SegmentView, tagBytes: number): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < tagBytes + 2) return 'frame.truncated'
  out.innerFrom = at + tagBytes + 2
  return view.getUint16(at + tagBytes)
}
