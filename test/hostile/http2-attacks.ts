/** Within HTTP/2: field blocks that unfold, blocks that never end, streams that are reset at once. RFC 9113 §10.5. */

import { concatenated } from '../fuzz/fuzz-frame.js'
import { hpackLiteral, http2Frame, http2Preface } from '../fuzz/seed-conversations.js'
import { type Attack, EndlessStream, inSegments, latin1 } from './attack.js'

const none = new Uint8Array(0)
const settings = http2Frame(4, 0, 0, none)
const requestBlock = latin1('\x82\x86\x84\x41\x0cshop.example')

/** Connections that are replaced after so many steps, as streams have numbers. */
function connections(
  stepsEach: number,
  first: Uint8Array,
  step: (stream: EndlessStream, step: number) => readonly Uint8Array[],
) {
  let stream = new EndlessStream(0)
  return (index: number): readonly Uint8Array[] => {
    if (index % stepsEach !== 0) return step(stream, index % stepsEach)
    stream = new EndlessStream(index / stepsEach)
    return [stream.segment(concatenated(http2Preface, settings, first)), stream.answer(settings), ...step(stream, 0)]
  }
}

export const http2Attacks: readonly Attack[] = [
  {
    name: 'HPACK bombs',
    unit: 'field blocks',
    fullCount: 2_000,
    shortCount: 20,
    start: () => {
      // One entry of nearly 4,096 bytes, then 16,000 one-byte references to it: 60 MB a block.
      const entry = concatenated(latin1('\x40\x01a\x7f\xf0\x1d'), new Uint8Array(3_951).fill(0x61))
      const references = new Uint8Array(16_000).fill(0xbe)
      const first = http2Frame(1, 5, 1, concatenated(requestBlock, entry))
      return connections(50, first, (stream, step) =>
        inSegments(stream, http2Frame(1, 5, 3 + 2 * step, concatenated(latin1('\x82\x86\x84'), references))),
      )
    },
    clock: (step) => 250 * step,
    toldBy: [],
  },
  {
    name: 'rapid reset',
    unit: 'streams',
    fullCount: 1_000_000,
    shortCount: 10_000,
    start: () =>
      connections(100_000, none, (stream, step) => [
        stream.segment(
          concatenated(
            http2Frame(1, 5, 1 + 2 * step, requestBlock),
            http2Frame(3, 0, 1 + 2 * step, Uint8Array.of(0, 0, 0, 8)),
          ),
        ),
      ]),
    toldBy: [],
  },
  {
    name: 'streams without answers',
    unit: 'streams',
    fullCount: 400_000,
    shortCount: 10_000,
    start: () =>
      connections(100_000, none, (stream, step) => [
        stream.segment(
          http2Frame(1, 4, 1 + 2 * step, concatenated(requestBlock, hpackLiteral('x-step', String(step)))),
        ),
      ]),
    toldBy: [],
  },
  {
    name: 'CONTINUATION without end',
    unit: 'frames',
    fullCount: 75_000,
    shortCount: 4_000,
    start: () => {
      const part = latin1(`\0\x01b\x7f\xe3\x08${'v'.repeat(1_250)}`)
      return connections(1_000_000, http2Frame(1, 1, 1, requestBlock), (stream) => [
        stream.segment(http2Frame(9, 0, 1, part)),
      ])
    },
    toldBy: [],
  },
  {
    name: 'empty DATA frames, PINGs and SETTINGS',
    unit: 'frames',
    fullCount: 1_000_000,
    shortCount: 20_000,
    start: () => {
      const frames = concatenated(
        ...Array.from({ length: 10 }, () =>
          concatenated(http2Frame(0, 0, 1, none), http2Frame(6, 0, 0, new Uint8Array(8)), settings),
        ),
      )
      return connections(1_000_000, http2Frame(1, 4, 1, requestBlock), (stream, step) =>
        step % 30 === 0 ? [stream.segment(frames)] : [],
      )
    },
    toldBy: [],
  },
]
