/** A WebSocket: its handshake, then frames both ways, the first of them in the packet of the handshake's response. */

import { client, conversation, ethernetPcap, message, server } from '../wire.js'

export function make(): Uint8Array {
  return ethernetPcap(
    conversation([
      client(message(['GET /chat HTTP/1.1', 'Host: shop.example', 'Upgrade: websocket', 'Connection: Upgrade'])),
      server(
        Buffer.concat([
          message(['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade']),
          Buffer.from('\x81\x05hello', 'latin1'),
        ]),
      ),
      client('\x01\x82mask\x00\x00'), // The first fragment of a text …
      client('\x89\x80mask'), // … a ping in between …
      client('\x80\x81mask\x00'), // … and the last fragment.
      server('\x8a\x00'),
      server(`\x82\x7e\x01\x00${'b'.repeat(256)}`),
      client('\x88\x82mask\x00\x00'),
      server('\x88\x02\x03\xe8'),
    ]),
  )
}
