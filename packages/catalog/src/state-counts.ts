/** Test material: what a state has counted, as plain data to compare. */

import type { ContentState, EndpointState } from './endpoint-reducer.js'
import type { SchemaTree } from './schema-tree.js'

export function treeCounts(tree: SchemaTree): unknown {
  return {
    count: tree.count,
    emptyArrayCount: tree.emptyArrayCount,
    types: new Map(tree.types),
    formats: new Map(tree.formats),
    sensitive: new Map(tree.sensitive),
    distinct: new Set(tree.distinct),
    distinctOverflow: tree.distinctOverflow,
    properties: new Map([...tree.properties].map(([name, child]) => [name, treeCounts(child)])),
    other: tree.other && treeCounts(tree.other),
    items: tree.items && treeCounts(tree.items),
  }
}

export function stateCounts(state: EndpointState) {
  return { ...state, requests: contentCounts(state.requests), responses: contentCounts(state.responses) }
}

function contentCounts(contents: ReadonlyMap<string, ContentState>) {
  return new Map([...contents].map(([key, { tree, ...content }]) => [key, { ...content, tree: treeCounts(tree) }]))
}
