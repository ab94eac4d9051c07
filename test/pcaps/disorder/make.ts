/** Segments out of order, sent again, and overlapping. */

import { client, conversation, ethernetPcap, message, ok, reordered, server } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation(
    [
      client(message(['POST /a HTTP/1.1', 'Host: shop.example', 'Content-Length: 300'], 'abc'.repeat(100))),
      server(ok('done')),
    ],
    { segmentMaxBytes: 100 },
  )
  const whole = conversation(
    [
      client(message(['POST /a HTTP/1.1', 'Host: shop.example', 'Content-Length: 300'], 'abc'.repeat(100))),
      server(ok('done')),
    ],
    { segmentMaxBytes: 250 },
  )
  // Request segments are 3–6 in pieces of 100, 3–4 in pieces of 250: what is sent again is cut elsewhere.
  const all = [...frames, ...whole]
  const wholeAt = frames.length
  const order = [0, 1, 2, 3, 5, 5, 4, wholeAt + 3, 6, 6, ...frames.map((_, index) => index).slice(7)]
  return ethernetPcap(reordered(all, order))
}
