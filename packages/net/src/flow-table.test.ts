/** Flows from frames to what a consumer is told. @long: tables of cases over one harness. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FlowInfo, type FlowLimits, FlowTable } from './flow-table.js'
import { tcpAck, tcpFin, tcpRst, tcpSyn, tcpUrg } from './frame.js'
import {
  type BuiltFrame,
  buildConversation,
  buildFrame,
  type ConversationSpec,
  type SegmentSpec,
  type Turn,
} from './frame-builder.js'
import { SegmentReader } from './segment-reader.js'
import { seqAdd } from './sequence.js'

const spec: ConversationSpec = { clientIp: '192.0.2.1', clientPort: 40_000, serverIp: '198.51.100.1', serverPort: 80 }
const text = (value: string) => new TextEncoder().encode(value)

/** Runs frames through reader and table; what each consumer was told, as lines. */
function run(frames: readonly BuiltFrame[], limits: Partial<FlowLimits> = {}, isEnded = true) {
  const flows: { info: FlowInfo; events: string[]; timed: string[]; odd: string[] }[] = []
  const table = new FlowTable({
    limits,
    consumerOf: (info) => {
      const events: string[] = []
      const timed: string[] = []
      const odd: string[] = []
      flows.push({ info, events, timed, odd })
      const tell = (event: string, atUs: number) => {
        events.push(event)
        timed.push(`${atUs} ${event}`)
      }
      return {
        bytes: (direction, buffer, from, to, atUs) => {
          tell(`${direction} ${Buffer.from(buffer.subarray(from, to)).toString('latin1')}`, atUs)
        },
        gap: (direction, missedBytes, atUs) => tell(`${direction} gap ${missedBytes}`, atUs),
        anomaly: (direction, name) => odd.push(`${direction} ${name} behind ${events.length}`),
        end: (direction, reason, atUs) => tell(`${direction} end ${reason}`, atUs),
      }
    },
  })
  const reader = new SegmentReader({ onSegment: (segment) => table.segment(segment) })
  for (const { bytes, timestampUs } of frames) {
    const view = new DataView(bytes.buffer)
    reader.readFrame({ buffer: bytes, view, offset: 0, end: bytes.length, timestampUs, linkType: 1 })
  }
  if (isEnded) table.end()
  return { flows, table, events: flows[0]?.events ?? [] }
}

const turns: Turn[] = [
  { direction: 'c2s', bytes: text('GET /1') },
  { direction: 's2c', bytes: text('one') },
  { direction: 'c2s', bytes: text('GET /2') },
  { direction: 's2c', bytes: text('two') },
]
const conversation = buildConversation(spec, turns, 1_000_000)
// SYN 0, SYN-ACK 1, ACK 2, GET /1 3, ACK 4, one 5, ACK 6, GET /2 7, ACK 8, two 9, ACK 10, FIN 11, ACK 12, FIN 13, ACK 14
const inOrder = ['c2s GET /1', 's2c one', 'c2s GET /2', 's2c two', 'c2s end fin', 's2c end fin']

/** One segment from the client (or the server) with numbers relative to the first byte. */
function segment(
  from: 'client' | 'server',
  at: number,
  payload: string,
  other: { ack?: number; flags?: number; timestampUs?: number; urgentPointer?: number } = {},
): BuiltFrame {
  const isClient = from === 'client'
  const made: SegmentSpec = {
    sourceIp: isClient ? spec.clientIp : spec.serverIp,
    sourcePort: isClient ? spec.clientPort : spec.serverPort,
    destinationIp: isClient ? spec.serverIp : spec.clientIp,
    destinationPort: isClient ? spec.serverPort : spec.clientPort,
    seq: seqAdd(isClient ? 1_001 : 5_001, at),
    ack: seqAdd(isClient ? 5_001 : 1_001, other.ack ?? 0),
    flags: other.flags ?? tcpAck,
    urgentPointer: other.urgentPointer ?? 0,
    payload: text(payload),
  }
  return { bytes: buildFrame(made), timestampUs: other.timestampUs ?? 1_000_500 }
}
const handshake = conversation.slice(0, 3)

