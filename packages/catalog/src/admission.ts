/**
 * What may teach the catalog. A template is born from successes only; whatever merely tried updates what is known already.
 *
 * - `teach`: 2xx of a method that does something.
 * - `update`: every other answer, redirects and 304 included: counts for an endpoint that exists, never makes one.
 * - a reason to ignore it: HEAD, OPTIONS and the like, files and pages fetched without a token, answers that an edge of ours gave, requests nobody answered,
 *   requests whose host is not known.
 *
 * A single-page application answers every path with the same page: its answers are recognised later, by size under unrelated
 * first segments (`CatchAllWatch`), because the first of them look like any other.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { fieldsUnknownAnomaly } from '@tapwarden/contracts/transaction'
import type { CatalogTransaction } from './catalog-transaction.js'

export type Admission = 'teach' | 'update' | IgnoreReason
/** Why a transaction teaches nothing and counts for no endpoint, as people read it. */
export type IgnoreReason =
  | 'unanswered'
  | 'answered by an edge of ours'
  | 'host not known'
  | 'HEAD, OPTIONS and the like'
  | 'files and pages'
  | 'one page for every path'
  | 'no success of that endpoint seen'
  | 'no room'

const ignoredMethods = new Set(['OPTIONS', 'HEAD', 'TRACE', 'CONNECT'])
const staticExtensions = new Set(
  'js mjs css map png jpg jpeg gif svg ico webp avif woff woff2 ttf otf eot mp4 webm mp3 wasm html htm php asp aspx jsp'.split(
    ' ',
  ),
)
const staticNames = new Set(
  'favicon.ico robots.txt sitemap.xml manifest.json ads.txt humans.txt crossdomain.xml apple-touch-icon.png'.split(' '),
)
const staticTypes = ['image/', 'font/', 'video/', 'audio/', 'text/css', 'text/javascript', 'application/javascript']

export function admission(transaction: CatalogTransaction): Admission {
  const status = transaction.status
  if (status === undefined) return 'unanswered'
  if (transaction.edgeDecisionId !== undefined) return 'answered by an edge of ours'
  // It names one, in a field that the sensor could not read: without it the endpoint would be another.
  if (transaction.host === '' && transaction.anomalies?.includes(fieldsUnknownAnomaly) === true) return 'host not known'
  if (ignoredMethods.has(transaction.method)) return 'HEAD, OPTIONS and the like'
  // A browser sends cookies with every file, but nobody sends a token of an API to fetch a static one.
  const withToken = transaction.authScheme !== 'none' && transaction.authScheme !== 'cookie'
  if (!withToken && transaction.method === 'GET' && isStatic(transaction)) return 'files and pages'
  return status >= 200 && status < 300 ? 'teach' : 'update'
}

function isStatic(transaction: CatalogTransaction): boolean {
  const path = transaction.path
  const name = path.slice(path.lastIndexOf('/') + 1)
  if (staticNames.has(name)) return true
  const type = transaction.responseContentType ?? ''
  if (name === '' && type.startsWith('text/html')) return true
  const dot = name.lastIndexOf('.')
  if (dot > 0 && staticExtensions.has(name.slice(dot + 1).toLowerCase())) return true
  return staticTypes.some((prefix) => type.startsWith(prefix))
}

/** Sizes of pages kept a host, and first segments of which each must have come before it counts as a catch-all. */
export const catchAllSizesMaxCount = 64
export const catchAllFirstSegmentsCount = 4

/** Which pages a host gives for whatever is asked. Keys are opaque: `pageKey` of the transaction. */
export class CatchAllWatch {
  readonly #firstSegments = new BoundedMap<string, Set<string>>({
    maxEntries: catchAllSizesMaxCount,
    onFull: 'evict-least-recent',
  })

  /** The page's key, for an answer that may be a catch-all's; undefined for all others. */
  observe(transaction: CatalogTransaction, firstSegment: string): string | undefined {
    const key = pageKey(transaction)
    if (key === undefined) return undefined
    const known = this.#firstSegments.get(key) ?? new Set()
    if (known.size < catchAllFirstSegmentsCount) known.add(firstSegment)
    this.#firstSegments.set(key, known)
    return key
  }

  isCatchAll(key: string): boolean {
    return (this.#firstSegments.peek(key)?.size ?? 0) >= catchAllFirstSegmentsCount
  }
}

function pageKey(transaction: CatalogTransaction): string | undefined {
  if (transaction.method !== 'GET' || transaction.responseContentKind !== 'html') return undefined
  if (transaction.responseContentBytes === undefined) return undefined
  return `html ${transaction.responseContentBytes}`
}
