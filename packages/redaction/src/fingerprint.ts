/**
 * Client fingerprint (DESIGN "Decided" 8): which program speaks, independent of who uses it and of what it asks for.
 *
 * Text: the request's field names in lower case and wire order, without the ones that come and go with a single request or are added by
 * hops; then the value classes of a fixed few fields. Nothing of the connection: hops change its HTTP version. Fingerprint: its SHA-256,
 * first 8 bytes, in lower-case hex; no key, so that sensors agree and an edge can compute it. Nobody is identified by it: thousands
 * share the commonest.
 */

import { hash } from 'node:crypto'
import { BoundedMap } from '@tapwarden/base/bounded-map'

export const stableNamesMaxCount = 64
const nameMaxCharacters = 40
/** Together at most 8 MiB. */
const rememberedMaxCount = 4_096
const rememberedMaxCharacters = 2_048
const memoSlotsCount = 1_024

/** Depend on the request, the session or the way it took, not on the program. Prefixes end in `*`. */
const variableNames = new Set(
  (
    'cookie authorization proxy-authorization content-length content-type transfer-encoding trailer te expect range if-range if-match if-none-match ' +
    'if-modified-since if-unmodified-since cache-control pragma referer origin date upgrade-insecure-requests sec-fetch-user sec-fetch-dest sec-fetch-mode ' +
    'sec-fetch-site purpose sec-purpose priority x-requested-with via forwarded x-real-ip client-ip true-client-ip cf-connecting-ip cf-ray cdn-loop ' +
    'x-request-id x-correlation-id traceparent tracestate baggage b3 x-amzn-trace-id x-cloud-trace-context connection keep-alive upgrade ' +
    'x-csrf-token x-xsrf-token idempotency-key x-auth-token x-access-token'
  ).split(' '),
)
const variablePrefixes = /^(?:x-forwarded-|x-b3-|x-envoy-|sec-websocket-|x-datadog-|x-amz-)/

/** What the fingerprint needs of a request; byte strings. */
export interface FingerprintFields {
  readonly accept: string | undefined
  readonly acceptLanguage: string | undefined
  readonly acceptEncoding: string | undefined
  readonly userAgent: string | undefined
}

export class Fingerprints {
  readonly #recent = new BoundedMap<string, string>({ maxEntries: rememberedMaxCount, onFull: 'evict-oldest' })

  /** `names` as `stableName` left them, joined by commas. 16 hex digits. */
  of(names: string, fields: FingerprintFields): string {
    const key = `${names}\n${fields.accept ?? ''}\n${fields.acceptLanguage ?? ''}\n${fields.acceptEncoding ?? ''}\n${fields.userAgent ?? ''}`
    const known = this.#recent.get(key)
    if (known !== undefined) return known
    const fingerprint = hash('sha256', fingerprintText(names, fields), 'hex').slice(0, 16)
    if (key.length <= rememberedMaxCharacters) this.#recent.set(key, fingerprint)
    return fingerprint
  }
}

interface Remembered extends FingerprintFields {
  readonly names: readonly string[]
  readonly fingerprint: string
}

/** In front of the map: the same program's requests again, found without joining a text. */
export class FingerprintMemo {
  readonly #fingerprints = new Fingerprints()
  readonly #slots: (Remembered | undefined)[] = new Array(memoSlotsCount).fill(undefined)

  /** `names[0, count)` in wire order; `hash` is equal for equal names and user agents. */
  of(names: readonly string[], count: number, hash: number, fields: FingerprintFields): string {
    const slot = (hash ^ (hash >>> 16)) & (memoSlotsCount - 1)
    const known = this.#slots[slot]
    if (known !== undefined && isSame(known, names, count, fields)) return known.fingerprint
    const own = names.slice(0, count)
    const fingerprint = this.#fingerprints.of(own.join(','), fields)
    const { accept = '', acceptLanguage = '', acceptEncoding = '', userAgent = '' } = fields
    const characters = accept.length + acceptLanguage.length + acceptEncoding.length + userAgent.length
    if (characters <= rememberedMaxCharacters) this.#slots[slot] = { ...fields, names: own, fingerprint }
    return fingerprint
  }
}

function isSame(known: Remembered, names: readonly string[], count: number, fields: FingerprintFields): boolean {
  if (
    known.names.length !== count ||
    known.userAgent !== fields.userAgent ||
    known.accept !== fields.accept ||
    known.acceptLanguage !== fields.acceptLanguage ||
    known.acceptEncoding !== fields.acceptEncoding
  )
    return false
  for (let i = 0; i < count; i++) if (known.names[i] !== names[i]) return false
  return true
}

/** Whether a field's lower-case name takes part. */
export function isStableName(name: string): boolean {
  return name.length <= nameMaxCharacters && !variableNames.has(name) && !variablePrefixes.test(name)
}

/** The text that is hashed: one line a part. */
export function fingerprintText(names: string, fields: FingerprintFields): string {
  return [
    names,
    `accept=${acceptClass(fields.accept)}`,
    `accept-language=${languageClass(fields.acceptLanguage)}`,
    `accept-encoding=${encodingClass(fields.acceptEncoding)}`,
    `user-agent=${userAgentFamily(fields.userAgent)}`,
  ].join('\n')
}

/** Browsers ask for pages, images and data in different words: only whether the program says anything of its own. */
function acceptClass(value: string | undefined): string {
  if (value === undefined) return 'none'
  return value.trim() === '*/*' ? 'any' : 'some'
}

/** Primary language only. */
function languageClass(value: string | undefined): string {
  return value === undefined ? 'none' : (/^\s*([a-z]{2,3}|\*)\b/i.exec(value)?.[1]?.toLowerCase() ?? 'other')
}

function encodingClass(value: string | undefined): string {
  if (value === undefined) return 'none'
  return value
    .toLowerCase()
    .split(',')
    .slice(0, 8)
    .map((part) => /^\s*(gzip|x-gzip|deflate|br|zstd|compress|identity|\*)\s*(?:;|$)/.exec(part)?.[1] ?? 'other')
    .join(',')
}

/** Family without version: `curl`, `okhttp`, `chrome`, `safari-mobile`. */
export function userAgentFamily(value: string | undefined): string {
  if (value === undefined || value === '') return 'none'
  if (!value.startsWith('Mozilla/'))
    return /^[A-Za-z][\w. -]{0,31}?(?=[/\s(;]|$)/.exec(value)?.[0].toLowerCase() ?? 'other'
  const mobile = /Mobile|Android/.test(value) ? '-mobile' : ''
  if (/bot|crawl|spider/i.test(value)) return 'bot'
  const family = /Edg/.test(value)
    ? 'edge'
    : /OPR\//.test(value)
      ? 'opera'
      : /Firefox\/|FxiOS/.test(value)
        ? 'firefox'
        : /Chrome\/|CriOS/.test(value)
          ? 'chrome'
          : /Safari\//.test(value)
            ? 'safari'
            : 'mozilla'
  return family + mobile
}
