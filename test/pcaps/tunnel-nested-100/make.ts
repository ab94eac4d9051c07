/** A hundred headers in one frame: one anomaly each, and the traffic beside them is read. */

import { type Wrap, wraps } from '@tapwarden/net/tunnel-builder'
import { exchange, wrapped } from '../tunneled.js'
import { ethernetPcap } from '../wire.js'

const nested =
  (wrap: Wrap, count: number): Wrap =>
  (inner) => {
    let carried = inner
    for (let depth = 0; depth < count; depth++) carried = wrap(carried)
    return carried
  }

export function make(): Uint8Array {
  return ethernetPcap([
    ...wrapped(exchange('gre-100', 45_001), nested(wraps.gre, 100)),
    ...wrapped(exchange('vxlan-100', 45_002), nested(wraps.vxlan, 100)),
    ...wrapped(exchange('gre-8', 45_003), nested(wraps.gre, 8)),
    ...exchange('bare', 45_004),
  ])
}
