import { type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import { describe, expect, it } from 'vitest'
import { type RawSketch, rawTransaction, sampleFleetKey, sampleFlow } from './raw-transaction-fixture.js'
import { type ContentTreatment, createRedactor } from './redact-transaction.js'

const json = [['content-type', 'application/json']] as const
const answer = { fields: json, content: '{"id":7,"owner":"jane@example.org"}' }

function publisher(treatment: ContentTreatment, contentSampling?: number): (sketch: RawSketch) => HttpTransaction {
  const redactor = createRedactor({
    fleetKey: sampleFleetKey,
    keyNumber: 1,
    contentPolicy: () => treatment,
    ...(contentSampling === undefined ? {} : { contentSampling }),
  })
  return (sketch) => {
    const [transaction] = transactionTopic.decode(redactor.redact(sampleFlow, rawTransaction(sketch)).line)
    return transactionTopic.parse(transaction)
  }
}

function answered(publish: (sketch: RawSketch) => HttpTransaction, sketch: RawSketch): HttpTransaction[] {
  return Array.from({ length: 400 }, (_, index) => publish({ ...sketch, firstSeq: index }))
}

describe('sampled content', () => {
  it('is looked at once in so many, chosen by the id alone', () => {
    const all = answered(publisher('sample', 4), { response: answer })
    const looked = all.filter(({ responseShape }) => responseShape !== undefined)
    expect(looked.length).toBeGreaterThan(400 / 8)
    expect(looked.length).toBeLessThan(400 / 2)
    for (const { id, responseShape } of all) {
      expect(responseShape !== undefined).toBe(Number.parseInt(id.slice(24), 16) % 4 === 0)
    }
    expect(answered(publisher('sample', 4), { response: answer })).toEqual(all)
  })

  it('says so on each transaction, and changes nothing else', () => {
    const whole = answered(publisher('shape'), { response: answer })
    const sampled = answered(publisher('sample'), { response: answer })
    for (const [index, transaction] of sampled.entries()) {
      expect(transaction.contentSampling).toBe(10)
      const { responseShape, sensitive, ...expected } = whole[index]! // As many.
      const isLooked = transaction.responseShape !== undefined
      expect(transaction).toEqual({
        ...expected,
        contentSampling: 10,
        ...(isLooked ? { responseShape, sensitive } : {}),
      })
      expect(transaction.responseContentKind).toBe('json')
    }
  })

  it.each<readonly [RawSketch, string]>([
    [{ response: { ...answer, status: 401 } }, 'an error'],
    [
      { method: 'POST', fields: json, content: '{"username":"jane","password":"hunter2"}', response: answer },
      'the answer to a login',
    ],
  ])('%j is always looked at: %s', (sketch) => {
    for (const transaction of answered(publisher('sample'), sketch)) {
      expect(transaction.responseShape).toBeDefined()
      expect(transaction.contentSampling).toBeUndefined()
    }
  })

  it('leaves requests alone: a login may hide in any', () => {
    const sketch: RawSketch = { method: 'POST', fields: json, content: '{"q":"jane@example.org"}', response: answer }
    for (const { requestShape } of answered(publisher('sample'), sketch)) expect(requestShape).toBeDefined()
  })

  it('is not said of answers that have no content, nor of what nobody looks at', () => {
    expect(publisher('sample')({ response: {} }).contentSampling).toBeUndefined()
    expect(publisher('sample')({}).contentSampling).toBeUndefined()
    const unread = publisher('none')({ response: answer })
    expect([unread.contentSampling, unread.responseShape, unread.responseContentKind]).toEqual([
      undefined,
      undefined,
      'none',
    ])
  })
})
