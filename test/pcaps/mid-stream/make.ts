/** A capture that begins in the middle of a response. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation(
    [client(get('/unseen')), server(ok('z'.repeat(500))), client(get('/seen')), server(ok('seen'))],
    { segmentMaxBytes: 200 },
  )
  // The connection opens before the capture does, which sees the response from its second segment on.
  return ethernetPcap(frames.slice(6))
}
