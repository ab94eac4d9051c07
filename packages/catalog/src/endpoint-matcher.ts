/**
 * (method, host, path) → endpoint, by the templates of endpoint snapshots. Used by the catalog and by every consumer that needs a
 * template, so that all of them agree. A concrete segment beats a parameter with a suffix, which beats a parameter; the first segment
 * counts most (OpenAPI 3.1: concrete paths before templated ones).
 *
 * A path that no template matches is `provisional`: its own template. Per host at most `provisionalMaxCount` of those, then all others
 * share the endpoint `{other}`.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { EndpointSnapshot } from '@tapwarden/contracts/endpoint'
import { endpointId, otherTemplate } from './endpoint-id.js'
import { joinSegments, pathSegments } from './normalize-path.js'

export const hostsMaxCount = 4_096
export const provisionalMaxCount = 4_096
const useSampleEvery = 16
/** Nodes looked at for one path before it counts as not matched: a bound for templates that overlap without end. */
const stepsMaxCount = 512

export interface MatchedEndpoint {
  readonly endpointId: string
  readonly pathTemplate: string
  readonly provisional: boolean
}

interface MatcherNode {
  readonly literals: Map<string, MatcherNode>
  /** Longest suffix first; the bare parameter, suffix empty, last. */
  readonly parameters: { readonly suffix: string; readonly node: MatcherNode }[]
  readonly endpoints: Map<string, MatchedEndpoint>
}

/** The templates of one host, ready to match; they do not change once made. */
export class HostTemplates {
  readonly host: string
  readonly version: number
  readonly #root = matcherNode()
  /** Of the match under way. */
  #stepsLeft = 0

  constructor(snapshot: EndpointSnapshot) {
    this.host = snapshot.host
    this.version = snapshot.version
    for (const endpoint of snapshot.endpoints) {
      let node = this.#root
      for (const segment of pathSegments(endpoint.pathTemplate)) node = childFor(node, segment)
      node.endpoints.set(endpoint.method, {
        endpointId: endpoint.id,
        pathTemplate: endpoint.pathTemplate,
        provisional: false,
      })
    }
  }

  match(method: string, segments: readonly string[]): MatchedEndpoint | undefined {
    this.#stepsLeft = stepsMaxCount
    return this.#find(this.#root, method, segments, 0)
  }

  #find(node: MatcherNode, method: string, segments: readonly string[], index: number): MatchedEndpoint | undefined {
    if (index === segments.length) return node.endpoints.get(method)
    if (--this.#stepsLeft < 0) return undefined
    const segment = segments[index]! // In range: index < segments.length.
    const literal = node.literals.get(segment)
    if (literal !== undefined) {
      const found = this.#find(literal, method, segments, index + 1)
      if (found !== undefined) return found
    }
    for (const { suffix, node: child } of node.parameters) {
      if (segment.length <= suffix.length || !segment.endsWith(suffix)) continue
      const found = this.#find(child, method, segments, index + 1)
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** Snapshots by host, and the provisional endpoints given out. */
export class EndpointIndex {
  readonly #hosts = new BoundedMap<string, HostTemplates>({ maxEntries: hostsMaxCount, onFull: 'evict-least-recent' })
  readonly #provisional = new BoundedMap<string, Map<string, MatchedEndpoint>>({
    maxEntries: hostsMaxCount,
    onFull: 'evict-least-recent',
  })
  #matchCount = 0
  /** Requests that had to share an `{other}` endpoint. */
  overflowCount = 0

  /** The newest version counts; an older one than the known is ignored. */
  apply(snapshot: EndpointSnapshot): void {
    const known = this.#hosts.get(snapshot.host)
    if (known !== undefined && known.version > snapshot.version) return
    this.#hosts.set(snapshot.host, new HostTemplates(snapshot))
  }

  match(method: string, host: string, path: string): MatchedEndpoint {
    const segments = pathSegments(path)
    // Whose turn it is to leave needs no more than a sample of who was asked for.
    this.#matchCount = (this.#matchCount + 1) % useSampleEvery
    const templates = this.#matchCount === 0 ? this.#hosts.get(host) : this.#hosts.peek(host)
    const decided = templates?.match(method, segments)
    if (decided !== undefined) return decided
    return this.#provisionalOf(method, host, joinSegments(segments))
  }

  /** Provisional endpoints given out for `host`, `{other}` excluded. */
  provisionals(host: string): readonly { readonly method: string; readonly endpoint: MatchedEndpoint }[] {
    return [...(this.#provisional.peek(host)?.entries() ?? [])].map(([key, endpoint]) => ({
      method: key.slice(0, key.indexOf(' ')),
      endpoint,
    }))
  }

  /** Frees the places of provisional endpoints that have found their template. */
  dropDecidedProvisionals(host: string): void {
    const known = this.#provisional.peek(host)
    const templates = this.#hosts.peek(host)
    if (known === undefined || templates === undefined) return
    for (const [key, endpoint] of known) {
      const method = key.slice(0, key.indexOf(' '))
      if (templates.match(method, pathSegments(endpoint.pathTemplate)) !== undefined) known.delete(key)
    }
  }

  #provisionalOf(method: string, host: string, path: string): MatchedEndpoint {
    let known = this.#provisional.get(host)
    if (known === undefined) {
      known = new Map()
      this.#provisional.set(host, known)
    }
    const key = `${method} ${path}`
    const endpoint = known.get(key)
    if (endpoint !== undefined) return endpoint
    if (known.size >= provisionalMaxCount) {
      this.overflowCount++
      return { endpointId: endpointId(host, method, otherTemplate), pathTemplate: otherTemplate, provisional: true }
    }
    const fresh: MatchedEndpoint = {
      endpointId: endpointId(host, method, path),
      pathTemplate: path,
      provisional: true,
    }
    known.set(key, fresh)
    return fresh
  }
}

/** Which endpoint a request belongs to, by `index`. */
export function matchEndpoint(index: EndpointIndex, method: string, host: string, path: string): MatchedEndpoint {
  return index.match(method, host, path)
}

function matcherNode(): MatcherNode {
  return { literals: new Map(), parameters: [], endpoints: new Map() }
}

/** Node for one segment of a template: `{name}suffix` or a literal. */
function childFor(node: MatcherNode, segment: string): MatcherNode {
  const close = segment.startsWith('{') ? segment.indexOf('}') : -1
  if (close < 0) {
    let literal = node.literals.get(segment)
    if (literal === undefined) {
      literal = matcherNode()
      node.literals.set(segment, literal)
    }
    return literal
  }
  const suffix = segment.slice(close + 1)
  const known = node.parameters.find((parameter) => parameter.suffix === suffix)
  if (known !== undefined) return known.node
  const fresh = matcherNode()
  node.parameters.push({ suffix, node: fresh })
  node.parameters.sort((a, b) => b.suffix.length - a.suffix.length)
  return fresh
}
