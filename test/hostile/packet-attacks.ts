/** Below HTTP: half-open flows, fragments, holes that nobody fills, clocks, chosen hashes, tunnels in tunnels. */

import { tcpAck, tcpSyn } from '@tapwarden/net/frame'
import { buildFrame } from '@tapwarden/net/frame-builder'
import { encapsulations } from '../fuzz/encapsulations.js'
import { Random } from '../random.js'
import { type Attack, addressOf, EndlessStream, latin1, victimIp } from './attack.js'

const syn = (sourceIp: string, sourcePort: number, destinationIp = victimIp, destinationPort = 80) =>
  buildFrame({ sourceIp, sourcePort, destinationIp, destinationPort, seq: 1, ack: 0, flags: tcpSyn })

const get = latin1('GET /items/1 HTTP/1.1\r\nHost: shop.example\r\n\r\n')
const ok = latin1('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')

/** An IPv4 packet of `payload` that says it is a fragment. RFC 791 §3.1. */
function fragment(id: number, offsetBytes: number, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(34 + payload.length)
  const view = new DataView(frame.buffer)
  frame.set([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45])
  view.setUint16(16, 20 + payload.length)
  view.setUint16(18, id & 0xffff)
  view.setUint16(20, 0x2000 | (offsetBytes >> 3))
  frame.set([64, 6], 22)
  view.setUint32(26, 0x0a00_0000 | (id >>> 16))
  frame.set([198, 51, 100, 7], 30)
  frame.set(payload, 34)
  return frame
}

/** Client port and server port that give two addresses the hash 0 under MurmurHash3's mixing without a secret: its rounds can be undone. */
function collidingPorts(address: number): number {
  const h = murmurRound(murmurRound(0, address), 0xc633_6407)
  // h' = rotl13(h ^ k) * 5 + c shall be 0; 5 · 0xcccccccd = 1 (mod 2^32).
  const rotated = Math.imul(-0xe654_6b64 | 0, 0xcccc_cccd)
  const k = ((rotated >>> 13) | (rotated << 19)) ^ h
  const unmixed = Math.imul(k, 0x56ed_309b) // 0x1b873593 undone …
  return Math.imul((unmixed >>> 15) | (unmixed << 17), 0xdee1_3bb1) >>> 0 // … and 0xcc9e2d51.
}

export function murmurRound(hash: number, word: number): number {
  let k = Math.imul(word, 0xcc9e_2d51)
  k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593)
  const h = hash ^ k
  return (Math.imul((h << 13) | (h >>> 19), 5) + 0xe654_6b64) | 0
}

/** The words of a flow's key that such a sender chooses: addresses and ports. */
export function collidingKey(index: number): Uint32Array {
  const address = 0x0a00_0000 | index
  return Uint32Array.of(address, 0xc633_6407, collidingPorts(address))
}

/** As deep as a hundred headers, each kind alone and then all mixed. */
function nested(index: number): Uint8Array {
  const random = new Random(index)
  const stream = new EndlessStream(index)
  let frame = stream.segment(get)
  const kind = index % (encapsulations.length + 1)
  for (let level = 0; level < 100 && frame.length < 9_000; level++) {
    const encapsulate = encapsulations[kind] ?? random.pick(encapsulations)
    frame = encapsulate(frame, random)
  }
  return frame
}

