/**
 * NFLOG, what Linux's firewall logs: a header, then attributes of which one is the packet. tcpdump.org/linktypes/LINKTYPE_NFLOG.html.
 * Their numbers are in the order of the capturing host: the first attribute's length tells which.
 */

import type { SegmentView } from '../segment-view.js'
import { layerIp, type Read } from './layer.js'

const headerBytes = 4
const attributeHeaderBytes = 4
const attributePayload = 9

export function readNflog(out: SegmentView): Read {
  const { view, innerTo: end } = out
  let at = out.innerFrom + headerBytes
  if (end - at < attributeHeaderBytes) return 'frame.truncated'
  const family = view.getUint8(out.innerFrom)
  if (view.getUint8(out.innerFrom + 1) !== 0 || (family !== 2 && family !== 10)) return 'other'
  const isLittle = isLittleEndian(out, at)
  while (end - at >= attributeHeaderBytes) {
    const bytes = view.getUint16(at, isLittle)
    // A length of 0 would never end.
    if (bytes < attributeHeaderBytes) return 'nflog.attribute'
    if ((view.getUint16(at + 2, isLittle) & 0x7fff) === attributePayload) {
      out.innerFrom = at + attributeHeaderBytes
      out.innerTo = Math.min(end, at + bytes)
      return layerIp
    }
    at += (bytes + 3) & ~3 // Attributes begin at multiples of four.
  }
  return at > end ? 'frame.truncated' : 'other'
}

function isLittleEndian(out: SegmentView, at: number): boolean {
  const bytes = out.view.getUint16(at, true)
  return bytes >= attributeHeaderBytes && at + bytes <= out.innerTo
}
