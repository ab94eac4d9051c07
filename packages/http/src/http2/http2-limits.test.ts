/** HTTP/2 from hostile peers: what is held stays within its limits, and what bites is said. */

import { describe, expect, it } from 'vitest'
import { type ScriptStep, transcribe } from '../flow-transcript.js'
import {
  answer,
  data,
  endHeaders,
  endStream,
  fieldBlock,
  frame,
  get,
  headers,
  http2Preface,
  reference,
  requestFields,
  settings,
} from './http2-fixture.js'
import { FrameType } from './http2-frame.js'

const open: ScriptStep[] = [
  ['c', Buffer.concat([http2Preface, settings()])],
  ['s', settings()],
]
const cancel = Buffer.from([0, 0, 0, 8])
const postHead = (id: number) => headers(id, fieldBlock(requestFields('POST', `/${id}`)))
const ids = (count: number) => Array.from({ length: count }, (_, index) => index * 2 + 1)

describe('streams', () => {
  it('more than may wait: the oldest is published without answer, and says so', () => {
    const script: ScriptStep[] = [...open, ...ids(300).map((id): ScriptStep => ['c', get(id, `/${id}`)])]
    const { transactions, counters } = transcribe(script, { limits: { pendingRequestsMax: 100 } })
    expect(transactions).toHaveLength(300)
    expect(counters.pendingOverflowCount).toBe(200)
    expect(transactions[0]?.anomalies).toEqual(['http2.stream-overflow'])
    expect(transactions[299]?.anomalies).toEqual([])
  })

  it('content of many at once stays within what one flow may hold', () => {
    const script: ScriptStep[] = [
      ...open,
      ...ids(50).map((id): ScriptStep => ['c', postHead(id)]),
      ...ids(50).flatMap((id) => Array.from({ length: 10 }, (): ScriptStep => ['c', data(id, 'x'.repeat(4_000))])),
    ]
    const { bufferedBytes, counters } = transcribe(script, { limits: { flowBufferedMaxBytes: 300_000 }, end: false })
    // One packet's worth and the newest stream may stand above it.
    expect(bufferedBytes).toBeLessThan(350_000)
    expect(counters.bufferOverflowCount + counters.pendingOverflowCount).toBeGreaterThan(0)
  })

  it('reset as soon as they are opened: each is a transaction, and the flood has a name', () => {
    const script: ScriptStep[] = [
      ...open,
      ...ids(500).map(
        (id): ScriptStep => ['c', Buffer.concat([get(id, '/slow'), frame(FrameType.resetStream, 0, id, cancel)])],
      ),
    ]
    const { transactions, bufferedBytes } = transcribe(script)
    expect(transactions).toHaveLength(500)
    expect(transactions[50]).toMatchObject({ http2: { resetCode: 8 }, anomalies: [] })
    expect(transactions[499]?.anomalies).toEqual(['http2.rapid-reset'])
    expect(bufferedBytes).toBe(0)
  })

  it('those of requests that are not known cost little, and are bounded, too', () => {
    const unknown = (id: number): ScriptStep => ['c', headers(id, reference(70))]
    const script: ScriptStep[] = [
      ['c', Buffer.concat([get(1, '/1'), get(3, '/3')])],
      ...ids(2_000).slice(2).map(unknown),
    ]
    const { counters, bufferedBytes } = transcribe(script, { midStream: true, end: false })
    expect(counters.http2UnknownRequestCount).toBe(1_998)
    expect(bufferedBytes).toBeLessThan(1_000 * 600)
  })
})

