/** One byte in the middle of a request is urgent: its receiver never reads it in line. */

import { tcpAck, tcpUrg } from '@tapwarden/net/frame'
import { buildFrame } from '@tapwarden/net/frame-builder'
import { client, conversation, ethernetPcap, get, ok, peers, server } from '../wire.js'

const isn = 1_000
const urgentAt = '/urge'.length + 'GET '.length

export function make(): Uint8Array {
  const sent = Buffer.from(get('/urgeXnt'))
  const frames = conversation([client(sent), server(ok('received'))])
  const [whole, ...rest] = frames.slice(3)
  const piece = (from: number, to: number, flags: number, urgentPointer = 0) => ({
    timestampUs: (whole?.timestampUs ?? 0) + from,
    bytes: buildFrame({
      sourceIp: peers.clientIp,
      sourcePort: peers.clientPort,
      destinationIp: peers.serverIp,
      destinationPort: peers.serverPort,
      seq: isn + 1 + from,
      ack: 5_001,
      flags,
      urgentPointer,
      payload: sent.subarray(from, to),
    }),
  })
  return ethernetPcap([
    ...frames.slice(0, 3),
    piece(0, urgentAt, tcpAck),
    piece(urgentAt, urgentAt + 1, tcpAck | tcpUrg, 1),
    piece(urgentAt + 1, sent.length, tcpAck),
    ...rest,
  ])
}
