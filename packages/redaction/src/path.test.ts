import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from './byte-writer.js'
import { hostText } from './host.js'
import { Paths, urlText } from './path.js'
import { sampleFleetKey } from './raw-transaction-fixture.js'
import { SeenValues } from './seen-values.js'
import { Sightings } from './sightings.js'
import { Tokens } from './token.js'

const tokens = new Tokens(sampleFleetKey, 1)

function read(target: string, method = 'GET') {
  const paths = new Paths(tokens, new Sightings(), new SeenValues())
  paths.read(target, method)
  const writer = new ByteWriter()
  paths.writeQuery(writer)
  const query = JSON.parse(Buffer.from(writer.borrowed()).toString()) as [string, string][]
  const path = paths.pathText()
  writer.clear()
  paths.writePathTokens(writer)
  const pathTokens = JSON.parse(Buffer.from(writer.borrowed()).toString()) as string[]
  return {
    path: path.replaceAll(/~v1\.[0-9a-f]{16}/g, '~'),
    query,
    pathTokens,
    authority: paths.authority,
    access: paths.access,
  }
}

it.each([
  ['/', '/', 0, 'the root'],
  ['/api/v1/users/42', '/api/v1/users/42', 4, 'words and short numbers'],
  ['/a//b/', '/a//b/', 2, 'empty segments stay, and have no token'],
  ['/users/jane@example.org', '/users/~', 2, 'e-mail'],
  ['/users/jane%40example.org/x', '/users/~/x', 3, 'encoded'],
  ['/users/a%2540b.co', '/users/~', 2, 'encoded twice, and short'],
  ['/cards/4111111111111111', '/cards/~', 2, 'card'],
  ['/u/550e8400-e29b-41d4-a716-446655440000', '/u/~', 2, 'UUID'],
  ['/a;jsessionid=1A/b', '/a;~/b', 2, 'matrix parameters'],
  ['/token=abc/b', '/token=~/b', 2, 'a parameter for a segment'],
  ['/caf%C3%A9', '/caf%C3%A9', 1, 'encoding stays'],
  ['http://h.example/x?y=1', '/x', 1, 'absolute form'],
  ['http://h.example', '/', 0, 'absolute form without path'],
  ['*', '*', 1, 'asterisk form'],
  ['', '', 0, 'nothing'],
  ['/a#frag', '/a', 1, 'a fragment does not belong here'],
])('%s → %s with %i tokens: %s', (target, path, tokenCount) => {
  const result = read(target)
  expect(result.path).toBe(path)
  expect(result.pathTokens).toHaveLength(tokenCount)
})

it.each([
  [
    '/a?x=1&y=jane%40example.org',
    [
      ['x', 'str f=digits n=1 k'],
      ['y', 'str f=email n=5 s=email k'],
    ],
  ],
  [
    '/a?flag&=&x',
    [
      ['flag', 'str n=0'],
      ['', 'str n=0'],
      ['x', 'str n=0'],
    ],
  ],
  [
    '/a?api_key=k1&password=p',
    [
      ['api_key', 'str n=2 s=secret'],
      ['password', 'str n=1 s=password'],
    ],
  ],
  ['/a?q=a+b', [['q', 'str n=2 k']]],
])('the query of %s', (target, expected) => {
  const query = read(target).query.map(([name, leaf]) => [name, leaf.replace(/k=v1\..*/, 'k')])
  expect(query).toEqual(expected)
})

it('an access token of the query is taken as it was sent', () => {
  expect(read('/a?x=1&api_key=a%2Bb&token=c').access).toEqual({ name: 'api_key', value: 'a%2Bb' })
})

it('segments and decoded values have the same tokens', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 30 }), (text) => {
      if (text === '.' || text === '..') return
      const bytes = new TextEncoder().encode(text)
      expect(read(`/${encodeURIComponent(text)}`).pathTokens).toEqual([tokens.content(bytes, 0, bytes.length)])
    }),
  )
})

describe('hosts', () => {
  it.each([
    ['Shop.Example:8080', 'shop.example:8080', 'lower case, port kept'],
    ['[2001:DB8::1]:80', '[2001:db8::1]:80', 'IPv6'],
    ['jane:pw@shop.example', 'shop.example', 'without user information'],
    ['d3adb33f0a1b2c.gateway.example', 'd3adb33f0a1b2c.gateway.example', 'random labels are names of clouds'],
    ['4111111111111111.example', '~', 'a card'],
    ['a b', '~', 'no host'],
    ['', '', 'nothing'],
    ['a'.repeat(64), '~', 'a label too long'],
  ])('%j → %j: %s', (value, expected) => {
    expect(hostText(tokens, value).replace(/^~.*/, '~')).toBe(expected)
  })

  it('URLs of fields keep host and path', () => {
    const paths = new Paths(tokens, new Sightings(), new SeenValues())
    const text = (url: string) => urlText(paths, url, (authority) => hostText(tokens, authority))
    expect(text('https://jane:pw@Shop.Example/a?b=c#d')).toBe('https://shop.example/a')
    expect(text('/next?token=x')).toBe('/next')
  })
})
