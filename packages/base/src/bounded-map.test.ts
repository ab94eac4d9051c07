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

it.each([
  'evict-oldest',
  'evict-least-recent',
] as const)('%s: agrees with a list, whatever is set, read and deleted', (onFull) => {
  const action = fc.tuple(fc.constantFrom('set', 'get', 'delete', 'clear' as const), fc.integer({ min: 0, max: 9 }))
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const map = new BoundedMap<number, string>({ maxEntries: 4, onFull })
      let model: number[] = []
      const touch = (key: number) => {
        if (onFull === 'evict-least-recent') model = [...model.filter((each) => each !== key), key]
      }
      for (const [name, key] of actions) {
        if (name === 'set') {
          if (model.includes(key)) touch(key)
          else model = [...model.slice(model.length >= 4 ? 1 : 0), key]
          map.set(key, 'x')
        } else if (name === 'get') {
          if (map.get(key) !== undefined) touch(key)
        } else if (name === 'delete') {
          model = model.filter((each) => each !== key)
          map.delete(key)
        } else if (key === 0) {
          model = []
          map.clear()
        }
      }
      expect([...map.keys()]).toEqual(model)
    }),
  )
})
