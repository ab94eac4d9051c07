/** A request nobody answers, acknowledged, and repeated after five minutes. */

import { client, conversation, ethernetPcap, get, startUs } from '../wire.js'

export function make(): Uint8Array {
  const [, , , request, acknowledgement] = conversation([client(get('/once'))])
  if (request === undefined || acknowledgement === undefined) throw new Error('a conversation has five frames at least')
  return ethernetPcap([request, acknowledgement, { ...request, timestampUs: startUs + 300_000_000 }])
}
