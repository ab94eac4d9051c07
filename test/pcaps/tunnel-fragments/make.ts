/** A tunnel makes packets larger than the path takes: fragments of the outer packet, of the inner one, and of both. */

import { wraps } from '@tapwarden/net/tunnel-builder'
import { exchange, inFragments, wrapped } from '../tunneled.js'
import { ethernetPcap } from '../wire.js'

const content = 'x'.repeat(1_200)

export function make(): Uint8Array {
  const outside = inFragments(wrapped(exchange('outside', 43_001, content), wraps['gtp-u']), 600, 100)
  const inside = wrapped(inFragments(exchange('inside', 43_002, content), 600, 200), wraps.geneve)
  const both = inFragments(wrapped(inFragments(exchange('both', 43_003, content), 600, 300), wraps.vxlan), 400, 1_000)
  const behindIpv6 = wrapped(exchange('last-first', 43_004, content), wraps['vxlan over IPv6'])
  const lastFirst = behindIpv6.flatMap((frame, index) => inFragments([frame], 600, 500 + index).reverse())
  return ethernetPcap([...outside, ...inside, ...both, ...lastFirst])
}
