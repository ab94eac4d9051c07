/**
 * JSON bytes → shape bytes in one pass, without JSON.parse, objects or strings. Never throws: the end of input within a value closes what is
 * open and leaves `cut`; a syntax error ends the walk, and the caller publishes no structure at all (names of what is not JSON may be values).
 *
 * Everything that is not printed any more (items behind the first few, leaves beyond the limit) is still walked and scanned for
 * sensitive types; objects nested beyond the depth limit are scanned as text.
 *
 * @long: one state machine; its parts share the position and the fault.
 */

import { shapeDepthMaxCount, shapeItemsMaxCount, shapeLeavesMaxCount } from '@tapwarden/contracts/content-shape'
import {
  BACKSLASH,
  byteClasses,
  CONTROL,
  classesOf,
  HIGH,
  LOWER,
  OTHER,
  UPPER,
} from '@tapwarden/sensitive-data/byte-class'
import { type SensitiveType, scanSensitive, sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import { type ByteWriter, Literal } from './byte-writer.js'
import { isClearName, nameText, writeName } from './clear-name.js'
import { unescapeJson } from './json-escape.js'
import { KnownNames, knownNameMaxBytes, noName } from './known-names.js'
import { sensitiveTypeOfString, writeNumberLeaf, writeStringLeaf } from './leaf.js'
import { LoginFields, loginValueMaxBytes, type RawLogin } from './login.js'
import { isSecretKind, type NameKind, nameKindOf, OTHER_PASSWORD, PASSWORD, PLAIN, USER } from './name-kind.js'
import type { SightingPlace, Sightings } from './sightings.js'
import type { Tokens } from './token.js'

/** `cut`: the input ended early. `broken`: it is not JSON. */
export type JsonOutcome = 'complete' | 'cut' | 'broken'

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const minus = 0x2d
const deepScanMaxCount = 16

const boolLeaf = new Literal('"bool"')
const nullLeaf = new Literal('"null"')
const cutLeaf = new Literal('"cut"')

/** Byte classes inside a string, and the quote that ends it. */
const stringEnd = 0x8000
const stringClasses = byteClasses.slice()
stringClasses[quote] = stringEnd
/** Classes of names that need more than copying. */
const notPlain = BACKSLASH | CONTROL | HIGH | OTHER

export class JsonShaper {
  readonly #writer: ByteWriter
  readonly #tokens: Tokens
  readonly #sightings: Sightings
  #bytes: Uint8Array = new Uint8Array(0)
  #at = 0
  #end = 0
  #outcome: JsonOutcome = 'complete'
  #leafCount = 0
  #place: SightingPlace = 'request-content'
  #wantsLogin = false
  #login: RawLogin | undefined
  /** Names on the way to the current value: offsets into `#bytes`, or -1 for an array. */
  readonly #pathFrom = new Int32Array(shapeDepthMaxCount + 2)
  readonly #pathTo = new Int32Array(shapeDepthMaxCount + 2)
  #pathCount = 0
  /** The last string that was read: where its unescaped bytes stand, and of which classes they are. */
  #text: Uint8Array = new Uint8Array(0)
  #textFrom = 0
  #textTo = 0
  #textClasses = 0
  #scratch = new Uint8Array(4_096)
  readonly #names = new KnownNames()

  constructor(writer: ByteWriter, tokens: Tokens, sightings: Sightings) {
    this.#writer = writer
    this.#tokens = tokens
    this.#sightings = sightings
  }

  /** The login attempt that the last content held, if it was asked for. */
  get login(): RawLogin | undefined {
    return this.#login
  }

  /** Writes the shape of `bytes[from, to)`. After `broken` the caller takes the writing back. */
  shape(bytes: Uint8Array, from: number, to: number, place: SightingPlace, wantsLogin: boolean): JsonOutcome {
    this.#bytes = bytes
    this.#at = from
    this.#end = to
    this.#outcome = 'complete'
    this.#leafCount = 0
    this.#pathCount = 0
    this.#place = place
    this.#wantsLogin = wantsLogin
    this.#login = undefined
    this.#value(0, PLAIN, true, noName)
    if (this.#outcome === 'complete') {
      this.#skipBlanks()
      if (this.#at < this.#end) this.#outcome = 'broken'
    }
    if (this.#outcome === 'broken') this.#login = undefined
    return this.#outcome
  }

  /** `owner` is the known name under which the value stands. */
  #value(depth: number, kind: NameKind, printing: boolean, owner: number): void {
    this.#skipBlanks()
    if (this.#at >= this.#end) {
      this.#cut(printing)
      return
    }
    const byte = this.#bytes[this.#at]! // In range by the check above.
    if (byte === quote) this.#string(kind, printing)
    else if (byte === openBrace || byte === openBracket) {
      if (depth >= shapeDepthMaxCount) this.#skipContainer(printing)
      else if (byte === openBrace) this.#object(depth, kind, printing, owner)
      else this.#array(depth, kind, printing, owner)
    } else if (byte === minus || (byte >= 0x30 && byte <= 0x39)) this.#number(kind, printing)
    else if (byte === 0x74) this.#literal('true', boolLeaf, printing)
    else if (byte === 0x66) this.#literal('false', boolLeaf, printing)
    else if (byte === 0x6e) this.#literal('null', nullLeaf, printing)
    else this.#outcome = 'broken'
  }

  #object(depth: number, inherited: NameKind, printing: boolean, owner: number): void {
    this.#at++
    if (printing) this.#writer.byte(openBrace)
    this.#leafCount++
    let memberCount = 0
    let login: LoginFields | undefined
    let prints = printing
    let known = noName
    for (;;) {
      this.#skipBlanks()
      if (this.#at >= this.#end) this.#cut(false)
      else if (this.#bytes[this.#at] === closeBrace && memberCount === 0) {
        this.#at++
        break
      }
      if (this.#outcome !== 'complete') break
      const nameFrom = this.#at
      known = this.#readName(known, owner)
      if (this.#outcome !== 'complete') break
      const own = known === noName ? nameKindOf(this.#text, this.#textFrom, this.#textTo) : this.#names.kindOf(known)
      if (own !== PLAIN && this.#wantsLogin && this.#startsString()) login = this.#noteLogin(own, login)
      if (prints) {
        if (memberCount > 0) this.#writer.byte(comma)
        if (known !== noName)
          this.#writer.copy(this.#bytes, nameFrom, nameFrom + this.#names.lengthOf(known) + 2) // With its quotes.
        else writeName(this.#writer, this.#tokens, this.#text, this.#textFrom, this.#textTo, this.#textClasses)
        this.#writer.byte(colon)
      }
      // Once the limit is reached, one `cut` stands for this member and those behind it.
      const hasRoom = this.#leafCount < shapeLeavesMaxCount
      if (prints && !hasRoom) this.#writer.literal(cutLeaf)
      prints &&= hasRoom
      this.#value(depth + 1, isSecretKind(inherited) ? inherited : own, prints, known)
      this.#pathCount--
      memberCount++
      if (this.#outcome !== 'complete' || !this.#goesOn(closeBrace)) break
    }
    if (login?.login !== undefined && this.#login === undefined) this.#login = login.login
    if (printing) this.#writer.byte(closeBrace)
  }

  /**
   * Reads `"name" :` and puts it on the path. Returns the name's slot if it is known, else leaves it in `#text…` and returns `noName`;
   * a fault shows in `#outcome`. `previous` and `owner` as in `KnownNames.find`.
   */
  #readName(previous: number, owner: number): number {
    const bytes = this.#bytes
    const from = this.#at + 1
    if (bytes[from - 1] !== quote) {
      this.#outcome = 'broken'
      return noName
    }
    const known = this.#names.find(bytes, from, this.#end, previous, owner)
    if (known !== noName) this.#at = from + this.#names.lengthOf(known) + 1
    else if (this.#readString()) this.#learnName(from, this.#at - 1)
    else {
      this.#outcome = 'cut'
      return noName
    }
    const to = this.#at - 1
    if (bytes[this.#at] !== colon) {
      this.#skipBlanks()
      if (this.#at < this.#end && bytes[this.#at] !== colon) this.#outcome = 'broken'
    }
    if (this.#at >= this.#end) this.#outcome = 'cut'
    if (this.#outcome !== 'complete') return noName
    this.#at++
    this.#pathFrom[this.#pathCount] = from
    this.#pathTo[this.#pathCount++] = to
    return known
  }

  /** Keys made of digits alone are mostly ids: they would push out real names. */
  #learnName(from: number, to: number): void {
    const classes = this.#textClasses
    if (to - from > knownNameMaxBytes || (classes & notPlain) !== 0 || (classes & (LOWER | UPPER)) === 0) return
    if (isClearName(this.#bytes, from, to, classes))
      this.#names.learn(this.#bytes, from, to, nameKindOf(this.#bytes, from, to))
  }

  #array(depth: number, kind: NameKind, printing: boolean, owner: number): void {
    this.#at++
    this.#pathFrom[this.#pathCount++] = -1
    this.#leafCount++
    if (printing) this.#writer.byte(openBracket)
    const countAt = this.#writer.length
    let itemCount = 0
    this.#skipBlanks()
    if (this.#at < this.#end && this.#bytes[this.#at] === closeBracket) this.#at++
    else {
      do {
        const prints = printing && itemCount < shapeItemsMaxCount && this.#leafCount < shapeLeavesMaxCount
        if (prints) this.#writer.byte(comma)
        this.#value(depth + 1, kind, prints, owner)
        itemCount++
      } while (this.#outcome === 'complete' && this.#goesOn(closeBracket))
    }
    this.#pathCount--
    if (!printing) return
    this.#writer.insertInt(countAt, itemCount)
    this.#writer.byte(closeBracket)
  }

  /** Behind a member or item: true at a comma, false at the end of the container or on a fault. */
  #goesOn(close: number): boolean {
    this.#skipBlanks()
    if (this.#at >= this.#end) {
      this.#at++
      this.#outcome = 'cut'
      return false
    }
    const byte = this.#bytes[this.#at++]
    if (byte === comma) return true
    if (byte !== close) this.#outcome = 'broken'
    return false
  }

  #string(kind: NameKind, printing: boolean): void {
    if (!this.#readString()) {
      // Half a value is no value: its sensitive type is seen, its token would mean nothing.
      this.#note(sensitiveTypeOf(this.#bytes, this.#textFrom, this.#end))
      this.#cut(printing)
      return
    }
    this.#leafCount++
    const from = this.#textFrom
    const to = this.#textTo
    const type = printing
      ? writeStringLeaf(this.#writer, this.#tokens, this.#text, from, to, this.#textClasses, kind)
      : sensitiveTypeOfString(this.#text, from, to, this.#textClasses)
    if (type !== undefined) this.#note(type)
  }

  #number(kind: NameKind, printing: boolean): void {
    const bytes = this.#bytes
    const end = this.#end
    const from = this.#at
    let digitCount = 0
    let isInteger = true
    let inExponent = false
    let at = from
    for (; at < end; at++) {
      const byte = bytes[at]! // In range by the loop condition.
      if (byte >= 0x30 && byte <= 0x39) digitCount += inExponent ? 0 : 1
      else if (byte === 0x2e || byte === 0x65 || byte === 0x45 || byte === 0x2b) {
        isInteger = false
        inExponent ||= byte !== 0x2e
      } else if (byte !== minus) break
    }
    this.#at = at
    if (digitCount === 0) this.#outcome = 'broken'
    this.#leafCount++
    const type = printing
      ? writeNumberLeaf(this.#writer, this.#tokens, bytes, from, at, isInteger, digitCount, kind)
      : digitCount >= 13
        ? sensitiveTypeOf(bytes, from, at)
        : undefined
    if (type !== undefined) this.#note(type)
  }

  #literal(word: string, leaf: Literal, printing: boolean): void {
    const bytes = this.#bytes
    const from = this.#at
    for (let i = 0; i < word.length; i++) {
      if (from + i >= this.#end) {
        this.#cut(printing)
        return
      }
      if (bytes[from + i] !== word.charCodeAt(i)) {
        this.#outcome = 'broken'
        return
      }
    }
    this.#at = from + word.length
    this.#leafCount++
    if (printing) this.#writer.literal(leaf)
  }

  /** Reads the string at `#at` into `#text…`; false when the input ends first. Control characters are let through. */
  #readString(): boolean {
    const bytes = this.#bytes
    const end = this.#end
    const from = this.#at + 1
    let classes = 0
    let i = from
    for (; i < end; i++) {
      const bits = stringClasses[bytes[i]!]! // In range by the loop condition; a table of 256.
      if (bits === stringEnd) break
      classes |= bits
      if (bits === BACKSLASH) i++
    }
    this.#textFrom = from
    this.#at = i + 1
    if (i >= end) return false
    this.#text = bytes
    this.#textTo = i
    this.#textClasses = classes
    if ((classes & BACKSLASH) !== 0) this.#unescape(from, i)
    return true
  }

  #unescape(from: number, to: number): void {
    // Names and values must not share the scratch: a name is used up before its value is read.
    if (this.#scratch.length < to - from) this.#scratch = new Uint8Array((to - from) * 2)
    this.#text = this.#scratch
    this.#textFrom = 0
    this.#textTo = unescapeJson(this.#bytes, from, to, this.#scratch)
    this.#textClasses = classesOf(this.#scratch, 0, this.#textTo)
  }

  /** Steps over a container beyond the depth limit, scans it as text. */
  #skipContainer(printing: boolean): void {
    const from = this.#at
    let depth = 0
    let inString = false
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at]
      if (inString) {
        if (byte === backslash) this.#at++
        else if (byte === quote) inString = false
      } else if (byte === quote) inString = true
      else if (byte === openBrace || byte === openBracket) depth++
      else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) break
    }
    const to = Math.min(this.#at + 1, this.#end)
    scanSensitive(this.#bytes, from, to, deepScanMaxCount, (type) => this.#note(type))
    if (this.#at >= this.#end) this.#outcome = 'cut'
    this.#at = to
    this.#leafCount++
    if (printing) this.#writer.literal(cutLeaf)
  }

  /** The input ended: `cut` stands where a value was expected. */
  #cut(printing: boolean): void {
    this.#outcome = 'cut'
    this.#at = this.#end
    if (printing) this.#writer.literal(cutLeaf)
  }

  #skipBlanks(): void {
    const bytes = this.#bytes
    const end = this.#end
    let at = this.#at
    for (; at < end; at++) {
      const byte = bytes[at]! // In range by the loop condition.
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    }
    this.#at = at
  }

  #startsString(): boolean {
    let i = this.#at
    while (i < this.#end && this.#bytes[i]! <= 0x20) i++ // In range by the loop condition.
    return this.#bytes[i] === quote
  }

  /** Looks ahead at the string value of a user or password name; the name in `#text…` stays as it is. */
  #noteLogin(kind: NameKind, known: LoginFields | undefined): LoginFields | undefined {
    if (kind !== USER && kind !== PASSWORD && kind !== OTHER_PASSWORD) return known
    const fields = known ?? new LoginFields()
    if (kind === OTHER_PASSWORD) fields.otherPassword = true
    else if (kind === USER) fields.user ??= this.#peekString()
    else fields.password ??= this.#peekString()
    return fields
  }

  #peekString(): string | undefined {
    let from = this.#at
    while (this.#bytes[from]! <= 0x20) from++ // `#startsString` saw the quote.
    from++
    let to = from
    for (; to < this.#end && this.#bytes[to] !== quote; to++) if (this.#bytes[to] === backslash) to++
    if (to >= this.#end || to - from > loginValueMaxBytes) return undefined
    const out = new Uint8Array(to - from)
    return Buffer.from(out.buffer, 0, unescapeJson(this.#bytes, from, to, out)).toString('latin1')
  }

  #note(type: SensitiveType | undefined): void {
    if (type !== undefined) this.#sightings.add(type, this.#place, this.#pathText())
  }

  #pathText(): string {
    let text = ''
    for (let i = 0; i < this.#pathCount; i++) {
      const from = this.#pathFrom[i]! // Depth is bounded by the array's size.
      if (from < 0) text += '[]'
      else text += `${text === '' ? '' : '.'}${this.#nameText(from, this.#pathTo[i]!)}`
    }
    return text
  }

  #nameText(from: number, to: number): string {
    const name = new Uint8Array(to - from)
    return nameText(this.#tokens, name, 0, unescapeJson(this.#bytes, from, to, name))
  }
}
