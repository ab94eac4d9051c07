/** The middle of a response was never captured. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation(
    [client(get('/big')), server(ok('x'.repeat(3_000))), client(get('/after')), server(ok('after'))],
    { segmentMaxBytes: 1_000 },
  )
  // 0–2 open, 3–4 the request and its acknowledgement, 5–8 the response: 6 is in the middle of its content.
  return ethernetPcap(frames.filter((_, index) => index !== 6))
}
