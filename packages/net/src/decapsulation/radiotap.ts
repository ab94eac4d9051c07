/**
 * What stands in front of 802.11 frames in captures: radiotap (radiotap.org), Prism, AVS, PPI. Of all they tell, only where the frame starts,
 * whether its check sequence is at its end, and whether it arrived whole.
 */

import type { SegmentView } from '../segment-view.js'
import { layerLinkType, layerWifi, layerWifiPadded, type Read } from './layer.js'

const presentExtended = 0x8000_0000
const presentTsft = 0x1
const presentFlags = 0x2
const flagsFcs = 0x10
const flagsPadding = 0x20
const flagsBadFcs = 0x40
const fcsBytes = 4

export function readRadiotap(out: SegmentView): Read {
  const { view, innerFrom: start, innerTo: end } = out
  if (end - start < 8) return 'frame.truncated'
  const headerBytes = view.getUint16(start + 2, true)
  if (view.getUint8(start) !== 0 || headerBytes < 8) return 'radiotap.header'
  if (headerBytes > end - start) return 'frame.truncated'
  const flags = radiotapFlags(out, start, start + headerBytes)
  if ((flags & flagsBadFcs) !== 0) return 'wifi.damaged'
  out.innerFrom = start + headerBytes
  if ((flags & flagsFcs) !== 0) out.innerTo = Math.max(out.innerFrom, end - fcsBytes)
  return (flags & flagsPadding) === 0 ? layerWifi : layerWifiPadded
}

/** Fields stand in the order of their bits, each aligned to its size, from the start of the header. 0 when there are no flags. */
function radiotapFlags({ view }: SegmentView, start: number, headerTo: number): number {
  const present = view.getUint32(start + 4, true)
  if ((present & presentFlags) === 0) return 0
  let at = start + 8
  for (let word = present; (word & presentExtended) !== 0; at += 4) {
    if (headerTo - at < 4) return 0
    word = view.getUint32(at, true)
  }
  if ((present & presentTsft) !== 0) at = start + ((at - start + 7) & ~7) + 8
  return at < headerTo ? view.getUint8(at) : 0
}

/** Prism: message code, length. AVS: version, length in network order. PPI: version, flags, length, link type. */
export function readPrism(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 8) return 'frame.truncated'
  const isAvs = view.getUint32(at) >>> 8 === 0x80_2110
  return skip(out, isAvs ? view.getUint32(at + 4) : view.getUint32(at + 4, true), layerWifi)
}

export function readAvs(out: SegmentView): Read {
  if (out.innerTo - out.innerFrom < 8) return 'frame.truncated'
  return skip(out, out.view.getUint32(out.innerFrom + 4), layerWifi)
}

export function readPpi(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (end - at < 8) return 'frame.truncated'
  const linkType = view.getUint32(at + 4, true)
  const isAgain = linkType === 192 || linkType > 0xffff
  return isAgain ? 'other' : skip(out, view.getUint16(at + 2, true), layerLinkType + linkType)
}

function skip(out: SegmentView, bytes: number, layer: number): Read {
  if (bytes < 8) return 'radiotap.header'
  if (bytes > out.innerTo - out.innerFrom) return 'frame.truncated'
  out.innerFrom += bytes
  return layer
}
