/** Test material: a transaction for the catalog with only what a case is about. */

import type { CatalogTransaction } from './catalog-transaction.js'

export function sampleToken(value: string): string {
  let hash = 0
  for (let i = 0; i < value.length; i++) hash = (Math.imul(hash, 31) + value.charCodeAt(i)) >>> 0
  return `v1.${hash.toString(16).padStart(16, '0')}`
}

export function sampleTransaction(
  path: string,
  fields: Partial<Omit<CatalogTransaction, 'requestShape' | 'responseShape'>> & {
    readonly requestShape?: unknown
    readonly responseShape?: unknown
  } = {},
): CatalogTransaction {
  return {
    id: '0123456789abcdef0123456789abcdef',
    observedAtUs: 1_790_000_000_000_000,
    method: 'GET',
    host: 'api.example',
    path,
    pathTokens: path
      .split('/')
      .filter((segment) => segment !== '')
      .map(sampleToken),
    query: [],
    authScheme: 'none',
    requestContentKind: 'none',
    status: 200,
    responseContentType: 'application/json',
    responseContentKind: 'json',
    responseContentBytes: 64,
    ...(fields as Partial<CatalogTransaction>),
  }
}
