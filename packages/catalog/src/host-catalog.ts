/**
 * The catalog of one host: learns from its transactions, decides templates, says what changed.
 *
 * observe(transaction)… → isDue() → decide(atUs) → snapshot with redirects, when the templates changed
 *
 * The same transactions in the same order give the same snapshots. Bounded by the trie (`nodesMaxCount`), the redirects of one
 * decision (`redirectsMaxCount`) and each endpoint's own limits; what did not fit is counted in `overflowCount`.
 */

import type { EndpointRedirect, EndpointSnapshot } from '@tapwarden/contracts/endpoint'
import { admission, CatchAllWatch, type IgnoreReason } from './admission.js'
import type { CatalogTransaction } from './catalog-transaction.js'
import { ContentReader } from './content-reader.js'
import { EarlyAnswers } from './early-answers.js'
import { endpointId } from './endpoint-id.js'
import { HostTemplates, type MatchedEndpoint } from './endpoint-matcher.js'
import { contentSettledCount, type EndpointState, reduceEndpoint } from './endpoint-reducer.js'
import { joinSegments, pathSegments } from './normalize-path.js'
import { decideTemplates } from './path-template.js'
import { PathTrie, type Terminal, type TrieNode, terminalOf } from './path-trie.js'
import type { SegmentKind } from './segment-shape.js'
import { parameterName } from './template-names.js'

export const redirectsMaxCount = 50_000
/** New successes on literals before the first decision; then it doubles, so that decisions cost a constant share of learning. */
const firstDecisionCount = 32
const growthRatio = 0.25
const growthMinCount = 64

export interface PathParameter {
  readonly name: string
  readonly kinds: ReadonlyMap<SegmentKind, number>
}

export interface CatalogEndpoint {
  readonly id: string
  readonly host: string
  readonly method: string
  readonly pathTemplate: string
  readonly parameters: readonly PathParameter[]
  readonly state: EndpointState
}

export class HostCatalog {
  readonly host: string
  /** Paths and redirects that did not fit. */
  overflowCount = 0
  /** Transactions of which `observe` said that no success was seen, and that count for their endpoint after all. */
  earlyCountedCount = 0
  readonly #trie = new PathTrie()
  readonly #watch = new CatchAllWatch()
  readonly #early: EarlyAnswers
  readonly #reader: ContentReader
  #published: HostTemplates
  #snapshot: EndpointSnapshot
  /** Every redirect published, old → its end. */
  readonly #redirected = new Map<string, string>()
  #taughtCount = 0
  #nextDecisionAt = firstDecisionCount
  #nodesAtDecision = 0

  /** `early` may be shared by all hosts, so that they are bounded together; `reader`, since one is enough. */
  constructor(host: string, early: EarlyAnswers = new EarlyAnswers(), reader: ContentReader = new ContentReader()) {
    this.#reader = reader
    this.host = host
    this.#early = early
    this.#snapshot = { host, version: 0, effectiveFromUs: 0, endpoints: [], redirects: [] }
    this.#published = new HostTemplates(this.#snapshot)
  }

  get snapshot(): EndpointSnapshot {
    return this.#snapshot
  }

