/** What the tunnels around a packet are called: made once a flow, from the numbers of its first segment. */

import type { FlowTunnel } from '../flow.js'
import type { SegmentView } from '../segment-view.js'
import { tunnelNames } from './tunnels.js'

export function flowTunnelOf({ tunnels, tunnelCount, vni }: SegmentView): FlowTunnel {
  const names = Array.from(tunnels.subarray(0, tunnelCount), (code) => tunnelNames[code]!) // Every code has a name.
  return vni < 0 ? { names } : { names, vni }
}
