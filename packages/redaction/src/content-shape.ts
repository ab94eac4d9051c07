/**
 * Content → its shape (contracts/content-shape.ts), by content type or, where that says nothing or lies, by the first byte. Structure and
 * tokens leave for JSON, forms and multipart; of XML, HTML and text only the type, the size and what was sensitive in it.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import { type SensitiveType, scanSensitive } from '@tapwarden/sensitive-data/recognizers'
import type { ByteWriter } from './byte-writer.js'
import { FieldShaper, looksLikeForm, shapeForm } from './form-shape.js'
import { JsonShaper } from './json-shape.js'
import { writeBlockLeaf } from './leaf.js'
import type { RawLogin } from './login.js'
import { boundaryOf, shapeMultipart } from './multipart-shape.js'
import type { SightingPlace, Sightings } from './sightings.js'
import type { Tokens } from './token.js'

export type ContentKind = HttpTransaction['requestContentKind']

const textScanMaxCount = 64
const sniffMaxBytes = 512
const rememberedMaxCharacters = 256

export class ContentShaper {
  readonly #writer: ByteWriter
  readonly #sightings: Sightings
  readonly #json: JsonShaper
  readonly #fields: FieldShaper
  #login: RawLogin | undefined
  /** Content type → what it promises; `none` for nothing. */
  readonly #declared = new BoundedMap<string, ContentKind>({ maxEntries: 1_024, onFull: 'evict-oldest' })

  constructor(writer: ByteWriter, tokens: Tokens, sightings: Sightings) {
    this.#writer = writer
    this.#sightings = sightings
    this.#json = new JsonShaper(writer, tokens, sightings)
    this.#fields = new FieldShaper(writer, tokens, sightings)
  }

  /** The login attempt in the last request content, if there was one. */
  get login(): RawLogin | undefined {
    return this.#login
  }

  /**
   * Writes the shape of `content` as JSON and says what kind it was; writes nothing for `none`. `contentType` is the field's value as it
   * came. `truncated`: there was more than `content` holds. Never throws.
   */
  shape(content: Uint8Array, contentType: string | undefined, place: SightingPlace, truncated: boolean): ContentKind {
    this.#login = undefined
    if (content.length === 0) return 'none'
    const declared = contentType === undefined ? undefined : this.#declaredKind(contentType)
    const kind = declared ?? sniffedKind(content, place)
    if (kind === 'json') return this.#shapeJson(content, place, truncated, declared === 'json' ? 'unparsed' : 'text')
    if (kind === 'form') {
      shapeForm(this.#fields, content, 0, content.length, place, truncated)
      this.#takeLogin(this.#fields.login, place)
      return kind
    }
    if (kind === 'multipart') {
      const boundary = contentType === undefined ? undefined : boundaryOf(contentType)
      const read =
        boundary !== undefined && shapeMultipart(this.#fields, this.#writer, this.#sightings, content, boundary, place)
      if (!read) return this.#shapeBlock(content, place, 'unparsed')
      this.#takeLogin(this.#fields.login, place)
      return kind
    }
    const firstByte = content[firstVisible(content)]
    if (kind === 'text' && (firstByte === 0x7b || firstByte === 0x5b))
      return this.#shapeJson(content, place, truncated, 'text')
    return this.#shapeBlock(content, place, kind)
  }

  /** What a content type promises, for content that is not looked at. */
  declaredKind(contentType: string | undefined): ContentKind {
    return (contentType === undefined ? undefined : this.#declaredKind(contentType)) ?? 'none'
  }

  #shapeJson(
    content: Uint8Array,
    place: SightingPlace,
    truncated: boolean,
    otherwise: 'unparsed' | 'text',
  ): ContentKind {
    const from = this.#writer.length
    const outcome = this.#json.shape(content, jsonStart(content), place, place === 'request-content')
    if (outcome === 'complete' || (outcome === 'cut' && (truncated || otherwise === 'unparsed'))) {
      this.#takeLogin(this.#json.login, place)
      return outcome === 'complete' || truncated ? 'json' : 'unparsed'
    }
    this.#writer.length = from
    this.#sightings.clearPlace(place)
    return this.#shapeBlock(content, place, otherwise)
  }

  #shapeBlock(content: Uint8Array, place: SightingPlace, kind: ContentKind): ContentKind {
    let gravest: SensitiveType | undefined
    scanSensitive(content, 0, content.length, textScanMaxCount, (type) => {
      gravest ??= type
      this.#sightings.add(type, place, '')
    })
    const leaf = kind === 'xml' || kind === 'html' || kind === 'binary' ? kind : 'text'
    writeBlockLeaf(this.#writer, leaf, content.length, gravest)
    return kind
  }

  #declaredKind(contentType: string): ContentKind | undefined {
    const known = this.#declared.get(contentType)
    if (known !== undefined) return known === 'none' ? undefined : known
    const kind = declaredKind(contentType)
    if (contentType.length <= rememberedMaxCharacters) this.#declared.set(contentType, kind ?? 'none')
    return kind
  }

  #takeLogin(login: RawLogin | undefined, place: SightingPlace): void {
    if (place === 'request-content') this.#login = login
  }
}

/** What a content type promises, or undefined when it promises nothing. */
function declaredKind(contentType: string): ContentKind | undefined {
  const end = contentType.indexOf(';')
  const type = (end < 0 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
  if (type === 'application/json' || type.endsWith('+json') || type === 'text/json') return 'json'
  if (type === 'application/x-www-form-urlencoded') return 'form'
  if (type.startsWith('multipart/')) return 'multipart'
  if (type === 'text/html' || type === 'application/xhtml+xml') return 'html'
  if (type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml')) return 'xml'
  if (type.startsWith('text/') || type === 'application/javascript' || type.endsWith('ndjson')) return 'text'
  if (/^(?:image|audio|video|font)\//.test(type) || /^application\/(?:pdf|zip|gzip|grpc|wasm|x-protobuf)/.test(type))
    return 'binary'
  return undefined
}

function sniffedKind(content: Uint8Array, place: SightingPlace): ContentKind {
  const start = firstVisible(content)
  const byte = content[start]
  if (byte === 0x7b || byte === 0x5b) return 'json'
  const sniffEnd = Math.min(content.length, start + sniffMaxBytes)
  for (let i = start; i < sniffEnd; i++) {
    const control = content[i]! // In range by the loop condition.
    if (control < 0x09 || (control > 0x0d && control < 0x20)) return 'binary'
  }
  if (byte === 0x3c) return /^<(?:!doctype html|html)/i.test(asciiText(content, start, start + 16)) ? 'html' : 'xml'
  return place === 'request-content' && looksLikeForm(content, start, sniffEnd) ? 'form' : 'text'
}

function asciiText(content: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...content.subarray(from, to))
}

/** Index behind a byte order mark and blanks; the content's length when there is nothing else. */
function firstVisible(content: Uint8Array): number {
  let i = content[0] === 0xef && content[1] === 0xbb && content[2] === 0xbf ? 3 : 0
  while (content[i] === 0x20 || content[i] === 0x0a || content[i] === 0x0d || content[i] === 0x09) i++
  return i
}

/** Behind the prefix `)]}',` that keeps JSON from being read as a script. */
function jsonStart(content: Uint8Array): number {
  const start = firstVisible(content)
  if (content[start] !== 0x29 || content[start + 1] !== 0x5d || content[start + 2] !== 0x7d) return start
  const newline = content.indexOf(0x0a, start)
  return newline < 0 || newline > start + 8 ? start : newline
}
