import type { ContentShape } from '@tapwarden/contracts/content-shape'
import { describe, expect, it } from 'vitest'
import type { CatalogTransaction } from './catalog-transaction.js'
import { earlyAnswersMaxCount } from './early-answers.js'
import { HostCatalog } from './host-catalog.js'
import { sampleToken, sampleTransaction } from './transaction-sample.js'

function templates(transactions: readonly CatalogTransaction[]): string[] {
  const catalog = new HostCatalog('api.example')
  for (const transaction of transactions) catalog.observe(transaction)
  catalog.decide(0, true)
  return catalog.snapshot.endpoints.map(({ method, pathTemplate }) => `${method} ${pathTemplate}`)
}

const user: ContentShape = {
  login: 'str n=3',
  email: 'str n=4',
  created: 'str n=5',
  plan: { name: 'str n=3', seats: 'int n=1' },
}
const order: ContentShape = { total: 'num n=3', currency: 'str n=2', lines: [1, { sku: 'str n=3', count: 'int n=1' }] }
const repo: ContentShape = { full: 'str n=3', stars: 'int n=2', forks: 'int n=2', license: { key: 'str n=2' } }
const names = 'ana bo chen dita emil fatima goran hana ivo jun kofi lena mara nils olga'.split(' ')

it.each([
  [['/users/1', '/users/2'], ['GET /users/{userId}'], 'integers in one position are a parameter'],
  [['/users/1'], ['GET /users/{userId}'], 'one is enough: the shape says it'],
  [['/v1/a', '/v2/a'], ['GET /v1/a', 'GET /v2/a'], 'version segments are never parameters'],
  [['/a', '/a/', '//a'], ['GET /a'], 'spellings of one path'],
  [['/orders/7/lines/8'], ['GET /orders/{orderId}/lines/{lineId}'], 'names come from the collection before'],
  [['/jobs/7:cancel', '/jobs/8:cancel', '/jobs/9'], ['GET /jobs/{jobId}', 'GET /jobs/{jobId}:cancel'], 'verbs'],
  [['/pairs/1/2'], ['GET /pairs/{pairId}/{pairId2}'], 'one name once a template'],
  [['/api.list', '/api.send', '/api.read'], ['GET /api.list', 'GET /api.read', 'GET /api.send'], 'method names stay'],
])('%j → %j: %s', (paths, expected) => {
  expect(templates(paths.map((path) => sampleTransaction(path)))).toEqual(expected)
})

describe('words', () => {
  it('that answer alike behind the same tail are values, popular ones too', () => {
    const paths = names.flatMap((name, i) => Array.from({ length: i === 0 ? 60 : 1 }, () => `/users/${name}/repos`))
    const seen = paths.map((path) => sampleTransaction(path, { responseShape: [1, repo] }))
    expect(templates(seen)).toEqual(['GET /users/{userName}/repos'])
  })

  it('that echo in their own response are values', () => {
    const seen = ['ana', 'bo'].map((name) =>
      sampleTransaction(`/users/${name}`, { responseShape: { login: `str n=2 k=${sampleToken(name)}` } }),
    )
    expect(templates(seen)).toEqual(['GET /users/{userName}'])
  })

  it('that only a discriminator repeats are literals', () => {
    const seen = ['users', 'orders'].map((name) =>
      sampleTransaction(`/${name}`, { responseShape: { type: `str n=3 k=${sampleToken(name)}` } }),
    )
    expect(templates(seen)).toEqual(['GET /orders', 'GET /users'])
  })

  it('in a rare spelling are the common word', () => {
    const seen = ['users', 'users', 'users', 'users', 'USERS'].map((word) => sampleTransaction(`/${word}/7`))
    expect(templates(seen)).toEqual(['GET /users/{userId}'])
  })

  it('that answer differently are literals', () => {
    const seen = [user, order, repo, { ok: 'bool', a: 'int', b: 'int' }].map((shape, i) =>
      sampleTransaction(`/${['users', 'orders', 'repos', 'ping'][i]}`, { responseShape: [1, shape] }),
    )
    expect(templates(seen)).toEqual(['GET /orders', 'GET /ping', 'GET /repos', 'GET /users'])
  })

  it('beside a parameter stay literal where they answer differently, and fold where they answer alike', () => {
    const ids = [1, 2, 3].map((id) => sampleTransaction(`/users/${id}`, { responseShape: user }))
    const search = sampleTransaction('/users/search', { responseShape: order })
    const me = sampleTransaction('/users/me', { responseShape: user })
    expect(templates([...ids, search, search, search, me])).toEqual(['GET /users/search', 'GET /users/{userId}'])
  })
})

