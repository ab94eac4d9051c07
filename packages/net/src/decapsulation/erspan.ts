/**
 * ERSPAN, a switch's mirror in GRE: types II and III of draft-foschiano-erspan-03 §4 (type I has no header). The mirrored frame's VLAN
 * stands in the header, where the switch took the tag off.
 */

import type { SegmentView } from '../segment-view.js'
import { enter, layerEthernet, layerIp, type Read } from './layer.js'
import { tunnelErspan } from './tunnels.js'

const type2Bytes = 8
const type3Bytes = 12
const subheaderBytes = 8
/** The frame had a tag of 802.1Q, which is not in the copy. */
const encapsulation8021q = 2

export function readErspan2(out: SegmentView): Read {
  enter(out, tunnelErspan)
  if (out.innerTo - out.innerFrom < type2Bytes) return 'frame.truncated'
  if (out.view.getUint8(out.innerFrom) >> 4 !== 1) return 'erspan.version'
  noteVlan(out)
  out.innerFrom += type2Bytes
  return layerEthernet
}

export function readErspan3(out: SegmentView): Read {
  enter(out, tunnelErspan)
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < type3Bytes) return 'frame.truncated'
  if (view.getUint8(at) >> 4 !== 2) return 'erspan.version'
  const kind = view.getUint16(at + 10)
  out.innerFrom = at + type3Bytes + ((kind & 1) === 0 ? 0 : subheaderBytes)
  if (out.innerFrom > end) return 'frame.truncated'
  const frameType = (kind >> 10) & 0x1f
  return frameType === 0 ? layerEthernet : frameType === 2 ? layerIp : 'other'
}

function noteVlan(out: SegmentView): void {
  const { view, innerFrom: at } = out
  const encapsulation = (view.getUint8(at + 2) >> 3) & 3
  if (encapsulation === encapsulation8021q && out.vlanCount < out.vlanIds.length) {
    out.vlanIds[out.vlanCount++] = view.getUint16(at) & 0x0fff
  }
}
