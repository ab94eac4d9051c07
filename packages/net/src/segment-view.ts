/** What decoding a frame yields: one reused view of a segment or fragment, and the names of what may be wrong with a frame. */

import { defaultUdpTunnels, tunnelDefaultMaxCount, tunnelSlotsCount } from './decapsulation/tunnels.js'

export const tcpFin = 0x01
export const tcpSyn = 0x02
export const tcpRst = 0x04
export const tcpAck = 0x10
export const tcpUrg = 0x20

/** Tags in front of one packet. */
export const vlanMaxCount = 4

/** Which tunnels are read. */
export interface TunnelOptions {
  /** Headers nested in one frame; 0 reads no tunnel at all. At most `tunnelLimitCount`. */
  readonly tunnelMaxCount?: number
  /** UDP port → code of the tunnel, 0 for none; 65,536 entries. */
  readonly udpTunnels?: Uint8Array
}

/** One TCP segment, or one fragment of a packet. Offsets are into `buffer`; it is borrowed, as the frame was. */
export class SegmentView {
  buffer: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(this.buffer.buffer)
  timestampUs = 0
  /** Outermost first, those of all nested packets; the first `vlanCount` entries count. */
  readonly vlanIds = new Uint16Array(vlanMaxCount * (tunnelSlotsCount + 1))
  vlanCount = 0
  addressBytes: 4 | 16 = 4
  sourceAt = 0
  destinationAt = 0
  /** IP payload as captured, and how many bytes of it a snap length cut off. */
  payloadFrom = 0
  payloadTo = 0
  cutBytes = 0

  // Fragments only
  protocol = 0
  fragmentId = 0
  fragmentOffsetBytes = 0
  moreFragments = false

  // Segments only; the payload is then that of TCP
  sourcePort = 0
  destinationPort = 0
  seq = 0
  ack = 0
  flags = 0
  /** Of meaning with URG only. */
  urgentPointer = 0

  // Tunnels
  /** Codes of the headers in front of the packet, outermost first; the first `tunnelCount` entries count. */
  readonly tunnels = new Uint8Array(tunnelSlotsCount)
  tunnelCount = 0
  /** Of the innermost tunnel that has one; of meaning behind a tunnel only, -1 for none. */
  vni = -1
  /** Code of the tunnel whose UDP port it came to without being one; 0 for none. */
  refusedTunnel = 0
  /** Tells networks apart whose addresses mean different hosts; 0 unless that is asked for. */
  networkKey = 0
  readonly tunnelMaxCount: number
  readonly udpTunnels: Uint8Array
  /** Between two headers: what stands next, see `decapsulation/layer.ts`, where, and up to where it would go had nothing been cut. */
  layer = 0
  innerFrom = 0
  innerTo = 0
  innerStatedTo = 0

  constructor({ tunnelMaxCount = tunnelDefaultMaxCount, udpTunnels = defaultUdpTunnels }: TunnelOptions = {}) {
    this.tunnelMaxCount = tunnelMaxCount
    this.udpTunnels = udpTunnels
  }
}

export type FrameAnomaly =
  | 'frame.truncated'
  | 'frame.link-type-unsupported'
  | 'vlan.nested-too-deep'
  | 'ip.version-unknown'
  | 'ip.header-length'
  | 'ip.total-length-short'
  | 'ip.extensions-too-many'
  | 'tcp.data-offset'
  | TunnelAnomaly

/** Of headers that carry packets; those over UDP are refused instead, since they may be something else. */
export type TunnelAnomaly =
  | 'tunnel.nested-too-deep'
  | 'mpls.stack-too-deep'
  | 'mpls.payload-unknown'
  | 'pppoe.header'
  | 'gre.routing'
  | 'gre.version'
  | 'erspan.version'
  | 'nsh.header'
  | 'nflog.attribute'
  | 'radiotap.header'
  | 'wifi.encrypted'
  | 'wifi.fragment'
  | 'wifi.aggregate'
  | 'wifi.damaged'

/** `other`: well-formed, but not TCP over IP. */
export type Decoded = 'segment' | 'fragment' | 'other' | FrameAnomaly

/** `carried`: neither TCP nor the end of it: `layer` stands at `innerFrom`. */
export type PlainDecoded = Decoded | 'carried'
