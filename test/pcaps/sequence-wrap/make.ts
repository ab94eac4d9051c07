/** Sequence numbers of both sides pass 2³² inside a message. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const spec = { clientIsn: 0xffff_ffe0, serverIsn: 0xffff_fff0, segmentMaxBytes: 16 }
  return ethernetPcap(
    conversation([client(get('/wrap')), server(ok('around')), client(get('/on')), server(ok('on'))], spec),
  )
}
