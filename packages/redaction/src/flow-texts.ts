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
}

export interface FlowText {
  /** The flow as it was when this was made: what does not change in it. */
  readonly flow: FlowContext
  /** In its one written form. */
  readonly clientIp: string
  /** `,"flowId":…,"flowIndex":`; the caller writes the number. */
  readonly start: Literal
  readonly addresses: Literal
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
  clientAddress: memberKey('clientAddress'),
  clientAddressSource: memberKey('clientAddressSource'),
  clientAddressSpoofable: memberKey('clientAddressSpoofable'),
}

export class FlowTexts {
  readonly #addresses: ClientAddresses
  readonly #writer: ByteWriter
  readonly #encoder: TransactionEncoder
  readonly #slots: (FlowText | undefined)[] = new Array(slotsCount).fill(undefined)

  /** Writes into `writer`, and takes back what it wrote. */
  constructor(addresses: ClientAddresses, writer: ByteWriter, encoder: TransactionEncoder) {
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
      directClient,
      directPartition: partitionOf({ clientAddress: clientIp }),
      idHigh: new SipHasher(digest.subarray(0, 16)),
      idLow: new SipHasher(digest.subarray(16, 32)),
    }
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
    known.tunnel?.vni !== flow.tunnel?.vni ||
    known.tunnel?.names.join() !== flow.tunnel?.names.join() ||
    vlanIds.length !== flow.vlanIds.length
  )
    return false
  for (let i = 0; i < vlanIds.length; i++) if (vlanIds[i] !== flow.vlanIds[i]) return false
  return true
}
