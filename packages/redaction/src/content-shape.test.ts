import {
  type ContentShape,
  parseLeaf,
  shapeItemsMaxCount,
  shapeLeavesMaxCount,
} from '@tapwarden/contracts/content-shape'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from './byte-writer.js'
import { ContentShaper } from './content-shape.js'
import { sampleFleetKey } from './raw-transaction-fixture.js'
import { Sightings } from './sightings.js'
import { Tokens } from './token.js'

const tokens = new Tokens(sampleFleetKey, 1)

interface Result {
  readonly kind: string
  readonly shape: ContentShape
  readonly sensitive: readonly { readonly type: string; readonly name: string; readonly count: number }[]
  readonly login: { readonly user: string; readonly password: string } | undefined
}

function shapeOf(content: string | Uint8Array, contentType?: string, truncated = false): Result {
  const writer = new ByteWriter(16)
  const sightings = new Sightings()
  const shaper = new ContentShaper(writer, tokens, sightings)
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
  const kind = shaper.shape(bytes, contentType, 'request-content', truncated)
  const shape = writer.length === 0 ? '' : JSON.parse(Buffer.from(writer.borrowed()).toString('utf8'))
  writer.clear()
  sightings.write(writer)
  return { kind, shape, sensitive: JSON.parse(Buffer.from(writer.borrowed()).toString('utf8')), login: shaper.login }
}

/** The shape without its tokens, for reading. */
function withoutTokens(shape: ContentShape): unknown {
  return JSON.parse(JSON.stringify(shape).replaceAll(/ k=v1\.[0-9a-f]{16}/g, ' k'))
}

