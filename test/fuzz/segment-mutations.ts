/** A conversation as TCP segments, cut anywhere, and then as a network, a middlebox or an attacker may deliver them. */

import { tcpAck, tcpFin, tcpRst, tcpSyn, tcpUrg } from '@tapwarden/net/frame'
import { seqAdd } from '@tapwarden/net/sequence'
import type { Random } from '../random.js'
import { noisy, noisyInPlace, randomBytes, randomLong } from './byte-mutations.js'
import { type FuzzSegment, noBytes, type Said } from './fuzz-frame.js'

const tcpPsh = 0x08
const segmentMaxCount = 400

/** Handshake, data, acknowledgements and FINs: faultless, if cut into odd pieces when `isCutAnywhere`. */
export function segmentsOf(turns: readonly Said[], random: Random, isCutAnywhere: boolean): FuzzSegment[] {
  const next = { c2s: firstSeq(random), s2c: firstSeq(random) }
  const segments: FuzzSegment[] = []
  const send = (direction: 'c2s' | 's2c', flags: number, payload: Uint8Array = noBytes): void => {
    const ack = (flags & tcpAck) === 0 ? 0 : next[direction === 'c2s' ? 's2c' : 'c2s']
    segments.push({ direction, seq: next[direction], ack, flags, payload, urgentPointer: 0 })
    next[direction] = seqAdd(next[direction], payload.length + ((flags & (tcpSyn | tcpFin)) === 0 ? 0 : 1))
  }
  send('c2s', tcpSyn)
  send('s2c', tcpSyn | tcpAck)
  send('c2s', tcpAck)
  const maxBytes = isCutAnywhere ? random.pick([1_460, 1_460, 536, 60, 7, 1]) : 1_460
  for (const { direction, bytes } of turns) {
    for (let at = 0; at < bytes.length; ) {
      const size = isCutAnywhere ? 1 + random.below(maxBytes) : maxBytes
      send(direction, tcpAck | tcpPsh, bytes.subarray(at, at + size))
      at += size
      if (segments.length > segmentMaxCount) return segments
    }
    send(direction === 'c2s' ? 's2c' : 'c2s', tcpAck)
  }
  send('c2s', tcpFin | tcpAck)
  send('s2c', tcpAck)
  send('s2c', tcpFin | tcpAck)
  send('c2s', tcpAck)
  return segments
}

/** Numbers near the wrap are as likely as all others together. */
function firstSeq(random: Random): number {
  return random.chance(0.5) ? seqAdd(0, 0xffff_ffff - random.below(5_000)) : random.below(0x1_0000_0000)
}

export function mutateSegments(segments: FuzzSegment[], random: Random): void {
  const share = random.pick([0, 0.02, 0.1, 0.5])
  const count = share === 0 ? random.below(3) : Math.ceil(segments.length * share * random.next())
  for (let time = 0; time < count && segments.length > 0; time++) {
    random.pick(changes)(segments, random.below(segments.length), random)
  }
}

type Change = (segments: FuzzSegment[], at: number, random: Random) => void

const drop: Change = (segments, at, random) => {
  segments.splice(at, random.chance(0.9) ? 1 : random.below(10))
}

const duplicate: Change = (segments, at, random) => {
  const copy = { ...segments[at]! }
  segments.splice(Math.min(segments.length, at + random.below(random.chance(0.7) ? 4 : 60)), 0, copy)
}

const delay: Change = (segments, at, random) => {
  const [moved] = segments.splice(at, 1)
  if (moved !== undefined)
    segments.splice(Math.min(segments.length, at + 1 + random.below(random.chance(0.7) ? 4 : 60)), 0, moved)
}

const shuffle: Change = (segments, at, random) => {
  const part = segments.splice(at, 2 + random.below(30))
  for (let i = part.length - 1; i > 0; i--) {
    const j = random.below(i + 1)
    ;[part[i], part[j]] = [part[j]!, part[i]!]
  }
  segments.splice(at, 0, ...part)
}

