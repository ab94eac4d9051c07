/** IPv6 over IPv4, as hosts did before their networks had it. */

import { wraps } from '@tapwarden/net/tunnel-builder'
import { wrapped } from '../tunneled.js'
import { client, conversation, ethernetPcap, get, ok, server } from '../wire.js'

const names = ['ip in IPv4', 'teredo', 'teredo with authentication and origin', 'ayiya', 'gre', 'pppoe'] as const

export function make(): Uint8Array {
  const frames = names.flatMap((name, index) => {
    const turns = [client(get(`/${name.replaceAll(' ', '-')}`)), server(ok(name))]
    const ipv6 = { clientIp: '2001:db8::10', serverIp: '2001:db8:1::20', clientPort: 42_000 + index }
    return wrapped(conversation(turns, ipv6), wraps[name])
  })
  return ethernetPcap(frames)
}
