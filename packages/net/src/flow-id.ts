/** A flow's name: Community ID v1, the same for both directions and for every tool that knows it. github.com/corelight/community-id-spec */

import { createHash } from 'node:crypto'

/** IANA protocol number of TCP. */
export const protocolTcp = 6

/**
 * True when (address, port) `a` comes first in Community ID's order: by address bytes, then by port. `a` and `b` have equal length.
 */
export function endpointOrdered(a: Uint8Array, aPort: number, b: Uint8Array, bPort: number): boolean {
  for (let index = 0; index < a.length; index++) {
    const difference = a[index]! - b[index]!
    if (difference !== 0) return difference < 0
  }
  return aPort <= bPort
}

/** Community ID v1 with seed 0 for protocols with ports. Addresses are 4 or 16 bytes; which side is given first does not matter. */
export function communityId(
  a: Uint8Array,
  aPort: number,
  b: Uint8Array,
  bPort: number,
  protocol: number = protocolTcp,
): string {
  if (!endpointOrdered(a, aPort, b, bPort)) return communityId(b, bPort, a, aPort, protocol)
  const n = a.length
  const hashed = new Uint8Array(2 + n + n + 6)
  hashed.set(a, 2)
  hashed.set(b, 2 + n)
  hashed.set([protocol, 0, aPort >> 8, aPort & 0xff, bPort >> 8, bPort & 0xff], 2 + n + n)
  const text = `1:${createHash('sha1').update(hashed).digest('base64')}`
  // As one string: a joined one keeps its parts, for as long as the flow.
  return Buffer.from(text, 'latin1').toString('latin1')
}
