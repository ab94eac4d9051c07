/** AYIYA, draft-massar-v6ops-ayiya-02 §3: lengths of identity and signature, operation "forward", next header, time, identity, signature. */

import type { SegmentView } from '../segment-view.js'
import { enter, layerIp, type Read, refused } from './layer.js'
import { looksLikeIp } from './plausible.js'
import { tunnelAyiya } from './tunnels.js'

const headerBytes = 8
const identityMaxExponent = 7
const forward = 1

export function readAyiya(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < headerBytes) return refused(out, tunnelAyiya)
  const identityExponent = view.getUint8(at) >> 4
  const signatureBytes = (view.getUint8(at + 1) >> 4) * 4
  const nextHeader = view.getUint8(at + 3)
  const inner = at + headerBytes + (1 << identityExponent) + signatureBytes
  const isForward = (view.getUint8(at + 2) & 0x0f) === forward && (nextHeader === 41 || nextHeader === 4)
  if (identityExponent > identityMaxExponent || !isForward || !looksLikeIp(out, inner, out.innerStatedTo)) {
    return refused(out, tunnelAyiya)
  }
  out.innerFrom = inner
  enter(out, tunnelAyiya)
  return layerIp
}
