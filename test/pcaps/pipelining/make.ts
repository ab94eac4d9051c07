/** Three requests before the first answer, then one more on the same connection. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  return ethernetPcap(
    conversation([
      client(Buffer.concat([get('/1'), get('/2'), get('/3')])),
      server(ok('one')),
      server(Buffer.concat([ok('two'), ok('three')])),
      client(get('/4')),
      server(ok('four')),
    ]),
  )
}
