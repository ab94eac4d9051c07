/** GENEVE, RFC 8926 §3: version 0, options that fill their stated length exactly, the EtherType of what is inside, a network's number. */

import type { SegmentView } from '../segment-view.js'
import { enter, etherTypeEthernet, layerEthernet, lengthMaxValue, type Read, refused } from './layer.js'
import { looksLikeEthernet, looksLikeIp } from './plausible.js'
import { tunnelGeneve } from './tunnels.js'

const headerBytes = 8
const isControl = 0x80

export function readGeneve(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < headerBytes || view.getUint8(at) >> 6 !== 0) return refused(out, tunnelGeneve)
  const inner = at + headerBytes + (view.getUint8(at) & 0x3f) * 4
  if (!hasWholeOptions(out, at + headerBytes, inner)) return refused(out, tunnelGeneve)
  const protocol = view.getUint16(at + 2)
  if ((view.getUint8(at + 1) & isControl) !== 0 || !isPlausible(out, protocol, inner)) return refused(out, tunnelGeneve)
  out.vni = view.getUint32(at + 4) >>> 8
  out.innerFrom = inner
  enter(out, tunnelGeneve)
  return protocol === etherTypeEthernet ? layerEthernet : protocol
}

/** §3.5: class, type, length of the data in words. One without data is four bytes long, so the walk goes on. */
function hasWholeOptions({ view, innerTo }: SegmentView, from: number, to: number): boolean {
  if (to > innerTo) return false
  let at = from
  while (to - at >= 4) at += 4 + (view.getUint8(at + 3) & 0x1f) * 4
  return at === to
}

function isPlausible(out: SegmentView, protocol: number, inner: number): boolean {
  if (protocol === etherTypeEthernet) return looksLikeEthernet(out, inner, out.innerStatedTo)
  if (protocol === 0x0800 || protocol === 0x86dd) {
    const version = protocol === 0x0800 ? 4 : 6
    return looksLikeIp(out, inner, out.innerStatedTo) && out.view.getUint8(inner) >> 4 === version
  }
  return protocol > lengthMaxValue
}
