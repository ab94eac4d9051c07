import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { CatalogTransaction } from './catalog-transaction.js'
import {
  contentSettledCount,
  type EndpointState,
  emptyEndpointState,
  mergeEndpointState,
  reduceEndpoint,
} from './endpoint-reducer.js'
import { jsonSchemaOf } from './json-schema.js'
import { addShape, emptySchemaTree, mergeSchemaTree } from './schema-tree.js'
import { stateCounts, treeCounts } from './state-counts.js'
import { sampleTransaction } from './transaction-sample.js'

const leaf = fc.constantFrom('null', 'bool', 'int n=2 k=v1.01', 'str f=uuid n=6 k=v1.02', 'str n=3 k=v1.03', 'num n=3')
const { shape } = fc.letrec((tie) => ({
  shape: fc.oneof(
    { depthSize: 'small' },
    leaf,
    fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('shape'), { maxKeys: 3 }),
    fc.array(tie('shape'), { maxLength: 3 }).map((items) => [items.length, ...items]),
  ),
}))
const transaction: fc.Arbitrary<CatalogTransaction> = fc
  .record({
    status: fc.constantFrom(200, 201, 404, 500),
    responseShape: shape,
    observedAtUs: fc.nat(),
    authScheme: fc.constantFrom('none' as const, 'bearer' as const, 'api-key' as const),
    query: fc.array(fc.tuple(fc.constantFrom('q', 'page'), fc.constantFrom('str n=2', 'str f=digits n=1')), {
      maxLength: 2,
    }),
  })
  .map((fields) => sampleTransaction('/a', fields))

function reduced(transactions: readonly CatalogTransaction[]): EndpointState {
  const state = emptyEndpointState()
  for (const one of transactions) reduceEndpoint(state, one)
  return state
}

function merged(a: EndpointState, b: EndpointState): EndpointState {
  const state = emptyEndpointState()
  mergeEndpointState(state, a)
  mergeEndpointState(state, b)
  return state
}

describe('an endpoint state', () => {
  it('does not depend on the order of transactions', () => {
    fc.assert(
      fc.property(fc.array(transaction, { maxLength: 8 }), (list) => {
        expect(stateCounts(reduced([...list].reverse()))).toEqual(stateCounts(reduced(list)))
      }),
    )
  })

  it('merges as if one had seen all, in any order and grouping', () => {
    const lists = fc.tuple(...[0, 1, 2].map(() => fc.array(transaction, { maxLength: 4 })))
    fc.assert(
      fc.property(lists, (parts) => {
        const [a, b, c] = parts.map(reduced)
        const whole = stateCounts(reduced(parts.flat()))
        expect(stateCounts(merged(merged(a!, b!), c!))).toEqual(whole)
        expect(stateCounts(merged(a!, merged(c!, b!)))).toEqual(whole)
      }),
    )
  })
})

it.each<[Partial<CatalogTransaction>, number, string]>([
  [{}, 1, 'nobody asked who calls'],
  [{ status: 401 }, 0, 'it was refused'],
  [{ anomalies: ['http2.fields-unknown'] }, 0, 'credentials may be among the fields that are not known'],
  [{ anomalies: ['http.host-repeated'] }, 1, 'all fields are known'],
])('a request without credentials, %j, is %i without authentication: %s', (fields, count) => {
  expect(reduced([sampleTransaction('/a', fields)]).authSchemes.get('none') ?? 0).toBe(count)
})

const withCard = [{ in: 'response-content' as const, name: 'card', type: 'card-number', count: 1 }]

it.each<[Partial<CatalogTransaction>, number, string]>([
  [{ id: `${'a'.repeat(31)}8` }, 1, 'one in eight, by the last digit of its id'],
  [{ id: `${'a'.repeat(31)}9` }, 0, 'the other seven'],
  [{ id: `${'a'.repeat(31)}9`, loginUserToken: 'v1.0123456789abcdef' }, 1, 'a login always'],
  [{ id: `${'a'.repeat(31)}9`, sensitive: withCard }, 1, 'what is sensitive and new here always'],
])('of a settled schema’s contents looks at %j %i times: %s', (fields, lookedAtCount, _why) => {
  const responseShape = { name: 'str n=3' }
  const state = reduced(Array.from({ length: contentSettledCount }, () => sampleTransaction('/a', { responseShape })))
  reduceEndpoint(state, sampleTransaction('/a', { ...fields, responseShape }))
  const content = state.responses.get('200 json')
  expect([state.count, content?.count, content?.tree.count]).toEqual([
    contentSettledCount + 1,
    contentSettledCount + 1,
    contentSettledCount + lookedAtCount,
  ])
  const again = sampleTransaction('/a', { sensitive: withCard, responseShape, id: `${'a'.repeat(31)}9` })
  if (fields.sensitive !== undefined) reduceEndpoint(state, again)
  expect(content?.tree.count).toBe(contentSettledCount + lookedAtCount)
})

it('trees of shapes merge as if one had seen all', () => {
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 5 }), fc.array(shape, { maxLength: 5 }), (left, right) => {
      const [a, b, whole] = [emptySchemaTree(), emptySchemaTree(), emptySchemaTree()]
      for (const one of left) addShape(a, one)
      for (const one of right) addShape(b, one)
      for (const one of [...left, ...right]) addShape(whole, one)
      mergeSchemaTree(b, a)
      expect(treeCounts(b)).toEqual(treeCounts(whole))
      expect(jsonSchemaOf(b)).toEqual(jsonSchemaOf(whole))
    }),
  )
})

function schemaOf(...shapes: readonly unknown[]) {
  const tree = emptySchemaTree()
  for (const one of shapes) addShape(tree, one)
  return jsonSchemaOf(tree)
}

const many = Array.from({ length: 30 }, (_, i) => i)

it.each<[unknown[], object, string]>([
  [
    [{ a: 'int' }, { a: 'null' }],
    { type: 'object', properties: { a: { type: ['integer', 'null'] } }, required: ['a'] },
    'null seen: nullable',
  ],
  [[{ a: 'int' }, {}], { type: 'object', properties: { a: { type: 'integer' } } }, 'not always there: not required'],
  [['int', 'num'], { type: 'number' }, 'integers are numbers'],
  [['str f=uuid', 'str f=uuid'], { type: 'string', format: 'uuid' }, 'every string has the format'],
  [['str f=uuid', 'str'], { type: 'string' }, 'one has not'],
  [[[0], [2, 'int', 'int']], { type: 'array', items: { type: 'integer' } }, 'empty arrays do not erase items'],
  [[[0]], { type: 'array', items: {} }, 'only empty ones: items unknown'],
  [
    many.map((i) => `str n=3 k=v1.${i % 3}`),
    { type: 'string', 'x-distinct-count': 3 },
    'few distinct among many: an enumeration',
  ],
  [many.map((i) => `str n=3 k=v1.${i}`), { type: 'string' }, 'as many distinct as seen: none'],
  [
    many.map((i) => ({ [`order_${i}`]: 'int', [`x${i}`]: 'int' })),
    { type: 'object', additionalProperties: { type: 'integer' } },
    'keys that come and go: a map',
  ],
  [
    [{ email: 'str s=email' }],
    { type: 'object', properties: { email: { type: 'string', 'x-sensitive': ['email'] } }, required: ['email'] },
    'sensitive types are told',
  ],
])('%#: %j', (shapes, schema, _why) => {
  expect(schemaOf(...shapes)).toEqual(schema)
})
