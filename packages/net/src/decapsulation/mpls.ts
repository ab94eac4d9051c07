/**
 * MPLS label stack, RFC 3032 §2.1, and what stands below it: an IP packet, or the Ethernet frame of a pseudowire, RFC 4448, with or
 * without control word. No field says which: a right IPv4 header checksum does, then a plausible Ethernet header (RFC 4928 and RFC 8469
 * tell why the first nibble alone misleads: station addresses begin with 4 and 6, too), then the nibble.
 */

import type { SegmentView } from '../segment-view.js'
import { enter, layerEthernet, layerIp, type Read, refused } from './layer.js'
import { hasIpv4Checksum, looksLikeEthernet, looksLikeIp } from './plausible.js'
import { tunnelMpls, tunnelPseudowire } from './tunnels.js'

/** Labels of one stack. */
export const mplsLabelMaxCount = 16
const controlWordBytes = 4

export function readMpls(out: SegmentView): Read {
  const bottom = bottomAt(out)
  if (bottom === tooDeep) return 'mpls.stack-too-deep'
  if (bottom < 0 || bottom === out.innerTo) return 'frame.truncated'
  return readBelow(out, bottom)
}

/** RFC 7510. The port may be anybody's: what is below must be a packet or a frame. */
export function readMplsOverUdp(out: SegmentView): Read {
  const bottom = bottomAt(out)
  const { innerTo, innerStatedTo } = out
  if (bottom < 0 || bottom === innerTo || !looksLikeCarried(out, bottom, innerStatedTo)) return refused(out, tunnelMpls)
  return readBelow(out, bottom)
}

const truncated = -1
const tooDeep = -2

/** Where the stack ends, or a fault. */
function bottomAt({ view, innerFrom, innerTo }: SegmentView): number {
  let at = innerFrom
  for (let count = 0; count < mplsLabelMaxCount; count++) {
    if (innerTo - at < 4) return truncated
    const isBottom = (view.getUint8(at + 2) & 1) === 1
    at += 4
    if (isBottom) return at
  }
  return tooDeep
}

function looksLikeCarried(out: SegmentView, at: number, statedTo: number): boolean {
  if (looksLikeIp(out, at, statedTo) || looksLikeEthernet(out, at, statedTo)) return true
  return looksLikeEthernet(out, at + controlWordBytes, statedTo)
}

function readBelow(out: SegmentView, bottom: number): Read {
  out.innerFrom = bottom
  const nibble = out.view.getUint8(bottom) >> 4
  if (!hasIpv4Checksum(out, bottom)) {
    // 0000: the control word of RFC 4385 §3; 0001 would be a pseudowire's control channel, whose bytes look like no Ethernet.
    const hasControlWord = nibble === 0 && looksLikeEthernet(out, bottom + controlWordBytes, out.innerStatedTo)
    if (hasControlWord || looksLikeEthernet(out, bottom, out.innerStatedTo)) {
      if (hasControlWord) out.innerFrom += controlWordBytes
      enter(out, tunnelPseudowire)
      return layerEthernet
    }
  }
  enter(out, tunnelMpls)
  return nibble === 4 || nibble === 6 ? layerIp : 'mpls.payload-unknown'
}
