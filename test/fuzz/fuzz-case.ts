/**
 * One case: a function of corpus, seed and number alone. Mutated conversations and frames, and between them clean ones that a reader must
 * tell apart from all that:
 *
 *   conversation ─► messages mutated ─► perhaps sealed, records mutated ─► segments cut, mutated ─► frames mutated ─┐
 *   frames of a capture ───────────────────────────────────────────────────────────────────────────► mutated ───────┼─► one stream of frames in time
 *   conversation ─► perhaps sealed ─► segments ─► frames as they should be (clean) ─────────────────────────────────┘
 */

import { buildFrame } from '@tapwarden/net/frame-builder'
import { Random } from '../random.js'
import { noisy } from './byte-mutations.js'
import type { Corpus } from './corpus.js'
import { type LinkFrame, mutateFrame } from './frame-mutations.js'
import type { Conversation, FuzzFrame, FuzzSegment, Said } from './fuzz-frame.js'
import { mutateTurns } from './message-mutations.js'
import { mutateSegments, segmentsOf } from './segment-mutations.js'
import { mutateTls } from './tls-mutations.js'
import { sealed } from './tls-sealing.js'

export interface FuzzCase {
  readonly caseIndex: number
  readonly frames: FuzzFrame[]
  /** `wild`: frames come from any time, and flows end before theirs; nothing is promised for clean ones. `tight`: the same, by small limits. */
  readonly kind: 'plain' | 'wild' | 'tight'
  readonly mutatedPacketCount: number
  /** Of the sensor's own faults, for the guard: a transaction of a mutated flow throws once in so many; 0: never. */
  readonly faultEvery: number
  /** Capture clock when the key log is there, µs; 0: from the start. */
  readonly keysAtUs: number
}

const ethernet = 1
const startUs = 1_790_000_000_000_000
const framesMaxCount = 1_500
/** Of connections, those that are sealed so that the sensor can open them. */
const sealedShare = 0.25

interface Peers {
  readonly clientIp: string
  readonly serverIp: string
  readonly clientPort: number
  readonly serverPort: number
}

export function makeCase(corpus: Corpus, seed: number, caseIndex: number): FuzzCase {
  const random = new Random(Math.imul(seed, 0x9e37_79b1) ^ Math.imul(caseIndex + 1, 0x85eb_ca6b))
  const kind = random.chance(0.85) ? 'plain' : random.pick(['wild', 'tight'] as const)
  const streams: FuzzFrame[][] = []
  const conversationCount = random.chance(0.97) ? 1 + random.below(4) : 20 + random.below(60)
  for (let index = 0; index < conversationCount; index++) streams.push(mutatedStream(corpus, random, index))
  if (random.chance(0.4)) streams.push(mutatedCapture(corpus, random))
  for (let index = 0; index <= random.below(2); index++) streams.push(cleanStream(corpus, random, index))
  const frames = interleaved(streams, random, kind === 'wild')
  const mutatedPacketCount = frames.reduce((count, { isClean }) => count + (isClean ? 0 : 1), 0)
  const faultEvery = random.chance(0.1) ? 1 + random.below(4) : 0
  const keysAtUs = random.chance(0.3) ? (random.pick(frames)?.timestampUs ?? 0) : 0
  return { caseIndex, frames, kind, mutatedPacketCount, faultEvery, keysAtUs }
}

function mutatedStream(corpus: Corpus, random: Random, index: number): FuzzFrame[] {
  const conversation = random.pick(corpus.conversations)
  const turns = random.chance(0.7)
    ? mutateTurns(conversation, random.pick(corpus.conversations), random)
    : conversation.turns
  const segments = segmentsOf(
    random.chance(sealedShare) ? mutatedTls(turns, random) : turns,
    random,
    random.chance(0.5),
  )
  if (random.chance(0.7)) mutateSegments(segments, random)
  const isV6 = random.chance(0.2)
  // Few addresses and ports, so that connections meet others that reuse their ports.
  const peers: Peers = {
    clientIp: isV6 ? `2001:db8::${1 + random.below(3)}` : `10.0.0.${1 + random.below(3)}`,
    serverIp: isV6 ? '2001:db8::80' : '10.0.1.80',
    clientPort: 40_000 + (random.chance(0.9) ? index : 0),
    serverPort: random.pick([80, 8_080, 443]),
  }
  return framesOf(segments, peers).flatMap((frame) => mutated(frame, random, 0.06))
}

