/**
 * Which flows are whose, when several workers read the same capture: each reads all of it and drops, before its flow table, what another
 * one owns. Cheaper than one reader that deals out frames: reading and decoding are the small part, and nothing crosses a thread.
 *
 * Decided on segments, so behind fragments: every worker puts all fragments together (they are rare, and bounded), and the flow of a packet
 * is known from its own ports. Both directions of a flow hash alike, since the two endpoints' hashes are added.
 */

import { assert } from '@tapwarden/base/assert'
import type { SegmentView } from './frame.js'

export interface FlowShareOptions {
  /** 0-based. */
  readonly workerIndex: number
  readonly workerCount: number
}

export class FlowShare {
  readonly workerIndex: number
  readonly workerCount: number

  constructor({ workerIndex, workerCount }: FlowShareOptions) {
    const isInRange = Number.isSafeInteger(workerIndex) && workerIndex >= 0 && workerIndex < workerCount
    assert(isInRange && Number.isSafeInteger(workerCount), 'a share is one of a number of workers')
    this.workerIndex = workerIndex
    this.workerCount = workerCount
  }

  /** Whether the flow of `segment` is this worker's; exactly one worker's answer is yes. */
  owns(segment: SegmentView): boolean {
    const { sourceAt, destinationAt, sourcePort, destinationPort } = segment
    const hash = finish(
      endpointHash(segment, sourceAt, sourcePort) + endpointHash(segment, destinationAt, destinationPort),
    )
    // The upper bits, scaled: an even split for any number of workers.
    return Math.floor(((hash >>> 0) * this.workerCount) / 0x1_0000_0000) === this.workerIndex
  }
}

function endpointHash({ view, addressBytes }: SegmentView, addressAt: number, port: number): number {
  let hash = Math.imul(port ^ 0x5bd1_e995, 0x9e37_79b1)
  for (let at = 0; at < addressBytes; at += 4) {
    hash = Math.imul((hash << 13) ^ (hash >>> 19) ^ view.getUint32(addressAt + at), 0x85eb_ca6b)
  }
  return finish(hash)
}

/** The finalizer of MurmurHash3: every bit of the input decides every bit of the result. */
function finish(input: number): number {
  let hash = input | 0
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return hash ^ (hash >>> 16)
}
