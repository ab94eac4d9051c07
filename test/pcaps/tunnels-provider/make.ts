/** What access and backbone networks put around a packet. */

import { wraps } from '@tapwarden/net/tunnel-builder'
import { through } from '../tunneled.js'
import { ethernetPcap } from '../wire.js'

const names = [
  'mpls, two labels',
  'pseudowire with control word',
  'pseudowire without control word',
  'pppoe',
  'ip in IPv4',
  'ip in IPv6',
  'pptp',
  'l2tp',
  'etherip',
  'mac in mac',
] as const

export function make(): Uint8Array {
  return ethernetPcap(through(names, wraps))
}
