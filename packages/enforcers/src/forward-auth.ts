/**
 * The forward-auth enforcer: an HTTP endpoint that an edge asks about each request before it goes on (nginx `auth_request`, Traefik
 * `forwardAuth`, Envoy `ext_authz` over HTTP). 200 lets the request on; 403 or 429 with `x-tapwarden-decision` refuses it.
 *
 * What is asked about is read from X-Original-* or X-Forwarded-* fields, from trusted edges only; Envoy sends the request's own
 * method, host and path instead. Nothing in a request can make it fail: what is not understood is let on (enforcers fail open).
 * A decision ends at its own time, checked at each look-up.
 */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { Decision } from '@tapwarden/contracts/decision'
import { comparePlaces, type PlacedRequest, placeHolds } from '@tapwarden/contracts/decision-place'
import { decisionFieldName } from '@tapwarden/contracts/names'
import { systemTimers, type Timers } from '@tapwarden/runtime/timers'
import { listenError } from '@tapwarden/runtime/user-error'
import ipaddr from 'ipaddr.js'
import { type AccessKey, accessTokenOf } from './access-token.js'
import { type Enforcer, type EnforcerCapabilities, EnforcerUnavailable } from './enforcer.js'

export interface ForwardAuthOptions {
  readonly name: string
  /** Port 0 takes a free one. */
  readonly listen: { readonly host: string; readonly port: number }
  /** Addresses and CIDRs of the edges that may say who their client is. Default: loopback. */
  readonly trustedEdges?: readonly string[]
  /** Keys of the tokens that decisions name: during a rotation, both. */
  readonly accessKeys: readonly AccessKey[]
  /** nginx's `auth_request` knows 401 and 403 only: there, 403 for a throttle too. */
  readonly throttleStatus?: 429 | 403
  readonly timers?: Timers
}

/** What a request is looked up by. */
interface Asked extends PlacedRequest {
  readonly address: string
  /** Access tokens and session tokens, computed when a decision needs them. */
  readonly accessTokens: () => readonly string[]
  readonly sessionTokens: () => readonly string[]
}

const decisionsMaxCount = 100_000
const cookiesMaxCount = 32
const retryAfterSeconds = 60

export class ForwardAuthEnforcer implements Enforcer {
  readonly name: string
  readonly capabilities: EnforcerCapabilities = {
    scopes: ['address', 'access-token', 'session'],
    types: ['ban', 'throttle'],
    where: { host: true, method: true, path: true },
    decisionsMaxCount,
  }
  readonly #options: ForwardAuthOptions
  readonly #timers: Timers
  readonly #server: Server
  readonly #trusted = new BlockList()
  readonly #byId = new Map<string, Decision>()
  /** Decisions of one actor, the one that says most first. Networks are apart: they are looked through. */
  readonly #byActor = new Map<string, Decision[]>()
  readonly #networks = new Map<string, BlockList>()
  /** Questions answered, and those refused: counters to publish. */
  askedCount = 0
  refusedCount = 0