describe('admission', () => {
  const page = { responseContentType: 'text/html', responseContentKind: 'html' } as const

  it.each([
    [sampleTransaction('/wp-login.php', { status: 404 }), 'a failure makes no endpoint'],
    [sampleTransaction('/a', { method: 'OPTIONS' }), 'nor does a preflight'],
    [sampleTransaction('/a', { edgeDecisionId: 'd-0123456789abcdef' }), 'nor an answer of our own edge'],
    [sampleTransaction('/static/app.js'), 'nor a static file'],
    [sampleTransaction('/a', { host: '', anomalies: ['http2.fields-unknown'] }), 'nor a request of an unknown host'],
    [sampleTransaction('/a', { status: 301 }), 'nor a redirection'],
  ])('%#: %s', (transaction) => {
    expect(templates([transaction])).toEqual([])
  })

  it('a page that answers every path is no endpoint, from its first answer on', () => {
    const anywhere = ['/login', '/admin/x', '/console', '/portal/a/b', '/old'].map((path) =>
      sampleTransaction(path, page),
    )
    expect(templates([...anywhere, sampleTransaction('/api/users/1')])).toEqual(['GET /api/users/{userId}'])
  })

  it('failures count for an endpoint that is known', () => {
    const catalog = new HostCatalog('api.example')
    for (const status of [200, 404, 405, 500]) catalog.observe(sampleTransaction('/users/7', { status }))
    const [endpoint] = catalog.endpoints()
    expect(Object.fromEntries(endpoint?.state.statusCounts ?? [])).toEqual({ 200: 1, 404: 1, 405: 1, 500: 1 })
  })

  it.each([
    [[401, 200, 401], { 200: 1, 401: 2 }, 'a mistyped password before the first log-in'],
    [[401, 401], undefined, 'failures alone make no endpoint'],
    [[...Array<number>(earlyAnswersMaxCount + 8).fill(401), 200], { 200: 1, 401: earlyAnswersMaxCount }, 'bounded'],
  ])('failures count whenever their endpoint becomes known: %j → %j: %s', (statuses, counts, _why) => {
    const catalog = new HostCatalog('api.example')
    for (const status of statuses) catalog.observe(sampleTransaction('/login', { method: 'POST', status }))
    catalog.decide(1, true)
    catalog.decide(2, true)
    const [endpoint] = catalog.endpoints()
    expect(endpoint && Object.fromEntries(endpoint.state.statusCounts)).toEqual(counts)
  })
})

it('a decision redirects what was known before, to the end', () => {
  const catalog = new HostCatalog('api.example')
  catalog.observe(sampleTransaction('/users/ana/repos', { responseShape: [1, repo] }))
  const first = catalog.decide(1, true)
  expect(first?.endpoints.map((endpoint) => endpoint.pathTemplate)).toEqual(['/users/ana/repos'])
  for (const name of names) catalog.observe(sampleTransaction(`/users/${name}/repos`, { responseShape: [1, repo] }))
  const second = catalog.decide(2, true)
  expect(second?.version).toBe(2)
  expect(second?.redirects).toEqual([
    { fromId: first?.endpoints[0]?.id, toId: second?.endpoints[0]?.id, reason: 'template-decided', decidedAtUs: 2 },
  ])
  expect(catalog.decide(3, true)).toBeUndefined()
})

it('a restored template holds although nothing of it is seen again', () => {
  const catalog = new HostCatalog('api.example')
  catalog.restore('GET', '/users/{userName}/repos', 7)
  expect(catalog.decide(1, true)).toMatchObject({
    version: 8,
    endpoints: [{ pathTemplate: '/users/{userName}/repos' }],
  })
})
