/** The law of reassembly, held against a bitmap: any cut, order, loss, repetition and acknowledgement, at any pace. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FlowTable } from './flow-table.js'
import { tcpAck, tcpSyn } from './frame.js'
import { type BuiltFrame, buildFrame, type SegmentSpec } from './frame-builder.js'
import { SegmentReader } from './segment-reader.js'
import { seqAdd, seqDistance } from './sequence.js'

const streamBytes = 48
const stream = Uint8Array.from({ length: streamBytes }, (_value, index) => index + 1)
const serverIsn = 0xffff_fff0

type Event =
  | { readonly kind: 'data'; readonly from: number; readonly to: number }
  | { readonly kind: 'ack'; readonly ack: number; readonly withData: boolean }

const anyData = fc
  .tuple(fc.nat(streamBytes - 1), fc.integer({ min: 1, max: 16 }))
  .map(([from, bytes]): Event => ({ kind: 'data', from, to: Math.min(streamBytes, from + bytes) }))
const anyAck = fc
  .tuple(fc.nat(streamBytes), fc.boolean())
  .map(([ack, withData]): Event => ({ kind: 'ack', ack, withData }))
const anyDelayUs = fc.oneof(fc.nat(300), fc.nat(3_000), fc.nat(40_000), fc.nat(8_000_000))
const anyEvents = fc.array(fc.tuple(fc.oneof({ weight: 3, arbitrary: anyData }, anyAck), anyDelayUs), { maxLength: 30 })

function play(events: readonly (readonly [Event, number])[], clientIsn: number) {
  /** For each position, the index of the event that first brought its byte. */
  const arrivedAt = new Array<number>(streamBytes).fill(Number.POSITIVE_INFINITY)
  let now = -1
  let position = 0
  let deliveredBytes = 0
  let missedBytes = 0
  const table = new FlowTable({
    consumerOf: () => ({
      bytes: (direction, buffer, from, to, _atUs, seq, ack) => {
        if (direction === 's2c') {
          // A response never overtakes what it acknowledges; one byte alone may be a FIN that was not seen.
          expect(seqDistance(seqAdd(clientIsn, 1 + position), ack)).toBeLessThanOrEqual(1)
          return
        }
        expect(seq).toBe(seqAdd(clientIsn, 1 + position))
        expect([...buffer.subarray(from, to)]).toEqual([...stream.subarray(position, position + to - from)])
        position += to - from
        deliveredBytes += to - from
      },
      gap: (direction, bytes) => {
        if (direction === 's2c') return
        // Nothing that had come before is ever given up.
        for (let at = position; at < position + bytes; at++) expect(arrivedAt[at]).toBeGreaterThanOrEqual(now)
        position += bytes
        missedBytes += bytes
      },
      end: () => undefined,
    }),
  })
  const reader = new SegmentReader({ onSegment: (segment) => table.segment(segment) })
  const feed = ({ bytes, timestampUs }: BuiltFrame) => {
    const view = new DataView(bytes.buffer)
    reader.readFrame({ buffer: bytes, view, offset: 0, end: bytes.length, timestampUs, linkType: 1 })
  }
  let timestampUs = 1_000_000
  const send = (fromClient: boolean, seq: number, ack: number, flags: number, payload = new Uint8Array(0)) => {
    const ends = { client: ['192.0.2.1', 40_000], server: ['198.51.100.1', 80] } as const
    const [source, destination] = fromClient ? [ends.client, ends.server] : [ends.server, ends.client]
    const made: SegmentSpec = {
      sourceIp: source[0],
      sourcePort: source[1],
      destinationIp: destination[0],
      destinationPort: destination[1],
      seq,
      ack,
      flags,
      payload,
    }
    feed({ bytes: buildFrame(made), timestampUs })
  }
  send(true, clientIsn, 0, tcpSyn)
  send(false, serverIsn, seqAdd(clientIsn, 1), tcpSyn | tcpAck)
  let answeredBytes = 0
  for (const [index, [event, delayUs]] of events.entries()) {
    now = index
    timestampUs += delayUs
    if (event.kind === 'data') {
      send(true, seqAdd(clientIsn, 1 + event.from), seqAdd(serverIsn, 1), tcpAck, stream.slice(event.from, event.to))
      for (let at = event.from; at < event.to; at++) arrivedAt[at] = Math.min(arrivedAt[at]!, index)
    } else {
      const payload = new Uint8Array(event.withData ? 1 : 0)
      send(false, seqAdd(serverIsn, 1 + answeredBytes), seqAdd(clientIsn, 1 + event.ack), tcpAck, payload)
      answeredBytes += payload.length
    }
  }
  now = events.length
  table.end()
  return { arrivedAt, deliveredBytes, missedBytes, position, statistics: table.statistics() }
}

const anyIsn = fc.oneof(fc.nat(0xffff_ffff), fc.integer({ min: 0xffff_ffff - 30, max: 0xffff_ffff }))

it('delivers each byte once, at its place, and gives up only what had not come', () => {
  fc.assert(
    fc.property(anyEvents, anyIsn, (events, clientIsn) => {
      const { arrivedAt, deliveredBytes, missedBytes, position, statistics } = play(events, clientIsn)
      const arrivedCount = arrivedAt.filter((at) => at !== Number.POSITIVE_INFINITY).length
      expect(deliveredBytes + missedBytes).toBe(position)
      expect(deliveredBytes).toBeLessThanOrEqual(arrivedCount)
      // What lies behind the last position known to exist cannot be missed.
      expect(position).toBeLessThanOrEqual(streamBytes)
      expect(statistics).toMatchObject({ bufferedBytes: 0, flowCount: 0 })
    }),
    { numRuns: 600 },
  )
})

it('misses nothing that came, as long as nobody acknowledged it before', () => {
  const honest = anyEvents.map((events) => {
    // Acknowledgements of a receiver that sees what we see: up to the first byte that has not come.
    const has = new Array<boolean>(streamBytes + 1).fill(false)
    return events.map(([event, delayUs]): readonly [Event, number] => {
      if (event.kind === 'data') {
        has.fill(true, event.from, event.to)
        return [event, delayUs]
      }
      return [{ ...event, ack: Math.min(event.ack, has.indexOf(false)) }, delayUs]
    })
  })
  fc.assert(
    fc.property(honest, anyIsn, (events, clientIsn) => {
      const { arrivedAt, deliveredBytes } = play(events, clientIsn)
      expect(deliveredBytes).toBe(arrivedAt.filter((at) => at !== Number.POSITIVE_INFINITY).length)
    }),
    { numRuns: 600 },
  )
})
