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

export const tunnelsSchema = z
  .strictObject({
    /** Headers nested in one frame; a frame with more is counted and not read. 0 reads no tunnel. */
    maxCount: z.int().min(0).max(tunnelLimitCount).default(tunnelDefaultMaxCount),
    /** UDP ports on which each tunnel is looked for. An empty list turns it off: whoever can send to such a port past the TAP can make traffic up. */
    ports: z.partialRecord(z.enum(udpTunnelNames), z.array(port)).default({}),
    /** Whether flows of equal addresses and ports are several when their VLANs, or virtual networks, differ. A packet seen in two is then two. */
    keyByVlan: z.boolean().default(false),
    keyByVni: z.boolean().default(false),
  })
  .superRefine(({ ports }, context) => {
    // Of two tunnels on a port only one would ever be found.
    const owners = new Map<number, UdpTunnelName>()
    for (const name of udpTunnelNames) {
      for (const number of portsOf(ports, name)) {
        const owner = owners.get(number)
        if (owner !== undefined && owner !== name) {
          context.addIssue({
            code: 'custom',
            path: ['ports', name],
            message: `port ${number} is that of ${owner}, too`,
          })
        }
        owners.set(number, name)
      }
    }
  })

type TunnelsConfig = z.infer<typeof tunnelsSchema>

/** For the segment reader. */
export function tunnelOptionsOf(config: TunnelsConfig): Required<Pick<SegmentReaderOptions, 'tunnels' | 'networks'>> {
  return {
    tunnels: { tunnelMaxCount: config.maxCount, udpTunnels: udpTunnelTable(config.ports) },
    networks: { byVlan: config.keyByVlan, byVni: config.keyByVni },
  }
}

/** The port that a tunnel has by IANA: what listeners put in front of datagrams that they took from any port. */
export function ownPortOf(name: UdpTunnelName): number {
  return udpTunnelDefaultPorts[name][0]! // Each has one.
}

/** Whether what a listener takes is read: not when its tunnel is turned off, or looked for on other ports only. */
export function isRead(config: TunnelsConfig, name: UdpTunnelName): boolean {
  return config.maxCount > 0 && portsOf(config.ports, name).includes(ownPortOf(name))
}

function portsOf(ports: TunnelsConfig['ports'], name: UdpTunnelName): readonly number[] {
  return ports[name] ?? udpTunnelDefaultPorts[name]
}
