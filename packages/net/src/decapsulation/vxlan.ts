/**
 * VXLAN, RFC 7348 §5, and VXLAN-GPE, draft-ietf-nvo3-vxlan-gpe-13 §3. Of VXLAN's flags only I is looked at: receivers ignore the others, and
 * group policy uses some. GPE names what it carries; VXLAN carries Ethernet, which must look like it.
 */

import type { SegmentView } from '../segment-view.js'
import { enter, etherTypeMpls, etherTypeNsh, layerEthernet, layerIp, type Read, refused } from './layer.js'
import { looksLikeEthernet, looksLikeIp } from './plausible.js'
import { tunnelVxlan, tunnelVxlanGpe } from './tunnels.js'

const headerBytes = 8
const hasVni = 0x08
/** Version, I, P, B (a copy for many receivers), O (operations, no tenant's packet). */
const gpeMask = 0x3d
const gpeWanted = 0x0c

export function readVxlan(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  const isHeader = end - at >= headerBytes && (view.getUint8(at) & hasVni) !== 0
  if (!isHeader || !looksLikeEthernet(out, at + headerBytes, out.innerStatedTo)) return refused(out, tunnelVxlan)
  return entered(out, tunnelVxlan, layerEthernet)
}

export function readVxlanGpe(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < headerBytes + 1 || (view.getUint8(at) & gpeMask) !== gpeWanted) return refused(out, tunnelVxlanGpe)
  const inner = at + headerBytes
  switch (view.getUint8(at + 3)) {
    case 1:
    case 2:
      return looksLikeIp(out, inner, out.innerStatedTo)
        ? entered(out, tunnelVxlanGpe, layerIp)
        : refused(out, tunnelVxlanGpe)
    case 3:
      return looksLikeEthernet(out, inner, out.innerStatedTo)
        ? entered(out, tunnelVxlanGpe, layerEthernet)
        : refused(out, tunnelVxlanGpe)
    case 4:
      return entered(out, tunnelVxlanGpe, etherTypeNsh)
    case 5:
      return entered(out, tunnelVxlanGpe, etherTypeMpls)
    default:
      return refused(out, tunnelVxlanGpe)
  }
}

function entered(out: SegmentView, tunnel: number, layer: number): Read {
  out.vni = out.view.getUint32(out.innerFrom + 4) >>> 8
  out.innerFrom += headerBytes
  enter(out, tunnel)
  return layer
}
