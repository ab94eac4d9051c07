/** Transfer-Encoding and Content-Length in one request: two readers would see two different requests. */

import { client, conversation, ethernetPcap, message, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const smuggled = 'GET /admin HTTP/1.1\r\nHost: shop.example\r\n\r\n'
  const head = (...fields: readonly string[]): string[] => ['POST /front HTTP/1.1', 'Host: shop.example', ...fields]
  return ethernetPcap([
    ...conversation([
      client(message(head('Content-Length: 4', 'Transfer-Encoding: chunked'), `0\r\n\r\n${smuggled}`)),
      server(ok('front')),
      server(ok('admin')),
    ]),
    ...conversation([client(message(head('Content-Length: 5', 'Content-Length: 6'), 'helloG')), server(ok('front'))], {
      clientPort: 40_001,
    }),
  ])
}
