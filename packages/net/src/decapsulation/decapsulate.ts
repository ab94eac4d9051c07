/**
 * What carries a packet, header by header, until TCP or something else is reached:
 *
 *   plain headers (plain-headers.ts) ──carried──► reader of the layer ──layer──► plain headers ──carried──► …
 *
 * Nothing recurses. A frame ends after `tunnelMaxCount` tunnels or `layerMaxCount` layers, whatever it says. Numbers only: no object is
 * made per frame.
 */

import { decodeEthernet, decodeEtherType, decodeIpPacket } from '../plain-headers.js'
import type { Decoded, PlainDecoded, SegmentView } from '../segment-view.js'
import { readMacInMac, readTag } from './bridge-tags.js'
import { readChdlc } from './chdlc.js'
import { readEtherIp } from './etherip.js'
import { readFrameRelay } from './frame-relay.js'
import { readGre } from './gre.js'
import { readIpInIp } from './ip-in-ip.js'
import {
  etherTypeEthernet,
  etherTypeMpls,
  etherTypeNsh,
  type Layer,
  layerEthernet,
  layerIp,
  layerIpProtocol,
  layerLinkType,
  layerLlc,
  layerPpp,
  layerWifi,
  layerWifiPadded,
  lengthMaxValue,
  type Read,
} from './layer.js'
import { readLlc } from './llc.js'
import { readMpls } from './mpls.js'
import { readNflog } from './nflog.js'
import { readNsh } from './nsh.js'
import { readPpp } from './ppp.js'
import { readPppoe } from './pppoe.js'
import { readAvs, readPpi, readPrism, readRadiotap } from './radiotap.js'
import { readUdp } from './udp.js'
import { readWifi } from './wifi.js'

/** Link layers and tags included, which are no tunnels. */
const layerMaxCount = 48

/** Goes on where plain headers ended: at `layer` and `innerFrom` of `out`. Never throws on input. */
export function decapsulate(out: SegmentView): Decoded {
  if (out.tunnelCount === 0) out.vni = -1
  for (let count = 0; count < layerMaxCount; count++) {
    const read = readLayer(out)
    if (out.tunnelCount > out.tunnelMaxCount) {
      out.tunnelCount = out.tunnelMaxCount
      return 'tunnel.nested-too-deep'
    }
    if (typeof read === 'string') return read
    const decoded = decodePlain(read, out)
    if (decoded !== 'carried') return decoded
  }
  return 'tunnel.nested-too-deep'
}

/** VLAN tags, IP and TCP, by the same code as for plain traffic. */
function decodePlain(layer: Layer, out: SegmentView): PlainDecoded {
  if (layer === layerIp) return decodeIpPacket(out.innerFrom, out.innerTo, out)
  if (layer === layerEthernet || layer === etherTypeEthernet) return decodeEthernet(out.innerFrom, out.innerTo, out)
  if (layer <= 0xffff) return decodeEtherType(layer, out.innerFrom, out.innerTo, out)
  out.layer = layer
  return 'carried'
}

function readLayer(out: SegmentView): Read {
  const { layer } = out
  if (layer >= layerLinkType) return readLinkType(out, layer - layerLinkType)
  if (layer >= layerIpProtocol) return readIpProtocol(out, layer - layerIpProtocol)
  if (layer <= lengthMaxValue) return readLlc(out)
  switch (layer) {
    case etherTypeMpls:
    case 0x8848:
      return readMpls(out)
    case 0x8864:
      return readPppoe(out)
    case 0x880b:
    case layerPpp:
      return readPpp(out)
    case layerLlc:
      return readLlc(out)
    case layerWifi:
      return readWifi(out, false)
    case layerWifiPadded:
      return readWifi(out, true)
    case etherTypeNsh:
      return readNsh(out)
    case 0x88e7:
      return readMacInMac(out)
    case 0x8926: // VN-tag
    case 0x892f: // HSR
      return readTag(out, 4)
    case 0x893f: // E-tag
    case 0x8909: // Cisco metadata
      return readTag(out, 6)
    default:
      return 'other'
  }
}

/** By IANA's protocol numbers. */
function readIpProtocol(out: SegmentView, protocol: number): Read {
  switch (protocol) {
    case 17:
      return readUdp(out)
    case 4:
      return readIpInIp(out, 4)
    case 41:
      return readIpInIp(out, 6)
    case 47:
      return readGre(out)
    case 97:
      return readEtherIp(out)
    case 137:
      return readMpls(out)
    default:
      return 'other'
  }
}

/** Those beside Ethernet, Linux cooked, loopback and raw IP. */
function readLinkType(out: SegmentView, linkType: number): Read {
  switch (linkType) {
    case 9: // PPP
    case 166: // PPP behind pppd's direction, a byte that address and control follow
    case 204:
      if (linkType !== 9) out.innerFrom++
      return readPpp(out)
    case 50: // PPP in HDLC-like framing, or Cisco's
    case 104:
      return readChdlc(out)
    case 51:
      return readPppoe(out)
    case 10: // FDDI: frame control, two addresses
      out.innerFrom += 13
      return layerLlc
    case 100: // Classical IP over ATM
      return layerLlc
    case 105:
      return layerWifi
    case 107:
      return readFrameRelay(out)
    case 119:
      return readPrism(out)
    case 127:
      return readRadiotap(out)
    case 163:
      return readAvs(out)
    case 192:
      return readPpi(out)
    case 219:
      return readMpls(out)
    case 239:
      return readNflog(out)
    default:
      return 'frame.link-type-unsupported'
  }
}
