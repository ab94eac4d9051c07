import { LineTransaction, plainTransaction } from '@tapwarden/contracts/line-transaction'
import { goldenTransaction, type HttpTransaction } from '@tapwarden/contracts/transaction'
import { TransactionLines, transactionRecord } from '@tapwarden/contracts/transaction-lines'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Catalog } from './catalog.js'
import { ContentReader } from './content-reader.js'
import { endpointFacts } from './endpoint-facts.js'
import { emptyEndpointState, reduceEndpoint } from './endpoint-reducer.js'
import { leafKind } from './leaf-kind.js'
import { QueryReader } from './query-reader.js'
import type { SchemaTree } from './schema-tree.js'
import { stateCounts } from './state-counts.js'

const names = fc.constantFrom('id', 'name', 'type', 'status', 'items', 'größe', 'a"b', '17', '', '__proto__', 'p')
const token = fc.constantFrom(
  'v1.00000000000000a1',
  'v1.00000000000000a2',
  'v1.00000000000000a3',
  'v2.b',
  'v1.=0000000000000a1',
  '',
)
const leaf = fc.oneof(
  fc
    .tuple(
      fc.constantFrom('int', 'str', 'null', 'bool', 'str f=uuid', 'str f=email', 'é'),
      fc.nat(12),
      token,
      fc.boolean(),
      fc.boolean(),
    )
    .map(([head, n, k, s, withToken]) => `${head} n=${n}${s ? ' s=email' : ''}${withToken ? ` k=${k}` : ''}`),
  fc.constantFrom('str k=a k=v1.00000000000000a1', 'str k=a', '', '=', ' k=', 'k=v1.0', 'str k=', 'text'),
)
const { shape } = fc.letrec<{ shape: unknown }>((tie) => ({
  shape: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc.tuple(fc.nat(5), fc.array(tie('shape'), { maxLength: 3 })).map(([count, items]) => [count, ...items]),
    fc.dictionary(names, tie('shape'), { maxKeys: 4, noNullPrototype: true }),
    fc.constantFrom(null, 7, true, [], ['str', 'int'], [-0], [0, 'int'], [1e3, 'int']),
  ),
}))

const transaction = fc
  .record({
    requestShape: shape,
    responseShape: shape,
    status: fc.constantFrom(200, 200, 200, 201, 302, 404, 500),
    method: fc.constantFrom('GET', 'POST'),
    path: fc.constantFrom('/users/1', '/users/ana', '/users/bo', '/orders', '/orders/2', '/größe'),
    authScheme: fc.constantFrom('none' as const, 'api-key' as const, 'bearer' as const),
    query: fc.array(fc.tuple(fc.constantFrom('q', 'page', 'x-api-key', 'ü'), leaf), { maxLength: 4 }),
    observedAtUs: fc.integer({ min: 1_790_000_000_000_000, max: 1_790_000_000_000_100 }),
    sensitive: fc.constantFrom([], goldenTransaction.sensitive ?? []),
  })
  .map((fields) => {
    const { edgeDecisionId: _none, ...golden } = goldenTransaction
    const pathTokens = goldenTransaction.pathTokens.slice(0, fields.path.split('/').length - 1)
    return { ...golden, ...fields, pathTokens } as HttpTransaction
  })
const transactions = fc.array(transaction, { maxLength: 12 })

function linesOf(all: readonly HttpTransaction[]): HttpTransaction[] {
  return new TransactionLines().of(transactionRecord(all)).flatMap((line) => line.transaction ?? [])
}

