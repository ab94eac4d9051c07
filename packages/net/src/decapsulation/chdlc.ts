/** Serial lines with HDLC framing: Cisco's (address 0F or 8F, control 0, EtherType), or PPP in the same frames, RFC 1662. */

import type { SegmentView } from '../segment-view.js'
import { layerPpp, lengthMaxValue, type Read } from './layer.js'

export function readChdlc(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 4) return 'frame.truncated'
  if (view.getUint16(at) === 0xff03) return layerPpp
  const address = view.getUint8(at)
  if ((address !== 0x0f && address !== 0x8f) || view.getUint8(at + 1) !== 0) return 'other'
  out.innerFrom = at + 4
  const type = view.getUint16(at + 2)
  return type <= lengthMaxValue ? 'other' : type
}
