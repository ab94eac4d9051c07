import { transactionTopic } from '@tapwarden/contracts/transaction'
import { describe, expect, it } from 'vitest'
import { type RawSketch, rawTransaction, sampleFleetKey, sampleFlow } from './raw-transaction-fixture.js'
import { createRedactor, type KeptShares } from './redact-transaction.js'

const redactor = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1 })

/** Of `count` transactions like `sketch`: those that are kept. */
function kept(sketch: RawSketch, shares: KeptShares, count = 4_000) {
  return Array.from({ length: count }, (_, firstSeq) => {
    const redacted = redactor.redactKept(sampleFlow, rawTransaction({ ...sketch, firstSeq }), shares)
    return redacted === undefined ? [] : transactionTopic.decode(redacted.line)
  }).flat()
}

describe('kept shares', () => {
  it.each<[RawSketch, number, string]>([
    [{ method: 'GET', response: { status: 200 } }, 8, 'ordinary'],
    [{ method: 'GET' }, 8, 'ordinary: it was not answered'],
    [{ method: 'GET', response: { status: 401 } }, 2, 'an error'],
    [{ method: 'POST', response: { status: 200 } }, 2, 'an unsafe method'],
    [{ method: 'DELETE' }, 2, 'an unsafe method'],
  ])('%j weighs %i: %s', (sketch, weight) => {
    const lines = kept(sketch, { ordinaryOneIn: 8, foremostOneIn: 2 })
    expect(new Set(lines.map((line) => line.weight))).toEqual(new Set([weight]))
    // Five standard deviations.
    expect(Math.abs(lines.length * weight - 4_000)).toBeLessThan(5 * Math.sqrt(4_000 * (weight - 1)))
  })

  it('a smaller share is a part of a larger one, and the same on every sensor', () => {
    const ids = (ordinaryOneIn: number) => kept({}, { ordinaryOneIn, foremostOneIn: 1 }, 500).map(({ id }) => id)
    const [half, eighth] = [ids(2), ids(8)]
    expect(half).toEqual(expect.arrayContaining(eighth))
    expect(ids(8)).toEqual(eighth)
  })

  it('one in one is everything, as it is without', () => {
    const line = redactor.redact(sampleFlow, rawTransaction({})).line.slice()
    const all = redactor.redactKept(sampleFlow, rawTransaction({}), { ordinaryOneIn: 1, foremostOneIn: 1 })
    expect(all?.line).toEqual(line)
    kept({}, { ordinaryOneIn: 4, foremostOneIn: 4 }, 10)
    expect(redactor.redact(sampleFlow, rawTransaction({})).line).toEqual(line)
  })
})
