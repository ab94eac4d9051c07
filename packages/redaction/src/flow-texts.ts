/**
 * What every transaction of a flow says alike, encoded once a flow: its members of the line, the client's address when nobody forwarded, and the
 * two keys from which its transactions' ids are made. A fixed table; a newcomer takes the place.
 */

import { hash } from 'node:crypto'
import { partitionOf } from '@tapwarden/contracts/partition-key'
import type { ByteWriter, Literal } from './byte-writer.js'
import type { ClientAddresses } from './client-address.js'
import { SipHasher } from './siphash.js'
import { memberKey, type TransactionEncoder } from './transaction-encoder.js'

/** What is known of the TLS connection that a flow's bytes were decrypted from. */
export interface TlsContext {
  readonly version: string
  /** Lower case, as the client sent it. */
  readonly serverName?: string
  /** A byte string. */
  readonly alpn?: string
  readonly cipher: string
  readonly ja3?: string
  readonly ja4?: string
}

/** What the sensor knows about the flow that a transaction came on. Addresses are of the innermost headers. */
export interface FlowContext {
  /** Community ID v1. */
  readonly flowId: string
  readonly clientIp: string
  readonly clientPort: number
  readonly serverIp: string
  readonly serverPort: number
  readonly vlanIds: readonly number[]
  /** What its packets came through, outermost first, and the number of the innermost virtual network. */
  readonly tunnel?: { readonly names: readonly string[]; readonly vni?: number }
  /** Neither SYN was seen: the client is a guess. */
  readonly directionAssumed: boolean
  /** The flow was joined after its start. */
  readonly midStream: boolean
  /** Absent for what came in clear. */
  readonly tls?: TlsContext
}

export interface FlowText {
  /** The flow as it was when this was made: what does not change in it. */
  readonly flow: FlowContext
  /** In its one written form. */
  readonly clientIp: string
  /** `,"flowId":…,"flowIndex":`; the caller writes the number. */
  readonly start: Literal
  /** With what is known of TLS. */
  readonly addresses: Literal
  /** Of what was decrypted; undefined for what came in clear. */
  readonly scheme: 'https' | undefined
  /** The client's address, when it is the TCP peer, and the partition that follows from it alone. */
  readonly directClient: Literal
  readonly directPartition: number
  /** Halves of an id; see `transactionId`. */
  readonly idHigh: SipHasher
  readonly idLow: SipHasher
}

/** Of about 1 KiB each. */
const slotsCount = 16_384
const keys = {
  flowId: memberKey('flowId'),
  flowIndex: memberKey('flowIndex'),
  clientIp: memberKey('clientIp'),
  clientPort: memberKey('clientPort'),
  serverIp: memberKey('serverIp'),
  serverPort: memberKey('serverPort'),
  vlanIds: memberKey('vlanIds'),
  tunnels: memberKey('tunnels'),
  vni: memberKey('vni'),
  directionAssumed: memberKey('directionAssumed'),
  tlsVersion: memberKey('tlsVersion'),
  tlsServerName: memberKey('tlsServerName'),
  tlsAlpn: memberKey('tlsAlpn'),
  tlsCipher: memberKey('tlsCipher'),
  ja3: memberKey('ja3'),
  ja4: memberKey('ja4'),
  clientAddress: memberKey('clientAddress'),
  clientAddressSource: memberKey('clientAddressSource'),
  clientAddressSpoofable: memberKey('clientAddressSpoofable'),
}

/** As IANA registers them: `h2`, `http/1.1`, `grpc-exp`. Anything else could be what a peer likes to have published. */
const alpnPattern =
  /^(?:h2c?|h3|http\/[0-9.]{1,3}|spdy\/[0-9.]{1,3}|grpc-exp|webrtc|dot|imap|pop3|ftp|mqtt|acme-tls\/1|stun\.turn)$/

export class FlowTexts {
  readonly #addresses: ClientAddresses
  readonly #writer: ByteWriter
  readonly #encoder: TransactionEncoder
  readonly #hostText: (host: string) => string
  readonly #slots: (FlowText | undefined)[] = new Array(slotsCount).fill(undefined)

