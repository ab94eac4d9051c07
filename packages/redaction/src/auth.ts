/**
 * How a request authenticates: Authorization (RFC 9110 §11.6.2), API key fields and parameters, the session cookie. Everything found becomes
 * a token.
 *
 * Basic gives credential tokens and no access token: edges hold the access key, and could test password guesses with it.
 * Schemes whose value changes with every request (Digest, AWS4, Negotiate …) give no access token either: it would name nobody.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Token } from '@tapwarden/contracts/token'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { isSecretShape } from '@tapwarden/sensitive-data/secret-shape'
import type { Literal } from './byte-writer.js'
import type { RawAccess } from './path.js'
import { ownCopy, type Tokens } from './token.js'

export type AuthScheme = HttpTransaction['authScheme']

export interface Auth {
  scheme: AuthScheme
  accessToken: Token | undefined
  accessTokenName: string | undefined
  sessionToken: Token | undefined
  accountToken: Token | undefined
  /** Of Basic: the user name is `accountToken`. */
  basicPasswordToken: Token | undefined
}

/** What one value of Authorization or Cookie said, and how it is published. */
export interface SeenAuth {
  readonly auth: Auth
  /** Its members of the line, each behind its comma. */
  readonly members: Literal
  /** Of the transaction; undefined when the client's address decides. */
  readonly partition: number | undefined
}

/** Names of session cookies in lower case, the surest first. */
const sessionCookieNames: readonly string[] =
  'sid session sessionid session_id session-id jsessionid phpsessid asp.net_sessionid connect.sid laravel_session _session _session_id ci_session sessiontoken session_token auth_session token auth_token authtoken access_token jwt auth id_token __host-session __secure-session __host-sid __secure-sid remember_token'.split(
    ' ',
  )
const sessionRanks = new Map(sessionCookieNames.map((name, rank) => [name, rank]))
/** Cookies with entropy that are no sessions: analytics, consent, forgery protection, load balancers. */
const notSessions =
  /^(?:_ga|_gid|_gcl|_fbp|_fbc|_hj|_uet|_pk_|__utm|ajs_|amplitude|mp_|optimizely|intercom|cf_|__cf|awsalb|bigipserver|incap_|visid_|nlbi_|datadome|ak_bmsc|bm_sv)|csrf|xsrf|consent|locale|lang|theme/i
const cookieValueMinCharacters = 16
const cookiesMaxCount = 64

const jwtPayloadMaxCharacters = 8_192
const subjectMaxCharacters = 512
/** Together at most 16 MiB. */
const rememberedMaxCount = 4_096
const rememberedMaxCharacters = 4_096

export class AuthReader {
  readonly #tokens: Tokens
  /** JWT → token of its subject; '' for none. Keyed by the raw token, so it never leaves the process. */
  readonly #subjects = new BoundedMap<string, Token | ''>({ maxEntries: rememberedMaxCount, onFull: 'evict-oldest' })

  constructor(tokens: Tokens) {
    this.#tokens = tokens
  }

  /** Byte strings as they came; what the request does not have is undefined. The first of Authorization, key field, key parameter wins. */
  read(
    authorization: string | undefined,
    keyField: RawAccess | undefined,
    keyParameter: RawAccess | undefined,
    cookie: string | undefined,
  ): Auth {
    const auth: Auth = {
      scheme: 'none',
      accessToken: undefined,
      accessTokenName: undefined,
      sessionToken: undefined,
      accountToken: undefined,
      basicPasswordToken: undefined,
    }
    if (cookie !== undefined && cookie !== '') this.#readCookies(cookie, auth)
    const key = keyField ?? keyParameter
    if (key !== undefined && key.value !== '') this.#take('api-key', key.name, key.value, auth)
    if (authorization !== undefined && authorization !== '') this.#readAuthorization(authorization, auth)
    return auth
  }

