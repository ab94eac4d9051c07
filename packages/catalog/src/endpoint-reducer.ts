/**
 * (endpoint state, transaction) → endpoint state: everything the catalog knows of one endpoint. Counts only, so states merge in any
 * order (two literal paths that turn out to be one endpoint; later two instances that each saw a part).
 *
 * Limits: `queryNamesMaxCount`, `contentsMaxCount`, `countsMaxCount` keys a map; what does not fit is counted in `overflowCount`.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { fieldsUnknownAnomaly } from '@tapwarden/contracts/transaction'
import type { CatalogTransaction } from './catalog-transaction.js'
import { ContentReader } from './content-reader.js'
import type { QueryReader } from './query-reader.js'
import { bump, emptySchemaTree, mergeCounts, mergeSchemaTree, type SchemaTree } from './schema-tree.js'

export const queryNamesMaxCount = 128
export const contentsMaxCount = 32
export const countsMaxCount = 128
/**
 * Contents of one kind after which a schema counts as settled: from then on one in `settledSampleEvery` is looked at, and whatever is a login's or
 * holds something sensitive that was not seen at this endpoint before. Everything else of a transaction is counted always.
 */
export const contentSettledCount = 512
/** A power of two, at most 16: the last digit of the id picks. */
const settledSampleEvery = 8
const sharedReader = new ContentReader()

export interface ContentState {
  count: number
  readonly contentTypes: Map<string, number>
  readonly tree: SchemaTree
}

export interface QueryState {
  /** Requests that carried it. */
  count: number
  /** Values seen, more than `count` where one request repeats the name. */
  valueCount: number
  readonly types: Map<string, number>
  readonly formats: Map<string, number>
}

export interface EndpointState {
  count: number
  /** Of them answered with a status below 400. */
  successCount: number
  firstSeenUs: number
  lastSeenUs: number
  readonly statusCounts: Map<string, number>
  readonly authSchemes: Map<string, number>
  /** `in name` of access tokens, `header x-api-key` or `query key` → count. */
  readonly accessTokenPlaces: Map<string, number>
  /** `in:name:type` → count. */
  readonly sensitive: Map<string, number>
  readonly query: Map<string, QueryState>
  /** By content kind. */
  readonly requests: Map<string, ContentState>
  /** By `status kind`. */
  readonly responses: Map<string, ContentState>
  overflowCount: number
}

export function emptyEndpointState(): EndpointState {
  return {
    count: 0,
    successCount: 0,
    firstSeenUs: Number.MAX_SAFE_INTEGER,
    lastSeenUs: 0,
    statusCounts: new Map(),
    authSchemes: new Map(),
    accessTokenPlaces: new Map(),
    sensitive: new Map(),
    query: new Map(),
    requests: new Map(),
    responses: new Map(),
    overflowCount: 0,
  }
}

/**
 * Folds one transaction into `state`. Contents of failed requests do not teach the request's schema. `reader` keeps what it saw of the
 * response, for echo.ts.
 */
export function reduceEndpoint(
  state: EndpointState,
  transaction: CatalogTransaction,
  reader: ContentReader = sharedReader,
): void {
  const status = transaction.status
  const succeeded = status !== undefined && status < 400
  state.count++
  if (succeeded) state.successCount++
  state.firstSeenUs = Math.min(state.firstSeenUs, transaction.observedAtUs)
  state.lastSeenUs = Math.max(state.lastSeenUs, transaction.observedAtUs)
  bumpBounded(state, state.statusCounts, status === undefined ? 'none' : String(status), 1)
  reduceAuth(state, transaction, status, reader)
  let isNews = transaction.loginUserToken !== undefined
  for (const sighting of transaction.sensitive ?? []) {
    const key = `${sighting.in}:${sighting.name}:${sighting.type}`
    isNews ||= !state.sensitive.has(key)
    bumpBounded(state, state.sensitive, key, sighting.count)
  }
  if (succeeded) {
    reader.query.read(transaction)
    reduceQuery(state, reader.query)
    if (transaction.requestContentKind !== 'none') {
      const content = contentOf(state, state.requests, transaction.requestContentKind)
      if (content !== undefined && addContent(content, transaction, transaction.requestContentType, isNews)) {
        reader.addRequest(content.tree, transaction)
      }
    }
  }
  const kind = transaction.responseContentKind
  if (status !== undefined && kind !== undefined && kind !== 'none') {
    const content = contentOf(state, state.responses, responseKey(status, kind))
    if (content !== undefined && addContent(content, transaction, transaction.responseContentType, isNews)) {
      reader.addResponse(content.tree, transaction)
    }
  }
}

/** `status kind`, made once for each: a fresh string would be hashed anew every time. */
const responseKeys = new BoundedMap<string, string[]>({ maxEntries: 64, onFull: 'evict-oldest' })
const statusesMaxCount = 600

function responseKey(status: number, kind: string): string {
  if (!Number.isInteger(status) || status < 0 || status >= statusesMaxCount) return `${status} ${kind}`
  let keys = responseKeys.peek(kind)
  if (keys === undefined) {
    keys = Array.from({ length: statusesMaxCount }, (_, each) => `${each} ${kind}`)
    responseKeys.set(kind, keys)
  }
  return keys[status]! // In range by the check above.
}

