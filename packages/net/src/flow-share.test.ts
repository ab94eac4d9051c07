import fc from 'fast-check'
import { expect, it } from 'vitest'
import { FlowShare } from './flow-share.js'
import { decodeFrame, SegmentView, tcpAck } from './frame.js'
import { buildFrame, type SegmentSpec } from './frame-builder.js'

type Ends = Pick<SegmentSpec, 'sourceIp' | 'sourcePort' | 'destinationIp' | 'destinationPort'>

function segmentOf(ends: Ends): SegmentView {
  const buffer = buildFrame({ ...ends, seq: 1, ack: 1, flags: tcpAck })
  const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  const segment = new SegmentView()
  const frame = { buffer, view, offset: 0, end: buffer.length, timestampUs: 0, linkType: 1 }
  expect(decodeFrame(frame, segment)).toBe('segment')
  return segment
}

function ownersOf(segment: SegmentView, workerCount: number): number[] {
  const all = Array.from({ length: workerCount }, (_, workerIndex) => new FlowShare({ workerIndex, workerCount }))
  return all.filter((share) => share.owns(segment)).map(({ workerIndex }) => workerIndex)
}

const port = fc.integer({ min: 0, max: 65_535 })
const addresses = fc.oneof(
  fc.tuple(fc.ipV4(), fc.ipV4()),
  fc.tuple(fc.constant('2001:db8::1'), fc.constant('2001:db8::2')),
)

it('a flow has one owner, whichever side sends', () => {
  fc.assert(
    fc.property(addresses, port, port, fc.integer({ min: 1, max: 9 }), ([one, other], onePort, otherPort, count) => {
      const there = { sourceIp: one, sourcePort: onePort, destinationIp: other, destinationPort: otherPort }
      const back = { sourceIp: other, sourcePort: otherPort, destinationIp: one, destinationPort: onePort }
      const owners = ownersOf(segmentOf(there), count)
      expect(owners).toHaveLength(1)
      expect(ownersOf(segmentOf(back), count)).toEqual(owners)
    }),
    { numRuns: 200 },
  )
})

it.each([2, 3, 4])('neighbouring ports and addresses are spread over %i workers', (count) => {
  const flows = new Array<number>(count).fill(0)
  for (let i = 0; i < 4_000; i++) {
    const ends = {
      sourceIp: `10.0.${i % 7}.${i % 250}`,
      sourcePort: 32_768 + i * 2,
      destinationIp: '192.0.2.1',
      destinationPort: 80,
    }
    for (const owner of ownersOf(segmentOf(ends), count)) flows[owner]! += 1
  }
  for (const each of flows) expect(Math.abs(each * count - 4_000) / 4_000).toBeLessThan(0.1)
})

it('one worker owns everything', () => {
  const ends = { sourceIp: '192.0.2.1', sourcePort: 1, destinationIp: '192.0.2.2', destinationPort: 2 }
  expect(ownersOf(segmentOf(ends), 1)).toEqual([0])
})
