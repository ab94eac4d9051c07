/**
 * What stands at a place in a frame, as a number: an EtherType as it is (up to 1,500 a length, behind which LLC stands, IEEE 802.3), and
 * above those whatever is told by another number than an EtherType.
 *
 * Each file of this folder reads one header: it takes `innerFrom` to behind the header, cuts `innerTo` to what the header says, and
 * returns the layer that follows, or how decoding ends.
 */

import type { Decoded, SegmentView } from '../segment-view.js'

export type Layer = number

export const etherTypeIpv4 = 0x0800
export const etherTypeIpv6 = 0x86dd
export const etherTypeEthernet = 0x6558
export const etherTypeMpls = 0x8847
export const etherTypeNsh = 0x894f
export const lengthMaxValue = 1_500

/** The version nibble decides. */
export const layerIp: Layer = 0x1_0000
export const layerEthernet: Layer = 0x1_0001
export const layerLlc: Layer = 0x1_0002
export const layerPpp: Layer = 0x1_0003
export const layerWifi: Layer = 0x1_0004
/** With the header padded to four bytes, as some cards hand it over. */
export const layerWifiPadded: Layer = 0x1_0005
/** Plus the IANA protocol number. */
export const layerIpProtocol: Layer = 0x2_0000
/** Plus the number of the link type, tcpdump.org/linktypes.html. */
export const layerLinkType: Layer = 0x3_0000

export type Read = Layer | Decoded

/** Notes a header; how many there are is looked at by the caller of the reader. */
export function enter(out: SegmentView, tunnel: number): void {
  out.tunnels[out.tunnelCount++] = tunnel
}

/** It came to the port of a tunnel and is something else. */
export function refused(out: SegmentView, tunnel: number): 'other' {
  out.refusedTunnel = tunnel
  return 'other'
}
