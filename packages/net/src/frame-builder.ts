/**
 * Frames as bytes: Ethernet, IPv4 or IPv6, TCP, with right lengths and checksums; and whole TCP conversations. For tests, fixtures
 * and tees that have bytes of a connection but no packets. Pure: time and numbers come in.
 */

import { addressBytes } from './address-text.js'
import { protocolTcp } from './flow-id.js'
import { tcpAck, tcpFin, tcpRst, tcpSyn } from './frame.js'
import { seqAdd } from './sequence.js'
import type { Direction } from './stream-consumer.js'

export interface SegmentSpec {
  /** Both IPv4 or both IPv6. */
  readonly sourceIp: string
  readonly sourcePort: number
  readonly destinationIp: string
  readonly destinationPort: number
  readonly seq: number
  readonly ack: number
  /** `tcpSyn | tcpAck …` of frame.ts. */
  readonly flags: number
  readonly payload?: Uint8Array
  /** Of meaning with `tcpUrg`. */
  readonly urgentPointer?: number
  /** Outermost first. */
  readonly vlanIds?: readonly number[]
}

/** What `pcap`'s writer takes. */
export interface BuiltFrame {
  readonly timestampUs: number
  readonly bytes: Uint8Array
}

const noBytes = new Uint8Array(0)
const ipHeaderBytes = { 4: 20, 16: 40 } as const

/** An Ethernet frame around the packet, with VLAN tags where asked. */
export function buildFrame(spec: SegmentSpec): Uint8Array {
  const packet = buildPacket(spec)
  const vlanIds = spec.vlanIds ?? []
  const frame = new Uint8Array(14 + 4 * vlanIds.length + packet.length)
  const view = new DataView(frame.buffer)
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1])
  vlanIds.forEach((id, index) => {
    view.setUint16(12 + 4 * index, 0x8100)
    view.setUint16(14 + 4 * index, id)
  })
  view.setUint16(12 + 4 * vlanIds.length, packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd)
  frame.set(packet, 14 + 4 * vlanIds.length)
  return frame
}

/** An IP packet with one TCP segment. Throws on text that is no address: the caller's mistake. */
export function buildPacket(spec: SegmentSpec): Uint8Array {
  const source = mustBeAddress(spec.sourceIp)
  const destination = mustBeAddress(spec.destinationIp)
  const payload = spec.payload ?? noBytes
  const isV4 = source.length === 4
  const tcpFrom = isV4 ? ipHeaderBytes[4] : ipHeaderBytes[16]
  const packet = new Uint8Array(tcpFrom + 20 + payload.length)
  const view = new DataView(packet.buffer)
  if (isV4) {
    packet[0] = 0x45
    view.setUint16(2, packet.length)
    view.setUint16(6, 0x4000) // Do not fragment.
    packet[8] = 64
    packet[9] = protocolTcp
    packet.set(source, 12)
    packet.set(destination, 16)
    view.setUint16(10, checksum(packet, 0, 20, 0))
  } else {
    packet[0] = 0x60
    view.setUint16(4, packet.length - 40)
    packet[6] = protocolTcp
    packet[7] = 64
    packet.set(source, 8)
    packet.set(destination, 24)
  }
  view.setUint16(tcpFrom, spec.sourcePort)
  view.setUint16(tcpFrom + 2, spec.destinationPort)
  view.setUint32(tcpFrom + 4, spec.seq)
  view.setUint32(tcpFrom + 8, (spec.flags & tcpAck) === 0 ? 0 : spec.ack)
  packet[tcpFrom + 12] = 5 << 4
  packet[tcpFrom + 13] = spec.flags
  view.setUint16(tcpFrom + 14, 65_535)
  view.setUint16(tcpFrom + 18, spec.urgentPointer ?? 0)
  packet.set(payload, tcpFrom + 20)
  const addressesFrom = isV4 ? 12 : 8
  const tcpBytes = packet.length - tcpFrom
  const pseudoSum = wordSum(packet, addressesFrom, addressesFrom + 2 * source.length) + protocolTcp + tcpBytes
  view.setUint16(tcpFrom + 16, checksum(packet, tcpFrom, packet.length, pseudoSum))
  return packet
}

function mustBeAddress(text: string): Uint8Array {
  const bytes = addressBytes(text)
  if (bytes === undefined) throw new TypeError(`not an IP address: ${text}`)
  return bytes
}

