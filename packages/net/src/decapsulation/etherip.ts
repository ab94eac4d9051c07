/** EtherIP, RFC 3378 §2: version 3, twelve reserved bits, an Ethernet frame. */

import type { SegmentView } from '../segment-view.js'
import { enter, layerEthernet, type Read } from './layer.js'
import { tunnelEtherIp } from './tunnels.js'

export function readEtherIp(out: SegmentView): Read {
  if (out.innerTo - out.innerFrom < 2) return 'frame.truncated'
  if (out.view.getUint8(out.innerFrom) >> 4 !== 3) return 'other'
  enter(out, tunnelEtherIp)
  out.innerFrom += 2
  return layerEthernet
}
