/** IP behind IP without anything between: IPv4 in IPv4 or IPv6, RFC 2003 and RFC 2473; IPv6 in either, RFC 4213 ("6in4", also 6to4, 6rd). */

import type { SegmentView } from '../segment-view.js'
import { enter, layerIp, type Read } from './layer.js'
import { tunnel6in4, tunnelIpInIp } from './tunnels.js'

export function readIpInIp(out: SegmentView, version: 4 | 6): Read {
  if (out.innerFrom >= out.innerTo) return 'frame.truncated'
  enter(out, version === 4 ? tunnelIpInIp : tunnel6in4)
  return out.view.getUint8(out.innerFrom) >> 4 === version ? layerIp : 'ip.version-unknown'
}
