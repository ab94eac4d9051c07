/** A pure ACK far ahead of everything that was sent, before the first request. */

import { tcpAck } from '@tapwarden/net/frame'
import { buildFrame } from '@tapwarden/net/frame-builder'
import { client, conversation, ethernetPcap, get, ok, peers, server, startUs } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation([client(get('/one')), server(ok('one')), client(get('/two')), server(ok('two'))])
  const ahead = {
    timestampUs: startUs + 250,
    bytes: buildFrame({
      sourceIp: peers.clientIp,
      sourcePort: peers.clientPort,
      destinationIp: peers.serverIp,
      destinationPort: peers.serverPort,
      seq: 1_001,
      ack: 1_005_001,
      flags: tcpAck,
      payload: new Uint8Array(0),
    }),
  }
  const later = frames.slice(3).map(({ bytes, timestampUs }) => ({ bytes, timestampUs: timestampUs + 100_000 }))
  return ethernetPcap([...frames.slice(0, 3), ahead, ...later])
}