describe('reading from the bytes of a line', () => {
  it('counts what reading parsed transactions counts', () => {
    fc.assert(
      fc.property(transactions, (all) => {
        const [fromLines, plain] = [emptyEndpointState(), emptyEndpointState()]
        const lines = linesOf(all)
        for (const line of lines) reduceEndpoint(fromLines, line)
        for (const line of lines) reduceEndpoint(plain, plainTransaction(line))
        expect(lines.every((line) => line instanceof LineTransaction)).toBe(true)
        expect(stateCounts(fromLines)).toEqual(stateCounts(plain))
      }),
      { numRuns: 300 },
    )
  })

  it('reads names and leaves of a query, and which pair is the first of its name', () => {
    const reader = new QueryReader()
    fc.assert(
      fc.property(transaction, (one) => {
        for (const read of [...linesOf([one]), one]) {
          reader.read(read)
          const names = one.query.map(([name]) => name)
          expect(reader.names.slice(0, reader.count)).toEqual(names)
          expect(reader.kinds.slice(0, reader.count)).toEqual(one.query.map(([, text]) => leafKind(text)))
          expect(names.map((_, i) => reader.isFirst(i))).toEqual(names.map((name, i) => names.indexOf(name) === i))
          expect([reader.has('q'), reader.has('x')]).toEqual([names.includes('q'), false])
        }
      }),
    )
  })

  it('finds the echoes that parsed shapes show', () => {
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 3 }), (all) => {
        const [one, other] = [new ContentReader(), new ContentReader()]
        const [state, otherState] = [emptyEndpointState(), emptyEndpointState()]
        for (const line of linesOf([...all, ...all])) {
          const plain = plainTransaction(line)
          reduceEndpoint(state, line, one)
          reduceEndpoint(otherState, plain, other)
          const segmentCount = plain.pathTokens.length
          expect(one.echoedSegments(line, segmentCount)).toEqual(other.echoedSegments(plain, segmentCount))
        }
      }),
      { numRuns: 200 },
    )
  })

  it.each<[object, boolean[] | undefined, string]>([
    [{ id: 'int k=T1' }, [false, true], 'a value of the path'],
    [{ id: 'int k=T9', type: 'str k=T1' }, [false, false], 'a word of the route, under a name for such words'],
    [{ type: 'str k=T1' }, undefined, 'nothing else to compare with'],
    [{ type: [1, 'str k=T1'], id: 'int k=T9' }, [false, false], 'items go by the name of their array'],
    [{ id: [2, 'int k=T0', 'int k=T1'] }, [true, true], 'both'],
  ])('echoes of %j: %j, %s', (responseShape, expected, _why) => {
    const pathTokens = goldenTransaction.pathTokens.slice(0, 2)
    const tokens = (text: string) => text.replace(/T(\d)/g, (_, i) => pathTokens[Number(i)] ?? 'v1.00000000000000ff')
    const shape = JSON.parse(tokens(JSON.stringify(responseShape)))
    const lines = linesOf(
      Array(2).fill({ ...goldenTransaction, path: '/a/b', pathTokens, status: 200, responseShape: shape }),
    )
    const reader = new ContentReader()
    const state = emptyEndpointState()
    for (const line of lines) {
      reduceEndpoint(state, line, reader)
      expect(reader.echoedSegments(line, 2)).toEqual(expected)
    }
  })

  it('leaves a catalog as reading parsed transactions leaves it, decisions included', () => {
    fc.assert(
      fc.property(fc.array(transactions, { maxLength: 3 }), (batches) => {
        const [fromLines, plain] = [new Catalog(), new Catalog()]
        for (const batch of batches) {
          const lines = linesOf(batch)
          for (const line of lines) fromLines.observe(line)
          for (const line of lines) plain.observe(plainTransaction(line))
          expect(fromLines.decide(true)).toEqual(plain.decide(true))
          for (const line of lines) expect(fromLines.resolve(line)).toEqual(plain.resolve(plainTransaction(line)))
        }
        const facts = (catalog: Catalog) =>
          [...catalog.hosts()].flatMap((host) =>
            host.endpoints().map((endpoint) => [stateCounts(endpoint.state), endpointFacts(endpoint)]),
          )
        expect(facts(fromLines)).toEqual(facts(plain))
      }),
      { numRuns: 100 },
    )
  })

  it.each<[string, string[], string]>([
    ['{"a":"int","a":"str"}', ['a'], 'a property that stands twice counts once, as JSON.parse reads it'],
    ['{"a":{"b":"int"},"a":{"b":"str"}}', ['a'], 'here too'],
  ])('%s: %s, %s', (text, propertyNames, _why) => {
    const line = JSON.stringify({ ...goldenTransaction, responseShape: { a: { b: 'int' } }, status: 200 })
    const withText = line.replace('"responseShape":{"a":{"b":"int"}}', `"responseShape":${text}`)
    const state = emptyEndpointState()
    for (const each of [line, withText, withText]) {
      const read = new TransactionLines().of(new TextEncoder().encode(each))[0]?.transaction
      if (read !== undefined) reduceEndpoint(state, read)
    }
    const tree = state.responses.get('200 json')?.tree as SchemaTree
    expect([tree.count, [...tree.properties.keys()], tree.properties.get('a')?.count]).toEqual([3, propertyNames, 3])
  })
})
