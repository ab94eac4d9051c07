/**
 * IEEE 802.11 data frames, §9.2 and §9.3.2: addresses for both directions and between access points, QoS and HT control, then LLC.
 * Encrypted ones, fragments and aggregates are counted and not read: the first needs keys, the others memory that no test asked for yet.
 */

import type { SegmentView } from '../segment-view.js'
import { layerLlc, type Read } from './layer.js'

const toDs = 0x01
const fromDs = 0x02
const moreFragments = 0x04
const protectedFrame = 0x40
const hasOrder = 0x80
const subtypeQos = 0x8
const subtypeNoData = 0x4
const qosAggregate = 0x80

/** `isPadded`: whoever captured it padded the header to four bytes. */
export function readWifi(out: SegmentView, isPadded: boolean): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 24) return 'frame.truncated'
  const control = view.getUint8(at)
  const flags = view.getUint8(at + 1)
  const subtype = control >> 4
  const isData = (control & 0x0f) === 0x08 // Version 0, type 2.
  if (!isData || (subtype & subtypeNoData) !== 0) return 'other'
  if ((flags & protectedFrame) !== 0) return 'wifi.encrypted'
  const isFragment = (view.getUint16(at + 22, true) & 0x0f) !== 0 || (flags & moreFragments) !== 0
  if (isFragment) return 'wifi.fragment'
  let headerBytes = (flags & toDs) !== 0 && (flags & fromDs) !== 0 ? 30 : 24
  if ((subtype & subtypeQos) !== 0) {
    if (end - at < headerBytes + 2) return 'frame.truncated'
    if ((view.getUint8(at + headerBytes) & qosAggregate) !== 0) return 'wifi.aggregate'
    headerBytes += (flags & hasOrder) === 0 ? 2 : 6
  }
  out.innerFrom = at + (isPadded ? (headerBytes + 3) & ~3 : headerBytes)
  return out.innerFrom > end ? 'frame.truncated' : layerLlc
}