  #take(scheme: AuthScheme, name: string, value: string, auth: Auth): void {
    auth.scheme = scheme
    auth.accessToken = this.#tokens.access(value)
    auth.accessTokenName = name
    auth.accountToken ??= this.#subjectOf(value)
  }

  #readAuthorization(value: string, auth: Auth): void {
    const blank = value.indexOf(' ')
    const scheme = blank < 0 ? '' : value.slice(0, blank).toLowerCase()
    const rest = blank < 0 ? value : value.slice(blank + 1).trimStart()
    if (scheme === 'bearer') this.#take('bearer', 'authorization', rest, auth)
    else if (scheme === 'basic') this.#readBasic(rest, auth)
    else if (scheme === 'digest') {
      auth.scheme = 'digest'
      const user = /\busername="((?:[^"\\]|\\.)*)"/.exec(rest)?.[1]
      if (user !== undefined && user !== '') auth.accountToken = this.#tokens.userName(user)
    } else if (/^(?:token|apikey|api-key|key|api_key)$/.test(scheme)) this.#take('api-key', 'authorization', rest, auth)
    else if (scheme === '') this.#take('other', 'authorization', rest, auth)
    else if (auth.scheme !== 'api-key') auth.scheme = 'other'
  }

  #readBasic(rest: string, auth: Auth): void {
    auth.scheme = 'basic'
    const pair = Buffer.from(rest, 'base64').toString('latin1')
    const separator = pair.indexOf(':')
    if (separator <= 0) return
    auth.accountToken = this.#tokens.userName(pair.slice(0, separator))
    if (separator + 1 < pair.length) auth.basicPasswordToken = this.#tokens.credential(pair.slice(separator + 1))
  }

  /** The named session cookie of the lowest rank, else the first cookie whose value has entropy. */
  #readCookies(cookie: string, auth: Auth): void {
    let bestRank = Number.POSITIVE_INFINITY
    let best = ''
    let at = 0
    for (let count = 0; at < cookie.length && count < cookiesMaxCount; count++) {
      let end = cookie.indexOf(';', at)
      if (end < 0) end = cookie.length
      const equals = cookie.indexOf('=', at)
      if (equals > at && equals < end) {
        const name = cookie.slice(at, equals).trim()
        const value = cookie.slice(equals + 1, end).trim()
        const rank = value === '' ? Number.POSITIVE_INFINITY : cookieRank(name, value)
        if (rank < bestRank) {
          bestRank = rank
          best = value
        }
      }
      at = end + 1
    }
    if (best === '') return
    auth.scheme = 'cookie'
    auth.sessionToken = this.#tokens.access(best)
    auth.accountToken = this.#subjectOf(best)
  }

  /** Token of a JWT's `sub` (RFC 7519 §4.1.2); undefined for anything else. The signature is not ours to judge. */
  #subjectOf(value: string): Token | undefined {
    if (!value.startsWith('eyJ')) return undefined
    const known = this.#subjects.get(value)
    if (known !== undefined) return known === '' ? undefined : known
    const subject = subjectText(value)
    const token =
      subject === undefined ? undefined : this.#tokens.userName(Buffer.from(subject, 'utf8').toString('latin1'))
    if (value.length <= rememberedMaxCharacters) this.#subjects.set(ownCopy(value), token ?? '')
    return token
  }
}

function cookieRank(name: string, value: string): number {
  const rank = sessionRanks.get(name.toLowerCase())
  if (rank !== undefined) return rank
  if (value.length < cookieValueMinCharacters || notSessions.test(name)) return Number.POSITIVE_INFINITY
  const bytes = Buffer.from(value, 'latin1')
  return isSecretShape(bytes, 0, bytes.length) ? sessionCookieNames.length : Number.POSITIVE_INFINITY
}

function subjectText(jwt: string): string | undefined {
  const payloadFrom = jwt.indexOf('.') + 1
  const payloadTo = jwt.indexOf('.', payloadFrom)
  if (payloadFrom === 0 || payloadTo < 0 || payloadTo - payloadFrom > jwtPayloadMaxCharacters) return undefined
  try {
    const payload: unknown = JSON.parse(Buffer.from(jwt.slice(payloadFrom, payloadTo), 'base64url').toString('utf8'))
    if (typeof payload !== 'object' || payload === null || !('sub' in payload)) return undefined
    const subject = typeof payload.sub === 'number' ? String(payload.sub) : payload.sub
    return typeof subject === 'string' && subject !== '' && subject.length <= subjectMaxCharacters ? subject : undefined
  } catch {
    return undefined // Not JSON: no subject.
  }
}
