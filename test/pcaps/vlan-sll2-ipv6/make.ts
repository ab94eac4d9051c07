/** A pcapng with two link types: Ethernet (two VLAN tags, IPv6) and Linux cooked v2. */

import { linkTypeEthernet, writePcapng } from '@tapwarden/pcap/pcap-writer'
import { client, conversation, get, ok, server } from '../wire.js'

const linkTypeSll2 = 276

/** Protocol 0x86dd, interface 2, ARPHRD_ETHER, to us, a six-byte address. */
function cookedV2(packet: Uint8Array): Uint8Array {
  const header = [0x86, 0xdd, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]
  return Buffer.concat([Buffer.from(header), packet])
}

export function make(): Uint8Array {
  const ipv6 = { clientIp: '2001:db8::10', serverIp: '2001:db8:1::20' }
  const tagged = conversation([client(get('/vlan')), server(ok('vlan'))], { ...ipv6, vlanIds: [100, 7] })
  const cooked = conversation([client(get('/cooked')), server(ok('cooked'))], { ...ipv6, clientPort: 40_001 })
  const frames = [
    ...tagged.map((frame) => ({ ...frame, interfaceIndex: 0 })),
    ...cooked.map(({ bytes, timestampUs }) => ({
      bytes: cookedV2(bytes.subarray(14)),
      timestampUs,
      interfaceIndex: 1,
    })),
  ]
  return writePcapng(frames, { interfaces: [{ linkType: linkTypeEthernet }, { linkType: linkTypeSll2 }] })
}
