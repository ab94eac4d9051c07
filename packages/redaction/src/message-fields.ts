/**
 * The fields of one message, read once: what is kept in clear, what goes to authentication, addresses and fingerprint, and what was
 * sensitive in the rest. Byte strings inside; only `kept` and `names` are fit to be published.
 */

import type { FieldList } from '@tapwarden/http/field-list'
import { sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import { type ByteWriter, jsonLiteral, type Literal } from './byte-writer.js'
import { nameTextOf } from './clear-name.js'
import type { ClearTexts } from './clear-text.js'
import { type FieldTraits, rolesCount, traitsOfField } from './field-policy.js'
import { stableNamesMaxCount } from './fingerprint.js'
import type { RawAccess } from './path.js'
import { percentDecode } from './percent.js'
import { SeenValue, type SeenValues } from './seen-values.js'
import type { SightingPlace, Sightings } from './sightings.js'
import type { Tokens } from './token.js'

const fieldsMaxCount = 256
const scannedMaxBytes = 8_192
const scannedMinBytes = 6
const setCookieNamesMaxCount = 32
const knownFieldsCount = 4_096

/** What a whole field line comes to in messages of this side: of lines of which nothing else will come. */
interface KnownField {
  readonly lineId: number
  readonly traits: FieldTraits
  /** Of a field that has a role. */
  readonly value: SeenValue | undefined
  /** Of a field that is kept. */
  readonly kept: Literal | undefined
}

export class MessageFields {
  readonly #tokens: Tokens
  readonly #clearTexts: ClearTexts
  readonly #seen: SeenValues
  readonly #sightings: Sightings
  readonly #urlText: (url: string) => string
  readonly #scratch = Buffer.alloc(scannedMaxBytes)
  /** First value of each role of `field-policy.ts`. */
  readonly #first: (SeenValue | undefined)[] = new Array(rolesCount).fill(undefined)
  /** Kept fields in wire order: the first `#keptCount` are of this message. */
  readonly #keptTraits: FieldTraits[] = []
  readonly #keptValues: Literal[] = []
  #keptCount = 0
  /** The value that stood at a field's place in an earlier message: the best guess at what stands there now. */
  readonly #guesses: (SeenValue | undefined)[] = new Array(fieldsMaxCount).fill(undefined)
  /** By the numbers of lines (`lineId` of `http/field-list`); a newcomer takes the place. */
  readonly #known: (KnownField | undefined)[] = new Array(knownFieldsCount).fill(undefined)
  /** Names that take part in the fingerprint: the first `stableCount` are of this message. */
  readonly stableNames: string[] = []
  stableCount = 0
  /** Equal for equal names. */
  stableHash = 0
  cookie: SeenValue | undefined
  xForwardedFor: string | undefined
  forwarded: string | undefined
  keyField: RawAccess | undefined
  setCookieNames: string[] = []

  constructor(
    tokens: Tokens,
    clearTexts: ClearTexts,
    seen: SeenValues,
    sightings: Sightings,
    urlText: (url: string) => string,
  ) {
    this.#tokens = tokens
    this.#clearTexts = clearTexts
    this.#seen = seen
    this.#sightings = sightings
    this.#urlText = urlText
  }

  /** First value of the fields that are read by name, as it came. */
  first(role: number): SeenValue | undefined {
    return this.#first[role]
  }

  read(fields: FieldList, trailers: FieldList | undefined, place: 'request-field' | 'response-field'): void {
    this.#clear()
    const isRequest = place === 'request-field'
    const count = Math.min(fields.count, fieldsMaxCount)
    for (let i = 0; i < count; i++) {
      const lineId = fields.lineId(i)
      const known = this.#known[lineId & (knownFieldsCount - 1)]
      if (known !== undefined && known.lineId === lineId) {
        const { traits, value, kept } = known
        if (isRequest) this.#noteStable(traits)
        if (value !== undefined) this.#first[traits.role] ??= value
        if (kept !== undefined) this.#keep(traits, kept)
      } else this.#readField(fields, i, lineId, isRequest, place)
    }
    if (trailers === undefined) return
    for (let i = 0; i < Math.min(trailers.count, fieldsMaxCount); i++) {
      this.#scan(trailers, i, traitsOfField(trailers, i), place)
    }
  }

  get keptCount(): number {
    return this.#keptCount
  }

  /** Writes the kept fields as an object. */
  writeKept(writer: ByteWriter): void {
    for (let i = 0; i < this.#keptCount; i++) {
      const name = this.#keptTraits[i]!.json // Below the count.
      const value = this.#keptValues[i]!
      writer.byte(i === 0 ? 0x7b : 0x2c)
      writer.literal(name)
      writer.byte(0x3a)
      writer.literal(value)
    }
    writer.byte(0x7d)
  }

  #clear(): void {
    for (let role = 0; role < rolesCount; role++) this.#first[role] = undefined
    this.#keptCount = 0
    this.stableCount = 0
    this.stableHash = 0
    this.cookie = undefined
    this.xForwardedFor = this.forwarded = undefined
    this.keyField = undefined
    if (this.setCookieNames.length > 0) this.setCookieNames = []
  }

  #noteStable(traits: FieldTraits): void {
    if (!traits.isStable || this.stableCount >= stableNamesMaxCount) return
    this.stableNames[this.stableCount++] = traits.name
    this.stableHash = (Math.imul(this.stableHash, 31) + traits.nameHash) | 0
  }

  /** Reads a field that is not known as a line, and remembers the line if it has a number. */
  #readField(fields: FieldList, index: number, lineId: number, isRequest: boolean, place: SightingPlace): void {
    const traits = traitsOfField(fields, index)
    if (isRequest) this.#noteStable(traits)
    const isIgnored = isRequest ? traits.isIgnoredInRequest : traits.isIgnoredInResponse
    let value: SeenValue | undefined
    let kept: Literal | undefined
    let isWhole = true
    if (!isIgnored) {
      const isKept = isRequest ? traits.keptInRequest : traits.keptInResponse
      if (isKept || traits.role >= 0 || traits.isUrl) {
        value = this.#value(fields, index)
        if (traits.role >= 0) this.#first[traits.role] ??= value
        if (isKept) kept = this.#clearTexts.jsonOf(value)
        else if (traits.isUrl) kept = value.url ??= jsonLiteral(this.#urlText(value.text))
        if (kept !== undefined) this.#keep(traits, kept)
      }
      if (traits.isJoined) this.#join(fields, index, traits, place)
      else if (traits.isApiKey && this.keyField === undefined) {
        const key = fields.value(index)
        if (key !== '') this.keyField = { name: traits.name, value: key }
      }
      const isSensitive = traits.isScanned && this.#scan(fields, index, traits, place)
      isWhole = !traits.isJoined && !traits.isApiKey && !isSensitive
    }
    if (lineId === 0 || !isWhole) return
    this.#known[lineId & (knownFieldsCount - 1)] = { lineId, traits, value: traits.role >= 0 ? value : undefined, kept }
  }

  #value(fields: FieldList, index: number): SeenValue {
    if (fields.hasBreaks) return new SeenValue(fields.value(index), 0)
    const { bytes } = fields
    const from = fields.valueStart(index)
    const to = fields.valueEnd(index)
    const guess = this.#guesses[index]
    if (guess !== undefined && this.#seen.is(guess, bytes, from, to)) return guess
    const value = this.#seen.of(bytes, from, to)
    if (value.hash !== 0) this.#guesses[index] = value
    return value
  }

  /** The first line of a field is kept. */
  #keep(traits: FieldTraits, value: Literal): void {
    for (let i = 0; i < this.#keptCount; i++) {
      const kept = this.#keptTraits[i]! // Below the count.
      if (kept.nameHash === traits.nameHash && kept.name === traits.name) return
    }
    this.#keptTraits[this.#keptCount] = traits
    this.#keptValues[this.#keptCount++] = value
  }

  #join(fields: FieldList, index: number, { name }: FieldTraits, place: SightingPlace): void {
    if (name === 'cookie') {
      if (this.cookie !== undefined) this.cookie = new SeenValue(`${this.cookie.text}; ${fields.value(index)}`, 0)
      else this.cookie = this.#value(fields, index)
    } else if (name === 'x-forwarded-for') this.xForwardedFor = joined(this.xForwardedFor, fields.value(index))
    else if (name === 'forwarded') this.forwarded = joined(this.forwarded, fields.value(index))
    else if (place === 'response-field') this.#takeSetCookie(fields.value(index))
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

  /** Whether it is sensitive. */
  #scan(fields: FieldList, index: number, traits: FieldTraits, place: SightingPlace): boolean {
    const from = fields.valueStart(index)
    const to = fields.valueEnd(index)
    if (to - from < scannedMinBytes || !mayBeSensitive(fields.bytes, from, to)) return false
    const scratch = this.#scratch
    const length = scratch.write(fields.value(index), 'latin1')
    const type =
      sensitiveTypeOf(scratch, 0, length) ??
      sensitiveTypeOf(scratch, 0, percentDecode(scratch, 0, length, scratch, 0, false))
    // A token where tokens belong is authentication, not leaked data.
    if (type === undefined || (type === 'jwt' && traits.holdsTokens)) return false
    this.#sightings.add(type, place, nameTextOf(this.#tokens, traits.name))
    return true
  }
}

/** Cheap sieve before the recognisers: an at sign (or `%40`), the start of a JWT, nine digits in groups. Line breaks are blanks. */
function mayBeSensitive(bytes: Uint8Array, from: number, to: number): boolean {
  let groupBytes = 0
  for (let i = from; i < to; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    if (byte >= 0x30 && byte <= 0x39) groupBytes++
    else if (groupBytes > 0 && (byte <= 0x20 || byte === 0x2d)) groupBytes++
    else {
      groupBytes = 0
      if (byte === 0x40) return true
      if (byte === 0x25 && bytes[i + 1] === 0x34 && bytes[i + 2] === 0x30) return true
      if ((byte | 0x20) === 0x65 && (bytes[i + 1]! | 0x20) === 0x79 && (bytes[i + 2]! | 0x20) === 0x6a) return true // NaN behind the end.
    }
    if (groupBytes === 9) return true
  }
  return false
}

function joined(known: string | undefined, value: string): string {
  return known === undefined ? value : `${known},${value}`
}
