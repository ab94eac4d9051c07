/** The same ports, while the first connection still carries bytes: the server's SYN-ACK proves that a new one began. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const first = conversation([client(get('/first')), server(ok('one')), client(get('/unanswered'))])
  const again = conversation([client(get('/second')), server(ok('two'))], {
    clientIsn: 90_000_000,
    serverIsn: 70_000_000,
  })
  const begun = first.slice(0, -4) // Without its end.
  const laterUs = 20_000
  return ethernetPcap([...begun, ...again.map((frame) => ({ ...frame, timestampUs: frame.timestampUs + laterUs }))])
}
