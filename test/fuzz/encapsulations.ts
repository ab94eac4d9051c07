/** Ethernet frame in, the same frame or its packet inside a tunnel out, again as an Ethernet frame: so that tunnels nest. */

import type { Random } from '../random.js'
import { concatenated } from './fuzz-frame.js'

export type Encapsulation = (frame: Uint8Array, random: Random) => Uint8Array

const macBytes = 12
const macs = Uint8Array.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1])

function ethernet(type: number, payload: Uint8Array): Uint8Array {
  return concatenated(macs, words(type), payload)
}

function words(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 2)
  const view = new DataView(bytes.buffer)
  values.forEach((value, index) => {
    view.setUint16(index * 2, value)
  })
  return bytes
}

/** RFC 791 §3.1; the checksum is left out, as nobody looks at it. */
export function ipv4(protocol: number, payload: Uint8Array): Uint8Array {
  const addresses = Uint8Array.from([203, 0, 113, 1, 203, 0, 113, 2])
  return concatenated(
    words(0x4500, 20 + payload.length, 0, 0x4000),
    Uint8Array.from([64, protocol]),
    words(0),
    addresses,
    payload,
  )
}

function ipv6(next: number, payload: Uint8Array): Uint8Array {
  const address = (last: number) => Uint8Array.from([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, last])
  return concatenated(words(0x6000, 0, payload.length), Uint8Array.from([next, 64]), address(1), address(2), payload)
}

function udp(port: number, payload: Uint8Array): Uint8Array {
  return concatenated(words(50_000, port, 8 + payload.length, 0), payload)
}

const etherTypeOf = (frame: Uint8Array): number => (frame[macBytes]! << 8) | frame[macBytes + 1]!
/** What an Ethernet frame without tags carries. */
const packetOf = (frame: Uint8Array): Uint8Array => frame.subarray(macBytes + 2)
const isIpv6 = (frame: Uint8Array): boolean => etherTypeOf(frame) === 0x86dd

const vlan = (frame: Uint8Array, tag: number, random: Random) =>
  concatenated(frame.subarray(0, macBytes), words(tag, random.below(4_096)), frame.subarray(macBytes))

export const encapsulations: readonly Encapsulation[] = [
  (frame, random) => vlan(frame, random.pick([0x8100, 0x88a8, 0x9100]), random),
  (frame) => ethernet(0x8847, concatenated(words(0x0001, 0x01ff), packetOf(frame))), // MPLS
  (frame, random) => ethernet(0x8847, concatenated(words(0x0001, random.pick([0x0040, 0x0140])), words(0, 0), frame)), // pseudowire
  (frame) =>
    ethernet(
      0x8864,
      concatenated(words(0x1100, 1, 2 + packetOf(frame).length, isIpv6(frame) ? 0x57 : 0x21), packetOf(frame)),
    ), // PPPoE
  (frame) => {
    const snap = concatenated(Uint8Array.from([0xaa, 0xaa, 3, 0, 0, 0]), frame.subarray(macBytes))
    return concatenated(macs, words(Math.min(1_500, snap.length)), snap) // LLC/SNAP
  },
  (frame) => ethernet(0x0800, ipv4(isIpv6(frame) ? 41 : 4, packetOf(frame))), // IP in IP, 6in4
  (frame) => ethernet(0x86dd, ipv6(isIpv6(frame) ? 41 : 4, packetOf(frame))),
  (frame) =>
    ethernet(
      0x86dd,
      ipv6(60, concatenated(Uint8Array.from([isIpv6(frame) ? 41 : 4, 0, 1, 4, 0, 0, 0, 0]), packetOf(frame))),
    ), // destination options
  (frame) => ethernet(0x0800, ipv4(47, concatenated(words(0, etherTypeOf(frame)), packetOf(frame)))), // GRE
  (frame, random) => {
    const flags = random.below(8)
    const options = [flags & 1, flags & 2, flags & 4].filter((flag) => flag !== 0).map((flag) => words(flag, 1))
    const bits = ((flags & 1) << 15) | ((flags & 2) << 12) | ((flags & 4) << 10)
    return ethernet(0x0800, ipv4(47, concatenated(words(bits, 0x6558), ...options, frame))) // transparent Ethernet, NVGRE
  },
  (frame, random) =>
    ethernet(
      0x0800,
      ipv4(
        47,
        concatenated(
          words(random.pick([0, 0x1000]), 0x88be),
          random.chance(0.5) ? words(0, 1, 0x1001, 0x0801, 0, 0) : words(),
          frame,
        ),
      ),
    ), // ERSPAN I, II
  (frame, random) =>
    ethernet(
      0x0800,
      ipv4(
        47,
        concatenated(
          words(0x1000, 0x22eb, 0, 1, 0x2001, 0x0801, 0, 0, 0, random.pick([0, 1])),
          random.chance(0.5) ? words(0, 0, 0, 0) : words(),
          frame,
        ),
      ),
    ), // ERSPAN III
  (frame) => ethernet(0x0800, ipv4(17, udp(4_789, concatenated(words(0x0800, 0, 0x0001, 0x0200), frame)))), // VXLAN
  (frame, random) =>
    ethernet(
      0x0800,
      ipv4(
        17,
        udp(
          4_790,
          concatenated(
            words(0x0c00, random.pick([1, 2, 3, 4]), 1, 0x200),
            random.chance(0.5) ? frame : packetOf(frame),
          ),
        ),
      ),
    ), // VXLAN-GPE
  (frame, random) => {
    const optionWords = random.below(4)
    const options = new Uint8Array(4 * optionWords).fill(1)
    return ethernet(
      0x0800,
      ipv4(17, udp(6_081, concatenated(words(optionWords << 8, 0x6558, 1, 0x200), options, frame))),
    ) // GENEVE
  },
  (frame, random) => {
    const flags = random.pick([0x30, 0x32, 0x34, 0x36])
    const extra = (flags & 7) === 0 ? words() : Uint8Array.from([0, 1, 0, random.pick([0, 0x85]), 1, 0, 0, 0])
    const inner = concatenated(extra, packetOf(frame))
    return ethernet(
      0x0800,
      ipv4(17, udp(2_152, concatenated(Uint8Array.from([flags, 255]), words(inner.length, 0, 1), inner))),
    ) // GTP-U
  },
  (frame) => ethernet(0x0800, ipv4(17, udp(3_544, packetOf(frame)))), // Teredo
  (frame) => ethernet(0x0800, ipv4(17, udp(5_072, concatenated(new Uint8Array(44), packetOf(frame))))), // AYIYA
]
