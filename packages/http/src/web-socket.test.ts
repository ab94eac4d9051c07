import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ScriptStep, transcribe } from './flow-transcript.js'
import type { WebSocketCounts } from './web-socket.js'

const handshake: readonly ScriptStep[] = [
  ['c', 'GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'],
  ['s', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n'],
]
const none: WebSocketCounts = {
  frameCount: 0,
  textMessageCount: 0,
  binaryMessageCount: 0,
  closeCount: 0,
  pingCount: 0,
  pongCount: 0,
  payloadBytes: 0,
  isPartial: false,
}

/** RFC 6455 §5.2. */
function frame(type: number, bytes: number, isLast = true, isMasked = false): Buffer {
  const length =
    bytes < 126
      ? [bytes]
      : bytes < 65_536
        ? [126, bytes >> 8, bytes & 255]
        : [127, 0, 0, 0, 0, 0, bytes >> 16, (bytes >> 8) & 255, bytes & 255]
  length[0]! |= isMasked ? 0x80 : 0
  return Buffer.concat([
    Buffer.from([(isLast ? 0x80 : 0) | type, ...length]),
    Buffer.alloc(isMasked ? 4 : 0, 7),
    Buffer.alloc(bytes, 0x41),
  ])
}

const counted = (steps: readonly ScriptStep[], cuts: readonly number[] = []) => {
  const { transactions } = transcribe([...handshake, ...steps], { cuts })
  expect(transactions.map(({ request, status }) => [request, status])).toEqual([['GET /chat 1.1', 101]])
  return transactions[0]?.webSocket
}

describe('WebSocket traffic', () => {
  it.each<[string, Buffer | string, Partial<WebSocketCounts>]>([
    ['nothing', '', {}],
    ['a text message', frame(1, 5, true, true), { frameCount: 1, textMessageCount: 1, payloadBytes: 5 }],
    ['16-bit length', frame(2, 300), { frameCount: 1, binaryMessageCount: 1, payloadBytes: 300 }],
    ['64-bit length', frame(2, 70_000, true, true), { frameCount: 1, binaryMessageCount: 1, payloadBytes: 70_000 }],
    [
      'fragments with a ping between: one message (§5.4)',
      Buffer.concat([frame(1, 2, false), frame(9, 1), frame(0, 3, false), frame(0, 4)]),
      { frameCount: 4, textMessageCount: 1, pingCount: 1, payloadBytes: 10 },
    ],
    [
      'pong, close',
      Buffer.concat([frame(10, 0), frame(8, 2)]),
      { frameCount: 2, pongCount: 1, closeCount: 1, payloadBytes: 2 },
    ],
    ['a long control frame (§5.5)', frame(9, 126), { isPartial: true }],
    ['a fragmented control frame (§5.5)', frame(8, 1, false), { isPartial: true }],
    ['a continuation of nothing (§5.4)', frame(0, 1), { isPartial: true }],
    [
      'a message within a message (§5.4)',
      Buffer.concat([frame(1, 1, false), frame(2, 1)]),
      { frameCount: 1, payloadBytes: 1, isPartial: true },
    ],
    [
      'a reserved type (§5.2)',
      Buffer.concat([frame(1, 1), frame(3, 1)]),
      { frameCount: 1, textMessageCount: 1, payloadBytes: 1, isPartial: true },
    ],
    ['a length beyond 2^53', Buffer.from([0x82, 127, 0xff, 0, 0, 0, 0, 0, 0, 0]), { isPartial: true }],
  ])('%s', (_why, bytes, expected) => {
    expect(counted([['c', bytes]])).toEqual({ c2s: { ...none, ...expected }, s2c: none, isOpen: false })
    expect(counted([['s', bytes]])).toEqual({ c2s: none, s2c: { ...none, ...expected }, isOpen: false })
  })

  it('counts what stands in the packet of the handshake, too', () => {
    const [request, response] = handshake
    const behind = Buffer.concat([Buffer.from(String(response?.[1]), 'latin1'), frame(1, 3)])
    const { transactions } = transcribe([request!, ['s', behind]])
    expect(transactions[0]?.webSocket?.s2c).toEqual({ ...none, frameCount: 1, textMessageCount: 1, payloadBytes: 3 })
  })

  it('goes on behind a gap in payload, and not behind one in a header', () => {
    const inPayload = counted([
      ['s', frame(2, 100).subarray(0, 50)],
      ['s', 52],
      ['s', frame(1, 1)],
    ])
    expect(inPayload?.s2c).toEqual({
      ...none,
      frameCount: 2,
      binaryMessageCount: 1,
      textMessageCount: 1,
      payloadBytes: 101,
    })
    const inHeader = counted([
      ['s', frame(2, 100).subarray(0, 50)],
      ['s', 53],
      ['s', frame(1, 1)],
    ])
    expect(inHeader?.s2c).toEqual({ ...none, frameCount: 1, binaryMessageCount: 1, payloadBytes: 100, isPartial: true })
  })

  it('publishes the handshake when it waited long enough, or when too many wait', () => {
    const steps: ScriptStep[] = [...handshake, ['c', frame(1, 1)], ['c', frame(1, 1)]]
    const late = transcribe(steps, { limits: { webSocketHoldUs: 1_500 }, end: false })
    expect(late.transactions.map(({ webSocket }) => [webSocket?.isOpen, webSocket?.c2s.frameCount])).toEqual([
      [true, 1],
    ])
    const many = transcribe(steps, { limits: { webSocketHeldMax: 0 }, end: false })
    expect(many.transactions.map(({ webSocket }) => webSocket?.c2s.frameCount)).toEqual([0])
    const whole = transcribe(steps, { limits: { webSocketHoldUs: 1_500 } })
    expect([whole.transactions.length, whole.counters.webSocketFrameCount]).toEqual([1, 2])
  })

  it('counts the same however the bytes are cut, and survives any', () => {
    const bytes = fc.oneof(
      fc
        .tuple(fc.constantFrom(0, 1, 2, 8, 9, 10, 11), fc.constantFrom(0, 5, 200, 66_000), fc.boolean(), fc.boolean())
        .map((of) => frame(...of)),
      fc.uint8Array({ maxLength: 9 }).map((octets) => Buffer.from(octets)),
    )
    fc.assert(
      fc.property(
        fc.array(bytes, { maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1, maxLength: 3 }),
        (all, cuts) => {
          const steps: ScriptStep[] = all.map((each) => ['s', each])
          expect(counted(steps, [...cuts, 300])).toEqual(counted(steps))
        },
      ),
      { numRuns: 60 },
    )
  })
})
