/**
 * All paths of one host that succeeded, all methods together, as a trie of segments. A node's children are literals by their text and
 * parameters by the suffix inside the segment (`{}`, `{}.json`, `{}:cancel`). Folding a literal into a parameter merges subtrees.
 *
 * Invariant: `nodeCount` ≤ `nodesMaxCount`; a path that would need more is refused and counted by the caller.
 */

import { type EndpointState, emptyEndpointState, mergeEndpointState } from './endpoint-reducer.js'
import { isIdKind, type SegmentKind, type SegmentShape, segmentShape } from './segment-shape.js'
import { isWordParameterName } from './template-names.js'

export const nodesMaxCount = 60_000

export interface Terminal {
  readonly state: EndpointState
  /** Set while every answer was a page that may be a catch-all's (admission.ts): the page's key. */
  pageKey: string | undefined
  /** Known from an earlier run; its state may be empty. */
  restored: boolean
}

export interface TrieNode {
  /** Literal text; for a parameter, its suffix. */
  readonly label: string
  readonly shape: SegmentShape
  readonly isParameter: boolean
  /** Successes through here. */
  count: number
  /** Of those whose response could have repeated the segment's value, and those that did; for paths that end here, and beyond. */
  echoEligibleCount: number
  echoCount: number
  echoEndEligibleCount: number
  echoEndCount: number
  readonly literals: Map<string, TrieNode>
  readonly parameters: Map<string, TrieNode>
  readonly terminals: Map<string, Terminal>
  /** Of a parameter: which kinds of values it took. */
  readonly kinds: Map<SegmentKind, number>
  /** `count` and children when templates were last decided here; unchanged since, there is nothing new to decide. */
  decidedAt: string
  /** Of a parameter: distinct literals folded into it because of their siblings, not their shape. */
  foldedWordCount: number
}

export function newNode(label: string, isParameter: boolean, shape: SegmentShape): TrieNode {
  return {
    label,
    shape,
    isParameter,
    count: 0,
    echoEligibleCount: 0,
    echoCount: 0,
    echoEndEligibleCount: 0,
    echoEndCount: 0,
    literals: new Map(),
    parameters: new Map(),
    terminals: new Map(),
    kinds: new Map(),
    foldedWordCount: 0,
    decidedAt: '',
  }
}

export class PathTrie {
  readonly root = newNode('', false, { kind: 'word', suffix: '' })
  nodeCount = 1

  /** Nodes along `segments`, made where missing; undefined when the trie is full. */
  grow(segments: readonly string[]): TrieNode[] | undefined {
    const nodes: TrieNode[] = []
    let node = this.root
    for (const segment of segments) {
      const next = this.#child(node, segment)
      if (next === undefined) return undefined
      nodes.push(next)
      node = next
    }
    return nodes
  }

