/** A mirror at both ends of a tunnel, and one of two VLANs: every packet comes twice, and counts once. */

import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import { wraps } from '@tapwarden/net/tunnel-builder'
import { exchange, wrapped } from '../tunneled.js'
import { ethernetPcap } from '../wire.js'

const beside = (one: readonly BuiltFrame[], other: readonly BuiltFrame[]): BuiltFrame[] =>
  one.flatMap((frame, index) => [frame, ...other.slice(index, index + 1)])

export function make(): Uint8Array {
  const [first, second, third] = [exchange('bare', 44_001), exchange('two-vlans', 44_002), exchange('two-ends', 44_003)]
  return ethernetPcap([
    ...beside(first, wrapped(first, wraps.vxlan)),
    ...beside(wrapped(second, wraps.vlan), wrapped(second, wraps['vlan, 802.1ad'])),
    ...beside(wrapped(third, wraps['erspan II']), wrapped(third, wraps.geneve)),
  ])
}
