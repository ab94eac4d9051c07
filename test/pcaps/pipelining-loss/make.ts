/** Pipelined requests, and the first of their responses was never captured. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation([
    client(get('/1')),
    client(get('/2')),
    server(ok('one')),
    server(ok('two')),
    client(get('/3')),
    server(ok('three')),
    client(get('/4')),
    client(get('/5')),
    server(ok('four')),
    server(ok('five')),
  ])
  // 0–2 open, each turn is one segment and its acknowledgement: 7 is the response to /1.
  return ethernetPcap(frames.filter((_, index) => index !== 7))
}
