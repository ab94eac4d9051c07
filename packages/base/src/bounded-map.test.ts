import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BoundedMap, type OverflowPolicy } from './bounded-map.js'

describe('BoundedMap', () => {
  it.each<[OverflowPolicy, string[], string]>([
    ['evict-least-recent', ['a', 'c'], 'reading a made b the least recently used'],
    ['evict-oldest', ['b', 'c'], 'reading does not matter, a came first'],
    ['refuse-new', ['a', 'b'], 'c is refused'],
  ])('%s keeps %j: %s', (onFull, kept) => {
    const map = new BoundedMap<string, number>({ maxEntries: 2, onFull })
    map.set('a', 1)
    map.set('b', 2)
    map.get('a')
    expect(map.set('c', 3)).toBe(onFull !== 'refuse-new')
    expect([...map.keys()].sort()).toEqual(kept)
    expect(map.overflowCount).toBe(1)
  })

  it('never holds more than its limit, and reports whatever left', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 1, max: 5 }), (keys, maxEntries) => {
        const gone: number[] = []
        const map = new BoundedMap<number, true>({
          maxEntries,
          onFull: 'evict-oldest',
          onEvict: (key) => gone.push(key),
        })
        for (const key of keys) map.set(key, true)
        return map.size <= maxEntries && gone.length === map.overflowCount
      }),
    )
  })
})
