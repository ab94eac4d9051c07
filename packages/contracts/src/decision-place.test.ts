import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { comparePlaces, pathHolds, placeHolds } from './decision-place.js'

describe('pathHolds', () => {
  it.each([
    ['/login', '/login', true, 'a literal path is itself'],
    ['/login', '/login/', false, 'a trailing slash is another path'],
    ['/users/{userId}', '/users/42', true, 'a parameter is one segment'],
    ['/users/{userId}', '/users/', false, 'a parameter is at least one character'],
    ['/users/{userId}', '/users/42/cart', false, 'a parameter is one segment only'],
    ['/files/{fileId}.json', '/files/a.json', true, 'a parameter may stand inside a segment'],
    ['/files/{fileId}.json', '/files/.json', false, 'inside a segment it is not empty either'],
    ['/files/{fileId}.json', '/files/a.xml', false, 'the rest of the segment is literal'],
    ['/r/{from}-{to}', '/r/a-b', true, 'two parameters in one segment'],
    ['/r/{from}-{to}', '/r/a-b-c', true, 'a parameter may hold the separator'],
    ['/r/{from}-{to}', '/r/-b', false, 'the first of two is not empty'],
    ['/r/{from}-{to}', '/r/a-', false, 'the last of two is not empty'],
  ])('%s on %s is %j: %s', (template, path, holds) => expect(pathHolds(template, path)).toBe(holds))

  it('agrees with the obvious regular expression', () => {
    const literal = fc.stringMatching(/^[ab-]{0,3}$/)
    const segment = fc.array(literal, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('{x}'))
    fc.assert(
      fc.property(segment, fc.stringMatching(/^[abc-]{0,8}$/), (template, text) => {
        const model = new RegExp(`^/${template.split('{x}').join('[^/]+')}$`)
        return pathHolds(`/${template}`, `/${text}`) === model.test(`/${text}`)
      }),
    )
  })
})

it('absent members mean anywhere, present ones must all hold', () => {
  const request = { host: 'shop.example', method: 'POST', path: '/login' }
  expect(placeHolds({}, request)).toBe(true)
  expect(placeHolds({ host: 'shop.example', pathTemplate: '/login' }, request)).toBe(true)
  expect(placeHolds({ host: 'shop.example', method: 'GET' }, request)).toBe(false)
})

it('the place that says more comes first', () => {
  const places = [{}, { host: 'a' }, { host: 'a', pathTemplate: '/u/{id}' }, { host: 'a', pathTemplate: '/u/me/x' }]
  expect([...places].sort(comparePlaces)).toEqual([...places].reverse())
})
