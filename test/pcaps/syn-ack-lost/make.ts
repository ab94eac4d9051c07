/** A connection without its SYN-ACK and without its first response. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const frames = conversation([
    client(get('/login')),
    server(ok('A')),
    client(get('/admin')),
    server(ok('BB')),
    client(get('/c')),
    server(ok('CCC')),
  ])
  return ethernetPcap(frames.filter((_frame, index) => index !== 1 && index !== 5))
}
