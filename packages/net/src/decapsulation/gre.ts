/**
 * GRE, RFC 2784 with key and sequence of RFC 2890; NVGRE, RFC 7637 (bridged Ethernet with a key, whose upper 24 bits name the network); the
 * enhanced GRE of PPTP, RFC 2637 §4.1; also over UDP, RFC 8086. ERSPAN begins behind it.
 *
 * The routing bit of RFC 1701 is refused: what follows is a list of hops of any length, which RFC 2784 §2.3 tells receivers to discard.
 */

import type { SegmentView } from '../segment-view.js'
import { readErspan2, readErspan3 } from './erspan.js'
import {
  enter,
  etherTypeEthernet,
  etherTypeIpv4,
  etherTypeIpv6,
  layerEthernet,
  layerIp,
  layerPpp,
  layerWifi,
  lengthMaxValue,
  type Read,
  refused,
} from './layer.js'
import { looksLikeEthernet, looksLikeIp } from './plausible.js'
import { tunnelErspan, tunnelGre, tunnelNvgre, tunnelPptp } from './tunnels.js'

const hasChecksum = 0x8000
const hasRouting = 0x4000
const hasKey = 0x2000
const hasSequence = 0x1000
const hasAcknowledgement = 0x0080
const versionMask = 0x0007

export function readGre(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 4) return 'frame.truncated'
  const flags = view.getUint16(at)
  const protocol = view.getUint16(at + 2)
  const version = flags & versionMask
  if (version === 1) return readEnhanced(out, flags, protocol)
  if (version !== 0 || (flags & hasRouting) !== 0) {
    enter(out, tunnelGre)
    return version === 0 ? 'gre.routing' : 'gre.version'
  }
  const keyAt = at + ((flags & hasChecksum) === 0 ? 4 : 8)
  const sequenceAt = keyAt + ((flags & hasKey) === 0 ? 0 : 4)
  out.innerFrom = sequenceAt + ((flags & hasSequence) === 0 ? 0 : 4)
  if (out.innerFrom > end) return 'frame.truncated'
  if (protocol === 0x88be) return (flags & hasSequence) === 0 ? readErspan1(out) : readErspan2(out)
  if (protocol === 0x22eb) return readErspan3(out)
  if (protocol === etherTypeEthernet) {
    const isNvgre = (flags & (hasKey | hasChecksum | hasSequence)) === hasKey
    enter(out, isNvgre ? tunnelNvgre : tunnelGre)
    if (isNvgre) out.vni = view.getUint32(keyAt) >>> 8
    return layerEthernet
  }
  enter(out, tunnelGre)
  return innerOf(out, protocol)
}

/** RFC 8086. The port may be anybody's: only IP and Ethernet are taken, and must look like it. */
export function readGreOverUdp(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 4) return refused(out, tunnelGre)
  const flags = view.getUint16(at)
  const protocol = view.getUint16(at + 2)
  const fieldsCount = (flags >> 15) + ((flags >> 13) & 1) + ((flags >> 12) & 1)
  const inner = at + 4 + fieldsCount * 4
  const isInner =
    protocol === etherTypeEthernet
      ? looksLikeEthernet(out, inner, out.innerStatedTo)
      : (protocol === etherTypeIpv4 || protocol === etherTypeIpv6) &&
        looksLikeIp(out, inner, out.innerStatedTo) &&
        view.getUint8(inner) >> 4 === (protocol === etherTypeIpv4 ? 4 : 6)
  return (flags & 0x4fff) === 0 && isInner ? readGre(out) : refused(out, tunnelGre)
}

/** Type I has no header of its own. */
function readErspan1(out: SegmentView): Read {
  enter(out, tunnelErspan)
  return layerEthernet
}

function innerOf(out: SegmentView, protocol: number): Read {
  if (protocol === 0x880b) return layerPpp
  if (protocol === 0x883e) return readWccp(out)
  if (isAruba(protocol)) return layerWifi
  return protocol <= lengthMaxValue ? 'other' : protocol
}

/** Traffic that routers redirect to a cache; version 2 has a header of four bytes. draft-mclaggan-wccp-v2rev1 §4.12. */
function readWccp(out: SegmentView): Read {
  if (!looksLikeIp(out, out.innerFrom, out.innerStatedTo)) out.innerFrom += 4
  return out.innerFrom > out.innerTo ? 'frame.truncated' : layerIp
}

/** 802.11 frames from an access point to its controller: 0x8200 to 0x8370, one number a queue, and one for all. */
function isAruba(protocol: number): boolean {
  return (protocol >= 0x8200 && protocol <= 0x8370 && (protocol & 0x000f) === 0) || protocol === 0x9000
}

function readEnhanced(out: SegmentView, flags: number, protocol: number): Read {
  const { view, innerFrom: at, innerTo: end } = out
  enter(out, tunnelPptp)
  if ((flags & hasKey) === 0 || protocol !== 0x880b) return 'gre.version'
  if ((flags & hasRouting) !== 0) return 'gre.routing'
  if ((flags & hasSequence) === 0) return 'other' // Acknowledgements alone.
  if (end - at < 8) return 'frame.truncated'
  const pppBytes = view.getUint16(at + 4)
  out.innerFrom = at + ((flags & hasAcknowledgement) === 0 ? 12 : 16)
  if (out.innerFrom > end) return 'frame.truncated'
  if (out.innerFrom + pppBytes < end) out.innerTo = out.innerFrom + pppBytes
  return layerPpp
}