  /** Writes into `writer`, and takes back what it wrote. `hostText` says how a host is published. */
  constructor(
    addresses: ClientAddresses,
    writer: ByteWriter,
    encoder: TransactionEncoder,
    hostText: (host: string) => string,
  ) {
    this.#hostText = hostText
    this.#addresses = addresses
    this.#writer = writer
    this.#encoder = encoder
  }

  of(flow: FlowContext): FlowText {
    const slot = slotOf(flow.flowId)
    const known = this.#slots[slot]
    if (known !== undefined && (known.flow === flow || isSame(known.flow, flow))) return known
    const made = this.#make(flow)
    this.#slots[slot] = made
    return made
  }

  #make(flow: FlowContext): FlowText {
    const encoder = this.#encoder
    const from = this.#writer.length
    const clientIp = this.#addresses.normalize(flow.clientIp) ?? flow.clientIp
    const serverIp = this.#addresses.normalize(flow.serverIp) ?? flow.serverIp
    encoder.text(keys.flowId, flow.flowId)
    encoder.key(keys.flowIndex)
    const start = this.#writer.taken(from)
    encoder.text(keys.clientIp, clientIp)
    encoder.count(keys.clientPort, flow.clientPort)
    encoder.text(keys.serverIp, serverIp)
    encoder.count(keys.serverPort, flow.serverPort)
    encoder.counts(keys.vlanIds, flow.vlanIds)
    encoder.texts(keys.tunnels, flow.tunnel?.names ?? [])
    encoder.count(keys.vni, flow.tunnel?.vni)
    if (flow.directionAssumed) encoder.flag(keys.directionAssumed, true)
    if (flow.tls !== undefined) this.#tls(flow.tls)
    const addresses = this.#writer.taken(from)
    encoder.text(keys.clientAddress, clientIp)
    encoder.text(keys.clientAddressSource, 'tcp-peer')
    encoder.flag(keys.clientAddressSpoofable, false)
    const directClient = this.#writer.taken(from)
    const digest = hash('sha256', `${clientIp}|${flow.clientPort}|${serverIp}|${flow.serverPort}`, 'buffer')
    return {
      flow,
      clientIp,
      start,
      addresses,
      scheme: flow.tls === undefined ? undefined : 'https',
      directClient,
      directPartition: partitionOf({ clientAddress: clientIp }),
      idHigh: new SipHasher(digest.subarray(0, 16)),
      idLow: new SipHasher(digest.subarray(16, 32)),
    }
  }

  #tls({ version, serverName, alpn, cipher, ja3, ja4 }: TlsContext): void {
    const encoder = this.#encoder
    encoder.text(keys.tlsVersion, version)
    encoder.text(keys.tlsServerName, serverName === undefined ? undefined : this.#hostText(serverName))
    encoder.text(keys.tlsAlpn, alpn === undefined || alpnPattern.test(alpn) ? alpn : 'other')
    encoder.text(keys.tlsCipher, cipher)
    encoder.text(keys.ja3, ja3)
    encoder.text(keys.ja4, ja4)
  }
}

/** The last characters of a Community ID are of a hash. */
function slotOf(flowId: string): number {
  let slot = 0
  for (let i = Math.max(0, flowId.length - 5); i < flowId.length; i++)
    slot = (Math.imul(slot, 43) + flowId.charCodeAt(i)) | 0
  return slot & (slotsCount - 1)
}

function isSame(known: FlowContext, flow: FlowContext): boolean {
  const { vlanIds } = known
  if (
    known.flowId !== flow.flowId ||
    known.clientPort !== flow.clientPort ||
    known.serverPort !== flow.serverPort ||
    known.clientIp !== flow.clientIp ||
    known.serverIp !== flow.serverIp ||
    known.directionAssumed !== flow.directionAssumed ||
    known.tls !== flow.tls ||
    known.tunnel?.vni !== flow.tunnel?.vni ||
    known.tunnel?.names.join() !== flow.tunnel?.names.join() ||
    vlanIds.length !== flow.vlanIds.length
  )
    return false
  for (let i = 0; i < vlanIds.length; i++) if (vlanIds[i] !== flow.vlanIds[i]) return false
  return true
}