/** What is in them has its faults already: some records get faults of their own. */
function mutatedTls(turns: readonly Said[], random: Random): Said[] {
  const share = random.pick([0, 0, 0.1, 0.4])
  return sealed(turns, random).map((said) =>
    random.chance(share) ? { ...said, bytes: mutateTls(said.bytes, random) ?? said.bytes } : said,
  )
}

function mutated(frame: LinkFrame, random: Random, share: number): FuzzFrame[] {
  const frames = random.chance(share) ? mutateFrame(frame, random) : [frame]
  return frames.map(({ bytes, linkType }) => ({ bytes, linkType, timestampUs: 0, isClean: false }))
}

/** Frames of a capture as they were, some of them mutated: what only real captures have stays in the game. */
function mutatedCapture(corpus: Corpus, random: Random): FuzzFrame[] {
  const capture = random.pick(corpus.captures)
  const from = random.below(Math.max(1, capture.length - 100))
  const share = random.pick([0.02, 0.2, 1])
  return capture.slice(from, from + 20 + random.below(150)).flatMap((frame) => {
    if (random.chance(0.02)) return []
    const bytes = random.chance(0.02) ? noisy(frame.bytes, random) : frame.bytes
    return mutated({ bytes, linkType: frame.linkType }, random, share)
  })
}

/** Addresses that nothing else has, however its bits fall. */
function cleanStream(corpus: Corpus, random: Random, index: number): FuzzFrame[] {
  const conversation: Conversation = random.pick(corpus.conversations)
  const turns = random.chance(sealedShare) ? sealed(conversation.turns, random) : conversation.turns
  const segments = segmentsOf(turns, random, false)
  const isV6 = random.chance(0.2)
  const peers: Peers = {
    clientIp: isV6
      ? `2620:1ce:c1ea:${random.hex(4)}:${random.hex(4)}::1`
      : `172.29.${random.below(256)}.${random.below(256)}`,
    serverIp: isV6 ? `2620:1ce:c1ea:${random.hex(4)}::2` : `172.30.${random.below(256)}.${random.below(256)}`,
    clientPort: 20_000 + random.below(20_000),
    serverPort: 18_080 + index,
  }
  return framesOf(segments, peers).map(({ bytes, linkType }) => ({ bytes, linkType, timestampUs: 0, isClean: true }))
}

function framesOf(segments: readonly FuzzSegment[], peers: Peers): LinkFrame[] {
  return segments.map(({ direction, seq, ack, flags, payload, urgentPointer }) => {
    const isClient = direction === 'c2s'
    const bytes = buildFrame({
      sourceIp: isClient ? peers.clientIp : peers.serverIp,
      sourcePort: isClient ? peers.clientPort : peers.serverPort,
      destinationIp: isClient ? peers.serverIp : peers.clientIp,
      destinationPort: isClient ? peers.serverPort : peers.clientPort,
      seq,
      ack,
      flags: flags & 0xff,
      payload,
      urgentPointer,
    })
    return { bytes, linkType: ethernet }
  })
}

/** Each stream in its order. Time goes on, hardly ever back; in a wild case it does what it wants. */
function interleaved(streams: FuzzFrame[][], random: Random, isWild: boolean): FuzzFrame[] {
  const frames: FuzzFrame[] = []
  const places = streams.map(() => 0)
  const burst = random.pick([1, 3, 40])
  let nowUs = startUs
  let open = streams.map((_, index) => index)
  while (open.length > 0 && frames.length < framesMaxCount) {
    const index = random.pick(open)
    const stream = streams[index]!
    for (let taken = 0; taken <= random.below(burst) && places[index]! < stream.length; taken++) {
      const frame = stream[places[index]!++]!
      nowUs += random.chance(0.98) ? random.below(2_000) : random.below(800_000)
      const isOff = isWild && random.chance(0.05)
      frame.timestampUs = isOff
        ? Math.max(0, nowUs + (random.next() - 0.5) * random.pick([1e5, 1e8, 4e9, 1e13]))
        : nowUs
      frame.timestampUs = Math.trunc(frame.timestampUs)
      frames.push(frame)
    }
    open = open.filter((each) => places[each]! < streams[each]!.length)
  }
  return frames
}