describe('JSON', () => {
  it.each([
    ['{"id":42,"ok":true,"x":null}', { id: 'int n=2 k', ok: 'bool', x: 'null' }, 'scalars'],
    ['[1,2,3,4,5,6]', [6, 'int n=1 k', 'int n=1 k', 'int n=1', 'int n=1'], 'the count, and the first few'],
    ['[]', [0], 'an empty array'],
    ['{}', {}, 'an empty object'],
    ['-1.50e3', 'num n=3 k', 'a number'],
    ['{"a":[[{"b":1}]]}', { a: [1, [1, { b: 'int n=1 k' }]] }, 'nesting'],
    ['{"u":"550e8400-e29b-41d4-a716-446655440000"}', { u: 'str f=uuid n=6 k' }, 'UUID'],
    ['["2026-11-24T10:30:00Z"]', [1, 'str f=date-time n=5 k'], 'date and time'],
    ['["2026-11-24 10:30:00 UTC"]', [1, 'str f=date-time n=5 k'], 'as people write it'],
    ['["2026-11-24T10:30:00.123456789+0200"]', [1, 'str f=date-time n=6 k'], 'nanoseconds, a zone without colon'],
    ['["2026-11-24T10:30:00.123+02:00"]', [1, 'str f=date-time n=5 k'], 'fraction and zone'],
    ['["2026-11-24T10:30:00.Z"]', [1, 'str n=5 k'], 'a fraction has digits'],
    ['["2026-11-24 10:30 4111111111111111"]', [1, 'str n=6 s=card k'], 'a card behind a time'],
    ['["2026-11-24"]', [1, 'str f=date n=4 k'], 'date'],
    ['["192.0.2.1"]', [1, 'str f=ipv4 n=4 k'], 'IPv4'],
    ['["2001:db8::1"]', [1, 'str f=ipv6 n=4 k'], 'IPv6'],
    ['["https://a.example/b"]', [1, 'str f=uri n=5 k'], 'URI'],
    ['["507f1f77bcf86cd799439011"]', [1, 'str f=objectid n=5 k'], 'object id'],
    ['["0123"]', [1, 'str f=digits n=3 k'], 'digits in a string'],
    ['["jane@example.org"]', [1, 'str f=email n=5 s=email k'], 'e-mail'],
    ['{"card":"4111 1111 1111 1111"}', { card: 'str n=5 s=card k' }, 'card'],
    ['{"card":4111111111111111}', { card: 'int n=16 s=card k' }, 'card as a number'],
    ['{"ssn":"123-45-6789"}', { ssn: 'str n=4 s=us-ssn' }, 'no token for a number of low entropy'],
    ['{"Password":"hunter2"}', { Password: 'str n=3 s=password' }, 'no token for a password'],
    ['{"client_secret":"x1y2"}', { client_secret: 'str n=3 s=secret' }, 'no token for a secret'],
    ['{"tokens":[{"v":"a"}]}', { tokens: [1, { v: 'str n=1 s=secret' }] }, 'what stands under a secret name is secret'],
    ['{"é":"ü€😀"}', { é: 'str n=2 k' }, 'lengths count characters'],
    ['{"a\\u0062":"\\n"}', { ab: 'str n=1 k' }, 'escapes'],
    ['{"__proto__":{"admin":true}}', JSON.parse('{"__proto__":{"admin":"bool"}}'), 'a hostile name'],
    ['\ufeff {"a":1}', { a: 'int n=1 k' }, 'byte order mark'],
    [')]}\',\n{"a":1}', { a: 'int n=1 k' }, 'guard against scripts'],
    ['""', 'str n=0', 'the empty string has no token'],
  ])('%s → %j: %s', (content, expected) => {
    const { kind, shape } = shapeOf(content, 'application/json')
    expect(withoutTokens(shape)).toEqual(expected)
    expect(kind).toBe('json')
  })

  it.each<[string, unknown, string]>([
    ['{"a":1,"b":"x', { a: 'int n=1 k', b: 'cut' }, 'in a string'],
    ['{"a":1,"b', { a: 'int n=1 k' }, 'in a name'],
    ['{"a":1,"b":', { a: 'int n=1 k', b: 'cut' }, 'before a value'],
    ['{"a":[1,', { a: [2, 'int n=1 k', 'cut'] }, 'behind a comma'],
    ['[tru', [1, 'cut'], 'in a word'],
    ['{', {}, 'at once'],
    ['{"a":"\\', { a: 'cut' }, 'in an escape'],
  ])('cut short, %s → %j: %s', (content, expected) => {
    const cut = shapeOf(content, 'application/json', true)
    expect(withoutTokens(cut.shape)).toEqual(expected)
    expect(cut.kind).toBe('json')
    expect(shapeOf(content, 'application/json', false).kind).toBe('unparsed')
  })

  it.each([
    '{"a" 1}',
    '{a:1}',
    '[1 2]',
    '{"a":1}x',
    '{"a":1,}',
    'nope',
    '{"x":-}',
  ])('%s is not JSON: no names leave', (content) => {
    expect(shapeOf(content, 'application/json')).toMatchObject({
      kind: 'unparsed',
      shape: `text n=${content.length.toString(2).length}`,
    })
  })

  it('hides names that are values', () => {
    const content = JSON.stringify({ byUser: { 'jane@example.org': 1, '550e8400-e29b-41d4-a716-446655440000': 2 } })
    const names = Object.keys((shapeOf(content).shape as { byUser: object }).byUser)
    expect(names).toEqual([expect.stringMatching(/^~v1\./), expect.stringMatching(/^~v1\./)])
  })

  it('sees what it does not print', () => {
    const users = Array.from({ length: 9 }, (_, i) => ({ email: `u${i}@example.org` }))
    expect(shapeOf(JSON.stringify({ users })).sensitive).toEqual([
      { type: 'email', in: 'request-content', name: 'users[].email', count: 9 },
    ])
    const deep = `${'['.repeat(40)}"4111111111111111"${']'.repeat(40)}`
    expect(shapeOf(deep).sensitive).toMatchObject([{ type: 'card', count: 1 }])
  })

  it('survives depth and breadth', () => {
    expect(shapeOf('['.repeat(100_000), undefined, true).kind).toBe('json')
    const wide = JSON.stringify(Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`p${i}`, i])))
    const shape = shapeOf(wide).shape as Record<string, string>
    expect(Object.keys(shape).length).toBe(shapeLeavesMaxCount)
    expect(Object.values(shape).at(-1)).toBe('cut')
  })

  it('keeps structure, and equal leaves have equal tokens', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const { shape, kind } = shapeOf(JSON.stringify(value), 'application/json')
        expect(kind).toBe('json')
        expectSameStructure(value, shape)
      }),
    )
  })
})

