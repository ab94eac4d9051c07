/**
 * Request target (RFC 9112 §3.2) → authority, path with secret segments replaced, one content token a segment, query as shape leaves.
 * Percent-decoding serves recognition and tokens; what is published in clear keeps its encoding, so that a path can be searched for.
 */

import { classesOf, OTHER } from '@tapwarden/sensitive-data/byte-class'
import { sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import type { ByteWriter } from './byte-writer.js'
import { isClearName, nameText, tokenMark } from './clear-name.js'
import { writeStringLeaf } from './leaf.js'
import { isSecretKind, nameKindOf, SECRET } from './name-kind.js'
import { percentDecode } from './percent.js'
import type { Sightings } from './sightings.js'
import type { Tokens } from './token.js'
import { UrlencodedPairs } from './urlencoded.js'

export const segmentsMaxCount = 64
export const queryPairsMaxCount = 128
/** Longest target that is read. What stands behind it is not published. */
export const targetMaxBytes = 16_384

/** A parameter that carries an API key or a bearer token (RFC 6750 §2.3). Raw: for the access token only. */
export interface RawAccess {
  readonly name: string
  readonly value: string
}

const accessNames = new Set(
  'api_key apikey api-key key access_token accesstoken access-token token auth_token authtoken subscription-key appid app_id x-api-key'.split(
    ' ',
  ),
)

export class Paths {
  readonly #tokens: Tokens
  readonly #sightings: Sightings
  readonly #pairs = new UrlencodedPairs()
  /** The target behind its authority: as text, and the same as bytes. */
  #text = ''
  #bytes: Uint8Array = new Uint8Array(0)
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

  constructor(tokens: Tokens, sightings: Sightings) {
    this.#tokens = tokens
    this.#sightings = sightings
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
    this.#bytes = Buffer.from(text, 'latin1')
    const fragment = text.indexOf('#')
    const end = fragment < 0 ? text.length : fragment
    const question = text.indexOf('?')
    this.#pathFrom = 0
    this.#pathTo = question >= 0 && question < end ? question : end
    this.#queryFrom = Math.min(this.#pathTo + 1, end)
    this.#queryTo = end
  }

  /** `/users/~v1.…`: the path as it is published. */
  pathText(): string {
    if (this.#pathFrom === this.#pathTo) return this.authority === undefined ? '' : '/'
    let text = ''
    let segmentCount = 0
    let clearFrom = this.#pathFrom
    for (let from = this.#pathFrom; from <= this.#pathTo; ) {
      const to = this.#segmentEnd(from)
      if (to > from && ++segmentCount > segmentsMaxCount) {
        this.cut = true
        return text + this.#text.slice(clearFrom, Math.max(from - 1, clearFrom))
      }
      const hidden = to > from ? this.#hiddenSegment(from, to) : undefined
      if (hidden !== undefined) {
        text += this.#text.slice(clearFrom, from) + hidden
        clearFrom = to
      }
      from = to + 1
    }
    return text + this.#text.slice(clearFrom, this.#pathTo)
  }

  /** Writes the array of the segments' content tokens. Equal to the tokens of equal leaves of content. */
  writePathTokens(writer: ByteWriter): void {
    writer.byte(0x5b)
    let segmentCount = 0
    for (let from = this.#pathFrom; from <= this.#pathTo && segmentCount < segmentsMaxCount; ) {
      const to = this.#segmentEnd(from)
      if (to > from) {
        writer.ascii(segmentCount++ === 0 ? '"' : ',"')
        this.#tokens.writeContent(
          writer,
          this.#decoded,
          0,
          percentDecode(this.#bytes, from, to, this.#decoded, 0, false),
        )
        writer.byte(0x22)
      }
      from = to + 1
    }
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
      const name = nameText(this.#tokens, pairs.decoded, 0, pairs.nameTo)
      const kind = nameKindOf(pairs.decoded, 0, pairs.nameTo)
      const carriesAccess = pairs.valueTo > pairs.nameTo && accessNames.has(name.toLowerCase())
      if (carriesAccess) this.#access ??= { name, value: this.#text.slice(pairs.rawValueFrom, pairs.rawValueTo) }
      writer.ascii(count === 0 ? '[' : ',[')
      writer.jsonText(name)
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

  /** What stands for a segment that is not published as it is; undefined when it is. */
  #hiddenSegment(from: number, to: number): string | undefined {
    const decodedTo = percentDecode(this.#bytes, from, to, this.#decoded, 0, false)
    const classes = classesOf(this.#decoded, 0, decodedTo)
    const type = sensitiveTypeOf(this.#decoded, 0, decodedTo, classes)
    if (type !== undefined) this.#sightings.add(type, 'path', '')
    if (type !== undefined || !isClearName(this.#decoded, 0, decodedTo, classes)) {
      return `${tokenMark}${this.#tokens.content(this.#decoded, 0, decodedTo)}`
    }
    // `;jsessionid=1A2B` and `token=abc`: parameters in a path have values like any other, however short.
    return (classes & OTHER) !== 0 || this.#bytes.indexOf(0x3d, from) >= 0
      ? this.#hiddenParameters(from, to)
      : undefined
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
