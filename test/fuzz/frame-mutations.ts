/** Frames as links, tunnels, snap lengths and attackers make them: headers that lie, fragments, tunnels in tunnels, noise. */

import type { Random } from '../random.js'
import { noisy, noisyInPlace, randomWord } from './byte-mutations.js'
import { encapsulations } from './encapsulations.js'
import { concatenated } from './fuzz-frame.js'

export interface LinkFrame {
  readonly bytes: Uint8Array
  readonly linkType: number
}

const ethernet = 1
const headersBytes = 80
/** Of the kinds that a reader may know, and some that it does not. */
const linkTypes = [
  0, 1, 6, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 127, 147, 163, 192, 228, 229, 239, 253, 276, 65_535,
]

/** One frame becomes none, one or many. */
export function mutateFrame(frame: LinkFrame, random: Random): LinkFrame[] {
  return random.pick(changes)(frame, random)
}

type Change = (frame: LinkFrame, random: Random) => LinkFrame[]

const sameLink = (frame: LinkFrame, bytes: Uint8Array): LinkFrame[] => [{ bytes, linkType: frame.linkType }]

const truncate: Change = (frame, random) => sameLink(frame, frame.bytes.slice(0, random.below(frame.bytes.length + 1)))

const breakHeaders: Change = (frame, random) =>
  sameLink(frame, noisyInPlace(frame.bytes, random, 0, headersBytes, 1 + random.below(4)))

/** A length, an offset or a count of a header, where Ethernet and IPv4 have theirs. */
const breakLength: Change = (frame, random) => {
  const copy = frame.bytes.slice()
  const at = random.pick([12, 14, 16, 20, 23, 46, 14 + 4, 14 + 6, 14 + 12, 26, 30, 34])
  if (at + 2 > copy.length) return sameLink(frame, copy)
  const view = new DataView(copy.buffer, copy.byteOffset, copy.length)
  if (random.chance(0.5)) view.setUint16(at, randomWord(random))
  else view.setUint16(at, view.getUint16(at) + random.pick([-8, -1, 1, 8, 20]))
  return sameLink(frame, copy)
}

const pad: Change = (frame, random) =>
  sameLink(frame, concatenated(frame.bytes, new Uint8Array(random.below(60)).fill(0xee)))

const noise: Change = (frame, random) => sameLink(frame, noisy(frame.bytes, random, 1 + random.below(5)))

const relabel: Change = (frame, random) => {
  const linkType = random.pick(linkTypes)
  if (random.chance(0.5)) return [{ bytes: frame.bytes, linkType }]
  return [{ bytes: frame.bytes.subarray(frame.linkType === ethernet ? 14 : 0), linkType }]
}

/** In one tunnel, or in a tunnel of tunnels, each of any kind. */
const encapsulate: Change = (frame, random) => {
  if (frame.linkType !== ethernet || frame.bytes.length < 34) return noise(frame, random)
  let bytes = frame.bytes
  const depth = random.chance(0.8) ? 1 + random.below(3) : random.below(40)
  for (let level = 0; level < depth && bytes.length < 60_000; level++)
    bytes = random.pick(encapsulations)(bytes, random)
  if (random.chance(0.3))
    bytes = noisyInPlace(bytes, random, 0, bytes.length - frame.bytes.length + headersBytes, 1 + random.below(3))
  return [{ bytes, linkType: ethernet }]
}

/** IPv4 in pieces: whole, overlapping, out of order, twice, or not all of them. RFC 791 §3.2. */
const fragment: Change = (frame, random) => {
  const { bytes } = frame
  if (frame.linkType !== ethernet || bytes.length < 54 || bytes[12] !== 8 || bytes[13] !== 0 || bytes[14] !== 0x45)
    return noise(frame, random)
  const payload = bytes.subarray(34)
  const step = 8 * (1 + random.below(random.chance(0.5) ? 4 : 60))
  const pieces: LinkFrame[] = []
  for (let at = 0; at < payload.length && pieces.length < 300; at += step) {
    const extra = random.chance(0.9) ? 0 : 8 * random.below(6)
    const from = Math.max(0, at - (random.chance(0.9) ? 0 : 8 * random.below(6)))
    const part = payload.subarray(from, at + step + extra)
    const piece = concatenated(bytes.subarray(0, 34), random.chance(0.97) ? part : noisy(part, random))
    const view = new DataView(piece.buffer)
    view.setUint16(16, piece.length - 14)
    const isLast = at + step >= payload.length
    view.setUint16(20, (isLast !== random.chance(0.01) ? 0 : 0x2000) | (from >> 3))
    pieces.push({ bytes: piece, linkType: ethernet })
  }
  if (random.chance(0.3)) pieces.splice(random.below(pieces.length), 1)
  if (random.chance(0.3)) pieces.splice(random.below(pieces.length + 1), 0, random.pick([...pieces, frame]))
  return random.chance(0.4) ? pieces.reverse() : pieces
}

const changes: readonly Change[] = [
  truncate,
  breakHeaders,
  breakHeaders,
  breakLength,
  breakLength,
  pad,
  noise,
  relabel,
  encapsulate,
  encapsulate,
  fragment,
  fragment,
]