  #child(node: TrieNode, segment: string): TrieNode | undefined {
    const literal = node.literals.get(segment)
    if (literal !== undefined) return literal
    const shape = segmentShape(segment)
    const asParameter = isIdKind(shape.kind)
    const known = asParameter ? node.parameters.get(shape.suffix) : undefined
    if (known !== undefined) {
      addKind(known, shape.kind)
      return known
    }
    if (this.nodeCount >= nodesMaxCount) return undefined
    this.nodeCount++
    const fresh = newNode(asParameter ? shape.suffix : segment, asParameter, shape)
    if (asParameter) {
      node.parameters.set(shape.suffix, fresh)
      addKind(fresh, shape.kind)
    } else node.literals.set(segment, fresh)
    return fresh
  }

  /** The child for one segment of a template, made where missing; undefined when the trie is full. */
  growTemplate(node: TrieNode, segment: string): TrieNode | undefined {
    const close = segment.startsWith('{') ? segment.indexOf('}') : -1
    const suffix = close < 0 ? '' : segment.slice(close + 1)
    const known = close < 0 ? node.literals.get(segment) : node.parameters.get(suffix)
    if (known !== undefined) return known
    if (this.nodeCount >= nodesMaxCount) return undefined
    this.nodeCount++
    if (close < 0) {
      const literal = newNode(segment, false, segmentShape(segment))
      node.literals.set(segment, literal)
      return literal
    }
    const parameter = newNode(suffix, true, { kind: 'word', suffix })
    if (isWordParameterName(segment.slice(1, close))) parameter.foldedWordCount = 2
    node.parameters.set(suffix, parameter)
    return parameter
  }

  /** Makes the literal child `label` of `node` a value of the parameter with its suffix. */
  fold(node: TrieNode, label: string, suffix: string): TrieNode {
    let parameter = node.parameters.get(suffix)
    if (parameter === undefined) {
      parameter = newNode(suffix, true, { kind: 'word', suffix })
      node.parameters.set(suffix, parameter)
      this.nodeCount++
    }
    const literal = node.literals.get(label)
    if (literal !== undefined) {
      node.literals.delete(label)
      parameter.kinds.set('word', (parameter.kinds.get('word') ?? 0) + literal.count)
      parameter.foldedWordCount++
      this.#merge(parameter, literal)
      this.nodeCount--
    }
    return parameter
  }

  /** Makes the literal child `label` of `node` another spelling of the literal child `of`. */
  alias(node: TrieNode, label: string, of: string): void {
    const from = node.literals.get(label)
    const into = node.literals.get(of)
    if (from === undefined || into === undefined || from === into) return
    node.literals.delete(label)
    this.#merge(into, from)
    this.nodeCount--
  }

  /** Drops the literal child `label` and all below it. */
  prune(node: TrieNode, label: string): void {
    const literal = node.literals.get(label)
    if (literal === undefined) return
    node.literals.delete(label)
    this.nodeCount -= sizeOf(literal)
  }

  #merge(into: TrieNode, from: TrieNode): void {
    into.count += from.count
    into.echoEligibleCount += from.echoEligibleCount
    into.echoCount += from.echoCount
    into.echoEndEligibleCount += from.echoEndEligibleCount
    into.echoEndCount += from.echoEndCount
    if (from.isParameter) {
      for (const [kind, count] of from.kinds) into.kinds.set(kind, (into.kinds.get(kind) ?? 0) + count)
      into.foldedWordCount += from.foldedWordCount
    }
    for (const [method, terminal] of from.terminals) mergeTerminal(into, method, terminal)
    for (const [label, child] of from.literals) this.#mergeChild(into.literals, label, child)
    for (const [suffix, child] of from.parameters) this.#mergeChild(into.parameters, suffix, child)
  }

  #mergeChild(children: Map<string, TrieNode>, key: string, child: TrieNode): void {
    const known = children.get(key)
    if (known === undefined) children.set(key, child)
    else {
      this.nodeCount--
      this.#merge(known, child)
    }
  }
}

function addKind(node: TrieNode, kind: SegmentKind): void {
  node.kinds.set(kind, (node.kinds.get(kind) ?? 0) + 1)
}

function mergeTerminal(into: TrieNode, method: string, from: Terminal): void {
  const known = into.terminals.get(method)
  if (known === undefined) {
    into.terminals.set(method, from)
    return
  }
  mergeEndpointState(known.state, from.state)
  if (from.restored) known.restored = true
  if (known.pageKey !== from.pageKey) known.pageKey = undefined
}

export function terminalOf(node: TrieNode, method: string): Terminal {
  let terminal = node.terminals.get(method)
  if (terminal === undefined) {
    terminal = { state: emptyEndpointState(), pageKey: undefined, restored: false }
    node.terminals.set(method, terminal)
  }
  return terminal
}

function sizeOf(node: TrieNode): number {
  let size = 1
  for (const child of node.literals.values()) size += sizeOf(child)
  for (const child of node.parameters.values()) size += sizeOf(child)
  return size
}
