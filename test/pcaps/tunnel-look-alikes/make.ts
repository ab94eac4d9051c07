/** Datagrams to the ports of tunnels that are something else, though each holds a segment with a request somewhere: nothing may be read. */

import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import { asEthernet, asIp, bytesOf, geneveHeader, gtpHeader, udp } from '@tapwarden/net/tunnel-builder'
import { exchange } from '../tunneled.js'
import { ethernetPcap } from '../wire.js'

export function make(): Uint8Array {
  const inDatagram = (port: number, payloadOf: (frame: Uint8Array, packet: Uint8Array) => Uint8Array): BuiltFrame[] =>
    exchange(`port-${port}`, 46_000).map(({ bytes, timestampUs }) => {
      const packet = asIp({ kind: 'ethernet', bytes })
      return { timestampUs, bytes: asEthernet(udp(port, payloadOf(bytes, packet))) }
    })
  return ethernetPcap([
    ...inDatagram(53, (frame) => bytesOf([8, 0, 0, 0, 0, 0, 7, 0], frame)), // A right VXLAN header at the wrong port.
    ...inDatagram(4_789, (frame) => bytesOf([0, 0, 0, 0, 0, 0, 7, 0], frame)),
    ...inDatagram(4_789, (_frame, packet) => bytesOf([8, 0, 0, 0, 0, 0, 7, 0], packet)),
    ...inDatagram(6_081, (frame) => bytesOf(geneveHeader(0x6558, 7, []).with(0, 0x40), frame)),
    ...inDatagram(2_152, (_frame, packet) => bytesOf(gtpHeader(packet.length + 200, []), packet)),
    ...inDatagram(3_544, (_frame, packet) => packet), // IPv4.
    ...exchange('bare', 46_001),
  ])
}
