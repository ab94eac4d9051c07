/** Segments that the receiver refuses: far ahead of the bytes, a FIN behind them, a RST that nobody obeys. */

import { tcpAck, tcpFin, tcpRst } from '@tapwarden/net/frame'
import { buildFrame } from '@tapwarden/net/frame-builder'
import { client, conversation, ethernetPcap, get, ok, peers, server, startUs } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation([
    client(get('/one')),
    server(ok('one')),
    client(get('/two')),
    server(ok('two')),
    client(get('/three')),
    server(ok('three')),
  ])
  const forged = (seq: number, flags: number, text = '') => ({
    timestampUs: 0,
    bytes: buildFrame({
      sourceIp: peers.clientIp,
      sourcePort: peers.clientPort,
      destinationIp: peers.serverIp,
      destinationPort: peers.serverPort,
      seq,
      ack: 5_001,
      flags,
      payload: Buffer.from(text),
    }),
  })
  // Ten seconds a step: time decides nothing in their favour.
  const all = [
    ...frames.slice(0, 5),
    forged(1_000_000, tcpAck, 'GET /forged HTTP/1.1\r\n\r\n'),
    ...frames.slice(5, 8),
    forged(1_010, tcpAck | tcpFin),
    ...frames.slice(8, 11),
    forged(1_050, tcpRst),
    forged(3_000_000_000, tcpAck, 'GET /wild HTTP/1.1\r\n\r\n'),
    ...frames.slice(11),
  ]
  return ethernetPcap(all.map(({ bytes }, index) => ({ bytes, timestampUs: startUs + index * 10_000_000 })))
}
