/**
 * Request target (RFC 9112 §3.2) → authority, path with secret segments replaced, one content token a segment, query as shape leaves.
 * Percent-decoding serves recognition and tokens; what is published in clear keeps its encoding, so that a path can be searched for.
 */

import { BASE64_EXTRA, classesOf, DIGIT, OTHER } from '@tapwarden/sensitive-data/byte-class'
import { type SensitiveType, sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import { ByteWriter, jsonLiteral, Literal } from './byte-writer.js'
import { isClearName, nameText, tokenMark } from './clear-name.js'
import { writeStringLeaf } from './leaf.js'
import { isSecretKind, type NameKind, nameKindOf, SECRET } from './name-kind.js'
import { percentDecode } from './percent.js'
import type { SeenValues } from './seen-values.js'
import type { Sightings } from './sightings.js'
import type { Tokens } from './token.js'
import { UrlencodedPairs } from './urlencoded.js'

export const segmentsMaxCount = 64
export const queryPairsMaxCount = 128
/** Longest target that is read. What stands behind it is not published. */
export const targetMaxBytes = 16_384
/** `v2`, `v10`: words with a digit. */
const versionMaxBytes = 3

/** A parameter that carries an API key or a bearer token (RFC 6750 §2.3). Raw: for the access token only. */
export interface RawAccess {
  readonly name: string
  readonly value: string
}

/** What a segment is published as, and its content token as JSON text. */
export interface SeenSegment {
  /** Undefined: as it was sent. */
  readonly hidden: string | undefined
  readonly type: SensitiveType | undefined
  readonly token: Literal
}

/** What the name of a query parameter is published as, and what it says about the value. */
export interface SeenParameter {
  readonly name: string
  readonly json: Literal
  readonly kind: NameKind
  readonly isAccess: boolean
}

const accessNames = new Set(
  'api_key apikey api-key key access_token accesstoken access-token token auth_token authtoken subscription-key appid app_id x-api-key'.split(
    ' ',
  ),
)

export class Paths {
  readonly #tokens: Tokens
  readonly #sightings: Sightings
  readonly #seen: SeenValues
  readonly #pairs = new UrlencodedPairs()
  /** The target behind its authority: as text, and the same as bytes in a buffer of our own. */
  #text = ''
  readonly #bytes: Buffer = Buffer.alloc(targetMaxBytes)
  /** Tokens of the segments, an array as JSON text, once the path was read. */
  readonly #segmentTokens = new ByteWriter(1_024)
  /** Sensitive type of the segment that was read last. */
  #segmentType: SensitiveType | undefined
  #decoded = new Uint8Array(targetMaxBytes)
  #pathFrom = 0
  #pathTo = 0
  #queryFrom = 0
  #queryTo = 0
  #access: RawAccess | undefined
  /** Authority of an absolute-form or CONNECT target, as it was sent; undefined in origin form. */
  authority: string | undefined
  /** Scheme of an absolute-form target. */
  scheme: 'http' | 'https' | undefined
  /** Something of the target was left out. */
  cut = false

  constructor(tokens: Tokens, sightings: Sightings, seen: SeenValues) {
    this.#tokens = tokens
    this.#sightings = sightings
    this.#seen = seen
  }

  /** The first query parameter that carried an access token, once the query was written. */
  get access(): RawAccess | undefined {
    return this.#access
  }

  /** Takes a target apart: `/path?query`, `http://host/path`, `host:port` of CONNECT, `*`. A fragment does not belong on the wire and is dropped. */
  read(target: string, method: string): void {
    this.authority = undefined
    this.scheme = undefined
    this.#access = undefined
    this.cut = target.length > targetMaxBytes
    let text = this.cut ? target.slice(0, targetMaxBytes) : target
    const absolute = text.startsWith('/') ? null : /^(https?):\/\/([^/?#]*)/i.exec(text)
    if (absolute !== null) {
      this.scheme = absolute[1]?.toLowerCase() === 'https' ? 'https' : 'http'
      this.authority = absolute[2] ?? ''
      text = text.slice(absolute[0].length)
    } else if (method === 'CONNECT') {
      this.authority = text
      text = ''
    }
    this.#text = text
    this.#bytes.write(text, 'latin1')
    const fragment = text.indexOf('#')
    const end = fragment < 0 ? text.length : fragment
    const question = text.indexOf('?')
    this.#pathFrom = 0
    this.#pathTo = question >= 0 && question < end ? question : end
    this.#queryFrom = Math.min(this.#pathTo + 1, end)
    this.#queryTo = end
  }

  /** `/users/~v1.…`: the path as it is published. Reads the segments' tokens as well. */
  pathText(): string {
    const tokens = this.#segmentTokens
    tokens.clear()
    if (this.#pathFrom === this.#pathTo) return this.authority === undefined ? '' : '/'
    let text = ''
    let segmentCount = 0
    let clearFrom = this.#pathFrom
    for (let from = this.#pathFrom; from <= this.#pathTo; ) {
      const to = this.#segmentEnd(from)
      if (to > from) {
        if (segmentCount++ === segmentsMaxCount) {
          this.cut = true
          return text + this.#text.slice(clearFrom, Math.max(from - 1, clearFrom))
        }
        tokens.byte(segmentCount === 1 ? 0x5b : 0x2c)
        const hidden = this.#readSegment(from, to)
        if (hidden !== undefined) {
          text += this.#text.slice(clearFrom, from) + hidden
          clearFrom = to
        }
      }
      from = to + 1
    }
    return text + this.#text.slice(clearFrom, this.#pathTo)
  }

  /** Writes the array of the segments' content tokens, as `pathText` read them. Equal to the tokens of equal leaves of content. */
  writePathTokens(writer: ByteWriter): void {
    const tokens = this.#segmentTokens
    if (tokens.length === 0) writer.byte(0x5b)
    else writer.copy(tokens.bytes, 0, tokens.length)
    writer.byte(0x5d)
  }

  /** Writes `[["name","str …"],…]` in wire order. */
  writeQuery(writer: ByteWriter): void {
    writer.byte(0x5b)
    const pairs = this.#pairs
    pairs.start(this.#bytes, this.#queryFrom, this.#queryTo)
    for (let count = 0; pairs.next(); count++) {
      if (count === queryPairsMaxCount) {
        this.cut = true
        break
      }
      const seen = this.#seen.of(pairs.decoded, 0, pairs.nameTo)
      seen.parameter ??= this.#parameter()
      const { name, json, kind, isAccess } = seen.parameter
      const carriesAccess = isAccess && pairs.valueTo > pairs.nameTo
      if (carriesAccess) this.#access ??= { name, value: this.#text.slice(pairs.rawValueFrom, pairs.rawValueTo) }
      if (count > 0) writer.byte(0x2c)
      writer.byte(0x5b)
      writer.literal(json)
      writer.byte(0x2c)
      const classes = classesOf(pairs.decoded, pairs.nameTo, pairs.valueTo)
      const shown = carriesAccess && !isSecretKind(kind) ? SECRET : kind
      const type = writeStringLeaf(writer, this.#tokens, pairs.decoded, pairs.nameTo, pairs.valueTo, classes, shown)
      if (type !== undefined) this.#sightings.add(type, 'query', name)
      writer.byte(0x5d)
    }
    writer.byte(0x5d)
  }

  #segmentEnd(from: number): number {
    let to = from
    while (to < this.#pathTo && this.#bytes[to] !== 0x2f) to++
    return to
  }

  /** Of the pair that was read last. */
  #parameter(): SeenParameter {
    const { decoded, nameTo } = this.#pairs
    const name = nameText(this.#tokens, decoded, 0, nameTo)
    const kind = nameKindOf(decoded, 0, nameTo)
    return { name, json: jsonLiteral(name), kind, isAccess: accessNames.has(name.toLowerCase()) }
  }

  /**
   * Writes the segment's token and returns what stands for it, or undefined when it is published as it is. Words come again and are remembered;
   * ids mostly do not, and would push out the words.
   */
  #readSegment(from: number, to: number): string | undefined {
    const classes = classesOf(this.#bytes, from, to)
    const isWord = (classes & DIGIT) === 0 || to - from <= versionMaxBytes
    if (!isWord) return this.#readNewSegment(from, to)
    const seen = this.#seen.of(this.#bytes, from, to)
    if (seen.segment !== undefined) {
      const { hidden, type, token } = seen.segment
      if (type !== undefined) this.#sightings.add(type, 'path', '')
      this.#segmentTokens.literal(token)
      return hidden
    }
    const tokenFrom = this.#segmentTokens.length
    const hidden = this.#readNewSegment(from, to)
    const token = new Literal(this.#segmentTokens.bytes.subarray(tokenFrom, this.#segmentTokens.length))
    seen.segment = { hidden, type: this.#segmentType, token }
    return hidden
  }

  #readNewSegment(from: number, to: number): string | undefined {
    const decoded = this.#decoded
    const decodedTo = percentDecode(this.#bytes, from, to, decoded, 0, false)
    const classes = classesOf(decoded, 0, decodedTo)
    const type = sensitiveTypeOf(decoded, 0, decodedTo, classes)
    this.#segmentType = type
    if (type !== undefined) this.#sightings.add(type, 'path', '')
    this.#segmentTokens.byte(0x22)
    this.#tokens.writeContent(this.#segmentTokens, decoded, 0, decodedTo)
    this.#segmentTokens.byte(0x22)
    if (type !== undefined || !isClearName(decoded, 0, decodedTo, classes)) {
      return `${tokenMark}${this.#tokens.content(decoded, 0, decodedTo)}`
    }
    // `;jsessionid=1A2B` and `token=abc`: parameters in a path have values like any other, however short.
    return (classes & (OTHER | BASE64_EXTRA)) !== 0 ? this.#hiddenParameters(from, to) : undefined
  }

  #hiddenParameters(from: number, to: number): string | undefined {
    let clearTo = from
    while (clearTo < to && this.#bytes[clearTo] !== 0x3b && this.#bytes[clearTo] !== 0x3d) clearTo++
    if (clearTo >= to - 1) return undefined
    const end = percentDecode(this.#bytes, clearTo + 1, to, this.#decoded, 0, false)
    return `${this.#text.slice(from, clearTo + 1)}${tokenMark}${this.#tokens.content(this.#decoded, 0, end)}`
  }
}

/** Where a field's URL (Location, Referer) leads, without its query: `https://host/path`, or `/path`. */
export function urlText(paths: Paths, url: string, hostText: (authority: string) => string): string {
  paths.read(url, 'GET')
  const path = paths.pathText()
  return paths.authority === undefined ? path : `${paths.scheme}://${hostText(paths.authority)}${path}`
}
