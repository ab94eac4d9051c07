/** More pipelined requests than are kept: the oldest are given up before their responses come. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

const requestCount = 1_010

export function make(): Uint8Array {
  const ids = Array.from({ length: requestCount }, (_, index) => index)
  return ethernetPcap(
    conversation([
      client(Buffer.concat(ids.map((id) => get(`/${id}`)))),
      server(Buffer.concat(ids.map((id) => ok(String(id))))),
      client(get('/last')),
      server(ok('last')),
    ]),
  )
}
