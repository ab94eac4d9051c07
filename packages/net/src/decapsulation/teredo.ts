/**
 * Teredo, RFC 4380 §5.1.1: IPv6 in UDP behind optional authentication and origin. Servers have a port, relays and peers have none: there,
 * one address of the packet must be a Teredo address, and the packet must fill the datagram to the byte.
 */

import type { SegmentView } from '../segment-view.js'
import { enter, layerIp, type Read, refused } from './layer.js'
import { noTunnel, tunnelTeredo } from './tunnels.js'

const ipv6HeaderBytes = 40
/** 2001:0::/32, RFC 4380 §2.6. */
const teredoPrefix = 0x2001_0000
const authentication = 0x0001
const origin = 0x0000
const originBytes = 8

/** On a port of Teredo. */
export function readTeredo(out: SegmentView): Read {
  const inner = behindIndications(out)
  if (inner < 0 || !fillsDatagram(out, inner)) return refused(out, tunnelTeredo)
  return entered(out, inner)
}

/** On any other port; without indications, which only servers send. */
export function readTeredoPeer(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end } = out
  if (out.udpTunnels[0] === noTunnel || end - at < ipv6HeaderBytes) return 'other'
  const hasTeredoAddress = view.getUint32(at + 8) === teredoPrefix || view.getUint32(at + 24) === teredoPrefix
  return hasTeredoAddress && fillsDatagram(out, at) ? entered(out, at) : 'other'
}

function entered(out: SegmentView, inner: number): Read {
  out.innerFrom = inner
  enter(out, tunnelTeredo)
  return layerIp
}

function fillsDatagram(out: SegmentView, at: number): boolean {
  const { view, innerTo: end, innerStatedTo } = out
  if (end - at < ipv6HeaderBytes || view.getUint8(at) >> 4 !== 6) return false
  return at + ipv6HeaderBytes + view.getUint16(at + 4) === innerStatedTo
}

/** Authentication (two bytes, two lengths, what they say, nonce, confirmation) comes before origin; each at most once. */
function behindIndications({ view, innerFrom, innerTo }: SegmentView): number {
  let at = innerFrom
  if (innerTo - at < 4) return -1
  if (view.getUint16(at) === authentication) at += 4 + view.getUint8(at + 2) + view.getUint8(at + 3) + 9
  if (innerTo - at < 2) return -1
  return view.getUint16(at) === origin ? at + originBytes : at
}
