/** Which fields are published in clear, which are read, which are worth a scan: tables, and one look-up a field. */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { decisionFieldName } from '@tapwarden/contracts/names'
import { isStableName } from './fingerprint.js'

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
const readByName: ReadonlySet<string> = new Set([
  'host',
  ':authority',
  'authorization',
  'accept',
  'accept-language',
  'accept-encoding',
  'user-agent',
  'content-type',
  decisionFieldName,
])

export interface FieldTraits {
  readonly keptInRequest: boolean
  readonly keptInResponse: boolean
  readonly isUrl: boolean
  /** Its first value is asked for by name. */
  readonly isRead: boolean
  readonly isScanned: boolean
  readonly isApiKey: boolean
  /** A JWT in it is authentication and not leaked data. */
  readonly holdsTokens: boolean
  /** Takes part in the fingerprint. */
  readonly isStable: boolean
}

const rememberedMaxCount = 4_096
const traitsByName = new BoundedMap<string, FieldTraits>({ maxEntries: rememberedMaxCount, onFull: 'refuse-new' })

/** What to do with a field, by its lower-case name. */
export function traitsOf(name: string): FieldTraits {
  const known = traitsByName.peek(name)
  if (known !== undefined) return known
  const isApiKey = apiKeyFields.has(name)
  const traits: FieldTraits = {
    keptInRequest: keptRequestFields.has(name),
    keptInResponse: keptResponseFields.has(name),
    isUrl: urlFields.has(name),
    isRead: readByName.has(name),
    isScanned: !unscannedFields.has(name),
    isApiKey,
    holdsTokens: isApiKey || name === 'cookie' || name === 'set-cookie',
    isStable: isStableName(name),
  }
  if (name.length <= 64) traitsByName.set(name, traits)
  return traits
}
