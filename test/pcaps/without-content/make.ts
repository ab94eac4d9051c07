/** 1xx before the answer; HEAD, 204 and 304 that name a length and have no content. */

import { client, conversation, ethernetPcap, get, message, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const named = (status: string): Uint8Array => message([`HTTP/1.1 ${status}`, 'Content-Length: 1234'])
  return ethernetPcap(
    conversation([
      client(message(['POST /upload HTTP/1.1', 'Host: shop.example', 'Expect: 100-continue', 'Content-Length: 5'])),
      server(message(['HTTP/1.1 100 Continue'])),
      client('hello'),
      server(Buffer.concat([message(['HTTP/1.1 103 Early Hints', 'Link: </a.css>']), ok('stored')])),
      client(message(['HEAD /head HTTP/1.1', 'Host: shop.example'])),
      server(named('200 OK')),
      client(get('/204')),
      server(named('204 No Content')),
      client(get('/304')),
      server(named('304 Not Modified')),
      client(get('/after')),
      server(ok('after')),
    ]),
  )
}
