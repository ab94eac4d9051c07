/** Which path segments stand as a value in the response's own content: compared by token, never by value. */

import type { ContentShape } from '@tapwarden/contracts/content-shape'
import type { CatalogTransaction } from './catalog-transaction.js'
import { tokenStart } from './leaf-reader.js'

/** Properties that repeat a word of the route rather than a value: `"type": "users"`. */
const discriminators = new Set(['type', 'object', 'kind', 'resource_type', 'resourceType', '@type', 'event', 'status'])

export function isDiscriminator(name: string): boolean {
  return discriminators.has(name)
}

/** For each path segment whether the response repeats it; undefined when the response could not have. */
export function echoedSegments(transaction: CatalogTransaction, segmentCount: number): boolean[] | undefined {
  const { pathTokens, responseShape } = transaction
  if (pathTokens.length !== segmentCount || responseShape === undefined) return undefined
  const echoed = pathTokens.map(() => false)
  return markEchoes(responseShape, '', pathTokens, echoed) ? echoed : undefined
}

/** Marks what is found below `shape`; returns whether there was any token to compare with. */
function markEchoes(shape: unknown, name: string, pathTokens: readonly string[], echoed: boolean[]): boolean {
  if (typeof shape === 'string') {
    const at = discriminators.has(name) ? -1 : tokenStart(shape)
    if (at < 0) return false
    // Compared in place: a leaf's token is cut out only to be looked at once.
    const characters = shape.length - at
    for (let i = 0; i < pathTokens.length; i++) {
      const token = pathTokens[i]! // In range by the loop condition.
      if (token.length === characters && shape.startsWith(token, at)) echoed[i] = true
    }
    return true
  }
  let found = false
  if (Array.isArray(shape)) {
    for (let i = 1; i < shape.length; i++) found = markEchoes(shape[i], name, pathTokens, echoed) || found
  } else if (typeof shape === 'object' && shape !== null) {
    for (const key of Object.keys(shape)) {
      found = markEchoes((shape as Readonly<Record<string, ContentShape>>)[key], key, pathTokens, echoed) || found
    }
  }
  return found
}
