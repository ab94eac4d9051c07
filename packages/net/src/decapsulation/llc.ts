/** LLC, IEEE 802.2, with SNAP, RFC 1042: what stands behind a length instead of an EtherType, and in 802.11, FDDI and ATM frames. */

import type { SegmentView } from '../segment-view.js'
import { layerEthernet, layerIp, lengthMaxValue, type Read } from './layer.js'

export function readLlc(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 3) return 'frame.truncated'
  const saps = view.getUint16(at)
  if (view.getUint8(at + 2) !== 3) return 'other' // Unnumbered information.
  if (saps === 0x0606) {
    out.innerFrom = at + 3
    return layerIp
  }
  if (saps !== 0xaaaa) return 'other'
  if (end - at < 8) return 'frame.truncated'
  const organization = (view.getUint8(at + 3) << 16) | view.getUint16(at + 4)
  const type = view.getUint16(at + 6)
  out.innerFrom = at + 8
  // A length here would let a frame of SNAP headers nest as deeply as it is long.
  if (organization === 0x000000 || organization === 0x0000f8) return type <= lengthMaxValue ? 'other' : type
  return organization === 0x0080c2 ? readBridged(out, type) : 'other'
}

/** 802.1: an Ethernet frame with (1) or without (7) its FCS, behind two bytes of padding. RFC 2684 §5.2, as on ATM. */
function readBridged(out: SegmentView, type: number): Read {
  if (type !== 1 && type !== 7) return 'other'
  out.innerFrom += 2
  return layerEthernet
}
