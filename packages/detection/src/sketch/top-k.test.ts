import fc from 'fast-check'
import { expect, it } from 'vitest'
import { TopK } from './top-k.js'

const stream = fc.array(fc.integer({ min: 0, max: 30 }).map(String), { maxLength: 400 })
const capacity = fc.integer({ min: 1, max: 12 })

function of(items: readonly string[], size: number): TopK {
  const top = new TopK(size)
  for (const item of items) top.add(item)
  return top
}

function truth(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

/** The three guarantees; a merge doubles the slots' worth of error at most. */
function holds(top: TopK, items: readonly string[], size: number, slack: number): boolean {
  const counts = truth(items)
  const kept = new Map(top.heaviest().map((heavy) => [heavy.value, heavy]))
  const bound = (slack * items.length) / size
  for (const { value, count, error } of kept.values()) {
    const real = counts.get(value) ?? 0
    if (count < real || count - error > real || error > bound) return false
  }
  return [...counts].every(([value, count]) => count <= bound || kept.has(value))
}

it('never underestimates, errs by at most total / capacity, and keeps whatever is heavier', () => {
  fc.assert(fc.property(stream, capacity, (items, size) => holds(of(items, size), items, size, 1)))
})

it('merged sketches keep the guarantees for the joined streams', () => {
  fc.assert(
    fc.property(stream, stream, capacity, (left, right, size) => {
      const merged = of(left, size)
      merged.merge(of(right, size))
      return merged.total === left.length + right.length && holds(merged, [...left, ...right], size, 2)
    }),
  )
})

it('heaviest first, equal ones by value', () => {
  expect(
    of(['b', 'a', 'c', 'c'], 5)
      .heaviest(3)
      .map(({ value }) => value),
  ).toEqual(['c', 'a', 'b'])
})
