/** Laws of HTTP/2: cuts change nothing, a connection gives what was said on it, joining late gives a part of the truth and says so. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ScriptStep, type TranscriptLine, transcribe } from '../flow-transcript.js'
import { data, endHeaders, endStream, type FieldSpec, frame, http2Preface, padded, settings } from './http2-fixture.js'
import { FrameType } from './http2-frame.js'

/** An encoder that adds all to the table, and refers to what is in it. */
class Encoder {
  readonly #entries: string[] = []

  block(fields: readonly FieldSpec[]): Buffer {
    return Buffer.concat(
      fields.map(([name, value]) => {
        const position = this.#entries.indexOf(`${name}: ${value}`)
        if (position >= 0 && position < 60) return Buffer.from([0x80 | (62 + position)])
        this.#entries.unshift(`${name}: ${value}`)
        return Buffer.concat([
          Buffer.from([0x40, name.length]),
          Buffer.from(name),
          Buffer.from([value.length]),
          Buffer.from(value),
        ])
      }),
    )
  }
}

const word = fc.string({ unit: fc.constantFrom(...'abc'), minLength: 1, maxLength: 3 })
const contents = fc.array(fc.string({ unit: fc.constantFrom(...'xyz'), maxLength: 40 }), { maxLength: 4 })
const stream = fc.record({
  path: word,
  fields: fc.array(fc.tuple(fc.constantFrom('x-a', 'x-b', 'x-c'), word), { maxLength: 3 }),
  sent: contents,
  status: fc.constantFrom(200, 404, 503),
  answered: contents,
  hasTrailers: fc.boolean(),
  isPadded: fc.boolean(),
  isCut: fc.boolean(),
})
type Stream = typeof stream extends fc.Arbitrary<infer S> ? S : never

/** Steps of each stream in its order, streams mixed by `order`; blocks are encoded as they are sent. */
function conversation(streams: readonly Stream[], order: readonly number[]): ScriptStep[] {
  const [client, server] = [new Encoder(), new Encoder()]
  const queues = streams.map((each, index) => stepsOf(each, index * 2 + 1, client, server))
  const script: ScriptStep[] = [
    ['c', Buffer.concat([http2Preface, settings([1, 4_096])])],
    ['s', settings()],
  ]
  for (let turn = 0; queues.some((queue) => queue.length > 0); turn++) {
    const open = queues.filter((queue) => queue.length > 0)
    // A client opens its streams in the order of their numbers.
    const at = turn < streams.length ? 0 : (order[turn % Math.max(1, order.length)] ?? 0) % open.length
    const queue = turn < streams.length ? queues[turn] : open[at]
    const step = queue?.shift()
    if (step !== undefined) script.push(step())
  }
  return script
}

function stepsOf(each: Stream, id: number, client: Encoder, server: Encoder): (() => ScriptStep)[] {
  const steps: (() => ScriptStep)[] = []
  const message = (side: 'c' | 's', encoder: Encoder, head: readonly FieldSpec[], parts: readonly string[]) => {
    const hasTrailers = side === 's' && each.hasTrailers
    steps.push(() => [side, blockFrames(id, encoder.block(head), parts.length === 0 && !hasTrailers, each.isCut)])
    parts.forEach((part, index) => {
      const flags = index === parts.length - 1 && !hasTrailers ? endStream : 0
      const content = each.isPadded ? Buffer.concat([Buffer.from([3]), Buffer.from(part), Buffer.alloc(3)]) : part
      steps.push(() => [side, data(id, content, each.isPadded ? flags | padded : flags)])
    })
    if (hasTrailers) steps.push(() => [side, blockFrames(id, encoder.block([['x-sum', '1']]), true, false)])
  }
  const request: FieldSpec[] = [[':method', 'POST'], [':path', `/${each.path}`], [':authority', 'h'], ...each.fields]
  message('c', client, request, each.sent)
  message('s', server, [[':status', String(each.status)], ...each.fields], each.answered)
  return steps
}

function blockFrames(id: number, block: Buffer, isEnd: boolean, isCut: boolean): Buffer {
  const flags = isEnd ? endStream : 0
  if (!isCut || block.length < 2) return frame(FrameType.headers, flags | endHeaders, id, block)
  const middle = block.length >> 1
  return Buffer.concat([
    frame(FrameType.headers, flags, id, block.subarray(0, middle)),
    frame(FrameType.continuation, endHeaders, id, block.subarray(middle)),
  ])
}

