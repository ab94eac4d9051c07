/** How many frames came through each tunnel, and how many of those were not understood. */

import type { SegmentView } from '../segment-view.js'
import { type TunnelName, tunnelNames } from './tunnels.js'

export interface TunnelCount {
  /** Frames with such a header, at any depth. */
  readonly frameCount: number
  /** Frames whose innermost readable header it is and that have a fault there or behind, or that came to its UDP port as something else. */
  readonly notUnderstoodCount: number
}

export type TunnelStatistics = Readonly<Partial<Record<TunnelName, TunnelCount>>>

export class TunnelCounts {
  readonly #frames = new Float64Array(tunnelNames.length)
  readonly #notUnderstood = new Float64Array(tunnelNames.length)

  read({ tunnels, tunnelCount, refusedTunnel }: SegmentView): void {
    for (let i = 0; i < tunnelCount; i++) this.#frames[tunnels[i]!]!++ // Every code has a place.
    if (refusedTunnel > 0) this.#notUnderstood[refusedTunnel]!++
  }

  /** The frame ended in a fault. */
  failed(segment: SegmentView): void {
    this.read(segment)
    if (segment.tunnelCount > 0) this.#notUnderstood[segment.tunnels[segment.tunnelCount - 1]!]!++
  }

  statistics(): TunnelStatistics {
    const counts: Partial<Record<TunnelName, TunnelCount>> = {}
    tunnelNames.forEach((name, code) => {
      const count = { frameCount: this.#frames[code]!, notUnderstoodCount: this.#notUnderstood[code]! }
      if (count.frameCount + count.notUnderstoodCount > 0) counts[name] = count
    })
    return counts
  }
}
