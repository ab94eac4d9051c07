/** What switches, clouds and telephone networks put around a packet: the mirrors that a sensor is most often given. */

import { wraps } from '@tapwarden/net/tunnel-builder'
import { through } from '../tunneled.js'
import { ethernetPcap } from '../wire.js'

const names = [
  'vxlan',
  'vxlan over IPv6',
  'vxlan-gpe of IP',
  'geneve',
  'geneve with options',
  'geneve of IP',
  'nvgre',
  'gre',
  'gre with checksum, key, sequence',
  'gre of Ethernet',
  'gre over UDP',
  'erspan I',
  'erspan II',
  'erspan III',
  'erspan III with subheader',
  'gtp-u',
  'gtp-u with extension headers',
] as const

export function make(): Uint8Array {
  return ethernetPcap(through(names, wraps))
}