describe('a conversation', () => {
  it('comes out as it was sent', () => {
    const { events, flows, table } = run(conversation)
    expect(events).toEqual(inOrder)
    expect(flows[0]?.info).toEqual({
      flowId: expect.stringMatching(/^1:/),
      clientIp: '192.0.2.1',
      clientPort: 40_000,
      serverIp: '198.51.100.1',
      serverPort: 80,
      vlanIds: [],
      directionAssumed: false,
      midStream: false,
    })
    expect(table.statistics()).toMatchObject({ flowCount: 0, missedBytes: 0, bufferedBytes: 0, openedFlowCount: 1 })
  })

  it('comes out the same over IPv6, through VLANs, across the wrap of both numbers', () => {
    const other = { ...spec, clientIp: '2001:db8::2', serverIp: '2001:db8::1', vlanIds: [7, 9] }
    const { events, flows } = run(
      buildConversation({ ...other, clientIsn: 0xffff_fffe, serverIsn: 0xffff_ffff, segmentMaxBytes: 3 }, turns, 0),
    )
    expect(events.filter((event) => event.startsWith('s2c'))).toEqual(['s2c one', 's2c two', 's2c end fin'])
    expect(flows[0]?.info).toMatchObject({ clientIp: '2001:db8::2', serverIp: '2001:db8::1', vlanIds: [7, 9] })
  })

  it('comes out the same from any order and with any frame twice, if they are close in time', () => {
    const indexes = [...conversation.keys()].slice(3)
    const order = fc.tuple(fc.shuffledSubarray(indexes, { minLength: indexes.length }), fc.subarray(indexes))
    fc.assert(
      fc.property(order, ([shuffled, repeated]) => {
        const at = [0, 1, 2, ...shuffled, ...repeated]
        const frames = at.map((index, step) => ({ bytes: conversation[index]!.bytes, timestampUs: 1_000_000 + step }))
        const { events, table } = run(frames)
        const data = events.filter((event) => !event.includes(' end '))
        expect(data).toEqual(inOrder.slice(0, 4)) // Also the order across directions.
        expect(table.statistics().missedBytes).toBe(0)
      }),
    )
  })

  it('has its client first whichever side is seen, and says when that is a guess', () => {
    for (const [name, frames, assumed] of [
      ['SYN', conversation, false],
      ['SYN-ACK only', conversation.slice(1), false],
      ['request joined', conversation.slice(3), true],
      ['response joined', conversation.slice(5), true],
      ['server only', conversation.filter((_frame, index) => [5, 9, 13].includes(index)), true],
    ] as const) {
      const { info } = run(frames).flows[0]!
      expect([name, info.clientPort, info.directionAssumed]).toEqual([name, 40_000, assumed])
    }
  })

  it('is told by its first bytes where ports mislead', () => {
    const odd = { ...spec, clientPort: 80, serverPort: 40_000 }
    const bytes = [
      { direction: 'c2s', bytes: text('GET / HTTP/1.1\r\n') },
      { direction: 's2c', bytes: text('HTTP/1.1 200 OK\r\n') },
    ] as const
    for (const skipped of [3, 4, 5])
      expect(run(buildConversation(odd, bytes, 0).slice(skipped)).flows[0]?.info.clientPort).toBe(80)
  })
})

