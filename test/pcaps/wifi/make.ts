/** A cell heard with a monitor: radiotap and bare 802.11, to and from the network, QoS, a copy sent again, and one frame encrypted. */

import type { BuiltFrame } from '@tapwarden/net/frame-builder'
import { asIp, bytesOf } from '@tapwarden/net/tunnel-builder'
import { writePcapng } from '@tapwarden/pcap/pcap-writer'
import { exchange } from '../tunneled.js'

const toNetwork = 1
const fromNetwork = 2
const retry = 8
const encrypted = 0x40
const [station, accessPoint, router] = [2, 3, 4].map((last) => [2, 0, 0, 0, 0, last])
const snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0]

/** `number`: of the sequence, by which receivers tell a copy. */
function dataFrame(packet: Uint8Array, flags: number, isQos: boolean, number: number): Uint8Array {
  const isUp = (flags & toNetwork) !== 0
  const addresses = isUp ? [accessPoint!, station!, router!] : [station!, accessPoint!, router!] // Constants.
  const control = [isQos ? 0x88 : 0x08, flags, 0, 0]
  const sequence = [(number << 4) & 0xff, (number >> 4) & 0xff]
  return bytesOf(control, ...addresses, sequence, isQos ? [0, 0] : [], snap, packet)
}

export function make(): Uint8Array {
  const frames = (name: string, port: number, isQos: boolean) =>
    exchange(name, port).map(({ bytes, timestampUs }: BuiltFrame, number) => {
      const packet = asIp({ kind: 'ethernet', bytes })
      const flags = packet[15] === 10 ? toNetwork : fromNetwork // The client's address ends with 10.
      return { timestampUs, packet, flags, isQos, number }
    })
  const radiotap = frames('radiotap', 48_001, true).flatMap(({ timestampUs, packet, flags, isQos, number }) => {
    const header = [0, 0, 9, 0, 2, 0, 0, 0, 0x10]
    const copies = number === 3 ? [flags, flags | retry] : [flags]
    return copies.map((each) => ({
      timestampUs,
      interfaceIndex: 0,
      bytes: bytesOf(header, dataFrame(packet, each, isQos, number), [1, 2, 3, 4]),
    }))
  })
  const bare = frames('bare', 48_002, false).map(({ timestampUs, packet, flags, isQos, number }) => ({
    timestampUs,
    interfaceIndex: 1,
    bytes: dataFrame(packet, flags, isQos, number),
  }))
  const hidden = frames('encrypted', 48_003, false).map(({ timestampUs, packet, flags, isQos, number }) => ({
    timestampUs,
    interfaceIndex: 1,
    bytes: dataFrame(packet, flags | encrypted, isQos, number),
  }))
  return writePcapng([...radiotap, ...bare, ...hidden], { interfaces: [{ linkType: 127 }, { linkType: 105 }] })
}
