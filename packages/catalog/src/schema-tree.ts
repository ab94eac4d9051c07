/**
 * Content shapes folded into a tree of counts: from it come JSON Schemas (json-schema.ts) and the key sets that tell whether two
 * paths are one endpoint (sibling-evidence.ts). Mergeable: counts add, so order and grouping do not matter below the limits.
 *
 * Limits, each with its overflow: `propertiesMaxCount` a node (further names go to `other`, as values of a map),
 * `distinctMaxCount` tokens a node (then `distinctOverflow`), `treeDepthMaxCount` (deeper is not looked at).
 */

import type { ContentShape } from '@tapwarden/contracts/content-shape'
import { leafHead, leafToken } from './leaf-reader.js'

export const propertiesMaxCount = 256
export const distinctMaxCount = 48
export const treeDepthMaxCount = 12

export interface SchemaTree {
  /** Values seen here. */
  count: number
  /** Type → values: the leaf types of content-shape.ts, `object` and `array`. */
  readonly types: Map<string, number>
  readonly formats: Map<string, number>
  readonly sensitive: Map<string, number>
  readonly properties: Map<string, SchemaTree>
  /** Values of the properties that did not fit, as of a map. */
  other: SchemaTree | undefined
  items: SchemaTree | undefined
  /** Arrays that held nothing. */
  emptyArrayCount: number
  /** Tokens of values, while they are few: tells an enumeration from free text. */
  readonly distinct: Set<string>
  distinctOverflow: boolean
}

export function emptySchemaTree(): SchemaTree {
  return {
    count: 0,
    types: new Map(),
    formats: new Map(),
    sensitive: new Map(),
    properties: new Map(),
    other: undefined,
    items: undefined,
    emptyArrayCount: 0,
    distinct: new Set(),
    distinctOverflow: false,
  }
}

export function addShape(tree: SchemaTree, shape: unknown, depth = 0): void {
  if (depth > treeDepthMaxCount) return
  tree.count++
  if (typeof shape === 'string') addLeaf(tree, shape)
  else if (Array.isArray(shape)) addArray(tree, shape as readonly unknown[], depth)
  else if (typeof shape === 'object' && shape !== null) {
    bump(tree.types, 'object', 1)
    for (const name of Object.keys(shape)) {
      addShape(propertyOf(tree, name), (shape as Readonly<Record<string, ContentShape>>)[name], depth + 1)
    }
  }
}

function addArray(tree: SchemaTree, shape: readonly unknown[], depth: number): void {
  bump(tree.types, 'array', 1)
  if (shape[0] === 0) tree.emptyArrayCount++
  for (let i = 1; i < shape.length; i++) {
    tree.items ??= emptySchemaTree()
    addShape(tree.items, shape[i], depth + 1)
  }
}

function addLeaf(tree: SchemaTree, text: string): void {
  const leaf = leafHead(text)
  bump(tree.types, leaf.type, 1)
  if (leaf.format !== undefined) bump(tree.formats, leaf.format, 1)
  if (leaf.sensitiveType !== undefined) bump(tree.sensitive, leaf.sensitiveType, 1)
  const token = tree.distinctOverflow ? undefined : leafToken(text)
  if (token === undefined) return
  addDistinct(tree, token)
}

function addDistinct(tree: SchemaTree, token: string): void {
  if (tree.distinctOverflow || tree.distinct.has(token)) return
  if (tree.distinct.size < distinctMaxCount) tree.distinct.add(token)
  else {
    tree.distinctOverflow = true
    tree.distinct.clear()
  }
}

function propertyOf(tree: SchemaTree, name: string): SchemaTree {
  const known = tree.properties.get(name)
  if (known !== undefined) return known
  if (tree.properties.size >= propertiesMaxCount) {
    tree.other ??= emptySchemaTree()
    return tree.other
  }
  const fresh = emptySchemaTree()
  tree.properties.set(name, fresh)
  return fresh
}

/** Adds `from` into `into`; `from` is not changed and shares nothing with it afterwards. */
export function mergeSchemaTree(into: SchemaTree, from: SchemaTree): void {
  into.count += from.count
  into.emptyArrayCount += from.emptyArrayCount
  mergeCounts(into.types, from.types)
  mergeCounts(into.formats, from.formats)
  mergeCounts(into.sensitive, from.sensitive)
  for (const [name, tree] of from.properties) mergeSchemaTree(propertyOf(into, name), tree)
  if (from.other !== undefined) {
    into.other ??= emptySchemaTree()
    mergeSchemaTree(into.other, from.other)
  }
  if (from.items !== undefined) {
    into.items ??= emptySchemaTree()
    mergeSchemaTree(into.items, from.items)
  }
  if (from.distinctOverflow) {
    into.distinctOverflow = true
    into.distinct.clear()
  } else for (const token of from.distinct) addDistinct(into, token)
}

export function bump(counts: Map<string, number>, key: string, by: number): void {
  counts.set(key, (counts.get(key) ?? 0) + by)
}

export function mergeCounts(into: Map<string, number>, from: ReadonlyMap<string, number>): void {
  for (const [key, count] of from) bump(into, key, count)
}
