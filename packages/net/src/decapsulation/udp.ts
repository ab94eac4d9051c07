/**
 * UDP, RFC 768, as far as it carries packets: the port says which tunnel to look for, and that looks at all it can before it says yes, so
 * that ordinary datagrams are never misread.
 */

import type { SegmentView } from '../segment-view.js'
import { readAyiya } from './ayiya.js'
import { readGeneve } from './geneve.js'
import { readGreOverUdp } from './gre.js'
import { readGtpU } from './gtp-u.js'
import { readL2tp } from './l2tp.js'
import type { Read } from './layer.js'
import { readMplsOverUdp } from './mpls.js'
import { readTeredo, readTeredoPeer } from './teredo.js'
import {
  noTunnel,
  tunnelAyiya,
  tunnelGeneve,
  tunnelGre,
  tunnelGtpU,
  tunnelL2tp,
  tunnelMpls,
  tunnelTeredo,
  tunnelVxlan,
  tunnelVxlanGpe,
} from './tunnels.js'
import { readVxlan, readVxlanGpe } from './vxlan.js'

const headerBytes = 8

export function readUdp(out: SegmentView): Read {
  const { view, innerFrom: at, innerTo: end, udpTunnels } = out
  if (end - at < headerBytes) return 'other'
  const statedBytes = view.getUint16(at + 4)
  // 0: the card was to fill it in. What is longer than its packet no receiver takes.
  const statedTo = statedBytes === 0 ? out.innerStatedTo : at + statedBytes
  if (statedTo < at + headerBytes || statedTo > out.innerStatedTo) return 'other'
  const tunnel = tunnelOf(udpTunnels[view.getUint16(at)]!, udpTunnels[view.getUint16(at + 2)]!) // One entry a port.
  out.innerFrom = at + headerBytes
  out.innerStatedTo = statedTo
  if (statedTo < end) out.innerTo = statedTo
  return tunnel === noTunnel ? readTeredoPeer(out) : readTunnel(out, tunnel)
}

/** The receiver's port names the tunnel; where servers answer from theirs to any, the sender's does, too. */
function tunnelOf(bySource: number, byDestination: number): number {
  if (byDestination !== noTunnel) return byDestination
  const isTwoWay =
    bySource === tunnelTeredo || bySource === tunnelAyiya || bySource === tunnelGtpU || bySource === tunnelL2tp
  return isTwoWay ? bySource : noTunnel
}

function readTunnel(out: SegmentView, tunnel: number): Read {
  switch (tunnel) {
    case tunnelVxlan:
      return readVxlan(out)
    case tunnelVxlanGpe:
      return readVxlanGpe(out)
    case tunnelGeneve:
      return readGeneve(out)
    case tunnelGtpU:
      return readGtpU(out)
    case tunnelTeredo:
      return readTeredo(out)
    case tunnelAyiya:
      return readAyiya(out)
    case tunnelL2tp:
      return readL2tp(out)
    case tunnelGre:
      return readGreOverUdp(out)
    case tunnelMpls:
      return readMplsOverUdp(out)
    default:
      return 'other'
  }
}
