/** One line of a head that holds as many bare CRs, each with a field behind it, as fit; and a request of somebody else behind it. */

import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

export function make(): Uint8Array {
  const flood = conversation([
    client(`GET /flood HTTP/1.1\r\nHost: shop.example\r\nX: y${'\ra:'.repeat(20_000)}\r\n\r\n`),
    server(ok('one')),
  ])
  const other = conversation([client(get('/other')), server(ok('two'))], { clientPort: 40_001 })
  return ethernetPcap([...flood, ...other])
}