/** A request that failed without credentials proves nothing about how one authenticates; nor does one of which not all fields are known. */
function reduceAuth(
  state: EndpointState,
  transaction: CatalogTransaction,
  status: number | undefined,
  reader: ContentReader,
): void {
  if (transaction.authScheme === 'none') {
    if (status === undefined || status >= 400) return
    if (transaction.anomalies?.includes(fieldsUnknownAnomaly) === true) return
  }
  bumpBounded(state, state.authSchemes, transaction.authScheme, 1)
  if (transaction.authScheme !== 'api-key') return
  const name = transaction.accessTokenName
  if (name === undefined) return
  reader.query.read(transaction)
  const inQuery = reader.query.has(name)
  bumpBounded(state, state.accessTokenPlaces, `${inQuery ? 'query' : 'header'} ${name}`, 1)
}

function reduceQuery(state: EndpointState, query: QueryReader): void {
  for (let i = 0; i < query.count; i++) {
    const name = query.names[i]! // Here and below: as many as counted.
    let known = state.query.get(name)
    if (known === undefined) {
      if (state.query.size >= queryNamesMaxCount) {
        state.overflowCount++
        continue
      }
      known = { count: 0, valueCount: 0, types: new Map(), formats: new Map() }
      state.query.set(name, known)
    }
    const kind = query.kinds[i]!
    known.valueCount++
    if (query.isFirst(i)) known.count++
    bump(known.types, kind.type, 1)
    if (kind.format !== undefined) bump(known.formats, kind.format, 1)
  }
}

/** Counts a content, and says whether to look at it. */
function addContent(
  content: ContentState,
  { id }: CatalogTransaction,
  contentType: string | undefined,
  isNews: boolean,
): boolean {
  content.count++
  if (contentType !== undefined) {
    const essence = essenceOf(contentType)
    const known = content.contentTypes.get(essence)
    if (known !== undefined) content.contentTypes.set(essence, known + 1)
    else if (content.contentTypes.size < countsMaxCount) content.contentTypes.set(essence, 1)
  }
  // Picked by the id, a hash: a replay picks the same, and no client's rhythm or coarse clock does.
  return content.count <= contentSettledCount || isNews || id.charCodeAt(id.length - 1) % settledSampleEvery === 0
}

function contentOf(state: EndpointState, contents: Map<string, ContentState>, key: string): ContentState | undefined {
  const known = contents.get(key)
  if (known !== undefined) return known
  if (contents.size >= contentsMaxCount) {
    state.overflowCount++
    return undefined
  }
  const fresh: ContentState = { count: 0, contentTypes: new Map(), tree: emptySchemaTree() }
  contents.set(key, fresh)
  return fresh
}

/** Few are in use, and each comes with most transactions. */
const essences = new BoundedMap<string, string>({ maxEntries: 1_024, onFull: 'evict-oldest' })

function essenceOf(contentType: string): string {
  let essence = essences.peek(contentType)
  if (essence === undefined) {
    essence = mediaType(contentType)
    essences.set(contentType, essence)
  }
  return essence
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaType(contentType: string): string {
  const semicolon = contentType.indexOf(';')
  return (semicolon < 0 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase()
}

/** Adds `from` into `into`; `from` is not changed and shares nothing with it afterwards. */
export function mergeEndpointState(into: EndpointState, from: EndpointState): void {
  into.count += from.count
  into.successCount += from.successCount
  into.overflowCount += from.overflowCount
  into.firstSeenUs = Math.min(into.firstSeenUs, from.firstSeenUs)
  into.lastSeenUs = Math.max(into.lastSeenUs, from.lastSeenUs)
  for (const [key, count] of from.statusCounts) bumpBounded(into, into.statusCounts, key, count)
  for (const [key, count] of from.authSchemes) bumpBounded(into, into.authSchemes, key, count)
  for (const [key, count] of from.accessTokenPlaces) bumpBounded(into, into.accessTokenPlaces, key, count)
  for (const [key, count] of from.sensitive) bumpBounded(into, into.sensitive, key, count)
  for (const [name, query] of from.query) mergeQuery(into, name, query)
  for (const [key, content] of from.requests) mergeContent(contentOf(into, into.requests, key), content)
  for (const [key, content] of from.responses) mergeContent(contentOf(into, into.responses, key), content)
}

function mergeQuery(into: EndpointState, name: string, from: QueryState): void {
  const known = into.query.get(name)
  if (known === undefined && into.query.size >= queryNamesMaxCount) {
    into.overflowCount++
    return
  }
  const target = known ?? { count: 0, valueCount: 0, types: new Map(), formats: new Map() }
  target.count += from.count
  target.valueCount += from.valueCount
  mergeCounts(target.types, from.types)
  mergeCounts(target.formats, from.formats)
  into.query.set(name, target)
}

function mergeContent(into: ContentState | undefined, from: ContentState): void {
  if (into === undefined) return
  into.count += from.count
  mergeCounts(into.contentTypes, from.contentTypes)
  mergeSchemaTree(into.tree, from.tree)
}

function bumpBounded(state: EndpointState, counts: Map<string, number>, key: string, by: number): void {
  const known = counts.get(key)
  if (known !== undefined) counts.set(key, known + by)
  else if (counts.size < countsMaxCount) counts.set(key, by)
  else state.overflowCount++
}
