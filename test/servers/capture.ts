/** Whether packets of `lo` can be captured here, asked of tcpdump itself: permission has many sources (root, capabilities, user namespaces). */

import { FrameSourceError } from '@tapwarden/service-capture/frame-source'
import { tryInterface } from '@tapwarden/service-capture/live-interface'

/** Why not, and what to do; undefined where they can. */
export async function captureMissing(): Promise<string | undefined> {
  try {
    await tryInterface({ interfaceName: 'lo', filter: 'udp port 9' })
    return undefined
  } catch (error) {
    if (error instanceof FrameSourceError) return error.message
    throw error
  }
}
