/** Two interfaces, one counting nanoseconds from an offset, big-endian. */

import { linkTypeEthernet, writePcapng } from '@tapwarden/pcap/pcap-writer'
import { client, conversation, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const first = conversation([client(get('/micro')), server(ok('micro'))])
  const second = conversation([client(get('/nano')), server(ok('nano'))], { clientPort: 40_001 })
  const frames = first.flatMap((frame, index) => [
    { ...frame, interfaceIndex: 0 },
    ...(second[index] === undefined ? [] : [{ ...second[index], interfaceIndex: 1 }]),
  ])
  return writePcapng(frames, {
    littleEndian: false,
    interfaces: [
      { linkType: linkTypeEthernet, resolution: 6 },
      { linkType: linkTypeEthernet, resolution: 9, offsetSeconds: 1_000_000_000 },
    ],
  })
}
