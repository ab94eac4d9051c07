import { expect, it } from 'vitest'
import { ContinuedCount } from './continued-count.js'
import { DistinctCount } from './distinct-count.js'

const values = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `user${from + i}`)

it.each([
  [20, 0, 0, 'nothing came after'],
  [20, 20, 100, 'all that came after is new'],
  [20, 0, 100, 'it begins again with the same'],
  [20, 10, 20, 'all that came after was there'],
  [60, 30, 500, 'half of it comes again'],
  [60, 60, 20_000, 'the beginning is lost in the noise of so many'],
])('%i values, then those from %i to %i: %s', (begunCount, from, to, _why) => {
  const begun = new DistinctCount(8)
  for (const value of values(0, begunCount)) begun.add(value)
  const count = new ContinuedCount(begun)
  for (const value of values(from, to)) count.add(value)
  const truth = new Set([...values(0, begunCount), ...values(from, to)]).size
  // Two of twenty values may share one of the 256 registers.
  const tolerance = 2 + 0.05 * truth
  expect(Math.abs(count.estimate() - truth)).toBeLessThan(tolerance)
  begun.clear() // Whoever began goes on by itself.
  expect(count.estimate()).toBeGreaterThan(truth - tolerance)
})
