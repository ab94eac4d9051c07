/** Chunks with extensions, and trailers after the last. */

import { client, conversation, ethernetPcap, get, message, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const chunks = '4;name=value\r\nWiki\r\n6 \r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nChecksum: abc\r\n\r\n'
  const head = ['Transfer-Encoding: chunked', 'Trailer: Checksum']
  return ethernetPcap(
    conversation(
      [
        client(message(['POST /upload HTTP/1.1', 'Host: shop.example', ...head], chunks)),
        server(message(['HTTP/1.1 201 Created', ...head], chunks)),
        client(get('/after')),
        server(ok('after')),
      ],
      { segmentMaxBytes: 7 },
    ),
  )
}
