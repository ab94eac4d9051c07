/** HTTP/2 with its frames broken: types, flags, streams, lengths, padding, order, and the field blocks inside. RFC 9113 §4, §6; RFC 7541. */

import type { Random } from '../random.js'
import { noisy, randomBytes, randomLong } from './byte-mutations.js'
import { concatenated, latin1Bytes } from './fuzz-frame.js'
import { hpackLiteral, http2Frame, http2Preface } from './seed-conversations.js'

interface Frame {
  type: number
  flags: number
  stream: number
  payload: Uint8Array
}

const headerBytes = 9
const frameMaxCount = 400

/** Undefined unless `bytes`, behind a preface if there is one, are whole frames of known types. */
export function mutateHttp2(bytes: Uint8Array, random: Random): Uint8Array | undefined {
  const hasPreface = startsWith(bytes, http2Preface)
  const frames = framesOf(bytes, hasPreface ? http2Preface.length : 0)
  if (frames === undefined || (frames.length === 0 && !hasPreface)) return undefined
  if (frames.length === 0) return noisy(bytes, random)
  random.pick(changes)(frames, random)
  const start = !hasPreface ? [] : [random.chance(0.97) ? http2Preface : noisy(http2Preface, random)]
  return concatenated(...start, ...frames.map((frame) => written(frame, random)))
}

function framesOf(bytes: Uint8Array, from: number): Frame[] | undefined {
  const frames: Frame[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let at = from
  while (at + headerBytes <= bytes.length && frames.length < frameMaxCount) {
    const length = (view.getUint16(at) << 8) | view.getUint8(at + 2)
    const type = view.getUint8(at + 3)
    if (type > 16 || at + headerBytes + length > bytes.length) return undefined
    const payload = bytes.subarray(at + headerBytes, at + headerBytes + length)
    frames.push({ type, flags: view.getUint8(at + 4), stream: view.getUint32(at + 5), payload })
    at += headerBytes + length
  }
  return at === bytes.length || frames.length === frameMaxCount ? frames : undefined
}

function written({ type, flags, stream, payload }: Frame, random: Random): Uint8Array {
  const bytes = http2Frame(type, flags, stream, payload)
  if (random.chance(0.99)) return bytes
  return noisy(bytes, random) // Its length lies, perhaps.
}

type Change = (frames: Frame[], random: Random) => void

/** Field representations at the edges of HPACK: indices, sizes, Huffman, integers without end. RFC 7541 §5, §6. */
const blocks: readonly ((random: Random) => Uint8Array)[] = [
  (random) => Uint8Array.from([0x80 | random.below(128)]),
  () => latin1Bytes('\xff\xff\xff\xff\xff\x0f'),
  () => latin1Bytes(`\xff${'\x80'.repeat(40)}\x01`),
  () => latin1Bytes('\x3f\xe1\x1f'),
  () => latin1Bytes('\x20\x3f\xff\xff\xff\xff\x0f'),
  (random) => latin1Bytes(`\x40${String.fromCharCode(random.below(256))}abc${String.fromCharCode(random.below(256))}`),
  (random) =>
    concatenated(
      ...Array.from({ length: random.below(200) }, (_, i) => hpackLiteral(`x-${i}`, 'v'.repeat(random.below(120)))),
    ),
  (random) => concatenated(...Array.from({ length: random.below(2_000) }, () => latin1Bytes('\xbe'))),
  (random) =>
    concatenated(latin1Bytes('\x40\x83'), randomBytes(random, 3), latin1Bytes('\x84'), randomBytes(random, 4)),
  () => latin1Bytes('\x00\x01A\x01b\x10\x07:method\x01x\x00\x00\x00'),
  (random) =>
    concatenated(
      latin1Bytes('\x82\x86\x84'),
      hpackLiteral(
        random.pick([
          ':path',
          ':authority',
          'content-length',
          'transfer-encoding',
          'te',
          'grpc-status',
          'grpc-encoding',
          'content-encoding',
          'cookie',
        ]),
        random.pick(['', '0', '99999999999', '/', 'chunked', 'gzip', '\xff\0']),
      ),
    ),
]

const changeHeader: Change = (frames, random) => {
  const frame = random.pick(frames)
  if (random.chance(0.3)) frame.type = random.chance(0.9) ? random.below(11) : random.below(256)
  if (random.chance(0.4))
    frame.flags = random.chance(0.7) ? random.pick([0, 1, 4, 5, 8, 9, 0x20, 0x2d]) : random.below(256)
  if (random.chance(0.4)) frame.stream = random.chance(0.7) ? random.below(12) : randomLong(random)
}

const changePayload: Change = (frames, random) => {
  const frame = random.pick(frames)
  frame.payload = noisy(frame.payload, random, 1 + random.below(4))
}

const changeBlock: Change = (frames, random) => {
  const withBlocks = frames.filter(({ type }) => type === 1 || type === 5 || type === 9)
  const frame = withBlocks.length === 0 ? random.pick(frames) : random.pick(withBlocks)
  const added = random.pick(blocks)(random)
  frame.payload = random.chance(0.5) ? concatenated(frame.payload, added) : concatenated(added, frame.payload)
}

const reorder: Change = (frames, random) => {
  const from = random.below(frames.length)
  const [moved] = frames.splice(from, 1)
  if (moved === undefined || random.chance(0.25)) return
  frames.splice(random.below(frames.length + 1), 0, moved)
  if (random.chance(0.4)) frames.splice(random.below(frames.length), 0, { ...moved })
}

const addFrame: Change = (frames, random) => {
  const stream = random.chance(0.8) ? random.pick(frames).stream & 0x7fff_ffff : randomLong(random)
  const count = random.chance(0.9) ? 1 : random.below(300)
  for (let added = 0; added < count; added++) {
    const type = random.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255])
    const payload = random.chance(0.5) ? randomBytes(random, random.below(24)) : random.pick(blocks)(random)
    const flags = random.pick([0, 1, 4, 5, 8, 0x20])
    frames.splice(random.below(frames.length + 1), 0, { type, flags, stream: (stream + 2 * added) >>> 0, payload })
  }
}

/** One frame becomes HEADERS and CONTINUATIONs, or is padded. */
const splitFrame: Change = (frames, random) => {
  const at = random.below(frames.length)
  const frame = frames[at]
  if (frame === undefined || frame.payload.length === 0) return
  const cut = random.below(frame.payload.length)
  const rest: Frame = { ...frame, type: random.chance(0.8) ? 9 : frame.type, payload: frame.payload.subarray(cut) }
  frames.splice(at, 1, { ...frame, flags: frame.flags & ~4, payload: frame.payload.subarray(0, cut) }, rest)
  if (random.chance(0.5)) return
  frame.flags |= 8
  frame.payload = concatenated(Uint8Array.from([random.below(256)]), frame.payload, new Uint8Array(random.below(256)))
  frames.splice(at, 2, frame)
}

const changes: readonly Change[] = [
  changeHeader,
  changeHeader,
  changePayload,
  changeBlock,
  changeBlock,
  reorder,
  addFrame,
  splitFrame,
]

function startsWith(bytes: Uint8Array, start: Uint8Array): boolean {
  return bytes.length >= start.length && start.every((byte, index) => bytes[index] === byte)
}
