/** What `config.ts` needs to know of a zod schema: its keys, its leaves, which are secret, and the nearest key to a wrong one. */

import { distance } from 'fastest-levenshtein'
import { z } from 'zod'

export interface ConfigNode {
  /** Of an object: its keys. Undefined for anything else. */
  readonly keys: ReadonlyMap<string, ConfigNode> | undefined
  /** Of a list or a map: what its entries are. */
  readonly entries: ConfigNode | undefined
  readonly kind: 'object' | 'list' | 'map' | 'number' | 'boolean' | 'text' | 'other'
  readonly secret: boolean
}

export interface ConfigPath {
  readonly path: readonly string[]
  readonly node: ConfigNode
}

/** Reads the schema through its wrappers (default, optional, nullable, pipe …). */
export function configNode(schema: unknown): ConfigNode {
  let secret = false
  let inner = schema
  for (let next: unknown = schema; next !== undefined; next = unwrapped(inner)) {
    inner = next
    if (inner instanceof z.ZodType && inner.meta()?.['secret'] === true) secret = true
  }
  if (inner instanceof z.ZodObject) {
    const keys = new Map(Object.entries(inner.shape).map(([key, each]) => [key, configNode(each)]))
    return { keys, entries: undefined, kind: 'object', secret }
  }
  if (inner instanceof z.ZodArray) return leaf('list', secret, configNode(inner.element))
  if (inner instanceof z.ZodRecord) return leaf('map', secret, configNode(inner.valueType))
  if (inner instanceof z.ZodNumber) return leaf('number', secret)
  if (inner instanceof z.ZodBoolean) return leaf('boolean', secret)
  if (inner instanceof z.ZodString || inner instanceof z.ZodStringFormat || inner instanceof z.ZodEnum) {
    return leaf('text', secret)
  }
  return leaf('other', secret)
}

function leaf(kind: ConfigNode['kind'], secret: boolean, entries?: ConfigNode): ConfigNode {
  return { keys: undefined, entries, kind, secret }
}

function unwrapped(schema: unknown): unknown {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly ||
    schema instanceof z.ZodCatch ||
    schema instanceof z.ZodNonOptional
  ) {
    return schema.def.innerType
  }
  return schema instanceof z.ZodPipe ? schema.def.in : undefined
}

export function childOf(node: ConfigNode, key: string): ConfigNode | undefined {
  return node.keys?.get(key) ?? node.entries
}

/** Every key of the tree, objects before what is in them; not into lists and maps. */
export function knownPaths(node: ConfigNode, at: readonly string[] = []): ConfigPath[] {
  const paths: ConfigPath[] = []
  for (const [key, child] of node.keys ?? []) {
    const path = [...at, key]
    paths.push({ path, node: child }, ...knownPaths(child, path))
  }
  return paths
}

export function environmentName(prefix: string, path: readonly string[]): string {
  const snake = (key: string): string => key.replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2').toUpperCase()
  return prefix + path.map(snake).join('__')
}

/** Text as the value that the schema wants there, or unchanged: then the schema says what is wrong with it. */
export function coerceText(node: ConfigNode, text: string): unknown {
  const trimmed = text.trim()
  if (node.kind === 'number') return /^-?[0-9]+(\.[0-9]+)?$/.test(trimmed) ? Number(trimmed) : text
  if (node.kind === 'boolean') {
    return ({ true: true, '1': true, yes: true, false: false, '0': false, no: false } as const)[trimmed] ?? text
  }
  if (node.kind === 'text') return text
  if (node.kind === 'list' && !trimmed.startsWith('[')) {
    return trimmed === '' ? [] : trimmed.split(',').map((word) => coerceText(node.entries ?? node, word.trim()))
  }
  try {
    return JSON.parse(trimmed)
  } catch {
    return text
  }
}

/** The known key that is most like the wrong one: a sibling first, then the same name elsewhere, then the nearest whole path. */
export function nearestKey(root: ConfigNode, path: readonly string[], parent?: ConfigNode): string | undefined {
  const wrong = path.at(-1) ?? ''
  const above = path.slice(0, -1)
  const siblings = [...((parent ?? nodeAt(root, above))?.keys?.keys() ?? [])]
  const sibling = closest(wrong, siblings)
  if (sibling !== undefined) return formatPath([...above, sibling])
  const all = knownPaths(root).map((each) => each.path)
  const sameName = all.find((each) => each.at(-1)?.toLowerCase() === wrong.toLowerCase())
  return sameName === undefined ? closest(formatPath(path), all.map(formatPath)) : formatPath(sameName)
}

function nodeAt(root: ConfigNode, path: readonly string[]): ConfigNode | undefined {
  let node: ConfigNode | undefined = root
  for (const key of path) node = node === undefined ? undefined : childOf(node, key)
  return node
}

/** Nearest by edit distance, case aside; nothing that is more than a third away. */
function closest(wrong: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(2, Math.ceil(wrong.length / 3)) + 1
  for (const candidate of candidates) {
    const edits = distance(wrong.toLowerCase(), candidate.toLowerCase())
    if (edits < bestDistance) {
      best = candidate
      bestDistance = edits
    }
  }
  return best
}

export function formatPath(path: readonly string[]): string {
  return path.length === 0 ? '(top)' : path.join('.')
}
