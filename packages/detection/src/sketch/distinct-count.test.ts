import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DistinctCount } from './distinct-count.js'

const values = fc.array(fc.string({ maxLength: 12 }), { maxLength: 300 })

function of(items: readonly string[]): DistinctCount {
  const sketch = new DistinctCount()
  for (const item of items) sketch.add(item)
  return sketch
}

it('repeats change nothing', () => {
  fc.assert(fc.property(values, (items) => of([...items, ...items]).estimate() === of(items).estimate()))
})

it('the union of sketches is the sketch of the union', () => {
  fc.assert(
    fc.property(values, values, (left, right) => {
      const merged = of(left)
      merged.merge(of(right))
      return merged.estimate() === of([...left, ...right]).estimate()
    }),
  )
})

it.each([
  [0, 0],
  [1, 0.02],
  [25, 0.06],
  [100, 0.06],
  [1_000, 0.1],
  [100_000, 0.1],
])('%d distinct values within %d of the truth', (count, error) => {
  const estimate = of(Array.from({ length: count }, (_, i) => `c1.${i * 7_919}`)).estimate()
  expect(Math.abs(estimate - count)).toBeLessThanOrEqual(error * count)
})

it('a cleared sketch is a new one', () => {
  const sketch = of(['a', 'b'])
  sketch.clear()
  expect(sketch.estimate()).toBe(0)
})
