/**
 * What cloud mirrors send: VXLAN (RFC 7348 §5; AWS, Azure), VXLAN-GPE, GENEVE (RFC 8926 §3; gateway load balancers, GCP). Checked as far as
 * the header goes, and put back into the packet that it was, so that packages/net reads it like any tunnel, nested ones included. Pure.
 */

export const tunnelKinds = ['vxlan', 'vxlan-gpe', 'geneve'] as const
export type TunnelKind = (typeof tunnelKinds)[number]

/** Ports that IANA gave them, by which a tunnel is told. */
export const tunnelPorts: Readonly<Record<TunnelKind, number>> = { vxlan: 4_789, 'vxlan-gpe': 4_790, geneve: 6_081 }

/** Why a datagram is none of its kind. `control` carries no packet of anybody. */
export type DatagramFault = 'short' | 'flags' | 'options' | 'control'

const headerBytes = 8
/** The smallest thing that may follow: an Ethernet header, or an IP one. */
const innerMinBytes = 14

/** Undefined when `bytes[at, end)` begins with a header of `kind` and has room for a packet behind it. */
export function datagramFault(kind: TunnelKind, bytes: Uint8Array, at: number, end: number): DatagramFault | undefined {
  if (end - at < headerBytes + innerMinBytes) return 'short'
  const first = bytes[at] ?? 0
  if (kind === 'geneve') {
    if (first >> 6 !== 0) return 'flags'
    if (((bytes[at + 1] ?? 0) & 0x80) !== 0) return 'control'
    return end - at < headerBytes + (first & 0x3f) * 4 + innerMinBytes ? 'options' : undefined
  }
  if ((first & 0x08) === 0) return 'flags'
  if (kind === 'vxlan-gpe' && (first & 0x01) !== 0) return 'control'
  return undefined
}

/** Number of the network, of a header that has no fault. It stands at the same place in each of them. */
export function networkNumber(bytes: Uint8Array, at: number): number {
  return ((bytes[at + 4] ?? 0) << 16) | ((bytes[at + 5] ?? 0) << 8) | (bytes[at + 6] ?? 0)
}

const ipHeaderBytes = 20
/** Of IPv4 and UDP, in front of the datagram. */
export const packetHeaderBytes = ipHeaderBytes + 8
export const packetMaxBytes = 65_535
/** LINKTYPE_RAW: an IP packet and nothing in front of it. */
export const packetLinkType = 101

/** Writes what does not change from datagram to datagram at the start of `view`: no addresses, since nobody reads the outer ones. */
export function startPacket(view: DataView, kind: TunnelKind): void {
  view.setUint8(0, 0x45)
  view.setUint8(6, 0x40) // Not to be fragmented, and no fragment.
  view.setUint8(8, 64)
  view.setUint8(9, 17)
  view.setUint16(ipHeaderBytes + 2, tunnelPorts[kind])
}

/** Of a packet with `datagramBytes` behind its headers; returns its own. */
export function setPacketBytes(view: DataView, datagramBytes: number): number {
  view.setUint16(2, packetHeaderBytes + datagramBytes)
  view.setUint16(ipHeaderBytes + 4, 8 + datagramBytes)
  return packetHeaderBytes + datagramBytes
}