describe('what the sensor missed', () => {
  it.each<[string, number[], string[]]>([
    ['a request', [3], ['c2s gap 6', 's2c one', 'c2s GET /2', 's2c two']],
    ['a response', [5], ['c2s GET /1', 's2c gap 3', 'c2s GET /2', 's2c two']],
    ['both', [3, 5], ['c2s gap 6', 's2c gap 3', 'c2s GET /2', 's2c two']],
    ['the last request and response', [7, 9], ['c2s GET /1', 's2c one', 'c2s gap 6', 's2c gap 3']],
    ['a SYN', [0], inOrder.slice(0, 4)],
    ['a FIN', [11], inOrder.slice(0, 4)],
  ])('%s is a gap at its place', (_name, missing, data) => {
    const frames = conversation
      .filter((_frame, index) => !missing.includes(index))
      .map((frame) => ({ ...frame, timestampUs: frame.timestampUs * 100 }))
    expect(run(frames).events.filter((event) => !event.includes(' end '))).toEqual(data)
  })

  it('waits for a repetition as long as nobody acknowledged the bytes', () => {
    const frames = [...handshake, segment('client', 3, 'def'), segment('client', 0, 'abc', { timestampUs: 2_000_000 })]
    expect(run(frames).events).toEqual(['c2s abc', 'c2s def', 'c2s end end-of-capture', 's2c end end-of-capture'])
  })

  it('decides a hole by time alone where the receiver is not in the capture, and drops what comes later', () => {
    const frames = [
      segment('client', -1, '', { flags: tcpSyn }),
      segment('client', 3, 'def'),
      segment('client', 6, 'ghi', { timestampUs: 7_000_000 }),
      segment('client', 0, 'abc', { timestampUs: 7_000_001 }),
    ]
    expect(run(frames, {}, false).events).toEqual(['c2s gap 3', 'c2s def', 'c2s ghi'])
  })

  it('waits for what a visible receiver does not have, however long', () => {
    const early = segment('client', 3, 'def')
    const repeated = [...handshake, early, segment('client', 0, 'abc', { timestampUs: 50_000_000 })]
    expect(run(repeated, {}, false).events).toEqual(['c2s abc', 'c2s def'])
    // Forged: the real bytes go on below it, and it is never acknowledged.
    const forged = [
      ...handshake,
      segment('client', 9_000, 'forged'),
      segment('client', 0, 'abc', { timestampUs: 50_000_000 }),
      segment('client', 3, 'def', { timestampUs: 500_000_000 }),
      segment('client', 6, '', { flags: tcpFin | tcpAck, timestampUs: 500_000_001 }),
    ]
    expect(run(forged).events).toEqual(['c2s abc', 'c2s def', 'c2s end fin', 's2c end end-of-capture'])
  })

  it('decides acknowledged holes after 1 ms behind data and 20 ms behind a pure ACK', () => {
    const late = (timestampUs: number) => segment('client', 0, 'abc', { timestampUs })
    const data = segment('server', 0, 'x', { ack: 3, timestampUs: 1_001_000 })
    const pure = segment('server', 0, '', { ack: 3, timestampUs: 1_001_000 })
    const shown = segment('client', 3, '', { timestampUs: 1_001_001 })
    expect(run([...handshake, data, shown, late(1_001_999)], {}, false).events).toEqual(['c2s abc', 's2c x'])
    expect(run([...handshake, data, shown, late(1_002_000)], {}, false).events).toEqual(['c2s gap 3', 's2c x'])
    expect(run([...handshake, pure, late(1_020_999)], {}, false).events).toEqual(['c2s abc'])
    // Of an ACK alone nothing is lost to the sensor; a sender that goes on proves that it sent, and then it counts.
    expect(run([...handshake, data, late(1_002_000)], {}, false).events).toEqual(['c2s abc', 's2c x'])
    expect(run([...handshake, pure, late(1_021_000)], {}, false).events).toEqual(['c2s abc'])
    expect(run([...handshake, pure, shown, late(1_020_999)], {}, false).events).toEqual(['c2s abc'])
    expect(run([...handshake, pure, shown, late(1_021_000)], {}, false).events).toEqual(['c2s gap 3'])
  })

  it('knows where an unseen SYN-ACK let the bytes start: a lost response is a gap, swapped segments are put in order', () => {
    const late = (indexes: readonly number[]) => indexes.map((at) => conversation[at]!)
    const lost = run(late([0, 2, 3, 7, 9])).events.filter((event) => !event.includes(' end '))
    expect(lost).toEqual(['c2s GET /1', 's2c gap 3', 'c2s GET /2', 's2c two'])
    const three = buildConversation({ ...spec, segmentMaxBytes: 2 }, turns.slice(0, 2), 0)
    const data = three.filter(({ bytes }) => bytes.length > 54)
    const [request, response] = [data.slice(0, 3), data.slice(3)]
    const swapped = [three[0]!, three[2]!, ...request, ...response.toReversed()]
    const { events, flows } = run(swapped.map(({ bytes }, step) => ({ bytes, timestampUs: step })))
    expect(events.filter((event) => event.startsWith('s2c')).join('')).toContain('s2c ons2c e')
    expect(flows[0]?.info.midStream).toBe(false)
  })

  it('does not believe the start that an ACK tells against the bytes or the SYN-ACK of the sender', () => {
    const forged = segment('client', 0, '', { ack: 1_000 })
    const { events } = run([conversation[0]!, forged, ...conversation.slice(3)])
    expect(events.filter((event) => event.startsWith('s2c'))).toEqual(['s2c one', 's2c two', 's2c end fin'])
    expect(run([conversation[0]!, forged, ...conversation.slice(1)]).events).toEqual(inOrder)
  })

  it('hides nothing behind an ACK ahead of all bytes, which its receiver ignores', () => {
    const ahead = segment('client', 0, '', { ack: 1_000_000, timestampUs: 1_000_150 })
    const later = conversation.slice(3).map((frame) => ({ ...frame, timestampUs: frame.timestampUs + 100_000 }))
    const { events, table } = run([...handshake, ahead, ...later])
    expect(events).toEqual(inOrder)
    expect(table.statistics().missedBytes).toBe(0)
  })

  it('hides no answer behind data with such an ACK, and reads what its receiver reads at the same numbers', () => {
    const forged = segment('client', 6, 'FORGED!', { ack: 1_000_000, timestampUs: 1_000_350 })
    const later = conversation.slice(5).map((frame) => ({ ...frame, timestampUs: frame.timestampUs + 9_000_000 }))
    const { events, table } = run([...conversation.slice(0, 5), forged, ...later])
    expect(events).toEqual(inOrder)
    expect(table.statistics().missedBytes).toBe(0)
    expect(table.anomalies.of('tcp.ack-wild')).toBe(1)
  })

  it('lends data with an ACK ahead of what its peer has shown at the end, as the answer may have been lost', () => {
    expect(run([...handshake, segment('client', 0, 'abc', { ack: 3 })]).events.slice(0, 2)).toEqual([
      's2c gap 3',
      'c2s abc',
    ])
  })

  it('lends no answer before its captured request when both directions have holes', () => {
    const frames = [
      ...handshake,
      segment('server', 4, 'answer', { ack: 6, timestampUs: 1_000_500 }), // Of 0 to 4 nothing is known …
      segment('client', 3, 'ask', { ack: 4, timestampUs: 1_000_600 }), // … but that the client has them.
    ]
    const { events } = run(frames)
    expect(events.filter((event) => event.includes(' a'))).toEqual(['c2s ask', 's2c answer'])
    expect(events.filter((event) => event.includes('gap')).sort()).toEqual(['c2s gap 3', 's2c gap 4'])
  })

  it('believes data in a SYN whose receiver is not in the capture, after 5 s or at the end', () => {
    const frames = [segment('client', -1, 'abc', { flags: tcpSyn }), segment('client', 3, 'def')]
    const told = ['c2s abc', 'c2s def']
    expect(run(frames, {}, false).events).toEqual([])
    expect(run(frames).events.slice(0, 2)).toEqual(told)
    const later = segment('client', 6, 'ghi', { timestampUs: 6_500_000 })
    const { events, table } = run([...frames, later], {}, false)
    expect(events).toEqual([...told, 'c2s ghi'])
    expect(table.statistics().bufferedBytes).toBe(0)
  })

  it('does not believe data in a SYN that a receiver in the capture never acknowledged', () => {
    const { events, table } = run([
      segment('client', -1, 'abc', { flags: tcpSyn }),
      segment('server', 0, '', { ack: -90_000, timestampUs: 1_000_600 }),
      segment('client', -1, '', { flags: tcpSyn, timestampUs: 9_000_000 }),
    ])
    expect(events).toEqual([])
    expect(table.statistics()).toMatchObject({ bufferedBytes: 0, openedFlowCount: 0 })
  })

  it('decides by time alone what no later segment of the flow decides', () => {
    const shown = segment('client', 3, '')
    const { table, flows } = run([...handshake, shown, segment('server', 0, 'x', { ack: 3 })], {}, false)
    expect(flows).toEqual([])
    table.advance(1_100_000)
    expect(flows[0]?.events).toEqual(['c2s gap 3', 's2c x'])
  })

  it('delivers a repeated segment whose acknowledgement is newer than the answer that waits for it', () => {
    const frames = [
      ...handshake,
      segment('server', 0, 'one', { ack: 3 }), // Waits for abc …
      segment('client', 0, 'abc', { ack: 3, timestampUs: 1_000_600 }), // … which acknowledges it.
      segment('client', 3, 'def', { ack: 3, timestampUs: 1_900_000 }),
    ]
    const { events } = run(frames)
    expect(events.filter((event) => event.startsWith('c2s')).join()).toBe('c2s abc,c2s def,c2s end end-of-capture')
    expect(events).toContain('s2c one')
    expect(events.some((event) => event.includes('gap'))).toBe(false)
  })

  it('gives up the holes that have waited longest when early data of all flows takes more memory than allowed', () => {
    const early = (port: number) => {
      const built = buildConversation(
        { ...spec, clientPort: port },
        [{ direction: 'c2s', bytes: text('0123456789') }],
        0,
      )
      const frames = buildConversation(
        { ...spec, clientPort: port, segmentMaxBytes: 5 },
        [{ direction: 'c2s', bytes: text('0123456789') }],
        0,
      )
      return [...built.slice(0, 3), frames[4]!].map(({ bytes }) => ({ bytes, timestampUs: 1_000_000 }))
    }
    const { flows, table } = run([41_000, 41_001, 41_002].flatMap(early), { bufferMaxBytes: 270 }, false)
    expect(flows.map(({ info, events }) => [info.clientPort, events])).toEqual([[41_000, ['c2s gap 5', 'c2s 56789']]])
    expect(table.anomalies.of('tcp.early-data-overflow')).toBe(1)
    expect(table.statistics().bufferedBytes).toBeLessThanOrEqual(270)
  })

  it('gives up holes when early data takes more memory than allowed', () => {
    const frames = [...handshake, ...[1, 2, 3, 4].map((index) => segment('client', index * 10, '0123456789'))]
    const { events, table } = run(frames, { halfBufferMaxBytes: 300 }, false)
    expect(events).toEqual(['c2s gap 10', ...new Array(4).fill('c2s 0123456789')])
    expect(table.anomalies.of('tcp.early-data-overflow')).toBe(1)
    expect(table.statistics().bufferedBytes).toBe(0)
  })
})

