/** Network Service Header, RFC 8300 §2: what service chains put in front of packets, in VXLAN-GPE or Ethernet. */

import type { SegmentView } from '../segment-view.js'
import { enter, etherTypeMpls, etherTypeNsh, layerEthernet, layerIp, type Read } from './layer.js'
import { tunnelNsh } from './tunnels.js'

const headerMinBytes = 8

export function readNsh(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < headerMinBytes) return 'frame.truncated'
  enter(out, tunnelNsh)
  const bytes = (view.getUint8(at + 1) & 0x3f) * 4
  if (view.getUint8(at) >> 6 !== 0 || bytes < headerMinBytes) return 'nsh.header'
  if (bytes > end - at) return 'frame.truncated'
  out.innerFrom = at + bytes
  switch (view.getUint8(at + 3)) {
    case 1:
    case 2:
      return layerIp
    case 3:
      return layerEthernet
    case 4:
      return etherTypeNsh
    case 5:
      return etherTypeMpls
    default:
      return 'other'
  }
}
