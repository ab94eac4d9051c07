import fc from 'fast-check'
import { expect, it } from 'vitest'
import { endpointId, otherTemplate } from './endpoint-id.js'
import { EndpointIndex, HostTemplates, matchEndpoint, provisionalMaxCount } from './endpoint-matcher.js'
import { pathSegments } from './normalize-path.js'

const host = 'api.example'

function snapshot(templates: readonly string[], version = 1) {
  return {
    host,
    version,
    effectiveFromUs: 0,
    endpoints: templates.map((pathTemplate) => ({
      id: endpointId(host, 'GET', pathTemplate),
      method: 'GET',
      pathTemplate,
    })),
    redirects: [],
  }
}

it.each([
  [['/users/{userId}', '/users/me'], '/users/me', '/users/me', 'a concrete path beats its template'],
  [['/users/{userId}', '/users/me'], '/users/42', '/users/{userId}', 'a template takes the rest'],
  [['/users/{userId}', '/users/me'], '//users/42/', '/users/{userId}', 'slashes fold'],
  [['/users/{userId}', '/users/me'], '/%75sers/m%65', '/users/me', 'unreserved characters are decoded'],
  [
    ['/users/{userId}/posts', '/users/me'],
    '/users/me/posts',
    '/users/{userId}/posts',
    'back from a literal that leads nowhere',
  ],
  [
    ['/files/{fileId}', '/files/{fileId}.json'],
    '/files/7.json',
    '/files/{fileId}.json',
    'a suffix beats the bare parameter',
  ],
  [['/jobs/{jobId}:cancel'], '/jobs/7:cancel', '/jobs/{jobId}:cancel', 'verbs'],
])('%j: %s is %s (%s)', (templates, path, template) => {
  const index = new EndpointIndex()
  index.apply(snapshot(templates))
  expect(matchEndpoint(index, 'GET', host, path)).toEqual({
    endpointId: endpointId(host, 'GET', template),
    pathTemplate: template,
    provisional: false,
  })
})

it('what nothing matches is provisional, with the id that its literal path will have', () => {
  const index = new EndpointIndex()
  index.apply(snapshot(['/users/{userId}']))
  expect(index.match('POST', host, '/users/42/')).toEqual({
    endpointId: endpointId(host, 'POST', '/users/42'),
    pathTemplate: '/users/42',
    provisional: true,
  })
})

it('provisional endpoints are bounded a host: the rest share one', () => {
  const index = new EndpointIndex()
  for (let i = 0; i < provisionalMaxCount; i++) index.match('GET', host, `/noise/${i}`)
  expect(index.match('GET', host, '/one-more').pathTemplate).toBe(otherTemplate)
  expect(index.match('GET', host, '/noise/7').pathTemplate).toBe('/noise/7')
  expect(index.overflowCount).toBe(1)
})

it('an older snapshot does not undo a newer one', () => {
  const index = new EndpointIndex()
  index.apply(snapshot(['/a/{id}'], 2))
  index.apply(snapshot([], 1))
  expect(index.match('GET', host, '/a/1').provisional).toBe(false)
})

it('names do not count in an id, shapes do', () => {
  expect(endpointId(host, 'GET', '/a/{x}')).toBe(endpointId(host, 'GET', '/a/{y}'))
  expect(endpointId(host, 'GET', '/a/{x}')).not.toBe(endpointId(host, 'GET', '/a/{x}.json'))
  expect(endpointId(host, 'GET', '/a/{x}')).toMatch(/^[0-9a-f]{16}$/)
})

const literal = fc.constantFrom('a', 'b', 'c', 'b.json')
const templateSegment = fc.oneof(literal, fc.constantFrom('{x}', '{x}.json'))

it('agrees with a naive model: of all templates that fit, the most specific from the left', () => {
  const templates = fc.uniqueArray(fc.array(templateSegment, { maxLength: 4 }), {
    maxLength: 8,
    selector: (t) => t.join('/'),
  })
  fc.assert(
    fc.property(templates, fc.array(fc.oneof(literal, fc.constant('z.json')), { maxLength: 4 }), (list, path) => {
      const paths = list.map((segments) => `/${segments.join('/')}`)
      const found = new HostTemplates(snapshot(paths)).match('GET', path)
      const fitting = list.filter(
        (segments) => segments.length === path.length && segments.every((s, i) => fits(s, path[i]!)),
      )
      const ranks = (segments: readonly string[]) =>
        segments.map((s) => (s === '{x}' ? '2' : s.startsWith('{') ? '1' : '0')).join('')
      const best = fitting.sort((a, b) => (ranks(a) < ranks(b) ? -1 : 1))[0]
      return found?.pathTemplate === (best === undefined ? undefined : `/${best.join('/')}`)
    }),
  )
})

function fits(template: string, segment: string): boolean {
  if (template === '{x}') return true
  if (template === '{x}.json') return segment.endsWith('.json') && segment.length > 5
  return template === segment
}

it('segments of any text match without end in bounded time', () => {
  const wild = Array.from(
    { length: 12 },
    (_, i) => `/${Array.from({ length: 12 }, (_, j) => (i === j ? 'a' : '{x}')).join('/')}`,
  )
  const templates = new HostTemplates(snapshot(wild))
  expect(templates.match('GET', pathSegments(`/${'a/'.repeat(11)}nope`.repeat(1)))).toBeDefined()
  expect(templates.match('GET', pathSegments(`/${'z/'.repeat(12)}`))).toBeUndefined()
})
