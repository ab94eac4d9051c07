/** Configuration of what is taken apart in front of a packet, and whether networks are told apart. */

import {
  tunnelDefaultMaxCount,
  tunnelLimitCount,
  type UdpTunnelName,
  udpTunnelDefaultPorts,
  udpTunnelNames,
  udpTunnelTable,
} from '@tapwarden/net/decapsulation/tunnels'
import type { SegmentReaderOptions } from '@tapwarden/net/segment-reader'
import { z } from 'zod'

const port = z.int().min(1).max(65_535)

export const tunnelsSchema = z.strictObject({
  /** Headers nested in one frame; a frame with more is counted and not read. 0 reads no tunnel. */
  maxCount: z.int().min(0).max(tunnelLimitCount).default(tunnelDefaultMaxCount),
  /** UDP ports on which each tunnel is looked for. An empty list turns it off: whoever can send to such a port past the TAP can make traffic up. */
  ports: z.partialRecord(z.enum(udpTunnelNames), z.array(port)).default({}),
  /** Whether flows of equal addresses and ports are several when their VLANs, or virtual networks, differ. A packet seen in two is then two. */
  keyByVlan: z.boolean().default(false),
  keyByVni: z.boolean().default(false),
})

/** For the segment reader. Throws `RangeError` where two tunnels claim a port: only the first to be looked for would ever be found. */
export function tunnelOptionsOf(
  config: z.infer<typeof tunnelsSchema>,
): Required<Pick<SegmentReaderOptions, 'tunnels' | 'networks'>> {
  const claimed = new Map<number, UdpTunnelName>()
  for (const name of udpTunnelNames) {
    for (const number of config.ports[name] ?? udpTunnelDefaultPorts[name]) {
      const other = claimed.get(number)
      if (other !== undefined && other !== name) {
        throw new RangeError(`capture.tunnels.ports: ${other} and ${name} both claim UDP port ${number}`)
      }
      claimed.set(number, name)
    }
  }
  return {
    tunnels: { tunnelMaxCount: config.maxCount, udpTunnels: udpTunnelTable(config.ports) },
    networks: { byVlan: config.keyByVlan, byVni: config.keyByVni },
  }
}
