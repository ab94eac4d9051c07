/**
 * Decisions as HAProxy map entries. Pure; `deploy/haproxy/tapwarden.cfg` is the reader of what is written here.
 *
 * | map | matched by | key | value |
 * |---|---|---|---|
 * | addresses | map_ip | address or CIDR | `ID:UNTIL:TYPE`, anywhere |
 * | actors | map_str | `a\|ADDRESS` or `t\|TOKEN`, then `\|METHOD\|HOST\|PATH`, `\|PLACE` or `\|HOST`, or nothing | `ID:UNTIL:TYPE` |
 * | places | map_reg | `^METHOD[\|]HOST[\|]PATH$` with parameters as `[^/]+` | `p-` and 16 hex digits |
 *
 * UNTIL is in epoch seconds, rounded up: HAProxy compares it with its own clock, so an entry ends though nobody lifts it.
 * The characters of the command line (spaces, `;`, `\`, quotes, `<`) never get into a key: such a decision is unsupported.
 */

import { createHash } from 'node:crypto'
import { isIP } from 'node:net'
import type { Decision } from '@tapwarden/contracts/decision'

export type MapName = 'actors' | 'addresses' | 'places'

export interface Place {
  readonly id: string
  readonly regex: string
  /** Method and host, and the template's segments with parameters as undefined: for overlaps. */
  readonly prefix: string
  readonly segments: readonly (string | undefined)[]
}

export interface Entry {
  readonly map: 'actors' | 'addresses'
  readonly key: string
  readonly value: string
  readonly place?: Place
}

const types: readonly Decision['type'][] = ['ban', 'throttle']
const safeHost = /^[a-z0-9._:[\]-]{1,255}$/
const safeMethod = /^[A-Z]{1,20}$/
const safePath = /^\/[A-Za-z0-9._~%+,=:@!()*&/-]*$/
const safeToken = /^a[1-9][0-9]*\.[0-9a-f]{32}$/
const pathMaxLength = 1_024
const parameter = /\{[^}]*\}/

/** The entry, or why there is none. */
export function entryOf(decision: Decision): Entry | string {
  if (!types.includes(decision.type)) return `cannot ${decision.type}`
  const actor = actorOf(decision)
  if (!('key' in actor)) return actor.why
  const value = `${decision.id}:${Math.ceil(decision.untilMs / 1_000)}:${decision.type}`
  const { host, method, pathTemplate } = decision.where
  if (host === undefined && method === undefined && pathTemplate === undefined) {
    return decision.scope === 'address'
      ? { map: 'addresses', key: decision.value, value }
      : { map: 'actors', key: actor.key, value }
  }
  if (actor.isNetwork) return 'cannot confine a network to a place'
  if (host === undefined || !safeHost.test(host)) return 'needs a host name of plain characters'
  if (method === undefined && pathTemplate === undefined) return { map: 'actors', key: `${actor.key}|${host}`, value }
  if (method === undefined || pathTemplate === undefined) return 'needs both method and path, or neither'
  if (!safeMethod.test(method)) return 'needs a method of capital letters'
  const literals = pathTemplate.split(parameter)
  if (!safePath.test(literals.join('')) || pathTemplate.length > pathMaxLength)
    return 'needs a path of plain characters'
  if (literals.length === 1) return { map: 'actors', key: `${actor.key}|${method}|${host}|${pathTemplate}`, value }
  const place = placeOf(host, method, pathTemplate)
  return { map: 'actors', key: `${actor.key}|${place.id}`, value, place }
}

/** Two templates that one request could match: HAProxy stops at the first, so a decision at the other would never be looked up. */
export function placesOverlap(a: Place, b: Place): boolean {
  return (
    a.id !== b.id &&
    a.prefix === b.prefix &&
    a.segments.length === b.segments.length &&
    a.segments.every((segment, index) => {
      const other = b.segments[index]
      return segment === undefined || other === undefined || segment === other
    })
  )
}

export interface HeldValue {
  readonly id: string
  readonly untilMs: number
}

/** Undefined for a value that is not ours. */
export function parseValue(value: string): HeldValue | undefined {
  const match = /^(d-[0-9a-f]{16}):(\d{1,12}):/.exec(value)
  return match === null ? undefined : { id: String(match[1]), untilMs: Number(match[2]) * 1_000 }
}

function actorOf(decision: Decision): { readonly key: string; readonly isNetwork: boolean } | { readonly why: string } {
  const { scope, value } = decision
  if (scope === 'access-token') {
    return safeToken.test(value) ? { key: `t|${value}`, isNetwork: false } : { why: 'not an access token' }
  }
  if (scope !== 'address') return { why: `cannot match a ${scope}` }
  const [address = '', bits] = value.split('/')
  const family = isIP(address)
  const bitsMax = family === 4 ? 32 : 128
  if (family === 0 || address.includes('%')) return { why: 'not an address' }
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= bitsMax)) return { why: 'not a network' }
  return { key: `a|${address}`, isNetwork: bits !== undefined }
}

function placeOf(host: string, method: string, pathTemplate: string): Place {
  const path = pathTemplate.split(parameter).map(quoted).join('[^/]+')
  const regex = `^${method}[|]${quoted(host)}[|]${path}$`
  const segments = pathTemplate.split('/').map((segment) => (segment.includes('{') ? undefined : segment))
  const id = `p-${createHash('sha256').update(regex).digest('hex').slice(0, 16)}`
  return { id, regex, prefix: `${method}|${host}`, segments }
}

/** Character classes instead of backslashes, which the command line would eat. */
function quoted(literal: string): string {
  return literal.replace(/[.+*()[\]]/g, '[$&]')
}