  /** Why nothing was learned of it; undefined when something was. An error of an unknown endpoint may count later: `earlyCountedCount`. */
  observe(transaction: CatalogTransaction): IgnoreReason | undefined {
    const admitted = admission(transaction)
    if (admitted !== 'teach' && admitted !== 'update') return admitted
    const segments = pathSegments(transaction.path)
    if (admitted === 'update') {
      if (this.#update(transaction, segments)) return undefined
      this.#early.add(transaction)
      return 'no success of that endpoint seen'
    }
    const pageKey = this.#watch.observe(transaction, segments[0] ?? '')
    if (pageKey !== undefined && this.#watch.isCatchAll(pageKey)) return 'one page for every path'
    const nodes = this.#trie.grow(segments)
    if (nodes === undefined) {
      this.overflowCount++
      return 'no room'
    }
    this.#taughtCount++
    this.#trie.root.count++
    const terminal = terminalOf(nodes[nodes.length - 1] ?? this.#trie.root, transaction.method)
    const settled = terminal.state.count >= contentSettledCount
    if (terminal.state.count === 0) terminal.pageKey = pageKey
    else if (terminal.pageKey !== pageKey) terminal.pageKey = undefined
    reduceEndpoint(terminal.state, transaction, this.#reader)
    countNodes(nodes, settled ? undefined : this.#reader.echoedSegments(transaction, segments.length))
    return undefined
  }

  /**
   * Takes up an endpoint that was decided before this process began, so that its template holds though nothing of it is seen again.
   * `version` is at least the last one published.
   */
  restore(method: string, pathTemplate: string, version: number): void {
    let node = this.#trie.root
    for (const segment of pathSegments(pathTemplate)) {
      const next = this.#trie.growTemplate(node, segment)
      if (next === undefined) {
        this.overflowCount++
        return
      }
      node = next
    }
    terminalOf(node, method).restored = true
    if (version > this.#snapshot.version) this.#snapshot = { ...this.#snapshot, version }
  }

  /** True when enough is new that a decision may find something. */
  isDue(): boolean {
    if (this.#taughtCount >= this.#nextDecisionAt) return true
    const grown = this.#trie.nodeCount - this.#nodesAtDecision
    return this.#nodesAtDecision > 0 && grown >= Math.max(growthMinCount, this.#nodesAtDecision * growthRatio)
  }

  /**
   * Decides what can be decided. Returns the new snapshot when templates changed, undefined otherwise. `provisionals` are literal paths
   * whose ids are in use: those that now have a template are redirected.
   */
  decide(
    atUs: number,
    final: boolean,
    provisionals: readonly { readonly method: string; readonly endpoint: MatchedEndpoint }[] = [],
  ): EndpointSnapshot | undefined {
    this.#dropCatchAlls(this.#trie.root)
    decideTemplates(this.#trie, final)
    this.earlyCountedCount += this.#early.settle(this.host, (transaction) =>
      this.#update(transaction, pathSegments(transaction.path)),
    )
    if (this.#taughtCount >= this.#nextDecisionAt) this.#nextDecisionAt = this.#taughtCount * 2
    this.#nodesAtDecision = this.#trie.nodeCount
    const endpoints = this.endpoints().map(({ id, method, pathTemplate }) => ({ id, method, pathTemplate }))
    if (sameEndpoints(endpoints, this.#snapshot.endpoints)) return undefined
    const before = this.#snapshot.endpoints
    const version = this.#snapshot.version + 1
    const templates = new HostTemplates({ host: this.host, version, effectiveFromUs: atUs, endpoints, redirects: [] })
    const used = [
      ...before,
      ...provisionals.map(({ method, endpoint }) => ({
        id: endpoint.endpointId,
        method,
        pathTemplate: endpoint.pathTemplate,
      })),
    ]
    const redirects = this.#redirects(used, templates, atUs)
    this.#published = templates
    this.#snapshot = { host: this.host, version, effectiveFromUs: atUs, endpoints, redirects }
    return this.#snapshot
  }

  /** Whether a decided template covers it. */
  matchDecided(method: string, path: string): MatchedEndpoint | undefined {
    return this.#published.match(method, pathSegments(path))
  }

  /** Every endpoint as learned so far, sorted by template and method. Their states are live: do not keep them. */
  endpoints(): CatalogEndpoint[] {
    const found: CatalogEndpoint[] = []
    this.#collect(this.#trie.root, [], [], undefined, found)
    return found.sort((a, b) => compare(a.pathTemplate, b.pathTemplate) || compare(a.method, b.method))
  }

  #collect(
    node: TrieNode,
    segments: readonly string[],
    parameters: readonly PathParameter[],
    before: string | undefined,
    found: CatalogEndpoint[],
  ): void {
    for (const [method, { state, pageKey, restored }] of node.terminals) {
      if ((state.successCount === 0 && !restored) || (pageKey !== undefined && this.#watch.isCatchAll(pageKey)))
        continue
      const pathTemplate = joinSegments(segments)
      found.push({
        id: endpointId(this.host, method, pathTemplate),
        host: this.host,
        method,
        pathTemplate,
        parameters,
        state,
      })
    }
    for (const [label, child] of node.literals) {
      const noun = child.shape.kind === 'version' || label === 'api' ? before : label
      this.#collect(child, [...segments, label], parameters, noun, found)
    }
    for (const [suffix, child] of node.parameters) {
      const taken = new Set(parameters.map((parameter) => parameter.name))
      const name = parameterName(before, mainKind(child), taken)
      this.#collect(
        child,
        [...segments, `{${name}}${suffix}`],
        [...parameters, { name, kinds: child.kinds }],
        before,
        found,
      )
    }
  }

  /** Counts it for its endpoint; false when that is not known. */
  #update(transaction: CatalogTransaction, segments: readonly string[]): boolean {
    const terminal = this.#find(transaction.method, segments)
    if (terminal === undefined) return false
    reduceEndpoint(terminal.state, transaction)
    return true
  }

  /** The endpoint that `segments` belongs to, if it is known: literals before parameters. */
  #find(method: string, segments: readonly string[]): Terminal | undefined {
    let stepsLeft = 512
    return find(this.#trie.root, 0)

    function find(node: TrieNode, index: number): Terminal | undefined {
      if (index === segments.length) return node.terminals.get(method)
      if (--stepsLeft < 0) return undefined
      const segment = segments[index]! // In range: index < segments.length.
      const literal = node.literals.get(segment)
      const found = literal === undefined ? undefined : find(literal, index + 1)
      if (found !== undefined) return found
      for (const [suffix, child] of node.parameters) {
        if (segment.length <= suffix.length || !segment.endsWith(suffix)) continue
        const below = find(child, index + 1)
        if (below !== undefined) return below
      }
      return undefined
    }
  }

  #dropCatchAlls(node: TrieNode): void {
    for (const [method, terminal] of node.terminals) {
      if (terminal.pageKey !== undefined && this.#watch.isCatchAll(terminal.pageKey)) node.terminals.delete(method)
    }
    for (const [label, child] of node.literals) {
      this.#dropCatchAlls(child)
      if (child.terminals.size + child.literals.size + child.parameters.size === 0) this.#trie.prune(node, label)
    }
    for (const child of node.parameters.values()) this.#dropCatchAlls(child)
  }

  #redirects(
    used: readonly { readonly id: string; readonly method: string; readonly pathTemplate: string }[],
    templates: HostTemplates,
    atUs: number,
  ): EndpointRedirect[] {
    const redirects = new Map<string, EndpointRedirect>()
    for (const { id, method, pathTemplate } of used) {
      const now = templates.match(method, pathSegments(pathTemplate))
      if (now === undefined || now.endpointId === id) continue
      if (redirects.size >= redirectsMaxCount) this.overflowCount++
      else redirects.set(id, redirect(id, now.endpointId, atUs))
    }
    // Followed to their end, so that nobody has to follow a chain.
    for (const [fromId, toId] of this.#redirected) {
      const next = redirects.get(toId)
      if (next !== undefined && next.toId !== fromId) redirects.set(fromId, redirect(fromId, next.toId, atUs))
    }
    for (const { fromId, toId } of redirects.values()) {
      if (this.#redirected.has(fromId) || this.#redirected.size < redirectsMaxCount) this.#redirected.set(fromId, toId)
      else this.overflowCount++
    }
    return [...redirects.values()]
  }
}

function redirect(fromId: string, toId: string, decidedAtUs: number): EndpointRedirect {
  return { fromId, toId, reason: 'template-decided', decidedAtUs }
}

function countNodes(nodes: readonly TrieNode[], echoed: readonly boolean[] | undefined): void {
  for (let i = 0; i < nodes.length; i++) {
    const node = nodes[i]! // In range by the loop condition.
    node.count++
    if (echoed === undefined) continue
    const hit = echoed[i] === true ? 1 : 0
    node.echoEligibleCount++
    node.echoCount += hit
    if (i < nodes.length - 1) continue
    node.echoEndEligibleCount++
    node.echoEndCount += hit
  }
}

/** The kind that most values of a parameter have. */
export function mainKind(node: { readonly kinds: ReadonlyMap<SegmentKind, number> }): SegmentKind {
  let best: SegmentKind = 'word'
  let bestCount = -1
  for (const [kind, count] of node.kinds) {
    if (count > bestCount || (count === bestCount && kind < best)) {
      best = kind
      bestCount = count
    }
  }
  return best
}

function sameEndpoints(a: EndpointSnapshot['endpoints'], b: EndpointSnapshot['endpoints']): boolean {
  return (
    a.length === b.length &&
    a.every((endpoint, i) => endpoint.id === b[i]?.id && endpoint.pathTemplate === b[i]?.pathTemplate)
  )
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
