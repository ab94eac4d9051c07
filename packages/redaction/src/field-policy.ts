/** Which fields are published in clear, which are read, which are worth a scan: tables, and one look-up a field. */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { decisionFieldName } from '@tapwarden/contracts/names'
import type { FieldList } from '@tapwarden/http/field-list'
import { jsonLiteral, type Literal } from './byte-writer.js'
import { isStableName } from './fingerprint.js'
import { areWords, wordsOf } from './seen-values.js'

/** Request fields whose values describe the client. A name that is not here is never published with its value. */
const keptRequestFields: ReadonlySet<string> = new Set(
  'accept accept-language accept-encoding cache-control pragma content-encoding expect te upgrade sec-fetch-site sec-fetch-mode sec-fetch-dest x-requested-with access-control-request-method access-control-request-headers'.split(
    ' ',
  ),
)
/** Response fields whose values describe the server or its answer. */
const keptResponseFields: ReadonlySet<string> = new Set(
  'cache-control content-encoding content-language server x-powered-by allow retry-after vary www-authenticate strict-transport-security content-security-policy x-content-type-options x-frame-options access-control-allow-origin access-control-allow-credentials access-control-allow-methods access-control-allow-headers deprecation sunset x-ratelimit-limit x-ratelimit-remaining ratelimit-limit ratelimit-remaining ratelimit-policy'.split(
    ' ',
  ),
)
/** Fields with a URL: published as host and path, secrets in them replaced, without query. */
const urlFields: ReadonlySet<string> = new Set(['referer', 'origin', 'location', 'content-location'])

/** Cannot hold anything sensitive, or hold a credential by design and are read as that. */
const unscannedFields: ReadonlySet<string> = new Set(
  (
    'host accept accept-encoding accept-language connection keep-alive content-length content-type transfer-encoding date age etag expires ' +
    'last-modified if-none-match if-modified-since cache-control pragma vary server user-agent authorization proxy-authorization ' +
    'content-encoding upgrade-insecure-requests te trailer strict-transport-security sec-fetch-site sec-fetch-mode sec-fetch-dest'
  ).split(' '),
)

/** Request fields that carry an API key. */
const apiKeyFields: ReadonlySet<string> = new Set(
  'x-api-key api-key apikey x-apikey x-auth-token x-access-token x-authorization x-api-token x-token access-token ocp-apim-subscription-key x-functions-key private-token x-goog-api-key'.split(
    ' ',
  ),
)
/** What a field is asked for by name; its first value counts. */
export const HOST = 0
export const AUTHORITY = 1
export const AUTHORIZATION = 2
export const ACCEPT = 3
export const ACCEPT_LANGUAGE = 4
export const ACCEPT_ENCODING = 5
export const USER_AGENT = 6
export const CONTENT_TYPE = 7
export const DECISION = 8
export const rolesCount = 9
const noRole = -1
const roles: ReadonlyMap<string, number> = new Map([
  ['host', HOST],
  [':authority', AUTHORITY],
  ['authorization', AUTHORIZATION],
  ['accept', ACCEPT],
  ['accept-language', ACCEPT_LANGUAGE],
  ['accept-encoding', ACCEPT_ENCODING],
  ['user-agent', USER_AGENT],
  ['content-type', CONTENT_TYPE],
  [decisionFieldName, DECISION],
])
/** Fields of which all lines count: whom the request comes from. */
const joinedFields: ReadonlySet<string> = new Set(['cookie', 'x-forwarded-for', 'forwarded', 'set-cookie'])

export interface FieldTraits {
  readonly name: string
  readonly nameHash: number
  /** The name as JSON text. */
  readonly json: Literal
  readonly keptInRequest: boolean
  readonly keptInResponse: boolean
  readonly isUrl: boolean
  /** Its first value is asked for by name: one of the roles above, else below 0. */
  readonly role: number
  readonly isJoined: boolean
  /** Nothing of its value is of interest. */
  readonly isIgnoredInRequest: boolean
  readonly isIgnoredInResponse: boolean
  readonly isScanned: boolean
  readonly isApiKey: boolean
  /** A JWT in it is authentication and not leaked data. */
  readonly holdsTokens: boolean
  /** Takes part in the fingerprint. */
  readonly isStable: boolean
}

const rememberedMaxCount = 4_096
const rememberedMaxCharacters = 64
const traitsByName = new BoundedMap<string, FieldTraits>({ maxEntries: rememberedMaxCount, onFull: 'refuse-new' })
/** In front of the map: by the hash that came with the field, without making a string of its name. */
const slotsCount = 1_024
const slots: (KnownSpelling | undefined)[] = new Array(slotsCount).fill(undefined)

/** A name as it was first sent, with what stood between it and its value, so that it is told again by whole words. */
interface KnownSpelling {
  readonly traits: FieldTraits
  readonly bytes: number
  readonly words: Int32Array
}

/** What to do with field `index` of a list. */
export function traitsOfField(fields: FieldList, index: number): FieldTraits {
  const hash = fields.nameHash(index)
  const slot = (hash ^ (hash >>> 16)) & (slotsCount - 1)
  const known = slots[slot]
  const from = fields.nameStart(index)
  const to = fields.valueStart(index)
  if (known !== undefined && known.traits.nameHash === hash) {
    if (known.bytes === to - from && areWords(known.words, fields.bytes, from, to)) return known.traits
    if (fields.nameIs(index, known.traits.name)) return known.traits
  }
  const name = fields.name(index)
  const traits = traitsOf(name, hash)
  const isShort = name.length <= rememberedMaxCharacters && to - from <= rememberedMaxCharacters * 2
  if (isShort && to - from >= 4) slots[slot] = { traits, bytes: to - from, words: wordsOf(fields.bytes, from, to) }
  return traits
}

function traitsOf(name: string, nameHash: number): FieldTraits {
  const known = traitsByName.peek(name)
  if (known !== undefined) return known
  const isApiKey = apiKeyFields.has(name)
  const isUrl = urlFields.has(name)
  const role = roles.get(name) ?? noRole
  const isJoined = joinedFields.has(name)
  const isScanned = !unscannedFields.has(name)
  const isUsed = isUrl || role !== noRole || isJoined || isScanned || isApiKey
  const traits: FieldTraits = {
    name,
    nameHash,
    json: jsonLiteral(name),
    keptInRequest: keptRequestFields.has(name),
    keptInResponse: keptResponseFields.has(name),
    isUrl,
    role,
    isJoined,
    isIgnoredInRequest: !isUsed && !keptRequestFields.has(name),
    isIgnoredInResponse: !isUsed && !keptResponseFields.has(name),
    isScanned,
    isApiKey,
    holdsTokens: isApiKey || name === 'cookie' || name === 'set-cookie',
    isStable: isStableName(name),
  }
  if (name.length <= rememberedMaxCharacters) traitsByName.set(name, traits)
  return traits
}
