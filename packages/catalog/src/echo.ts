/** Which path segments stand as a value in the response's own content: compared by token, never by value. */

import { type ContentShape, parseLeaf } from '@tapwarden/contracts/content-shape'
import type { CatalogTransaction } from './catalog-transaction.js'

/** Properties that repeat a word of the route rather than a value: `"type": "users"`. */
const discriminators = new Set(['type', 'object', 'kind', 'resource_type', 'resourceType', '@type', 'event', 'status'])
const leavesMaxCount = 512

/** For each path segment whether the response repeats it; undefined when the response could not have. */
export function echoedSegments(transaction: CatalogTransaction, segmentCount: number): boolean[] | undefined {
  if (transaction.pathTokens.length !== segmentCount || transaction.responseShape === undefined) return undefined
  const tokens = new Set<string>()
  collectTokens(transaction.responseShape, '', tokens)
  if (tokens.size === 0) return undefined
  return transaction.pathTokens.map((token) => tokens.has(token))
}

function collectTokens(shape: unknown, name: string, tokens: Set<string>): void {
  if (tokens.size >= leavesMaxCount) return
  if (typeof shape === 'string') {
    if (discriminators.has(name) || !shape.includes('k=')) return
    const token = parseLeaf(shape).token
    if (token !== undefined) tokens.add(token)
  } else if (Array.isArray(shape)) {
    for (let i = 1; i < shape.length; i++) collectTokens(shape[i], name, tokens)
  } else if (typeof shape === 'object' && shape !== null) {
    for (const [key, value] of Object.entries(shape as Readonly<Record<string, ContentShape>>)) {
      collectTokens(value, key, tokens)
    }
  }
}
