/** A response was never captured. The next request gets an interim response, and then its own. */

import { client, conversation, ethernetPcap, get, message, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const hints = message(['HTTP/1.1 103 Early Hints', 'Link: </style.css>; rel=preload'])
  const turns = [
    client(get('/1')),
    server(ok('one')),
    client(get('/2')),
    server(Buffer.concat([hints, ok('two')])),
    client(get('/3')),
    server(ok('three')),
  ]
  // 0–2 open, each turn is one segment and its acknowledgement: 5 is the response to /1.
  const lost = conversation(turns).filter((_, index) => index !== 5)
  return ethernetPcap(lost)
}