describe('header blocks', () => {
  it('an endless row of CONTINUATION frames is not gathered', () => {
    const part = frame(FrameType.continuation, 0, 1, 'x'.repeat(16_000))
    const script: ScriptStep[] = [
      ...open,
      ['c', frame(FrameType.headers, endStream, 1, fieldBlock(requestFields('GET', '/1')))],
      ...Array.from({ length: 100 }, (): ScriptStep => ['c', part]),
    ]
    const { counters, bufferedBytes } = transcribe(script, { end: false })
    expect(bufferedBytes).toBeLessThan(300_000)
    expect(counters.anomalies.get('http2.header-block-too-large')).toBe(1)
    expect(counters.anomalies.get('http2.continuation-flood')).toBe(1)
  })

  it('and the requests behind it are read, as far as they refer to nothing in front', () => {
    const part = frame(FrameType.continuation, 0, 1, 'x'.repeat(16_000))
    const flood = Buffer.concat([
      frame(FrameType.headers, endStream, 1, 'x'),
      ...Array.from({ length: 10 }, () => part),
    ])
    const script: ScriptStep[] = [
      ...open,
      ['c', Buffer.concat([flood, frame(FrameType.continuation, endHeaders, 1, 'x'), get(3, '/3')])],
      ['s', answer(3, 200, 'x')],
    ]
    expect(transcribe(script).transactions).toMatchObject([
      { request: 'GET /3 2', status: 200, anomalies: expect.arrayContaining(['http2.header-block-lost']) },
    ])
  })

  it('a block that nothing goes on with harms its own stream only', () => {
    const head = fieldBlock(requestFields('POST', '/1'))
    const script: ScriptStep[] = [
      ...open,
      ['c', Buffer.concat([postHead(1), get(3, '/3'), postHead(5)])],
      // The trailers of 1 would go on; what comes is content of 5, and a CONTINUATION of 5 that nothing opened.
      ['c', Buffer.concat([frame(FrameType.headers, endStream, 1, head), data(5, 'x')])],
      ['c', Buffer.concat([frame(FrameType.continuation, endHeaders, 5, head), data(5, 'y', endStream)])],
      ['s', Buffer.concat([answer(1, 200, ''), answer(3, 200, ''), answer(5, 200, '')])],
    ]
    const { transactions, counters } = transcribe(script)
    expect(
      transactions.map(({ request, requestContent, requestBytes }) => [request, requestContent, requestBytes]),
    ).toEqual([
      ['POST /1 2', '', undefined],
      ['GET /3 2', '', 0],
      ['POST /5 2', 'xy', undefined],
    ])
    expect(counters.anomalies.get('http2.continuation-unexpected')).toBe(2)
    expect(counters.anomalies.get('http2.header-block-lost')).toBe(2)
  })

  it('a bomb: a block that unpacks to gigabytes costs its limit', () => {
    const value = 'v'.repeat(3_900)
    const plant = fieldBlock([...requestFields('GET', '/1'), ['x-bomb', value]], true)
    const bomb = Buffer.concat([fieldBlock(requestFields('GET', '/3')), Buffer.alloc(16_000, 0xbe)])
    const script: ScriptStep[] = [
      ...open,
      ['c', headers(1, plant, endStream)],
      ['c', headers(3, bomb, endStream)],
      ['c', get(5, '/5')],
    ]
    const { transactions, counters } = transcribe(script)
    expect(transactions.map(({ request }) => request)).toEqual(['GET /1 2', 'GET /5 2'])
    expect(counters.headTooLongCount).toBe(1)
    expect(counters.anomalies.get('http.head-too-long')).toBe(1)
  })

  it('tables are forgotten when all flows together hold too much, and what refers to them is said to be unknown', () => {
    const fields = requestFields('GET', '/1', ['x-large', 'v'.repeat(2_000)])
    const script: ScriptStep[] = [
      ...open,
      ['c', headers(1, fieldBlock(fields, true), endStream)],
      ['s', answer(1, 200, '')],
      ['c', headers(3, Buffer.concat([fieldBlock(requestFields('GET', '/3')), reference(62)]), endStream)],
      ['s', answer(3, 200, '')],
    ]
    const { transactions, counters } = transcribe(script, { limits: { totalBufferedMaxBytes: 2_000 } })
    expect(counters.anomalies.get('http2.table-not-kept')).toBeGreaterThan(0)
    expect(transactions.at(-1)).toMatchObject({
      request: 'GET /3 2',
      anomalies: expect.arrayContaining(['http2.fields-unknown']),
    })
  })
})

describe('frames', () => {
  it('a frame of 16 MB is not gathered', () => {
    const head = Buffer.from([0xff, 0xff, 0xff, FrameType.goAway, 0, 0, 0, 0, 0])
    const script: ScriptStep[] = [
      ...open,
      ['c', head],
      ...Array.from({ length: 100 }, (): ScriptStep => ['c', 'x'.repeat(10_000)]),
    ]
    const { counters, bufferedBytes } = transcribe(script, { end: false })
    expect(bufferedBytes).toBeLessThan(10_000)
    expect(counters.anomalies.get('http2.frame-too-large')).toBe(1)
  })

  it.each([
    ['padding longer than the payload', frame(FrameType.data, 0x08, 1, '\xffabc')],
    ['DATA on stream 0', data(0, 'x')],
    ['PING of 3 octets', frame(FrameType.ping, 0, 0, 'abc')],
  ])('%s is said of the stream or of the next request', (_why, odd) => {
    const script: ScriptStep[] = [
      ...open,
      ['c', Buffer.concat([postHead(1), odd, data(1, 'y', endStream), get(3, '/3')])],
      ['s', Buffer.concat([answer(1, 200, ''), answer(3, 200, '')])],
    ]
    const { transactions, counters } = transcribe(script)
    expect(counters.anomalies.get('http2.frame-malformed')).toBe(1)
    expect(transactions.flatMap(({ anomalies }) => anomalies)).toEqual(['http2.frame-malformed'])
    expect(transactions[0]).toMatchObject({ request: 'POST /1 2', requestContent: 'y' })
  })

  it('what begins like the preface and is none is left alone', () => {
    const { transactions, counters } = transcribe([
      ['c', 'PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n'],
      ['s', 'HTTP/1.1 400 Bad\r\n\r\n'],
    ])
    expect(transactions).toEqual([])
    expect(counters.opaqueFlows.http2).toBe(1)
    expect(counters.anomalies.get('http2.preface-invalid')).toBe(1)
  })
})
