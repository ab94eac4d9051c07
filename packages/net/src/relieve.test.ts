/** Flows leave when their consumers hold too much, and only those that hold something. */

import { expect, it } from 'vitest'
import { FlowTable } from './flow-table.js'
import { tcpAck } from './frame.js'
import { buildFrame } from './frame-builder.js'
import { SegmentReader } from './segment-reader.js'

it('puts out the longest silent flows that hold something, until there is room', () => {
  const held = new Map<number, boolean>()
  const ended: number[] = []
  const table = new FlowTable({
    consumerOf: ({ clientPort }) => ({
      bytes: () => undefined,
      gap: () => undefined,
      isHolding: () => held.get(clientPort) === true,
      end: (direction, reason) => {
        if (direction === 'c2s' && reason === 'evicted') ended.push(clientPort)
        held.delete(clientPort)
      },
    }),
  })
  const segments = new SegmentReader({ onSegment: (segment) => table.segment(segment) })
  for (let port = 1_000; port < 1_008; port++) {
    const bytes = buildFrame({
      sourceIp: '192.0.2.1',
      sourcePort: port,
      destinationIp: '192.0.2.2',
      destinationPort: 80,
      seq: 1,
      ack: 1,
      flags: tcpAck,
      payload: Uint8Array.of(1),
    })
    segments.readFrame({
      buffer: bytes,
      view: new DataView(bytes.buffer),
      offset: 0,
      end: bytes.length,
      timestampUs: port * 2_000_000,
      linkType: 1,
    })
    if (port % 2 === 0) held.set(port, true)
  }
  table.relieve(() => held.size > 2)
  expect(ended).toEqual([1_000, 1_002])
  expect(table.statistics().flowCount).toBe(6)
  expect(table.statistics().evictedFlowCount).toBe(2)
  expect(table.anomalies.of('flow.evicted')).toBe(2)
})
