/** Content coded with gzip, as a whole, in chunks, and damaged. */

import { client, conversation, ethernetPcap, get, message, ok, server } from '../wire.js'

/** 461 bytes of JSON. Written down, since compressors differ between versions of Node. */
const codedBase64 =
  'H4sIAAAAAAACA3XPKw6AMBRFwb08XcHlT7dCEE2oqCiGuqZ7R+DIwY6baqnEfJvfq6XTfOfsCjmatxKDNfeqUHvUAXVEnVBn1AV1Rd148ZPjnbgn/omD4qG4KD6Kk/osj/YAXzgY4s0BAAA='

export function make(): Uint8Array {
  const coded = Buffer.from(codedBase64, 'base64')
  const chunked = Buffer.concat([Buffer.from(`${coded.length.toString(16)}\r\n`), coded, Buffer.from('\r\n0\r\n\r\n')])
  const damaged = Buffer.from(coded)
  damaged.fill(0xff, 20, 30)
  const json = ['HTTP/1.1 200 OK', 'Content-Type: application/json', 'Content-Encoding: gzip']
  return ethernetPcap(
    conversation([
      client(get('/whole')),
      server(message([...json, `Content-Length: ${coded.length}`], coded)),
      client(get('/chunked')),
      server(message([...json, 'Transfer-Encoding: chunked'], chunked)),
      client(get('/damaged')),
      server(message([...json, `Content-Length: ${damaged.length}`], damaged)),
      client(get('/after')),
      server(ok('after')),
    ]),
  )
}
