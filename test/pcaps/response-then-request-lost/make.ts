/** The answer to one request and the whole next request were never captured; the next answer was. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation([
    client(get('/one')),
    server(ok('answer one')),
    client(get('/two')),
    server(ok('answer two')),
    client(get('/three')),
    server(ok('answer three')),
  ])
  // 3 GET /one, 5 its answer, 7 GET /two, 9 its answer.
  return ethernetPcap(frames.filter((_frame, index) => index !== 5 && index !== 7))
}
