/** A segment with the middle of a request head was never captured. */

import { client, conversation, ethernetPcap, get, message, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const request = message(['GET /lost HTTP/1.1', 'Host: shop.example', `X-Long: ${'y'.repeat(400)}`])
  const frames = conversation(
    [
      client(get('/before')),
      server(ok('before')),
      client(request),
      server(ok('lost')),
      client(get('/after')),
      server(ok('after')),
    ],
    { segmentMaxBytes: 150 },
  )
  // 3–6 are the first exchange; 7–10 the segments of the second request.
  return ethernetPcap(frames.filter((_, index) => index !== 8))
}
