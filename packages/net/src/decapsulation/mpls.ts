/**
 * MPLS label stack, RFC 3032 §2.1, and what stands below it: an IP packet, or the Ethernet frame of a pseudowire, RFC 4448, with or
 * without control word. No field says which: a right IPv4 header checksum does, then a plausible Ethernet header (RFC 4928 and RFC 8469
 * tell why the first nibble alone misleads: station addresses begin with 4 and 6, too), then the nibble.
 */

import type { SegmentView } from '../segment-view.js'
import { enter, layerEthernet, layerIp, type Read } from './layer.js'
import { hasIpv4Checksum, looksLikeEthernet } from './plausible.js'
import { tunnelMpls, tunnelPseudowire } from './tunnels.js'

/** Labels of one stack. */
export const mplsLabelMaxCount = 16
const controlWordBytes = 4

export function readMpls(out: SegmentView): Read {
  const { view, innerTo: end } = out
  let at = out.innerFrom
  for (let count = 0, isBottom = false; !isBottom; count++) {
    if (end - at < 4) return 'frame.truncated'
    if (count === mplsLabelMaxCount) return 'mpls.stack-too-deep'
    isBottom = (view.getUint8(at + 2) & 1) === 1
    at += 4
  }
  if (at === end) return 'frame.truncated'
  out.innerFrom = at
  const nibble = view.getUint8(at) >> 4
  if (!hasIpv4Checksum(out, at)) {
    // 0000: the control word of RFC 4385 §3; 0001 would be a pseudowire's control channel, whose bytes look like no Ethernet.
    const hasControlWord = nibble === 0 && looksLikeEthernet(out, at + controlWordBytes, out.innerStatedTo)
    if (hasControlWord || looksLikeEthernet(out, at, out.innerStatedTo)) {
      if (hasControlWord) out.innerFrom += controlWordBytes
      enter(out, tunnelPseudowire)
      return layerEthernet
    }
  }
  enter(out, tunnelMpls)
  return nibble === 4 || nibble === 6 ? layerIp : 'mpls.payload-unknown'
}