function expectSameStructure(value: unknown, shape: ContentShape): void {
  if (Array.isArray(value)) {
    expect(shape).toHaveLength(1 + Math.min(value.length, shapeItemsMaxCount))
    expect((shape as readonly unknown[])[0]).toBe(value.length)
    for (let i = 0; i < Math.min(value.length, shapeItemsMaxCount); i++) {
      expectSameStructure(value[i], (shape as readonly ContentShape[])[i + 1] ?? '')
    }
  } else if (typeof value === 'object' && value !== null) {
    expect(Object.keys(shape)).toHaveLength(Object.keys(value).length)
    for (const [index, member] of Object.values(value).entries()) {
      expectSameStructure(member, Object.values(shape as object)[index])
    }
  } else {
    const leaf = parseLeaf(shape as string)
    const text = new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value))
    const types = { string: ['str'], number: ['int', 'num'], boolean: ['bool'], object: ['null'] }
    expect(types[typeof value as keyof typeof types]).toContain(leaf.type)
    if (leaf.token !== undefined) expect(leaf.token).toBe(tokens.content(text, 0, text.length))
    if (typeof value === 'string') expect(leaf.lengthClass).toBe(32 - Math.clz32([...value].length))
  }
}

describe('other content', () => {
  it.each([
    [
      'a=1&b=jane%40example.org&a=2',
      'application/x-www-form-urlencoded',
      'form',
      { a: 'str f=digits n=1 k', b: 'str f=email n=5 s=email k' },
    ],
    ['user=jane&pwd=x', undefined, 'form', { user: 'str n=3 k', pwd: 'str n=1 s=password' }],
    ['{"a":1}', 'text/plain', 'json', { a: 'int n=1 k' }],
    ['{oops', 'text/plain', 'text', 'text n=3'],
    ['<a>jane@example.org</a>', 'application/soap+xml', 'xml', 'xml n=5 s=email'],
    ['<!DOCTYPE html><p>', undefined, 'html', 'html n=5'],
    ['hello', 'text/plain', 'text', 'text n=3'],
    ['\0\u0001\u0002', undefined, 'binary', 'binary n=2'],
    ['x', 'image/png', 'binary', 'binary n=1'],
    ['', 'application/json', 'none', ''],
    ['--b\r\nno part', 'multipart/form-data', 'unparsed', 'text n=4'],
  ])('%j as %s is %s', (content, type, kind, expected) => {
    const result = shapeOf(content, type)
    expect(result.kind).toBe(kind)
    expect(withoutTokens(result.shape)).toEqual(expected)
  })

  it('multipart: part names, text as leaves, files as binary, their names and contents inside', () => {
    const part = (head: string, value: string) => `--x\r\nContent-Disposition: form-data; ${head}\r\n\r\n${value}\r\n`
    const content = `${part('name="note"', 'hi')}${part('name="scan"; filename="jane.pdf"', '4111111111111111')}${part('name=password', 'hunter2')}--x--\r\n`
    const { kind, shape, sensitive } = shapeOf(content, 'multipart/form-data; boundary=x')
    expect(kind).toBe('multipart')
    expect(withoutTokens(shape)).toEqual({ note: 'str n=2 k', scan: 'binary n=5', password: 'str n=3 s=password' })
    expect(sensitive).toEqual([{ type: 'card', in: 'request-content', name: 'scan', count: 1 }])
  })
})

describe('logins', () => {
  const jane = { user: 'jane', password: 'hunter2' }
  it.each<[string, typeof jane | undefined, string]>([
    ['{"username":"jane","password":"hunter2"}', jane, 'plain'],
    ['{"password":"hunter2","loginId":"jane"}', jane, 'in any order'],
    ['{"data":{"user":{"email":"jane","passwd":"hunter2"}}}', jane, 'nested'],
    [
      '{"query":"mutation","variables":{"email":"jane","password":"hunt\\u0065r2"}}',
      jane,
      'GraphQL variables, escapes',
    ],
    ['grant_type=password&username=jane&password=hunter2', jane, 'OAuth password grant'],
    ['session%5Bemail%5D=jane&session%5Bpassword%5D=hunter2', jane, 'names in brackets'],
    ['log=jane&pwd=hunter2', jane, 'WordPress'],
    ['{"user":"jane","profile":{"password":"hunter2"}}', undefined, 'not in one object'],
    ['{"email":"jane","password":"hunter2","passwordConfirmation":"hunter2"}', undefined, 'a registration'],
    ['{"username":"jane","oldPassword":"a","newPassword":"b"}', undefined, 'a change of password'],
    ['{"username":"jane","password":""}', undefined, 'no password'],
    ['{"username":"jane","password":"hunter2"', jane, 'cut behind both'],
  ])('%s: %s', (content, login) => {
    expect(
      shapeOf(content, content.startsWith('{') ? 'application/json' : 'application/x-www-form-urlencoded').login,
    ).toEqual(login)
  })
})
