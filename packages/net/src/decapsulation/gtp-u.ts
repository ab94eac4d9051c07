/**
 * GTP-U, 3GPP TS 29.281 §5: the packets of a telephone network's subscribers. Version 1, protocol type 1, message G-PDU; sequence, N-PDU
 * number and extension headers where flags say so. GTP version 0 and 2 and signalling are something else.
 */

import type { SegmentView } from '../segment-view.js'
import { enter, layerIp, type Read, refused } from './layer.js'
import { looksLikeIp } from './plausible.js'
import { tunnelGtpU } from './tunnels.js'

const headerBytes = 8
const optionalBytes = 4
const optionalFlags = 0x07
const hasExtension = 0x04
const gPdu = 0xff

export function readGtpU(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  // Version and type as a whole, without the spare bit, and the message.
  if (end - at < headerBytes || (view.getUint8(at) & 0xf0) !== 0x30 || view.getUint8(at + 1) !== gPdu) {
    return refused(out, tunnelGtpU)
  }
  const statedTo = at + headerBytes + view.getUint16(at + 2)
  const inner = innerAt(out)
  if (inner < 0 || statedTo > out.innerStatedTo || !looksLikeIp(out, inner, statedTo)) return refused(out, tunnelGtpU)
  out.innerFrom = inner
  if (statedTo < end) out.innerTo = statedTo
  enter(out, tunnelGtpU)
  return layerIp
}

/** Behind the optional fields and extension headers, §5.2.1: length in words, content, type of the next. -1 when they are none. */
function innerAt({ view, innerFrom, innerTo }: SegmentView): number {
  const flags = view.getUint8(innerFrom)
  let at = innerFrom + headerBytes
  if ((flags & optionalFlags) === 0) return at
  at += optionalBytes
  if (at > innerTo) return -1
  let next = (flags & hasExtension) === 0 ? 0 : view.getUint8(at - 1)
  while (next !== 0) {
    const bytes = at < innerTo ? view.getUint8(at) * 4 : 0
    // A length of 0 would never end.
    if (bytes === 0 || at + bytes > innerTo) return -1
    at += bytes
    next = view.getUint8(at - 1)
  }
  return at
}
