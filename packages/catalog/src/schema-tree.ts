/**
 * Content shapes folded into a tree of counts: from it come JSON Schemas (json-schema.ts) and the key sets that tell whether two
 * paths are one endpoint (sibling-evidence.ts). Mergeable: counts add, so order and grouping do not matter below the limits.
 *
 * Limits, each with its overflow: `propertiesMaxCount` a node (further names go to `other`, as values of a map),
 * `distinctMaxCount` tokens a node (then `distinctOverflow`), `treeDepthMaxCount` (deeper is not looked at).
 */

import type { ContentShape } from '@tapwarden/contracts/content-shape'
import { arrayKind, type LeafKind, leafKind, objectKind } from './leaf-kind.js'
import { leafToken } from './leaf-reader.js'

export const propertiesMaxCount = 256
export const distinctMaxCount = 48
export const treeDepthMaxCount = 12

/** Kinds of leaves whose counts wait at a node: most see one or two. */
const waitingKindsMaxCount = 6

/** Counts of one place in a content. Wherever `types`, `formats` and `sensitive` are read, they are complete. */
export class SchemaTree {
  /** The property's name; of an array's items, the array's. */
  readonly name: string
  /** Values seen here. */
  count = 0
  readonly properties = new Map<string, SchemaTree>()
  /** Values of the properties that did not fit, as of a map. */
  other: SchemaTree | undefined
  items: SchemaTree | undefined
  /** Arrays that held nothing. */
  emptyArrayCount = 0
  /** Tokens of values, while they are few: tells an enumeration from free text. */
  readonly distinct = new Set<string>()
  distinctOverflow = false
  /** For shape-folder.ts, which guesses with them what comes next: the property that stood first the last time, and behind this one. */
  first: SchemaTree | undefined
  next: SchemaTree | undefined
  /** Which object it was met in the last time, and the place of the leaf's head that stood here. */
  objectNumber = 0
  headPlace = -1
  readonly #types = new Map<string, number>()
  readonly #formats = new Map<string, number>()
  readonly #sensitive = new Map<string, number>()
  /** Counted here, and not in the three maps yet. */
  readonly #kinds: LeafKind[] = []
  readonly #kindCounts: number[] = []

  constructor(name = '') {
    this.name = name
  }

  /** Type → values: the leaf types of content-shape.ts, `object` and `array`. */
  get types(): Map<string, number> {
    this.#settle()
    return this.#types
  }

  get formats(): Map<string, number> {
    this.#settle()
    return this.#formats
  }

  get sensitive(): Map<string, number> {
    this.#settle()
    return this.#sensitive
  }

  countKind(kind: LeafKind): void {
    const kinds = this.#kinds
    for (let i = 0; i < kinds.length; i++) {
      if (kinds[i] !== kind) continue
      this.#kindCounts[i]!++ // As long as the other.
      return
    }
    if (kinds.length >= waitingKindsMaxCount) this.#settle()
    kinds.push(kind)
    this.#kindCounts.push(1)
  }

  #settle(): void {
    for (let i = 0; i < this.#kinds.length; i++) {
      const kind = this.#kinds[i]! // Here and below: in range by the loop condition.
      const count = this.#kindCounts[i]!
      bump(this.#types, kind.type, count)
      if (kind.format !== undefined) bump(this.#formats, kind.format, count)
      if (kind.sensitiveType !== undefined) bump(this.#sensitive, kind.sensitiveType, count)
    }
    this.#kinds.length = 0
    this.#kindCounts.length = 0
  }
}

export function emptySchemaTree(): SchemaTree {
  return new SchemaTree()
}

export function addShape(tree: SchemaTree, shape: unknown, depth = 0): void {
  if (depth > treeDepthMaxCount) return
  tree.count++
  if (typeof shape === 'string') addLeaf(tree, shape)
  else if (Array.isArray(shape)) addArray(tree, shape as readonly unknown[], depth)
  else if (typeof shape === 'object' && shape !== null) {
    tree.countKind(objectKind)
    for (const name of Object.keys(shape)) {
      addShape(propertyOf(tree, name), (shape as Readonly<Record<string, ContentShape>>)[name], depth + 1)
    }
  }
}

function addArray(tree: SchemaTree, shape: readonly unknown[], depth: number): void {
  tree.countKind(arrayKind)
  if (shape[0] === 0) tree.emptyArrayCount++
  for (let i = 1; i < shape.length; i++) {
    tree.items ??= new SchemaTree(tree.name)
    addShape(tree.items, shape[i], depth + 1)
  }
}

function addLeaf(tree: SchemaTree, text: string): void {
  tree.countKind(leafKind(text))
  const token = tree.distinctOverflow ? undefined : leafToken(text)
  if (token === undefined) return
  addDistinct(tree, token)
}

export function addDistinct(tree: SchemaTree, token: string): void {
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
  const fresh = new SchemaTree(name)
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
    into.items ??= new SchemaTree(into.name)
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