/** Bytes again that were sent before, some of them others, and some behind them. */
const overlap: Change = (segments, at, random) => {
  const original = segments[at]!
  const back = random.below(20)
  const bytes = original.payload.length + back
  const payload = random.chance(0.5)
    ? randomBytes(random, Math.min(bytes, 200))
    : noisyInPlace(original.payload, random, 0, original.payload.length, 2)
  const copy = { ...original, seq: seqAdd(original.seq, 0x1_0000_0000 - back), payload }
  segments.splice(at + random.below(2), 0, copy)
}

const changeFlags: Change = (segments, at, random) => {
  const segment = segments[at]!
  if (random.chance(0.5)) segment.flags ^= random.pick([tcpSyn, tcpFin, tcpRst, tcpAck, tcpUrg])
  else segment.flags = random.below(256)
  if ((segment.flags & tcpUrg) !== 0)
    segment.urgentPointer = random.chance(0.7) ? random.below(30) : random.below(0x1_0000)
}

const jump: Change = (segments, at, random) => {
  const segment = segments[at]!
  const by = random.pick([
    1, -1, 1_460, -1_460, 65_535, 16_777_215, 16_777_216, 16_777_217, -16_777_217, 0x7fff_ffff, 0x8000_0000,
  ])
  const moved = (number: number) => (random.chance(0.8) ? (number + by) >>> 0 : randomLong(random))
  if (random.chance(0.6)) segment.seq = moved(segment.seq)
  else segment.ack = moved(segment.ack)
}

/** From here on all numbers of one side are others: a new connection, or a blind attacker. */
const rebase: Change = (segments, at, random) => {
  const { direction } = segments[at]!
  const by = randomLong(random)
  for (const segment of segments.slice(at)) if (segment.direction === direction) segment.seq = (segment.seq + by) >>> 0
}

const changePayload: Change = (segments, at, random) => {
  const segment = segments[at]!
  segment.payload = noisy(segment.payload, random, 1 + random.below(3))
}

const inject: Change = (segments, at, random) => {
  const { direction, seq, ack } = segments[at]!
  const flags = random.pick([
    tcpRst,
    tcpRst | tcpAck,
    tcpSyn,
    tcpSyn | tcpAck,
    tcpFin | tcpAck,
    tcpAck,
    tcpAck | tcpUrg,
  ])
  const payload = random.chance(0.6) ? noBytes : randomBytes(random, random.below(40))
  segments.splice(at, 0, {
    direction,
    seq: seqAdd(seq, random.below(3)),
    ack,
    flags,
    payload,
    urgentPointer: random.below(9),
  })
}

const turnAround: Change = (segments, at) => {
  const segment = segments[at]!
  segment.direction = segment.direction === 'c2s' ? 's2c' : 'c2s'
}

const keepAlive: Change = (segments, at) => {
  const { direction, seq, ack } = segments[at]!
  segments.splice(at, 0, {
    direction,
    seq: seqAdd(seq, 0xffff_ffff),
    ack,
    flags: tcpAck,
    payload: new Uint8Array(1),
    urgentPointer: 0,
  })
}

/** Joined in the middle, or ended without a word. */
const behead: Change = (segments, at, random) => {
  if (random.chance(0.5)) segments.splice(0, at)
  else segments.splice(at)
}

const oneSided: Change = (segments, at) => {
  const { direction } = segments[at]!
  const kept = segments.filter((segment) => segment.direction === direction)
  segments.splice(0, segments.length, ...kept)
}

const changes: readonly Change[] = [
  drop,
  drop,
  duplicate,
  duplicate,
  delay,
  delay,
  shuffle,
  overlap,
  overlap,
  changeFlags,
  changeFlags,
  jump,
  jump,
  rebase,
  changePayload,
  inject,
  inject,
  turnAround,
  keepAlive,
  behead,
  oneSided,
]