describe('odd segments', () => {
  it.each<[string, BuiltFrame[], string[], string | undefined]>([
    [
      'data in the SYN that the server took',
      [
        segment('client', -1, 'abc', { flags: tcpSyn }),
        segment('server', -1, '', { ack: 3, flags: tcpSyn | tcpAck }),
        segment('client', 3, 'def'),
      ],
      ['c2s abc', 'c2s def'],
      undefined,
    ],
    [
      'data in the SYN that the server did not take, and which is sent again, in part',
      [
        segment('client', -1, 'abc', { flags: tcpSyn }),
        segment('server', -1, '', { ack: 0, flags: tcpSyn | tcpAck }),
        segment('client', 0, 'abX'),
      ],
      ['c2s abX'],
      'tcp.syn-data-refused',
    ],
    [
      'data in the SYN of which the server took a part; what was sent behind it overtook the answer',
      [
        segment('client', -1, 'abcd', { flags: tcpSyn }),
        segment('client', 2, 'CDef'),
        segment('server', -1, '', { ack: 2, flags: tcpSyn | tcpAck }),
      ],
      ['c2s ab', 'c2s CDef'],
      'tcp.syn-data-refused',
    ],
    [
      'data in the SYN, an answer that acknowledges it: in this order',
      [
        segment('client', -1, 'abc', { flags: tcpSyn }),
        segment('server', -1, 'one', { ack: 3, flags: tcpSyn | tcpAck }),
        segment('client', 3, 'def', { ack: 3 }),
      ],
      ['c2s abc', 's2c one', 'c2s def'],
      undefined,
    ],
    [
      'data in the SYN that other bytes follow at the same numbers before it was taken: the first bytes win',
      [
        segment('client', -1, 'abc', { flags: tcpSyn }),
        segment('client', 0, 'aXcd'),
        segment('server', -1, '', { ack: 3, flags: tcpSyn | tcpAck }),
      ],
      ['c2s abc', 'c2s d'],
      'tcp.overlap-conflict',
    ],
    [
      'data in the SYN of a connection that was refused',
      [segment('client', -1, 'abc', { flags: tcpSyn }), segment('server', -1, '', { ack: 3, flags: tcpRst | tcpAck })],
      [],
      undefined,
    ],
    [
      'a second SYN that the server ignores, before the first bytes',
      [...handshake, segment('client', 90_000_000, 'X', { flags: tcpSyn }), segment('client', 0, 'abc')],
      ['c2s abc'],
      'tcp.syn-in-flow',
    ],
    [
      'a second SYN that the server ignores, before the SYN-ACK',
      [
        handshake[0]!,
        segment('client', 90_000_000, 'X', { flags: tcpSyn }),
        handshake[1]!,
        segment('client', 0, 'abc'),
      ],
      ['c2s abc'],
      'tcp.port-reused',
    ],
    [
      'a SYN with data that the server never sent',
      [
        handshake[0]!,
        segment('server', 3, 'XYZ', { flags: tcpSyn }),
        handshake[1]!,
        segment('client', 0, 'abc'),
        segment('server', 0, 'one', { ack: 3 }),
        segment('client', 3, '', { ack: 3 }),
      ],
      ['c2s abc', 's2c one'],
      'tcp.syn-in-flow',
    ],
    [
      'data in a SYN amid a connection',
      [...handshake, segment('client', 0, 'abc'), segment('client', 2, 'XYZ', { flags: tcpSyn })],
      ['c2s abc'],
      'tcp.syn-in-flow',
    ],
    [
      'an overlap: the first bytes win',
      [...handshake, segment('client', 2, 'CD'), segment('client', 0, 'abcdef')],
      ['c2s ab', 'c2s CD', 'c2s ef'],
      undefined,
    ],
    [
      'a keep-alive probe',
      [...handshake, segment('client', 0, 'abc'), segment('client', 2, 'X'), segment('client', 3, 'd')],
      ['c2s abc', 'c2s d'],
      undefined,
    ],
    [
      'a wild number',
      [...handshake, segment('client', 99_000_000, 'X'), segment('client', 0, 'abc')],
      ['c2s abc'],
      'tcp.sequence-wild',
    ],
    ['a wild acknowledgement', [...handshake, segment('server', 0, 'a', { ack: 99_000_000 })], ['s2c a'], undefined],
    [
      'three wild numbers in a row of a sender whose peer is not seen: a new start',
      [segment('client', 0, 'abc'), ...[0, 1, 2].map((index) => segment('client', 99_000_000 + index, 'X'))],
      ['c2s abc', 'c2s gap 98999999', 'c2s X'],
      'tcp.sequence-wild',
    ],
    [
      'the same where the peer is seen and acknowledges other numbers: forged',
      [
        ...handshake,
        ...[0, 1, 2, 3, 4].map((index) => segment('client', 99_000_000 + index, 'X')),
        segment('client', 0, 'abc'),
      ],
      ['c2s abc'],
      'tcp.sequence-wild',
    ],
    [
      'two wild numbers that the peer acknowledges: much was missed',
      [
        ...handshake,
        segment('client', 99_000_000, 'X'),
        segment('server', 0, '', { ack: 99_000_001 }),
        segment('client', 99_000_001, 'Y'),
      ],
      ['c2s gap 99000001', 'c2s Y'],
      'tcp.sequence-wild',
    ],
    [
      'an overlap of other bytes, while the first wait: the first bytes win',
      [...handshake, segment('client', 3, 'def'), segment('client', 3, 'dXf'), segment('client', 0, 'abc')],
      ['c2s abc', 'c2s def'],
      'tcp.overlap-conflict',
    ],
    [
      'other bytes for what was lent last: an injected answer and the real one',
      [...handshake, segment('server', 0, 'HTTP/1.1 302'), segment('server', 0, 'HTTP/1.1 200')],
      ['s2c HTTP/1.1 302'],
      'tcp.overlap-conflict',
    ],
    [
      'an urgent byte: receivers read it out of band',
      [
        ...handshake,
        segment('client', 0, 'abc'),
        segment('client', 3, 'X', { flags: tcpAck | tcpUrg, urgentPointer: 1 }),
        segment('client', 4, 'def'),
      ],
      ['c2s abc', 'c2s def'],
      'tcp.urgent-byte',
    ],
    [
      'an urgent byte announced before it comes, early and repeated without URG',
      [
        ...handshake,
        segment('client', 2, 'cX', { flags: tcpAck | tcpUrg, urgentPointer: 2 }),
        segment('client', 0, 'abcXd'),
        segment('client', 0, 'abcXd'),
        segment('client', 5, 'e'),
      ],
      ['c2s ab', 'c2s c', 'c2s d', 'c2s e'],
      'tcp.urgent-byte',
    ],
    [
      'an urgent pointer of 0: the first byte; one behind the segment: the byte of the next',
      [
        ...handshake,
        segment('client', 0, 'Xab', { flags: tcpAck | tcpUrg }),
        segment('client', 3, 'cd', { flags: tcpAck | tcpUrg, urgentPointer: 3 }),
        segment('client', 5, 'Xe'),
      ],
      ['c2s ab', 'c2s cd', 'c2s e'],
      'tcp.urgent-byte',
    ],
    [
      'data in the SYN-ACK that the client took',
      [
        handshake[0]!,
        segment('server', -1, 'abc', { flags: tcpSyn | tcpAck }),
        segment('client', 0, '', { ack: 3 }),
        segment('server', 3, 'def'),
      ],
      ['s2c abc', 's2c def'],
      undefined,
    ],
    [
      'data in the SYN-ACK that the client did not take',
      [
        handshake[0]!,
        segment('server', -1, 'abc', { flags: tcpSyn | tcpAck }),
        segment('client', 0, 'ab'),
        segment('server', 0, 'xyz'),
      ],
      ['c2s ab', 's2c xyz'],
      'tcp.syn-data-refused',
    ],
    [
      'a FIN behind what was delivered ends nothing',
      [
        ...handshake,
        segment('client', 0, 'abc'),
        segment('client', 1, '', { flags: tcpFin | tcpAck }),
        segment('client', 3, 'def'),
      ],
      ['c2s abc', 'c2s def'],
      'tcp.fin-wild',
    ],
    [
      'a FIN amid bytes that wait, of which the server has acknowledged some behind it',
      [
        ...handshake,
        segment('client', 3, 'def'),
        segment('server', 0, '', { ack: 6 }),
        segment('client', 4, '', { flags: tcpFin | tcpAck }),
        segment('client', 0, 'abc'),
      ],
      ['c2s abc', 'c2s def'],
      'tcp.fin-wild',
    ],
    [
      'a FIN amid bytes that come later, and that the server acknowledges',
      [
        ...handshake,
        segment('client', 4, '', { flags: tcpFin | tcpAck }),
        segment('client', 3, 'def'),
        segment('server', 0, '', { ack: 6 }),
        segment('client', 0, 'abc'),
      ],
      ['c2s abc', 'c2s def'],
      'tcp.fin-wild',
    ],
    [
      'a FIN before the bytes that it follows',
      [...handshake, segment('client', 3, '', { flags: tcpFin | tcpAck }), segment('client', 0, 'abc')],
      ['c2s abc', 'c2s end fin'],
      undefined,
    ],
    [
      'a FIN captured after its acknowledgement was',
      [
        ...handshake,
        segment('server', 0, 'x', { ack: 4 }),
        segment('server', 1, '', { ack: 4, timestampUs: 1_100_000 }),
        segment('client', 3, '', { flags: tcpFin | tcpAck, timestampUs: 1_100_001 }),
        segment('server', 1, '', { ack: 4, timestampUs: 1_200_000 }),
      ],
      ['c2s gap 3', 'c2s end fin', 's2c x'],
      undefined,
    ],
    [
      'a reset: what comes after it counts',
      [
        ...handshake,
        segment('client', 0, 'abc'),
        segment('server', 0, '', { flags: tcpRst }),
        segment('client', 3, 'def'),
      ],
      ['c2s abc', 'c2s def'],
      undefined,
    ],
    [
      'a wild reset',
      [...handshake, segment('client', 99_000_000, '', { flags: tcpRst }), segment('client', 0, 'abc')],
      ['c2s abc'],
      'tcp.reset-wild',
    ],
    [
      'a reset behind what was delivered',
      [
        ...handshake,
        segment('client', 0, 'abc'),
        segment('client', 2, '', { flags: tcpRst }),
        segment('client', 3, 'def', { timestampUs: 30_000_000 }),
      ],
      ['c2s abc', 'c2s def'],
      'tcp.reset-wild',
    ],
    [
      'data after FIN',
      [...handshake, segment('client', 0, 'abc', { flags: tcpFin | tcpAck }), segment('client', 4, 'def')],
      ['c2s abc', 'c2s end fin'],
      'tcp.data-after-fin',
    ],
  ])('%s', (_name, frames, expected, anomaly) => {
    const { events, table } = run(frames, {}, false)
    expect(events).toEqual(expected)
    if (anomaly !== undefined) expect(table.anomalies.of(anomaly)).toBeGreaterThan(0)
  })

  it.each<[string, BuiltFrame[], string[]]>([
    [
      'a conflict of bytes that wait, before these',
      [...handshake, segment('client', 3, 'def'), segment('client', 3, 'dXf'), segment('client', 0, 'abc')],
      ['c2s tcp.overlap-conflict behind 1'],
    ],
    [
      'a conflict with the last bytes that were read, behind these',
      [...handshake, segment('client', 0, 'abc'), segment('client', 0, 'aXc')],
      ['c2s tcp.overlap-conflict behind 1'],
    ],
    [
      'an urgent byte, before the first bytes of a flow',
      [...handshake, segment('client', 0, 'aXb', { flags: tcpAck | tcpUrg, urgentPointer: 2 })],
      ['c2s tcp.urgent-byte behind 0'],
    ],
    [
      'a wild FIN of the server',
      [...handshake, segment('client', 0, 'abc'), segment('server', 99_000_000, '', { flags: tcpFin | tcpAck })],
      ['s2c tcp.fin-wild behind 1'],
    ],
    [
      'a forged reset',
      [
        ...handshake,
        segment('client', 0, 'abc'),
        segment('client', 3, '', { flags: tcpRst }),
        segment('client', 3, 'def'),
      ],
      ['c2s tcp.reset-forged behind 2'],
    ],
    ['nothing that is usual', conversation, []],
  ])('tells the consumer of %s', (_name, frames, expected) => expect(run(frames).flows[0]?.odd).toEqual(expected))

  it('count repetitions and keep-alive probes behind a FIN as what they are', () => {
    const { table } = run(
      [
        ...handshake,
        segment('client', 0, 'abc', { flags: tcpFin | tcpAck }),
        segment('client', 0, 'abc'),
        segment('client', 1, 'bc', { flags: tcpFin | tcpAck }),
        segment('client', 3, '.'),
      ],
      {},
      false,
    )
    expect(table.anomalies.of('tcp.data-after-fin')).toBe(0)
    expect(table.statistics().retransmittedSegmentCount).toBe(3)
  })

  it('let a reset flow live on when its sender sends on', () => {
    const { events, table } = run([
      ...handshake,
      segment('client', 0, 'abc'),
      segment('client', 3, '', { flags: tcpRst }),
      segment('client', 3, 'def'),
      segment('client', 6, 'ghi', { timestampUs: 20_000_000 }),
    ])
    expect(events.slice(0, 3)).toEqual(['c2s abc', 'c2s def', 'c2s ghi'])
    expect(table.anomalies.of('tcp.reset-forged')).toBe(1)
  })

  it('end a reset flow as reset', () => {
    const { events } = run([...handshake, segment('client', 0, 'abc'), segment('server', 0, '', { flags: tcpRst })])
    expect(events).toEqual(['c2s abc', 'c2s end rst', 's2c end rst'])
  })
})

