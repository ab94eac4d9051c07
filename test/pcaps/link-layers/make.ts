/** A pcapng with an interface for each serial line, firewall log and cell: PPP, Cisco HDLC, PPP in HDLC, Frame Relay, FDDI, ATM, NFLOG. */

import { asIp, bytesOf } from '@tapwarden/net/tunnel-builder'
import { writePcapng } from '@tapwarden/pcap/pcap-writer'
import { exchange } from '../tunneled.js'

const snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]
const attribute = (bytes: number, type: number) => [bytes & 0xff, bytes >> 8, type, 0]

const lines: readonly (readonly [string, number, (packet: Uint8Array) => Uint8Array])[] = [
  ['ppp', 9, (packet) => bytesOf([0xff, 3, 0, 0x21], packet)],
  ['ppp-hdlc', 50, (packet) => bytesOf([0xff, 3, 0, 0x21], packet)],
  ['chdlc', 104, (packet) => bytesOf([0x0f, 0, 8, 0], packet)],
  ['frame-relay', 107, (packet) => bytesOf([0x18, 0x41, 3, 0xcc], packet)],
  ['fddi', 10, (packet) => bytesOf([0x50, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1], snap, packet)],
  ['atm', 100, (packet) => bytesOf(snap, packet)],
  [
    'nflog',
    239,
    (packet) => bytesOf([2, 0, 0, 1], attribute(6, 10), [0x61, 0, 0, 0], attribute(4 + packet.length, 9), packet),
  ],
]

export function make(): Uint8Array {
  const frames = lines.flatMap(([name, , header], interfaceIndex) =>
    exchange(name, 47_000 + interfaceIndex).map(({ bytes, timestampUs }) => ({
      timestampUs,
      interfaceIndex,
      bytes: header(asIp({ kind: 'ethernet', bytes })),
    })),
  )
  return writePcapng(frames, { interfaces: lines.map(([, linkType]) => ({ linkType })) })
}
