/** A request in IP fragments, out of order, one of them twice; an answer of which segmentation offload left the length at 0. */

import { client, conversation, ethernetPcap, get, ok, server, startUs } from '../wire.js'

const ethernetBytes = 14
const ipBytes = 20

export function make(): Uint8Array {
  const frames = conversation([client(get('/in/pieces')), server(ok('whole'))])
  const [request, answer] = [frames[3]?.bytes, frames[5]?.bytes]
  if (request === undefined || answer === undefined) throw new Error('request and answer are frames 3 and 5')
  const piece = (from: number, to: number) =>
    fragment(request, from, Math.min(to, request.length - ethernetBytes - ipBytes))
  const offloaded = answer.slice()
  offloaded.set([0, 0], ethernetBytes + 2) // Total length.
  offloaded.set([0xde, 0xad], ethernetBytes + ipBytes + 16) // Checksum: the card was to fill it in.
  const sent = [
    ...frames.slice(0, 3).map(({ bytes }) => bytes),
    quotedByIcmp(request),
    piece(16, 40),
    piece(40, 1_000),
    piece(16, 40),
    piece(0, 16), // Too short for a TCP header: the fragment that filters overlook.
    offloaded,
    ...frames.slice(6).map(({ bytes }) => bytes),
  ]
  return ethernetPcap(sent.map((bytes, index) => ({ bytes, timestampUs: startUs + index * 100 })))
}

/** Bytes [from, to) of the IP payload of an Ethernet frame, as a fragment. */
function fragment(frame: Uint8Array, from: number, to: number): Uint8Array {
  const headerBytes = ethernetBytes + ipBytes
  const whole = frame.length - headerBytes
  const bytes = Buffer.concat([frame.subarray(0, headerBytes), frame.subarray(headerBytes + from, headerBytes + to)])
  bytes.writeUInt16BE(ipBytes + to - from, ethernetBytes + 2)
  bytes.writeUInt16BE(77, ethernetBytes + 4)
  bytes.writeUInt16BE((from / 8) | (to < whole ? 0x2000 : 0), ethernetBytes + 6)
  return bytes
}

/** An ICMP error from the server that holds the whole packet: it quotes traffic, and is none. */
function quotedByIcmp(frame: Uint8Array): Uint8Array {
  const packet = frame.subarray(ethernetBytes)
  const bytes = Buffer.concat([
    frame.subarray(0, ethernetBytes + ipBytes),
    Buffer.from([3, 3, 0, 0, 0, 0, 0, 0]),
    packet,
  ])
  bytes.writeUInt16BE(bytes.length - ethernetBytes, ethernetBytes + 2)
  bytes[ethernetBytes + 9] = 1
  return bytes
}
