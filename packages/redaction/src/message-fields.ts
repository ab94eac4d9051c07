/**
 * The fields of one message, read once: what is kept in clear, what goes to authentication, addresses and fingerprint, and what was
 * sensitive in the rest. Byte strings inside; only `kept` and `names` are fit to be published.
 */

import type { FieldList } from '@tapwarden/http/field-list'
import { sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import { nameTextOf } from './clear-name.js'
import type { ClearTexts } from './clear-text.js'
import { type FieldTraits, traitsOf } from './field-policy.js'
import { stableNamesMaxCount } from './fingerprint.js'
import type { RawAccess } from './path.js'
import { percentDecode } from './percent.js'
import type { SightingPlace, Sightings } from './sightings.js'
import type { Tokens } from './token.js'

const fieldsMaxCount = 256
const scannedMaxBytes = 8_192
const setCookieNamesMaxCount = 32
/** Cheap sieve before the recognisers: an at sign, the start of a JWT, nine digits in groups. */
const mayBeSensitive = /@|%40|eyJ|\d[\d -]{8}/i

export class MessageFields {
  readonly #tokens: Tokens
  readonly #clearTexts: ClearTexts
  readonly #sightings: Sightings
  readonly #urlText: (url: string) => string
  readonly #scratch = Buffer.alloc(scannedMaxBytes)

  /** First value of the fields that are read by name, as it came. */
  readonly first = new Map<string, string>()
  /** Names and redacted values in wire order, flat: name, value, name, value. */
  readonly kept: string[] = []
  stableNames = ''
  cookie: string | undefined
  xForwardedFor: string | undefined
  forwarded: string | undefined
  keyField: RawAccess | undefined
  setCookieNames: string[] = []

  constructor(tokens: Tokens, clearTexts: ClearTexts, sightings: Sightings, urlText: (url: string) => string) {
    this.#tokens = tokens
    this.#clearTexts = clearTexts
    this.#sightings = sightings
    this.#urlText = urlText
  }

  read(fields: FieldList, trailers: FieldList | undefined, place: 'request-field' | 'response-field'): void {
    this.first.clear()
    this.kept.length = 0
    this.stableNames = ''
    this.cookie = this.xForwardedFor = this.forwarded = this.keyField = undefined
    this.setCookieNames = []
    let stableCount = 0
    const count = Math.min(fields.count, fieldsMaxCount)
    for (let i = 0; i < count; i++) {
      const name = fields.name(i)
      const traits = traitsOf(name)
      if (traits.isStable && stableCount < stableNamesMaxCount && place === 'request-field') {
        this.stableNames += stableCount++ === 0 ? name : `,${name}`
      }
      const isKept = place === 'request-field' ? traits.keptInRequest : traits.keptInResponse
      if (!isKept && !traits.isRead && !traits.isScanned) continue
      const value = fields.value(i)
      if (isKept) this.#keep(name, this.#clearTexts.of(value))
      else if (traits.isUrl) this.#keep(name, this.#urlText(value))
      this.#take(name, traits, value, place)
      if (traits.isScanned) this.#scan(name, traits, value, place)
    }
    for (let i = 0; trailers !== undefined && i < Math.min(trailers.count, fieldsMaxCount); i++) {
      const name = trailers.name(i)
      this.#scan(name, traitsOf(name), trailers.value(i), place)
    }
  }

  #keep(name: string, value: string): void {
    for (let i = 0; i < this.kept.length; i += 2) if (this.kept[i] === name) return // The first line of a field is kept.
    this.kept.push(name, value)
  }

  #take(name: string, traits: FieldTraits, value: string, place: SightingPlace): void {
    if (traits.isRead && !this.first.has(name)) this.first.set(name, value)
    if (name === 'cookie') this.cookie = this.cookie === undefined ? value : `${this.cookie}; ${value}`
    else if (name === 'x-forwarded-for') this.xForwardedFor = joined(this.xForwardedFor, value)
    else if (name === 'forwarded') this.forwarded = joined(this.forwarded, value)
    else if (name === 'set-cookie' && place === 'response-field') this.#takeSetCookie(value)
    else if (traits.isApiKey && value !== '') this.keyField ??= { name, value }
  }

  #takeSetCookie(value: string): void {
    const equals = value.indexOf('=')
    const semicolon = value.indexOf(';')
    // Without `=` the whole pair is the value (RFC 6265bis §5.6): no name to publish.
    if (equals <= 0 || (semicolon >= 0 && semicolon < equals)) return
    const name = nameTextOf(this.#tokens, value.slice(0, equals).trim())
    if (this.setCookieNames.length < setCookieNamesMaxCount && !this.setCookieNames.includes(name))
      this.setCookieNames.push(name)
  }

  #scan(name: string, traits: FieldTraits, value: string, place: SightingPlace): void {
    if (value.length < 6 || !mayBeSensitive.test(value)) return
    const length = this.#scratch.write(value, 'latin1')
    const type =
      sensitiveTypeOf(this.#scratch, 0, length) ??
      sensitiveTypeOf(this.#scratch, 0, percentDecode(this.#scratch, 0, length, this.#scratch, 0, false))
    // A token where tokens belong is authentication, not leaked data.
    if (type === undefined || (type === 'jwt' && traits.holdsTokens)) return
    this.#sightings.add(type, place, nameTextOf(this.#tokens, name))
  }
}

function joined(known: string | undefined, value: string): string {
  return known === undefined ? value : `${known},${value}`
}
