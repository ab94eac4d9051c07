/**
 * What the siblings under one node say of each other: do the same continuations behind them answer with the same keys?
 *
 * Values of one parameter agree (`/users/ana/repos`, `/users/bo/repos`), literals of one route disagree (`/users`, `/orders`).
 * Votes, not a union: chains of similar lists would join what is not one (research: subscribers and stargazers).
 */

import type { EndpointState } from './endpoint-reducer.js'
import type { Terminal, TrieNode } from './path-trie.js'
import type { SchemaTree } from './schema-tree.js'

/** Property path → share of contents that had it. */
export type KeySet = ReadonlyMap<string, number>

export const continuationsMaxCount = 64
export const keysMaxCount = 96
/** Siblings compared with each sibling in one continuation. */
export const comparedMaxCount = 8
/** From so many keys on a key set says something: `{ok}` and `{id}` are everywhere. */
const keysMinCount = 3
const similarRatio = 0.6
const keyDepthMaxCount = 2

export interface Verdict {
  /** Of the exact ones, those that go on behind the sibling. */
  deepAgreeCount: number
  /** Continuations in which most comparable siblings answer with the same keys. */
  agreeCount: number
  /** Of them, those whose whole tail is the same. */
  exactAgreeCount: number
  /** Continuations with the same tail in which no sibling answers alike. */
  disagreeCount: number
  /** Continuations with a key set that says something. */
  comparableCount: number
}

interface Continuation {
  readonly owner: number
  readonly exact: string
  readonly loose: string
  readonly keys: KeySet
}

const keySetMemo = new WeakMap<EndpointState, { readonly count: number; readonly keys: KeySet }>()

/** Keys of successful responses and of requests, to a small depth; arrays are transparent. */
export function keySetOf(terminal: Terminal): KeySet {
  const memo = keySetMemo.get(terminal.state)
  if (memo !== undefined && memo.count === terminal.state.count) return memo.keys
  const keys = new Map<string, number>()
  for (const [key, content] of terminal.state.responses) {
    if (key.startsWith('2') && content.count > 0) collectKeys(content.tree, 'r', 1, 0, keys)
  }
  for (const content of terminal.state.requests.values()) collectKeys(content.tree, 'q', 1, 0, keys)
  keySetMemo.set(terminal.state, { count: terminal.state.count, keys })
  return keys
}

function collectKeys(tree: SchemaTree, path: string, share: number, depth: number, keys: Map<string, number>): void {
  if (tree.items !== undefined) collectKeys(tree.items, `${path}[]`, share, depth, keys)
  const objects = tree.types.get('object') ?? 0
  if (objects === 0 || depth >= keyDepthMaxCount) return
  for (const [name, child] of tree.properties) {
    if (keys.size >= keysMaxCount) return
    // A list that was always empty says nothing of what it lists.
    const empty = child.emptyArrayCount > 0 && child.items === undefined
    const ratio = (share * child.count) / objects
    if (!empty) keys.set(`${path}.${name}`, ratio)
    collectKeys(child, `${path}.${name}`, ratio, depth + 1, keys)
  }
}

/** Weighted Jaccard, 0 to 1. */
export function similarity(a: KeySet, b: KeySet): number {
  let low = 0
  let high = 0
  for (const [key, ratio] of a) {
    const other = b.get(key) ?? 0
    low += Math.min(ratio, other)
    high += Math.max(ratio, other)
  }
  for (const [key, ratio] of b) if (!a.has(key)) high += ratio
  return high === 0 ? 0 : low / high
}

/** One verdict for each of `siblings`, in order. */
export function siblingVerdicts(siblings: readonly TrieNode[]): Verdict[] {
  const verdicts = siblings.map(() => ({
    agreeCount: 0,
    exactAgreeCount: 0,
    deepAgreeCount: 0,
    disagreeCount: 0,
    comparableCount: 0,
  }))
  const exact = new Map<string, Continuation[]>()
  const loose = new Map<string, Continuation[]>()
  const all: Continuation[] = []
  const perSiblingMaxCount = siblings.length > 64 ? 16 : continuationsMaxCount
  for (let owner = 0; owner < siblings.length; owner++) {
    for (const continuation of continuationsOf(siblings[owner]!, owner, perSiblingMaxCount)) {
      all.push(continuation)
      push(exact, continuation.exact, continuation)
      push(loose, continuation.loose, continuation)
    }
  }
  for (const continuation of all) {
    const verdict = verdicts[continuation.owner]! // One was made for each sibling.
    verdict.comparableCount++
    const same = compare(continuation, exact.get(continuation.exact) ?? [])
    if (same.comparedCount > 0 && same.similarCount * 2 >= same.comparedCount) {
      verdict.agreeCount++
      verdict.exactAgreeCount++
      if (continuation.exact.includes('/')) verdict.deepAgreeCount++
    } else if (same.comparedCount > 0 && same.similarCount === 0) verdict.disagreeCount++
    else if (compare(continuation, loose.get(continuation.loose) ?? []).similarCount > 0) verdict.agreeCount++
  }
  return verdicts
}

function compare(
  continuation: Continuation,
  others: readonly Continuation[],
): { readonly comparedCount: number; readonly similarCount: number } {
  let comparedCount = 0
  let similarCount = 0
  for (const other of others) {
    if (other.owner === continuation.owner) continue
    if (similarity(continuation.keys, other.keys) >= similarRatio) similarCount++
    if (++comparedCount >= comparedMaxCount) break
  }
  return { comparedCount, similarCount }
}

function continuationsOf(node: TrieNode, owner: number, maxCount: number): Continuation[] {
  const found: Continuation[] = []
  collect(node, '', 0, '')
  return found

  function collect(at: TrieNode, tail: string, depth: number, last: string): void {
    for (const [method, terminal] of at.terminals) {
      if (found.length >= maxCount) return
      const keys = keySetOf(terminal)
      if (keys.size < keysMinCount) continue
      found.push({ owner, exact: `${method}${tail}`, loose: `${method} ${depth} ${last}`, keys })
    }
    if (depth >= 6) return
    for (const child of at.literals.values()) collect(child, `${tail}/${child.label}`, depth + 1, child.label)
    for (const child of at.parameters.values())
      collect(child, `${tail}/{}${child.label}`, depth + 1, `{}${child.label}`)
  }
}

/** Methods and tails of the paths behind `node`, at most `continuationsMaxCount`. */
export function tailsOf(node: TrieNode): Set<string> {
  const tails = new Set<string>()
  collect(node, '')
  return tails

  function collect(at: TrieNode, tail: string): void {
    if (tails.size >= continuationsMaxCount || tail.length > 400) return
    for (const method of at.terminals.keys()) tails.add(`${method}${tail}`)
    for (const child of at.literals.values()) collect(child, `${tail}/${child.label}`)
    for (const child of at.parameters.values()) collect(child, `${tail}/{}${child.label}`)
  }
}

function push<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
