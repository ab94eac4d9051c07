/** PPPoE session, RFC 2516 §4 and §6: version and type 1, code 0, session, length, then PPP without its address and control. */

import type { SegmentView } from '../segment-view.js'
import { enter, layerPpp, type Read } from './layer.js'
import { tunnelPppoe } from './tunnels.js'

export function readPppoe(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 8) return 'frame.truncated'
  enter(out, tunnelPppoe)
  const pppBytes = view.getUint16(at + 4)
  if (view.getUint16(at) !== 0x1100 || pppBytes < 2) return 'pppoe.header'
  out.innerFrom = at + 6
  if (out.innerFrom + pppBytes < end) out.innerTo = out.innerFrom + pppBytes // Whatever follows is padding.
  return layerPpp
}
