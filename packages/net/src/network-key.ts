/**
 * Tells networks apart that use the same addresses for different hosts, by VLAN and by the number of a virtual network. Only where that
 * is configured: elsewhere mirrors show one packet under several numbers, and it must be one.
 */

import type { SegmentView } from './segment-view.js'

export interface NetworkKeyOptions {
  readonly byVlan?: boolean
  readonly byVni?: boolean
}

/** What a flow's key has room for. */
export const networkKeyBits = 28

/**
 * A number for the network of `segment`; 0 where none is named. A hash: two networks share a number once in 2^28 pairs, and even those
 * flows are mixed up only where all addresses and ports are equal.
 */
export function networkKeyOf(segment: SegmentView, { byVlan = false, byVni = false }: NetworkKeyOptions): number {
  let hash = 0
  if (byVlan) for (let i = 0; i < segment.vlanCount; i++) hash = mixed(hash, segment.vlanIds[i]! + 1) // In range by the condition.
  // Behind a space of its own, so that no VLAN looks like a network of that number.
  if (byVni && segment.tunnelCount > 0 && segment.vni >= 0) hash = mixed(hash, segment.vni + 0x100_0000)
  return hash >>> (32 - networkKeyBits)
}

function mixed(hash: number, word: number): number {
  const h = Math.imul(hash ^ word, 0x85eb_ca6b)
  return Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
}