/** RFC 1071. */
function checksum(bytes: Uint8Array, from: number, to: number, initial: number): number {
  let sum = initial + wordSum(bytes, from, to)
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x1_0000)
  return ~sum & 0xffff
}

function wordSum(bytes: Uint8Array, from: number, to: number): number {
  let sum = 0
  for (let at = from; at < to; at += 2) sum += (bytes[at]! << 8) | (at + 1 < to ? bytes[at + 1]! : 0)
  return sum
}

export interface ConversationSpec {
  readonly clientIp: string
  readonly clientPort: number
  readonly serverIp: string
  readonly serverPort: number
  /** Default 1,000 and 5,000. */
  readonly clientIsn?: number
  readonly serverIsn?: number
  /** Default 1,460. */
  readonly segmentMaxBytes?: number
  readonly vlanIds?: readonly number[]
}

/** One connection, event by event: each call returns the frames that a TAP would have seen. */
export class ConversationBuilder {
  readonly #spec: ConversationSpec
  readonly #nextSeq: Record<Direction, number>

  constructor(spec: ConversationSpec) {
    this.#spec = spec
    this.#nextSeq = { c2s: spec.clientIsn ?? 1_000, s2c: spec.serverIsn ?? 5_000 }
  }

  /** SYN, SYN-ACK, ACK. */
  open(atUs: number): BuiltFrame[] {
    return [
      this.#frame('c2s', tcpSyn, atUs),
      this.#frame('s2c', tcpSyn | tcpAck, atUs),
      this.#frame('c2s', tcpAck, atUs),
    ]
  }

  /** `bytes` in segments, and the other side's ACK. */
  data(direction: Direction, bytes: Uint8Array, atUs: number): BuiltFrame[] {
    const segmentMaxBytes = this.#spec.segmentMaxBytes ?? 1_460
    const frames: BuiltFrame[] = []
    for (let at = 0; at < bytes.length; at += segmentMaxBytes) {
      frames.push(this.#frame(direction, tcpAck, atUs, bytes.subarray(at, at + segmentMaxBytes)))
    }
    return [...frames, this.#frame(direction === 'c2s' ? 's2c' : 'c2s', tcpAck, atUs)]
  }

  /** FIN of one side, and the other side's ACK. */
  finish(direction: Direction, atUs: number): BuiltFrame[] {
    const fin = this.#frame(direction, tcpFin | tcpAck, atUs)
    return [fin, this.#frame(direction === 'c2s' ? 's2c' : 'c2s', tcpAck, atUs)]
  }

  reset(direction: Direction, atUs: number): BuiltFrame[] {
    return [this.#frame(direction, tcpRst | tcpAck, atUs)]
  }

  #frame(direction: Direction, flags: number, timestampUs: number, payload: Uint8Array = noBytes): BuiltFrame {
    const { clientIp, clientPort, serverIp, serverPort, vlanIds = [] } = this.#spec
    const seq = this.#nextSeq[direction]
    this.#nextSeq[direction] = seqAdd(seq, payload.length + ((flags & (tcpSyn | tcpFin)) === 0 ? 0 : 1))
    const ack = this.#nextSeq[direction === 'c2s' ? 's2c' : 'c2s']
    const isClient = direction === 'c2s'
    const bytes = buildFrame({
      sourceIp: isClient ? clientIp : serverIp,
      sourcePort: isClient ? clientPort : serverPort,
      destinationIp: isClient ? serverIp : clientIp,
      destinationPort: isClient ? serverPort : clientPort,
      seq,
      ack,
      flags,
      payload,
      vlanIds,
    })
    return { timestampUs, bytes }
  }
}

export interface Turn {
  readonly direction: Direction
  readonly bytes: Uint8Array
}

/** A whole connection: handshake, the turns in order, FINs of client and server; one frame each `stepUs`. */
export function buildConversation(
  spec: ConversationSpec,
  turns: readonly Turn[],
  startUs: number,
  stepUs = 100,
): BuiltFrame[] {
  const builder = new ConversationBuilder(spec)
  const frames = [
    ...builder.open(0),
    ...turns.flatMap(({ direction, bytes }) => builder.data(direction, bytes, 0)),
    ...builder.finish('c2s', 0),
    ...builder.finish('s2c', 0),
  ]
  return frames.map(({ bytes }, index) => ({ bytes, timestampUs: startUs + index * stepUs }))
}
