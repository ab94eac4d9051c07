import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HalfStream, type HalfStreamAnomaly, type HalfStreamOwner, noAck } from './half-stream.js'
import { seqAdd } from './sequence.js'

const streamBytes = 64
const noLimit = 1_000_000

/** Collects what is delivered into positions of a stream that starts at `start`; a gap leaves its positions untouched. */
class Collector implements HalfStreamOwner {
  readonly got = new Array<number>(streamBytes).fill(-1)
  at = 0
  deliveredBytes = 0
  missedBytes = 0
  isFinished = false
  readonly anomalies: HalfStreamAnomaly[] = []
  deliver(_half: HalfStream, buffer: Uint8Array, from: number, to: number): void {
    for (let index = from; index < to; index++) this.got[this.at++] = buffer[index]!
    this.deliveredBytes += to - from
  }
  missed(_half: HalfStream, missedBytes: number): void {
    this.at += missedBytes
    this.missedBytes += missedBytes
  }
  isCaughtUp(): boolean {
    return true
  }
  isShown(): boolean {
    return true
  }
  finished(): void {
    this.isFinished = true
  }
  anomaly(_half: HalfStream, name: HalfStreamAnomaly): void {
    this.anomalies.push(name)
  }
  touched(): void {}
}

interface Piece {
  readonly at: number
  readonly values: Uint8Array
}

/** The obvious model: each position keeps the first value that came for it. */
function bitmapModel(pieces: readonly Piece[]): number[] {
  const model = new Array<number>(streamBytes).fill(-1)
  for (const { at, values } of pieces) {
    values.forEach((value, index) => {
      if (model[at + index] === -1) model[at + index] = value
    })
  }
  return model
}

function assemble(pieces: readonly Piece[], start: number) {
  const owner = new Collector()
  const half = new HalfStream(owner)
  half.start(start, true)
  const padded = new Uint8Array(streamBytes + 10)
  for (const { at, values } of pieces) {
    padded.fill(0xee)
    padded.set(values, 5) // Lent from the middle of a buffer, which is overwritten afterwards.
    half.segment(padded, 5, 5 + values.length, 0, seqAdd(start, at), noAck, noLimit, true)
  }
  padded.fill(0xee)
  return { owner, half }
}

const anyStart = fc.oneof(fc.nat(0xffff_ffff), fc.integer({ min: 0xffff_ffff - 40, max: 0xffff_ffff }))
/** Any cut, order, overlap and duplication, with values that tell which piece a byte is from. */
const anyPieces = fc
  .array(fc.tuple(fc.nat(streamBytes - 1), fc.integer({ min: 1, max: 24 })), { maxLength: 30 })
  .map((places) =>
    places.map(([at, bytes], index) => ({ at, values: new Uint8Array(Math.min(bytes, streamBytes - at)).fill(index) })),
  )

describe('HalfStream', () => {
  it('assembles what a bitmap would: first bytes win, gaps where nothing came', () => {
    fc.assert(
      fc.property(anyPieces, anyStart, (pieces, start) => {
        const { owner, half } = assemble(pieces, start)
        const model = bitmapModel(pieces)
        const inOrderBytes = (model.indexOf(-1) + streamBytes + 1) % (streamBytes + 1)
        expect(owner.deliveredBytes).toBe(inOrderBytes) // Nothing that has its turn is held back.
        while (half.pendingCount > 0) half.force(0)
        half.drain()
        expect(owner.got).toEqual(model)
        expect(half.bufferedBytes).toBe(0)
        const end = model.findLastIndex((value) => value !== -1) + 1
        expect(owner.deliveredBytes + owner.missedBytes).toBe(end)
      }),
      { numRuns: 500 },
    )
  })

  it('delivers a whole stream whatever the cuts, the order and the repetitions, and ends with its FIN', () => {
    const whole = Uint8Array.from({ length: streamBytes }, (_value, index) => index)
    const places = fc
      .uniqueArray(fc.integer({ min: 1, max: streamBytes - 1 }))
      .map((at) => [0, ...at.sort((a, b) => a - b)])
    const order = places.chain((at) => {
      const pieces = at.map((from, index) => ({ at: from, values: whole.slice(from, at[index + 1] ?? streamBytes) }))
      return fc
        .tuple(fc.shuffledSubarray(pieces, { minLength: pieces.length }), fc.subarray(pieces))
        .chain(([all, twice]) => fc.shuffledSubarray([...all, ...twice], { minLength: all.length + twice.length }))
    })
    fc.assert(
      fc.property(order, anyStart, fc.boolean(), (pieces, start, isFinFirst) => {
        const owner = new Collector()
        const half = new HalfStream(owner)
        half.start(start, true)
        if (isFinFirst) half.fin(seqAdd(start, streamBytes), 0)
        for (const { at, values } of pieces) {
          half.segment(values, 0, values.length, 0, seqAdd(start, at), noAck, noLimit, true)
        }
        half.fin(seqAdd(start, streamBytes), 0)
        return owner.got.every((value, index) => value === index) && owner.isFinished && owner.missedBytes === 0
      }),
    )
  })

  it('lends in-order bytes without copying them', () => {
    const owner = new Collector()
    let lent: Uint8Array | undefined
    owner.deliver = (_half, buffer) => {
      lent = buffer
    }
    const half = new HalfStream(owner)
    half.start(7, true)
    const buffer = new Uint8Array(10)
    half.segment(buffer, 2, 9, 0, 7, noAck, noLimit, true)
    expect(lent).toBe(buffer)
  })

  it('never keeps more than it may, and says so', () => {
    fc.assert(
      fc.property(anyPieces, fc.nat(2_000), (pieces, maxBytes) => {
        const half = new HalfStream(new Collector())
        half.start(0, true)
        return pieces.every(({ at, values }) => {
          half.segment(values, 0, values.length, 0, at + 1, noAck, maxBytes, true)
          return half.bufferedBytes <= maxBytes + 2 * 30 * 128 // Its own bookkeeping: at most a piece between any two others.
        })
      }),
    )
  })
})

it('a SYN that moves the start takes along what waited before it: nothing that waits lies before what is expected', () => {
  const owner = new Collector()
  const half = new HalfStream(owner)
  half.startByAck(100, false)
  half.segment(Uint8Array.of(1, 2, 3, 4), 0, 4, 0, 110, noAck, noLimit, true)
  half.segment(Uint8Array.of(5, 6, 7, 8), 0, 4, 0, 120, noAck, noLimit, true)
  half.start(122, true)
  expect(half.pendingCount).toBe(1)
  expect(half.hasHole).toBe(false)
  half.drain()
  expect(owner.got.slice(0, 2)).toEqual([7, 8])
  half.start(50_000_000, true)
  expect(half.pendingCount).toBe(0)
  expect(half.bufferedBytes).toBe(0)
})