  private constructor(options: ForwardAuthOptions) {
    this.name = options.name
    this.#options = options
    this.#timers = options.timers ?? systemTimers
    for (const edge of options.trustedEdges ?? ['127.0.0.0/8', '::1']) addTo(this.#trusted, edge)
    this.#server = createServer((request, response) => this.#answer(request, response))
    this.#server.keepAliveTimeout = 60_000
  }

  /** Listening when it resolves. Throws `UserError` when the port cannot be had, `EnforcerUnavailable` for anything else. */
  static async start(options: ForwardAuthOptions): Promise<ForwardAuthEnforcer> {
    const enforcer = new ForwardAuthEnforcer(options)
    await new Promise<void>((resolve, reject) => {
      const { name } = options
      const place = {
        what: `the port of the enforcer ${name},`,
        hostSetting: `listen.host of ${name}`,
        portSetting: 'its listen.port',
      }
      const refused = (cause: unknown): void =>
        reject(
          listenError({ ...place, ...options.listen }, cause) ??
            new EnforcerUnavailable(name, 'listen', { cause, retryable: false }),
        )
      enforcer.#server.once('error', refused)
      enforcer.#server.listen(options.listen.port, options.listen.host, () => {
        enforcer.#server.off('error', refused)
        resolve()
      })
    })
    return enforcer
  }

  get port(): number {
    const address = this.#server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  unsupported(decision: Decision): string | undefined {
    if (!this.capabilities.types.includes(decision.type)) return `cannot ${decision.type}`
    if (!this.capabilities.scopes.includes(decision.scope)) return `cannot match a ${decision.scope}`
    if (decision.scope === 'address' && parseNetwork(decision.value) === undefined) return 'not an address'
    const full = this.#byId.size >= decisionsMaxCount && !this.#byId.has(decision.id)
    return full ? `already holds ${decisionsMaxCount} decisions` : undefined
  }

  async apply(decision: Decision): Promise<void> {
    this.#removeExpired()
    const why = this.unsupported(decision)
    if (why !== undefined) throw new EnforcerUnavailable(this.name, `${decision.id}: ${why}`, { retryable: false })
    this.#remove(decision.id)
    if (decision.untilMs <= this.#timers.nowMs()) return
    this.#byId.set(decision.id, decision)
    const key = actorKey(decision.scope, decision.value)
    const decisions = [...(this.#byActor.get(key) ?? []), decision]
    this.#byActor.set(
      key,
      decisions.sort((a, b) => comparePlaces(a.where, b.where)),
    )
    if (decision.scope === 'address' && decision.value.includes('/')) {
      const network = new BlockList()
      addTo(network, decision.value)
      this.#networks.set(decision.value, network)
    }
  }

  async lift(decision: Decision): Promise<void> {
    this.#remove(decision.id)
  }

  async held(): Promise<readonly string[]> {
    this.#removeExpired()
    return [...this.#byId.keys()]
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.askedCount++
    request.resume() // Envoy may send the content along; nobody reads it.
    const decision = this.#byId.size === 0 ? undefined : this.#decisionFor(this.#read(request))
    if (decision === undefined) {
      response.writeHead(200, { 'content-length': '0' }).end()
      return
    }
    this.refusedCount++
    const fields: Record<string, string> = { [decisionFieldName]: decision.id, 'content-length': '0' }
    if (decision.type === 'throttle') fields['retry-after'] = String(retryAfterSeconds)
    response.writeHead(decision.type === 'throttle' ? (this.#options.throttleStatus ?? 429) : 403, fields).end()
  }

  #read(request: IncomingMessage): Asked {
    const peer = canonical(request.socket.remoteAddress ?? '') ?? ''
    const trusted = isIn(this.#trusted, peer)
    const field = (name: string): string | undefined => {
      const value = request.headers[name]
      return typeof value === 'string' && value !== '' ? value : undefined
    }
    const told = (...names: string[]): string | undefined => {
      if (!trusted) return undefined
      for (const name of names) {
        const value = field(name)
        if (value !== undefined) return value
      }
      return undefined
    }
    const uri = told('x-original-uri', 'x-forwarded-uri', 'x-original-url') ?? request.url ?? '/'
    return {
      address: (trusted ? this.#forwardedAddress(field('x-real-ip'), field('x-forwarded-for')) : undefined) ?? peer,
      host: (told('x-original-host', 'x-forwarded-host') ?? field('host') ?? '').toLowerCase(),
      method: told('x-original-method', 'x-forwarded-method') ?? request.method ?? 'GET',
      path: pathOf(uri),
      accessTokens: () => this.#tokens(accessSecrets(field('x-api-key'), field('authorization'))),
      sessionTokens: () => this.#tokens(cookieValues(field('cookie'))),
    }
  }

  /** X-Real-IP, else the last address of X-Forwarded-For that is no trusted edge: what stands before it anybody may have written. */
  #forwardedAddress(realIp: string | undefined, forwardedFor: string | undefined): string | undefined {
    const real = realIp === undefined ? undefined : canonical(realIp.trim())
    if (real !== undefined || forwardedFor === undefined) return real
    const chain = forwardedFor.split(',')
    for (let index = chain.length - 1; index >= 0; index--) {
      const address = canonical((chain[index] ?? '').trim())
      if (address === undefined) return undefined
      if (index === 0 || !isIn(this.#trusted, address)) return address
    }
    return undefined
  }

  #decisionFor(asked: Asked): Decision | undefined {
    const nowMs = this.#timers.nowMs()
    const candidates: Decision[] = []
    const collect = (key: string): void => {
      for (const decision of this.#byActor.get(key) ?? []) {
        if (decision.untilMs > nowMs && placeHolds(decision.where, asked)) candidates.push(decision)
      }
    }
    for (const token of asked.accessTokens()) collect(actorKey('access-token', token))
    for (const token of asked.sessionTokens()) collect(actorKey('session', token))
    collect(actorKey('address', asked.address))
    for (const [value, network] of this.#networks) {
      if (isIn(network, asked.address)) collect(actorKey('address', value))
    }
    // Stable: of two places that say as much, the token comes before the address.
    return candidates.sort((a, b) => comparePlaces(a.where, b.where))[0]
  }

  #tokens(secrets: readonly string[]): string[] {
    return secrets.flatMap((secret) => this.#options.accessKeys.map((key) => accessTokenOf(key, secret)))
  }

  #remove(id: string): void {
    const decision = this.#byId.get(id)
    if (decision === undefined) return
    this.#byId.delete(id)
    const key = actorKey(decision.scope, decision.value)
    const rest = (this.#byActor.get(key) ?? []).filter((other) => other.id !== id)
    if (rest.length > 0) this.#byActor.set(key, rest)
    else {
      this.#byActor.delete(key)
      this.#networks.delete(decision.value)
    }
  }

  #removeExpired(): void {
    const nowMs = this.#timers.nowMs()
    for (const decision of [...this.#byId.values()]) if (decision.untilMs <= nowMs) this.#remove(decision.id)
  }
}

function actorKey(scope: Decision['scope'], value: string): string {
  return `${scope} ${value}`
}

function pathOf(uri: string): string {
  // Traefik and nginx send the target; a proxy's absolute form has a scheme and an authority before the path.
  const absolute = /^https?:\/\/[^/?#]*/i.exec(uri)?.[0] ?? ''
  const path = uri.slice(absolute.length)
  const end = path.search(/[?#]/)
  const bare = end < 0 ? path : path.slice(0, end)
  return bare === '' ? '/' : bare
}

/** What a sensor makes access tokens of: the API key, and the bytes after `Bearer`. */
function accessSecrets(apiKey: string | undefined, authorization: string | undefined): string[] {
  const bearer = authorization === undefined ? undefined : /^bearer +(.+)$/i.exec(authorization)?.[1]
  return [apiKey, bearer].filter((secret) => secret !== undefined)
}

/** Which cookie is the session is the sensor's knowledge: each one may be. */
function cookieValues(cookie: string | undefined): string[] {
  if (cookie === undefined) return []
  return cookie
    .split(';', cookiesMaxCount)
    .map((pair) => pair.slice(pair.indexOf('=') + 1).trim())
    .filter((value) => value !== '')
}

function canonical(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : ipaddr.process(text.replace(/%.*$/, '')).toString()
}

function parseNetwork(text: string): { readonly address: string; readonly bits: number } | undefined {
  const [address = '', bits] = text.split('/')
  const family = isIP(address)
  const bitsMax = family === 4 ? 32 : 128
  if (family === 0) return undefined
  if (bits === undefined) return { address, bits: bitsMax }
  return /^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax ? { address, bits: Number(bits) } : undefined
}

function addTo(list: BlockList, text: string): void {
  const network = parseNetwork(text)
  if (network !== undefined)
    list.addSubnet(network.address, network.bits, isIP(network.address) === 4 ? 'ipv4' : 'ipv6')
}

function isIn(list: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6')
}