describe('the life of a flow', () => {
  it('depends on its own segments alone: mixed with others it tells the same, times included', () => {
    const made = [0, 1, 2].map((port) =>
      buildConversation({ ...spec, clientPort: 40_000 + port }, turns, 0).map(({ bytes }) => ({ bytes, port })),
    )
    // Delays up to 6 s: every kind of deadline passes somewhere.
    const delay = fc.oneof(fc.nat(900), fc.nat(30_000), fc.nat(6_000_000))
    const mixed = fc.tuple(fc.shuffledSubarray(made.flat()), fc.array(delay, { minLength: 45, maxLength: 45 }))
    fc.assert(
      fc.property(mixed, ([kept, delays]) => {
        let timestampUs = 0
        const frames = kept.map(({ bytes, port }, index) => {
          timestampUs += delays[index]!
          return { bytes, port, timestampUs }
        })
        const told = (flows: ReturnType<typeof run>['flows'], port: number) =>
          flows.filter(({ info }) => info.clientPort === 40_000 + port).map(({ timed }) => timed)
        const together = run(frames).flows
        for (const port of [0, 1, 2]) {
          const alone = run(frames.filter((frame) => frame.port === port)).flows
          expect(told(alone, port)).toEqual(told(together, port))
        }
      }),
      { numRuns: 300 },
    )
  })

  it('a SYN with another number on the same ports is a new flow; a repeated one is not', () => {
    const again = buildConversation({ ...spec, clientIsn: 700_000, serverIsn: 800_000 }, turns, 1_100_000)
    const { flows } = run([...conversation.slice(0, 1), ...conversation, ...again])
    expect(flows.map(({ events }) => events)).toEqual([inOrder, inOrder])
  })

  it('a SYN amid the bytes of a flow blinds nobody; answered by the server, it is a new flow', () => {
    const begun = [...handshake, segment('client', 0, 'abc')]
    const syn = segment('client', 9_000_000, '', { flags: tcpSyn })
    const blinding = [...begun, syn, segment('client', 3, 'def'), syn, segment('client', 6, 'ghi')]
    const { events, table } = run(blinding, {}, false)
    expect(events).toEqual(['c2s abc', 'c2s def', 'c2s ghi'])
    expect(table.anomalies.of('tcp.syn-in-flow')).toBe(2)
    const again = buildConversation({ ...spec, clientIsn: 700_000, serverIsn: 800_000 }, turns, 1_100_000)
    const { flows } = run([...begun, ...again])
    expect(flows.map((flow) => flow.events)).toEqual([['c2s abc', 'c2s end evicted', 's2c end evicted'], inOrder])
  })

  it('a SYN amid the bytes of a flow whose server is not in the capture is a new flow', () => {
    const sent = (frames: readonly BuiltFrame[]) => frames.filter((_frame, index) => [0, 3, 7].includes(index))
    const again = buildConversation({ ...spec, clientIsn: 700_000, serverIsn: 800_000 }, turns, 1_100_000)
    const { flows } = run([...sent(conversation), ...sent(again)])
    // The server's bytes were acknowledged and never seen.
    expect(flows.map(({ events }) => events.filter((event) => event.startsWith('c2s GET')))).toEqual([
      ['c2s GET /1', 'c2s GET /2'],
      ['c2s GET /1', 'c2s GET /2'],
    ])
  })

  it('ends by idleness in event time, whether another segment of it comes or not', () => {
    const later = segment('client', 3, 'def', { timestampUs: 700_000_000 })
    const { flows } = run([...handshake, segment('client', 0, 'abc'), later])
    expect(flows[0]?.events).toEqual(['c2s abc', 'c2s end idle', 's2c end idle'])
    expect(flows[1]?.info).toMatchObject({ midStream: true, directionAssumed: true })
    const { events, table } = run([...handshake, segment('client', 0, 'abc')], {}, false)
    table.advance(700_000_000)
    expect(events).toEqual(['c2s abc', 'c2s end idle', 's2c end idle'])
  })

  it('knows bytes repeated after minutes of silence', () => {
    const again = segment('client', 0, 'abc', { timestampUs: 301_000_000 })
    const { flows } = run([segment('client', 0, 'abc'), segment('server', 0, '', { ack: 3 }), again], {}, false)
    expect(flows.map(({ events }) => events)).toEqual([['c2s abc']])
  })

  it('survives a clock that jumps far ahead once', () => {
    const ahead = { ...conversation[0]!, timestampUs: 9_000_000_000_000_000 }
    const { table } = run([ahead, ...conversation.slice(3)], {}, false)
    table.advance(500_000_000)
    expect(table.statistics().flowCount).toBe(0)
  })

  it('makes no consumer for flows without a byte, and evicts those first', () => {
    const syns = [...Array(50).keys()].map((index) => ({
      ...buildConversation({ ...spec, clientPort: 50_000 + index }, [], 1_000_600)[0]!,
      timestampUs: 1_000_600 + index,
    }))
    const { flows, table } = run(
      [...conversation.slice(0, 4), ...syns, ...conversation.slice(4)],
      { flowMaxCount: 8 },
      false,
    )
    expect(flows).toHaveLength(1)
    expect(flows[0]?.events).toEqual(inOrder)
    expect(table.statistics()).toMatchObject({ flowCount: 8, evictedFlowCount: 43 })
  })

  it('keeps busy flows and evicts those that said little, unless the busy were silent for much longer', () => {
    const busyTurns = [...turns, ...turns, ...turns, ...turns]
    // Four busy connections that stay open, then a crowd of which each says one thing.
    const busy = [0, 1, 2, 3].flatMap((index) =>
      buildConversation({ ...spec, clientPort: 41_000 + index }, busyTurns, 1_000_000 + index, 10).slice(0, -4),
    )
    const crowd = (fromUs: number) =>
      [...Array(60).keys()].map((index) => {
        const built = buildConversation({ ...spec, clientPort: 50_000 + index }, turns, 0)
        return { ...built[3]!, timestampUs: fromUs + 1_000 * index }
      })
    const isBusyLeft = (fromUs: number) =>
      run([...busy, ...crowd(fromUs)], { flowMaxCount: 16 }, false).flows.filter(
        ({ info, events }) => info.clientPort < 42_000 && events.at(-1) === 's2c two',
      ).length
    expect(isBusyLeft(1_010_000)).toBe(4)
    expect(isBusyLeft(9_000_000)).toBe(0)
  })

  it('a lone ACK, FIN or RST opens nothing', () => {
    const frames = [tcpAck, tcpFin | tcpAck, tcpRst].map((flags) => segment('client', 0, '', { flags }))
    expect(run(frames, {}, false).table.statistics().flowCount).toBe(0)
  })
})
