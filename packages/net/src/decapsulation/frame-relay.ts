/** Frame Relay, RFC 2427: an address of two to four bytes, whose last has its low bit set, control 3, optional padding, NLPID. */

import type { SegmentView } from '../segment-view.js'
import { layerIp, lengthMaxValue, type Read } from './layer.js'

const addressMaxBytes = 4

export function readFrameRelay(out: SegmentView): Read {
  const { view, innerTo: end } = out
  let at = out.innerFrom
  for (let count = 1; ; count++) {
    if (at >= end) return 'frame.truncated'
    if ((view.getUint8(at++) & 1) === 1) break
    if (count === addressMaxBytes) return 'other'
  }
  if (end - at < 8) return 'frame.truncated'
  // Cisco's framing has an EtherType here.
  if (view.getUint8(at) !== 3) return readEtherType(out, at)
  at++
  if (view.getUint8(at) === 0) at++
  const protocol = view.getUint8(at++)
  out.innerFrom = at
  if (protocol === 0xcc || protocol === 0x8e) return layerIp
  // SNAP without its LLC.
  const isSnap = protocol === 0x80 && end - at >= 5 && view.getUint8(at) === 0 && view.getUint16(at + 1) === 0
  return isSnap ? readEtherType(out, at + 3) : 'other'
}

function readEtherType(out: SegmentView, at: number): Read {
  if (out.innerTo - at < 2) return 'frame.truncated'
  out.innerFrom = at + 2
  const type = out.view.getUint16(at)
  return type <= lengthMaxValue ? 'other' : type
}
