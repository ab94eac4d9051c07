/** A request in the SYN that the server does not take, and another one at the same numbers that it does. */

import { tcpAck, tcpSyn } from '@tapwarden/net/frame'
import { buildFrame } from '@tapwarden/net/frame-builder'
import { ethernetPcap, get, ok, peers, startUs } from '../wire.js'

export function make(): Uint8Array {
  const refused = get('/harmless-and-much-longer')
  const request = get('/admin')
  const response = ok('secret')
  const sent = (isClient: boolean, seq: number, ack: number, flags: number, payload: Uint8Array = new Uint8Array(0)) =>
    buildFrame({
      sourceIp: isClient ? peers.clientIp : peers.serverIp,
      sourcePort: isClient ? peers.clientPort : peers.serverPort,
      destinationIp: isClient ? peers.serverIp : peers.clientIp,
      destinationPort: isClient ? peers.serverPort : peers.clientPort,
      seq,
      ack,
      flags,
      payload,
    })
  const frames = [
    sent(true, 1_000, 0, tcpSyn, refused),
    sent(false, 5_000, 1_001, tcpSyn | tcpAck),
    sent(true, 1_001, 5_001, tcpAck, request),
    sent(false, 5_001, 1_001 + request.length, tcpAck, response),
    sent(true, 1_001 + request.length, 5_001 + response.length, tcpAck),
  ]
  return ethernetPcap(frames.map((bytes, index) => ({ bytes, timestampUs: startUs + index * 100 })))
}
