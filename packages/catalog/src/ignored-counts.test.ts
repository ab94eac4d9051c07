import { expect, it } from 'vitest'
import { Catalog } from './catalog.js'
import type { CatalogTransaction } from './catalog-transaction.js'
import { sampleTransaction } from './transaction-sample.js'

const page: Partial<CatalogTransaction> = { responseContentKind: 'html', responseContentType: 'text/html' }

it.each<[CatalogTransaction, Record<string, number>, string]>([
  [sampleTransaction('/users/1'), {}, 'a success counts'],
  [sampleTransaction('/users/1', { status: undefined }), { unanswered: 1 }, 'nobody answered'],
  [sampleTransaction('/users/1', { edgeDecisionId: 'd-1' }), { 'answered by an edge of ours': 1 }, 'our refusal'],
  [sampleTransaction('/users/1', { method: 'OPTIONS' }), { 'HEAD, OPTIONS and the like': 1 }, 'a preflight'],
  [sampleTransaction('/app.js', {}), { 'files and pages': 1 }, 'a script'],
  [sampleTransaction('/', page), { 'files and pages': 1 }, 'a page'],
  [sampleTransaction('/.env', { status: 404 }), { 'no success of that endpoint seen': 1 }, 'a scanner’s wish'],
])('%#: %s is told as %j: %s', (transaction, expected, _why) => {
  const catalog = new Catalog()
  catalog.observe(transaction)
  expect(Object.fromEntries(catalog.ignoredCounts())).toEqual(expected)
})

it('an error that came before the first success counts once its endpoint is known', () => {
  const catalog = new Catalog()
  catalog.observe(sampleTransaction('/login', { method: 'POST', status: 401 }))
  catalog.observe(sampleTransaction('/admin', { method: 'POST', status: 404 }))
  catalog.observe(sampleTransaction('/login', { method: 'POST' }))
  catalog.decide(true)
  expect(Object.fromEntries(catalog.ignoredCounts())).toEqual({ 'no success of that endpoint seen': 1 })
})
