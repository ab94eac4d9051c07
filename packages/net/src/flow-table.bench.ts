/**
 * ns of CPU and bytes allocated per packet, frames to in-order bytes: keep-alive connections, 1,460-byte segments, an ACK for each
 * turn, as they were sent and with one frame in a hundred late. Run: `node --expose-gc packages/net/dist/flow-table.bench.js`.
 */

import { FlowTable } from './flow-table.js'
import { type BuiltFrame, buildConversation, type Turn } from './frame-builder.js'
import { SegmentReader } from './segment-reader.js'

const flowCount = 60
const runsPerRound = 20
const roundCount = 9
const request = new Uint8Array(450).fill(0x41)
const response = new Uint8Array(1_650).fill(0x42)
const turns: Turn[] = Array.from({ length: 40 }, (_value, index) => ({
  direction: index % 2 === 0 ? 'c2s' : 's2c',
  bytes: index % 2 === 0 ? request : response,
}))

const conversations = Array.from({ length: flowCount }, (_value, index) =>
  buildConversation(
    { clientIp: `10.0.${index >> 8}.${index & 255}`, clientPort: 30_000 + index, serverIp: '10.1.0.1', serverPort: 80 },
    turns,
    1_000_000 + index * 3,
    1_600,
  ),
)
const inOrder = conversations.flat().sort((a, b) => a.timestampUs - b.timestampUs)
const impaired = inOrder
  .map((frame, index) => (index % 100 === 7 ? { ...frame, timestampUs: frame.timestampUs + 2_500 } : frame))
  .sort((a, b) => a.timestampUs - b.timestampUs)
const payloadBytes = flowCount * 20 * (request.length + response.length)

/** All frames in one buffer, as a reader of blocks would have them. */
function packed(frames: readonly BuiltFrame[]) {
  const buffer = new Uint8Array(frames.reduce((sum, { bytes }) => sum + bytes.length, 0))
  let offset = 0
  const places = frames.map(({ bytes, timestampUs }) => {
    buffer.set(bytes, offset)
    offset += bytes.length
    return { timestampUs, offset: offset - bytes.length, end: offset }
  })
  return { buffer, view: new DataView(buffer.buffer), places }
}

function run({ buffer, view, places }: ReturnType<typeof packed>): number {
  const deliveredBytes = new Float64Array(1) // A captured variable would allocate a number a call.
  const consumer = {
    bytes: (_direction: string, _buffer: Uint8Array, from: number, to: number) => {
      deliveredBytes[0]! += to - from
    },
    gap: () => undefined,
    end: () => undefined,
  }
  const table = new FlowTable({ consumerOf: () => consumer })
  const reader = new SegmentReader({ onSegment: (segment) => table.segment(segment) })
  const frame = { buffer, view, offset: 0, end: 0, timestampUs: 0, linkType: 1 }
  for (const place of places) {
    frame.offset = place.offset
    frame.end = place.end
    frame.timestampUs = place.timestampUs
    reader.readFrame(frame)
  }
  table.end()
  return deliveredBytes[0]!
}

const inputs = [
  ['in order', packed(inOrder)],
  ['1 % late by 2.5 ms', packed(impaired)],
] as const
const best = new Map<string, { readonly ns: number; readonly allocated: number }>()
for (let round = 0; round < roundCount; round++) {
  for (const [name, input] of inputs) {
    globalThis.gc?.()
    const heapBefore = process.memoryUsage().heapUsed
    const before = process.cpuUsage()
    let deliveredBytes = 0
    for (let count = 0; count < runsPerRound; count++) deliveredBytes = run(input)
    const used = process.cpuUsage(before)
    const allocated = (process.memoryUsage().heapUsed - heapBefore) / (input.places.length * runsPerRound)
    if (deliveredBytes > payloadBytes) throw new Error('delivered more than was sent')
    const ns = ((used.user + used.system) * 1_000) / (input.places.length * runsPerRound)
    if (ns < (best.get(name)?.ns ?? Number.POSITIVE_INFINITY)) best.set(name, { ns, allocated })
  }
}
for (const [name, { ns, allocated }] of best) {
  console.log(`${name}: ${ns.toFixed(0)} ns CPU/packet, ${allocated.toFixed(1)} bytes of heap/packet`)
}