const streams = fc.array(stream, { minLength: 1, maxLength: 8 })
const order = fc.array(fc.nat(7), { minLength: 1, maxLength: 20 })
const fieldText = (fields: readonly FieldSpec[]) => fields.map(([name, value]) => `${name}: ${value}`)
const byStream = (lines: readonly TranscriptLine[]) =>
  [...lines].sort((a, b) => (a.http2?.streamId ?? 0) - (b.http2?.streamId ?? 0))

it('law: gives what was said, each stream once, nothing odd, nothing held', () => {
  fc.assert(
    fc.property(streams, order, (streams, order) => {
      const { transactions, bufferedBytes } = transcribe(conversation(streams, order))
      const seen = byStream(transactions).map(
        ({ request, requestContent, status, content, fields, responseFields, anomalies }) => ({
          request,
          requestContent,
          status,
          content,
          fields,
          responseFields,
          anomalies,
        }),
      )
      expect(seen).toEqual(
        streams.map((each) => ({
          request: `POST /${each.path} 2`,
          requestContent: each.sent.join(''),
          status: each.status,
          content: each.answered.join(''),
          fields: ['host: h', ...fieldText(each.fields)],
          responseFields: [...fieldText(each.fields), ...(each.hasTrailers ? ['x-sum: 1'] : [])],
          anomalies: [],
        })),
      )
      expect(bufferedBytes).toBe(0)
    }),
    { numRuns: 150 },
  )
})

it('law: cuts change nothing', () => {
  fc.assert(
    fc.property(
      streams,
      order,
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
      (streams, order, cuts) => {
        const script = conversation(streams, order)
        expect(transcribe(script, { cuts }).transactions).toEqual(transcribe(script).transactions)
      },
    ),
    { numRuns: 100 },
  )
})

it('law: joined midway, what is told is true, and what is left out is said', () => {
  let publishedCount = 0
  fc.assert(
    fc.property(streams, order, fc.nat(15), (streams, order, dropped) => {
      const script = conversation(streams, order)
      const all = new Map(transcribe(script).transactions.map((line) => [line.http2?.streamId, line]))
      const from = Math.min(2 + dropped, script.length)
      const { transactions, bufferedBytes } = transcribe(script.slice(from), { midStream: true })
      expect(bufferedBytes).toBe(0)
      for (const line of transactions) {
        publishedCount++
        const whole = all.get(line.http2?.streamId)
        expect(line.request).toBe(whole?.request)
        if (line.status !== undefined) expect(line.status).toBe(whole?.status)
        const isUnknown = line.anomalies.includes('http2.fields-unknown')
        expect(whole?.fields).toEqual(expect.arrayContaining([...line.fields]))
        if (line.fields.length !== whole?.fields.length) expect(isUnknown).toBe(true)
        if (line.status !== undefined && line.responseFields.length !== whole?.responseFields.length)
          expect(isUnknown).toBe(true)
      }
    }),
    { numRuns: 200 },
  )
  expect(publishedCount).toBeGreaterThan(10)
})

it('law: no bytes throw, and nothing is held in the end', () => {
  const anyFrame = fc
    .record({
      type: fc.nat(11),
      flags: fc.nat(255),
      id: fc.nat(9),
      payload: fc.uint8Array({ maxLength: 60 }),
      side: fc.constantFrom('c' as const, 's' as const),
    })
    .map(({ type, flags, id, payload, side }): ScriptStep => [side, frame(type, flags, id, payload)])
  const missed = fc.tuple(fc.constantFrom('c' as const, 's' as const), fc.nat(80))
  const anyBytes = fc.tuple(fc.constantFrom('c' as const, 's' as const), fc.uint8Array({ maxLength: 40 }))
  const valid = fc.tuple(streams, order).map(([streams, order]) => conversation(streams, order))
  const steps = fc.array(fc.oneof({ weight: 6, arbitrary: anyFrame }, missed, anyBytes), { maxLength: 30 })
  fc.assert(
    fc.property(valid, steps, fc.array(fc.nat(60)), fc.boolean(), (valid, odd, places, midStream) => {
      const script = [...valid]
      odd.forEach((step, index) => {
        if (index > 0 || midStream) script.splice(2 + ((places[index] ?? index) % script.length), 0, step)
      })
      const { bufferedBytes, transactions } = transcribe(script, { midStream })
      expect(bufferedBytes).toBe(0)
      const ids = transactions.map((line) => `${line.http2?.streamId} ${line.request}`)
      expect(ids.length).toBeLessThanOrEqual(valid.length + odd.length)
    }),
    { numRuns: 400 },
  )
})