export const packetAttacks: readonly Attack[] = [
  {
    name: 'half-open flows',
    unit: 'SYNs',
    fullCount: 1_000_000,
    shortCount: 20_000,
    shortLimits: { flowLimits: { flowMaxCount: 5_000 } },
    start: () => (step) => [syn(addressOf(step), 1_024 + (step % 50_000))],
    toldBy: ['flows.evictedFlowCount'],
  },
  {
    name: 'idle connections',
    unit: 'connections',
    fullCount: 400_000,
    shortCount: 6_000,
    shortLimits: { flowLimits: { flowMaxCount: 2_000 } },
    shortClock: (step) => 2_000 * step,
    start: () => (step) => {
      const stream = new EndlessStream(4_000_000 + step)
      return [stream.segment(get), stream.answer(ok)]
    },
    toldBy: ['flows.evictedFlowCount'],
  },
  {
    name: 'requests without answers',
    unit: 'connections',
    fullCount: 400_000,
    shortCount: 6_000,
    shortLimits: { flowLimits: { flowMaxCount: 2_000 } },
    shortClock: (step) => 2_000 * step,
    start: () => {
      const request = latin1(
        `POST / HTTP/1.1\r\nHost: a\r\nX: ${'y'.repeat(400)}\r\nContent-Length: 500\r\n\r\n${'z'.repeat(500)}`,
      )
      return (step) => [new EndlessStream(8_000_000 + step).segment(request)]
    },
    toldBy: ['flows.evictedFlowCount', 'http.pipeline-overflow'],
  },
  {
    name: 'fragments',
    unit: 'fragments',
    fullCount: 1_000_000,
    shortCount: 20_000,
    start: () => {
      const payload = new Uint8Array(1_480)
      return (step) => [fragment(step >> 2, (step & 3) * 1_480 + 1_480, payload)]
    },
    toldBy: ['frames.abandonedPacketCount'],
  },
  {
    name: 'tiny fragments of few packets',
    unit: 'fragments',
    fullCount: 1_000_000,
    shortCount: 20_000,
    start: () => {
      const payload = new Uint8Array(8)
      // Every other eight bytes, so that nothing ever joins.
      return (step) => [fragment(step % 50, 16 * (Math.floor(step / 50) % 4_000) + 8, payload)]
    },
    toldBy: ['frames.abandonedPacketCount'],
  },
  {
    name: 'segments out of order for ever',
    unit: 'segments',
    fullCount: 1_000_000,
    shortCount: 12_000,
    shortLimits: { flowLimits: { halfBufferMaxBytes: 262_144, bufferMaxBytes: 2_097_152 } },
    start: () => {
      const streams = Array.from({ length: 500 }, (_, index) => new EndlessStream(index))
      const payload = new Uint8Array(1_400).fill(0x61)
      const opened = new Set<EndlessStream>()
      return (step) => {
        const stream = streams[step % streams.length]!
        const isNew = !opened.has(stream)
        opened.add(stream)
        // Behind the first, one byte is missing before each.
        return [isNew ? stream.segment(get) : stream.segment(payload, tcpAck, 1)]
      }
    },
    toldBy: ['tcp.early-data-overflow', 'flows.gapCount'],
  },
  {
    name: 'one byte in each early segment',
    unit: 'segments',
    fullCount: 1_000_000,
    shortCount: 12_000,
    shortLimits: { flowLimits: { halfBufferMaxBytes: 262_144, bufferMaxBytes: 1_048_576 } },
    start: () => {
      const streams = Array.from({ length: 20 }, (_, index) => new EndlessStream(index))
      const payload = new Uint8Array(1)
      return (step) => [streams[step % streams.length]!.segment(payload, tcpAck, step < streams.length ? 0 : 1)]
    },
    toldBy: ['tcp.early-data-overflow', 'flows.gapCount'],
  },
  {
    name: 'a clock that runs backwards',
    unit: 'packets',
    fullCount: 400_000,
    shortCount: 6_000,
    clock: (step) => -1_000 * step,
    start: () => (step) => {
      const stream = new EndlessStream(step % 1_000)
      return step % 3 === 0 ? [stream.segment(get)] : [stream.answer(ok)]
    },
    toldBy: [],
  },
  {
    name: 'flows chosen to collide',
    unit: 'SYNs',
    fullCount: 1_000_000,
    shortCount: 10_000,
    start: () => (step) => {
      const [address = 0, , ports = 0] = collidingKey(step)
      return [syn(addressOf(address & 0xff_ffff), ports >>> 16, victimIp, ports & 0xffff)]
    },
    toldBy: [],
  },
  {
    name: 'tunnels nested 100 deep',
    unit: 'packets',
    fullCount: 60_000,
    shortCount: 500,
    start: () => {
      // Made before, as making them costs more than reading them.
      const frames = Array.from({ length: 20 * (encapsulations.length + 1) }, (_, index) => nested(index))
      return (step) => [frames[step % frames.length]!]
    },
    toldBy: [],
  },
]
