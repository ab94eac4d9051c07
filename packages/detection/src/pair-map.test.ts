import { BoundedMap } from '@tapwarden/base/bounded-map'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PairEntry, PairMap } from './pair-map.js'

const word = fc.constantFrom('a', 'b', 'c', 'a b')
const operation = fc.tuple(fc.constantFrom('use', 'use', 'use', 'delete'), word, word)

it('keeps and lets go what a map of joined texts does, in the same order of use', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(operation, { maxLength: 80 }), (maxEntries, operations) => {
      const evicted: string[] = []
      const expected: string[] = []
      const model = new BoundedMap<string, true>({
        maxEntries,
        onFull: 'evict-least-recent',
        onEvict: (key) => expected.push(key),
      })
      const map = new PairMap<PairEntry>(maxEntries, ({ first, second }) => evicted.push(`${first}|${second}`))
      for (const [name, first, second] of operations) {
        const key = `${first}|${second}`
        const known = map.get(first, second)
        expect(known !== undefined).toBe(model.get(key) === true)
        if (name === 'delete') {
          if (known !== undefined) map.delete(known)
          model.delete(key)
        } else if (known === undefined) {
          map.add(new PairEntry(first, second))
          model.set(key, true)
        }
        expect([...map.entries()].map((entry) => `${entry.first}|${entry.second}`)).toEqual([...model.keys()])
      }
      expect([evicted, map.size, map.overflowCount]).toEqual([expected, model.size, model.overflowCount])
    }),
  )
})
