/** L2TP version 2 over UDP, RFC 2661 §3.1: data messages, whose optional fields flags tell, carry PPP. Control messages are something else. */

import type { SegmentView } from '../segment-view.js'
import { enter, layerPpp, type Read, refused } from './layer.js'
import { tunnelL2tp } from './tunnels.js'

const isControl = 0x8000
const hasLength = 0x4000
const hasSequence = 0x0800
const hasOffset = 0x0200
/** Reserved bits are 0, the version is 2. */
const fixedMask = 0x34ff
const fixedWanted = 0x0002

export function readL2tp(out: SegmentView): Read {
  const { view, innerFrom: start, innerTo: end } = out
  if (end - start < 6) return refused(out, tunnelL2tp)
  const flags = view.getUint16(start)
  if ((flags & isControl) !== 0 || (flags & fixedMask) !== fixedWanted) return refused(out, tunnelL2tp)
  let at = start + 6
  if ((flags & hasLength) !== 0) {
    if (start + view.getUint16(start + 2) !== out.innerStatedTo) return refused(out, tunnelL2tp)
    at += 2
  }
  if ((flags & hasSequence) !== 0) at += 4
  if ((flags & hasOffset) !== 0) at += end - at < 2 ? 2 : 2 + view.getUint16(at)
  if (at >= end || !isPppOfIp(out, at)) return refused(out, tunnelL2tp)
  out.innerFrom = at
  enter(out, tunnelL2tp)
  return layerPpp
}

/** Only such packets are of use, and the port may be anybody's. */
function isPppOfIp({ view, innerTo }: SegmentView, at: number): boolean {
  if (innerTo - at < 24) return false
  const protocolAt = view.getUint16(at) === 0xff03 ? at + 2 : at
  const isShort = (view.getUint8(protocolAt) & 1) === 1
  const protocol = isShort ? view.getUint8(protocolAt) : view.getUint16(protocolAt)
  const version = view.getUint8(protocolAt + (isShort ? 1 : 2)) >> 4
  return (protocol === 0x21 && version === 4) || (protocol === 0x57 && version === 6)
}
