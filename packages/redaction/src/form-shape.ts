/** Forms → the shape object of their fields; a field that comes again is left out (the first one tells type and format). */

import { shapeLeavesMaxCount } from '@tapwarden/contracts/content-shape'
import { classesOf } from '@tapwarden/sensitive-data/byte-class'
import { sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import type { ByteWriter } from './byte-writer.js'
import { nameText } from './clear-name.js'
import { writeStringLeaf } from './leaf.js'
import { LoginFields, loginValueMaxBytes, type RawLogin } from './login.js'
import { nameKindOf, OTHER_PASSWORD, PASSWORD, USER } from './name-kind.js'
import type { SightingPlace, Sightings } from './sightings.js'
import type { Tokens } from './token.js'
import { UrlencodedPairs } from './urlencoded.js'

/** Writes the fields of one form, in whatever framing they came. */
export class FieldShaper {
  readonly #writer: ByteWriter
  readonly #tokens: Tokens
  readonly #sightings: Sightings
  readonly #seen = new Set<string>()
  #login = new LoginFields()
  #place: SightingPlace = 'request-content'

  constructor(writer: ByteWriter, tokens: Tokens, sightings: Sightings) {
    this.#writer = writer
    this.#tokens = tokens
    this.#sightings = sightings
  }

  get login(): RawLogin | undefined {
    return this.#login.login
  }

  start(place: SightingPlace): void {
    this.#seen.clear()
    this.#login = new LoginFields()
    this.#place = place
    this.#writer.byte(0x7b)
  }

  /** Name and value decoded, both in `bytes`. `leaf` writes something else than a string leaf: a file part. */
  field(
    bytes: Uint8Array,
    nameFrom: number,
    nameTo: number,
    valueFrom: number,
    valueTo: number,
    leaf?: (name: string) => void,
  ): void {
    const name = nameText(this.#tokens, bytes, nameFrom, nameTo)
    const kind = nameKindOf(bytes, nameFrom, nameTo)
    if (leaf === undefined) this.#noteLogin(kind, bytes, valueFrom, valueTo)
    const classes = classesOf(bytes, valueFrom, valueTo)
    if (this.#seen.has(name) || this.#seen.size >= shapeLeavesMaxCount) {
      const sensitive = leaf === undefined ? sensitiveTypeOf(bytes, valueFrom, valueTo, classes) : undefined
      if (sensitive !== undefined) this.#sightings.add(sensitive, this.#place, name)
      return
    }
    if (this.#seen.size > 0) this.#writer.byte(0x2c)
    this.#seen.add(name)
    this.#writer.jsonText(name)
    this.#writer.byte(0x3a)
    if (leaf !== undefined) {
      leaf(name)
      return
    }
    const sensitive = writeStringLeaf(this.#writer, this.#tokens, bytes, valueFrom, valueTo, classes, kind)
    if (sensitive !== undefined) this.#sightings.add(sensitive, this.#place, name)
  }

  finish(): void {
    this.#writer.byte(0x7d)
  }

  #noteLogin(kind: number, bytes: Uint8Array, from: number, to: number): void {
    if (kind === OTHER_PASSWORD) this.#login.otherPassword = true
    if ((kind !== USER && kind !== PASSWORD) || to - from > loginValueMaxBytes) return
    const value = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
    if (kind === USER) this.#login.user ??= value
    else this.#login.password ??= value
  }
}

const pairs = new UrlencodedPairs()

/** Writes the shape of an urlencoded form. A last pair that is cut short has half a value: its token means nothing, and it is left out. */
export function shapeForm(
  fields: FieldShaper,
  bytes: Uint8Array,
  from: number,
  to: number,
  place: SightingPlace,
  truncated: boolean,
): void {
  fields.start(place)
  pairs.start(bytes, from, to)
  while (pairs.next()) {
    if (truncated && pairs.rawValueTo === to) break
    if (pairs.hasValue) fields.field(pairs.decoded, 0, pairs.nameTo, pairs.nameTo, pairs.valueTo)
    // A name without value may be a value without name.
    else fields.field(pairs.decoded, 0, 0, 0, pairs.nameTo)
  }
  fields.finish()
}

/** Whether text without a content type reads like a form: `name=` within the first bytes, and nothing that a form would escape. */
export function looksLikeForm(bytes: Uint8Array, from: number, to: number): boolean {
  let equalsCount = 0
  for (let i = from; i < to; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    if (byte <= 0x20 || byte >= 0x7f || byte === 0x22 || byte === 0x3c || byte === 0x7b) return false
    if (byte === 0x3d && i > from) equalsCount++
  }
  return equalsCount > 0
}
