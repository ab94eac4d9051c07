/**
 * JSON bytes → shape bytes in one pass, without JSON.parse, objects or strings. Never throws: the end of input within a value closes what is
 * open and leaves `cut`; a syntax error ends the walk, and the caller publishes no structure at all (names of what is not JSON may be values).
 *
 *   #value ─► a leaf: string, number, word            #next ─► the innermost container's next member or item, or its end
 *        └──► a container: one more level open              └──► #value
 *
 * Positions go in as arguments and come back as results; what is open stands in arrays by level. Everything that is not printed any more
 * (items behind the first few, leaves beyond the limit) is still walked and scanned for sensitive types; objects nested beyond
 * the depth limit are scanned as text.
 *
 * @long: one state machine; its parts share the levels and the fault.
 */

import {
  shapeDepthMaxCount,
  shapeItemsMaxCount,
  shapeLeavesMaxCount,
  shapeTokenItemsMaxCount,
} from '@tapwarden/contracts/content-shape'
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

/** What is printed of a value. */
type Detail = typeof NOTHING | typeof LEAF | typeof TOKEN
const NOTHING = 0
/** Its leaves without tokens. */
const LEAF = 1
const TOKEN = 2

const quote = 0x22
const backslash = 0x5c
const comma = 0x2c
const colon = 0x3a
const openBrace = 0x7b
const closeBrace = 0x7d
const openBracket = 0x5b
const closeBracket = 0x5d
const minus = 0x2d
const zero = 0x30
const deepScanMaxCount = 16

const boolLeaf = new Literal('"bool"')
const nullLeaf = new Literal('"null"')
const cutLeaf = new Literal('"cut"')
const [trueWord, falsWord, nullWord] = ['true', 'fals', 'null'].map((word) => Buffer.from(word).readInt32LE())

/** Byte classes inside a string, and the quote that ends it. */
const stringEnd = 0x8000
const stringClasses = byteClasses.slice()
stringClasses[quote] = stringEnd
/** The same of two bytes at once, by the word that they make. */
const pairClasses = classesOfPairs()
/** What a number is made of behind its first byte; 1 or 0. */
const isNumberByte = new Uint8Array(256)
for (const byte of Buffer.from('0123456789.eE+-')) isNumberByte[byte] = 1
/** Classes of names that need more than copying. */
const notPlain = BACKSLASH | CONTROL | HIGH | OTHER
const levelsMaxCount = shapeDepthMaxCount + 1

export class JsonShaper {
  readonly #writer: ByteWriter
  readonly #tokens: Tokens
  readonly #sightings: Sightings
  readonly #names = new KnownNames()
  #bytes: Uint8Array = new Uint8Array(0)
  #view: DataView = new DataView(new ArrayBuffer(0))
  #outcome: JsonOutcome = 'complete'
  #leafCount = 0
  #place: SightingPlace = 'request-content'
  #wantsLogin = false
  #login: RawLogin | undefined
  /** How many containers are open; the innermost is at level `#depth`, the outermost at 1. */
  #depth = 0
  readonly #isArray = new Uint8Array(levelsMaxCount)
  /** Members or items begun. */
  readonly #counts = new Int32Array(levelsMaxCount)
  /** What is printed of the container, and of its next member: less, once there is no room. */
  readonly #details = new Uint8Array(levelsMaxCount)
  readonly #memberDetails = new Uint8Array(levelsMaxCount)
  /** What its name says, and the known name under which it stands. */
  readonly #kinds = new Uint8Array(levelsMaxCount)
  readonly #owners = new Uint16Array(levelsMaxCount)
  /** An object's last name, if it is known; its offsets in `#bytes`, from -1 for an array. */
  readonly #previous = new Uint16Array(levelsMaxCount)
  readonly #nameFrom = new Int32Array(levelsMaxCount)
  readonly #nameTo = new Int32Array(levelsMaxCount)
  /** An array's count is written here once it is known. */
  readonly #countAt = new Int32Array(levelsMaxCount)
  readonly #logins: (LoginFields | undefined)[] = new Array(levelsMaxCount).fill(undefined)
  /** The last string that was read: where its unescaped bytes stand, and of which classes they are. */
  #text: Uint8Array = new Uint8Array(0)
  #textFrom = 0
  #textTo = 0
  #textClasses = 0
  #scratch = new Uint8Array(4_096)

  constructor(writer: ByteWriter, tokens: Tokens, sightings: Sightings) {
    this.#writer = writer
    this.#tokens = tokens
    this.#sightings = sightings
  }

  /** The login attempt that the last content held, if it was asked for. */
  get login(): RawLogin | undefined {
    return this.#login
  }

  /** Writes the shape of what stands in `bytes` behind `from`. After `broken` the caller takes the writing back. */
  shape(bytes: Uint8Array, from: number, place: SightingPlace, wantsLogin: boolean): JsonOutcome {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#outcome = 'complete'
    this.#leafCount = 0
    this.#depth = 0
    this.#place = place
    this.#wantsLogin = wantsLogin
    this.#login = undefined
    let at = this.#value(from, PLAIN, TOKEN, noName)
    while (this.#depth > 0 && this.#outcome === 'complete') at = this.#next(at)
    while (this.#depth > 0) this.#close()
    if (this.#outcome === 'complete' && this.#visible(at) < bytes.length) this.#outcome = 'broken'
    if (this.#outcome === 'broken') this.#login = undefined
    return this.#outcome
  }

  /** Reads a leaf, or opens a container. `owner` is the known name under which the value stands. */
  #value(from: number, kind: NameKind, detail: Detail, owner: number): number {
    const at = this.#visible(from)
    if (at >= this.#bytes.length) return this.#cut(detail)
    const byte = this.#bytes[at]! // In range by the check above.
    if (byte === quote) return this.#string(at, kind, detail)
    if (byte === minus || (byte >= zero && byte <= 0x39)) return this.#number(at, kind, detail)
    if (byte === openBrace || byte === openBracket) {
      if (this.#depth >= shapeDepthMaxCount) return this.#skipContainer(at, detail)
      this.#open(byte === openBracket, kind, detail, owner)
      return at + 1
    }
    return this.#word(at, detail)
  }

  #open(isArray: boolean, kind: NameKind, detail: Detail, owner: number): void {
    const level = ++this.#depth
    this.#isArray[level] = isArray ? 1 : 0
    this.#counts[level] = 0
    this.#details[level] = this.#memberDetails[level] = detail
    this.#kinds[level] = kind
    this.#owners[level] = owner
    this.#previous[level] = noName
    this.#nameFrom[level] = -1
    this.#logins[level] = undefined
    this.#leafCount++
    if (detail !== NOTHING) this.#writer.byte(isArray ? openBracket : openBrace)
    this.#countAt[level] = this.#writer.length
  }

  /** What is open ends: by its bracket, or because the input does. */
  #close(): void {
    const level = this.#depth--
    const isPrinted = this.#details[level] !== NOTHING
    if (this.#isArray[level] === 1) {
      if (!isPrinted) return
      this.#writer.insertInt(this.#countAt[level]!, this.#counts[level]!) // A level.
      this.#writer.byte(closeBracket)
      return
    }
    const login = this.#logins[level]
    if (login?.login !== undefined) this.#login ??= login.login
    if (isPrinted) this.#writer.byte(closeBrace)
  }

  /** Reads a member or item of the innermost container, or its end. */
  #next(from: number): number {
    const level = this.#depth
    const bytes = this.#bytes
    const isArray = this.#isArray[level] === 1
    let count = this.#counts[level]! // A level.
    let at = from
    if (!isArray && this.#details[level] === NOTHING && !this.#wantsLogin) {
      at = this.#passMembers(from, level, count)
      count = this.#counts[level]! // A level.
    }
    at = this.#visible(at)
    const byte = bytes[at]
    if (byte === (isArray ? closeBracket : closeBrace)) {
      this.#close()
      return at + 1
    }
    if (count > 0) {
      if (at >= bytes.length) return this.#cut(NOTHING)
      if (byte !== comma) return this.#broken()
      at++
    }
    this.#counts[level] = count + 1
    return isArray ? this.#item(at, level, count) : this.#member(at, level, count)
  }

  /**
   * Steps over members of an object of which nothing is printed, as long as they are leaves without anything to tell, written without blanks: most of
   * what a long list holds. Returns where the first other one begins, its comma included: nothing of that was taken.
   */
  #passMembers(from: number, level: number, begun: number): number {
    const bytes = this.#bytes
    const view = this.#view
    const end = bytes.length - 8
    let count = begun
    let passed = from
    for (let at = from; at < end; passed = at, count++) {
      if (count > 0 && bytes[at++] !== comma) break
      if (bytes[at++] !== quote) break
      let bits = 0
      for (; at < end; at += 2) {
        bits = pairClasses[view.getUint16(at, true)]! // One for every pair.
        if ((bits & (stringEnd | BACKSLASH)) !== 0) break
      }
      if (bytes[at] !== quote) at++
      if (bytes[at] !== quote || (bits & BACKSLASH) !== 0 || bytes[at + 1] !== colon) break
      at += 2
      const byte = bytes[at]!
      if (byte === quote) {
        const valueFrom = ++at
        let classes = 0
        for (; at < end; at += 2) {
          bits = pairClasses[view.getUint16(at, true)]! // One for every pair.
          if ((bits & (stringEnd | BACKSLASH)) !== 0) break
          classes |= bits
        }
        if (bytes[at] !== quote) classes |= byteClasses[bytes[at++]!]!
        if (bytes[at] !== quote || (classes & BACKSLASH) !== 0) break
        if (at - valueFrom >= 6 && sensitiveTypeOfString(bytes, valueFrom, at, classes) !== undefined) break
        at++
      } else if (byte === minus || (byte >= zero && byte <= 0x39)) {
        const valueFrom = at++
        while (at < end && isNumberByte[bytes[at]!] === 1) at++
        if (at - valueFrom >= 13 || byte === minus) break
      } else {
        const word = view.getInt32(at, true)
        if (word === trueWord || word === nullWord) at += 4
        else if (word === falsWord && bytes[at + 4] === 0x65) at += 5
        else break
      }
    }
    this.#leafCount += count - begun
    this.#counts[level] = count
    return passed
  }

  #item(at: number, level: number, index: number): number {
    const own = this.#details[level]! // Here and below: a level.
    const isPrinted = own !== NOTHING && index < shapeItemsMaxCount && this.#leafCount < shapeLeavesMaxCount
    if (isPrinted) this.#writer.byte(comma)
    const detail = !isPrinted ? NOTHING : index < shapeTokenItemsMaxCount ? (own as Detail) : LEAF
    return this.#value(at, this.#kinds[level]! as NameKind, detail, this.#owners[level]!)
  }

  #member(from: number, level: number, index: number): number {
    const bytes = this.#bytes
    const nameAt = this.#visible(from)
    if (nameAt >= bytes.length) return this.#cut(NOTHING)
    if (bytes[nameAt] !== quote) return this.#broken()
    const nameFrom = nameAt + 1
    const known = this.#names.find(bytes, this.#view, nameFrom, this.#previous[level]!, this.#owners[level]!) // A level.
    this.#previous[level] = known
    let at = 0
    if (known !== noName) at = nameFrom + this.#names.lengthOf(known) + 1
    else {
      at = this.#readString(nameAt)
      if (at > bytes.length) return this.#cut(NOTHING)
      this.#learnName(nameFrom, at - 1)
    }
    this.#nameFrom[level] = nameFrom
    this.#nameTo[level] = at - 1
    if (bytes[at] !== colon) {
      at = this.#visible(at)
      if (at >= bytes.length) return this.#cut(NOTHING)
      if (bytes[at] !== colon) return this.#broken()
    }
    at++
    const own = known === noName ? nameKindOf(this.#text, this.#textFrom, this.#textTo) : this.#names.kindOf(known)
    if (own !== PLAIN && this.#wantsLogin) this.#noteLogin(at, own, level)
    const inherited = this.#kinds[level]! as NameKind // A level.
    const kind = isSecretKind(inherited) ? inherited : own
    const detail = this.#memberDetails[level]! as Detail // A level.
    if (detail === NOTHING) return this.#value(at, kind, NOTHING, known)
    this.#writeName(known, index)
    if (this.#leafCount < shapeLeavesMaxCount) return this.#value(at, kind, detail, known)
    // One `cut` stands for this member and those behind it.
    this.#writer.literal(cutLeaf)
    this.#memberDetails[level] = NOTHING
    return this.#value(at, kind, NOTHING, known)
  }

  /** Writes the name that was read last. */
  #writeName(known: number, index: number): void {
    const writer = this.#writer
    if (index > 0) writer.byte(comma)
    if (known !== noName) {
      this.#names.write(known, writer)
      return
    }
    writeName(writer, this.#tokens, this.#text, this.#textFrom, this.#textTo, this.#textClasses)
    writer.byte(colon)
  }

  /** Keys made of digits alone are mostly ids: they would push out real names. */
  #learnName(from: number, to: number): void {
    const classes = this.#textClasses
    if (to - from > knownNameMaxBytes || (classes & notPlain) !== 0 || (classes & (LOWER | UPPER)) === 0) return
    if (isClearName(this.#bytes, from, to, classes))
      this.#names.learn(this.#bytes, from, to, nameKindOf(this.#bytes, from, to))
  }

  #string(from: number, kind: NameKind, detail: Detail): number {
    const at = this.#readString(from)
    if (at > this.#bytes.length) {
      // Half a value is no value: its sensitive type is seen, its token would mean nothing.
      this.#note(sensitiveTypeOf(this.#bytes, from + 1, this.#bytes.length))
      return this.#cut(detail)
    }
    this.#leafCount++
    const text = this.#text
    const type =
      detail === NOTHING
        ? sensitiveTypeOfString(text, this.#textFrom, this.#textTo, this.#textClasses)
        : writeStringLeaf(
            this.#writer,
            this.#tokens,
            text,
            this.#textFrom,
            this.#textTo,
            this.#textClasses,
            kind,
            detail === TOKEN,
          )
    if (type !== undefined) this.#note(type)
    return at
  }

  #number(from: number, kind: NameKind, detail: Detail): number {
    const bytes = this.#bytes
    const end = bytes.length
    let digitCount = 0
    let isInteger = true
    let inExponent = false
    let at = from
    for (; at < end; at++) {
      const byte = bytes[at]! // In range by the loop condition.
      if (byte >= zero && byte <= 0x39) digitCount += inExponent ? 0 : 1
      else if (byte === 0x2e || byte === 0x65 || byte === 0x45 || byte === 0x2b) {
        isInteger = false
        inExponent ||= byte !== 0x2e
      } else if (byte !== minus) break
    }
    if (digitCount === 0) return this.#broken()
    this.#leafCount++
    const type =
      detail === NOTHING
        ? digitCount >= 13
          ? sensitiveTypeOf(bytes, from, at)
          : undefined
        : writeNumberLeaf(this.#writer, this.#tokens, bytes, from, at, isInteger, digitCount, kind, detail === TOKEN)
    if (type !== undefined) this.#note(type)
    return at
  }

  /** `true`, `false`, `null`. */
  #word(from: number, detail: Detail): number {
    const bytes = this.#bytes
    if (from + 5 > bytes.length) return this.#lastWord(from, detail)
    const word = this.#view.getInt32(from, true)
    const isFalse = word === falsWord && bytes[from + 4] === 0x65
    if (word !== trueWord && word !== nullWord && !isFalse) return this.#broken()
    this.#leafCount++
    if (detail !== NOTHING) this.#writer.literal(word === nullWord ? nullLeaf : boolLeaf)
    return from + (isFalse ? 5 : 4)
  }

  /** The same at the very end, where it may be cut. */
  #lastWord(from: number, detail: Detail): number {
    const rest = Buffer.from(this.#bytes.subarray(from)).toString('latin1')
    for (const word of ['true', 'false', 'null']) {
      if (rest.startsWith(word)) {
        this.#leafCount++
        if (detail !== NOTHING) this.#writer.literal(word === 'null' ? nullLeaf : boolLeaf)
        return from + word.length
      }
      if (word.startsWith(rest)) return this.#cut(detail)
    }
    return this.#broken()
  }

  /** Reads the string at `from` into `#text…`; returns the index behind its quote, or one behind the input. Control characters are let through. */
  #readString(from: number): number {
    const bytes = this.#bytes
    const view = this.#view
    const end = bytes.length
    let classes = 0
    let i = from + 1
    for (; i + 1 < end; i += 2) {
      const bits = pairClasses[view.getUint16(i, true)]! // One for every pair.
      if ((bits & (stringEnd | BACKSLASH)) !== 0) break
      classes |= bits
    }
    for (; i < end; i++) {
      const bits = stringClasses[bytes[i]!]! // In range by the loop condition; a table of 256.
      if (bits === stringEnd) break
      classes |= bits
      if (bits === BACKSLASH) i++
    }
    if (i >= end) return end + 1
    this.#text = bytes
    this.#textFrom = from + 1
    this.#textTo = i
    this.#textClasses = classes
    if ((classes & BACKSLASH) !== 0) this.#unescape(from + 1, i)
    return i + 1
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
  #skipContainer(from: number, detail: Detail): number {
    const bytes = this.#bytes
    let depth = 0
    let inString = false
    let at = from
    for (; at < bytes.length; at++) {
      const byte = bytes[at]
      if (inString) {
        if (byte === backslash) at++
        else if (byte === quote) inString = false
      } else if (byte === quote) inString = true
      else if (byte === openBrace || byte === openBracket) depth++
      else if ((byte === closeBrace || byte === closeBracket) && --depth === 0) break
    }
    const to = Math.min(at + 1, bytes.length)
    scanSensitive(bytes, from, to, deepScanMaxCount, (type) => this.#note(type))
    if (at >= bytes.length) this.#outcome = 'cut'
    this.#leafCount++
    if (detail !== NOTHING) this.#writer.literal(cutLeaf)
    return to
  }

  /** The input ended: `cut` stands where a value was expected. */
  #cut(detail: Detail): number {
    this.#outcome = 'cut'
    if (detail !== NOTHING) this.#writer.literal(cutLeaf)
    return this.#bytes.length
  }

  #broken(): number {
    this.#outcome = 'broken'
    return this.#bytes.length
  }

  /** Index of the first byte at or after `from` that is no blank. */
  #visible(from: number): number {
    const bytes = this.#bytes
    let at = from
    for (; at < bytes.length; at++) {
      const byte = bytes[at]! // In range by the loop condition.
      if (byte > 0x20 || (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)) break
    }
    return at
  }

  /** Looks ahead at the string value of a user or password name, behind the colon; the name in `#text…` stays as it is. */
  #noteLogin(from: number, kind: NameKind, level: number): void {
    if (kind !== USER && kind !== PASSWORD && kind !== OTHER_PASSWORD) return
    const bytes = this.#bytes
    let at = from
    while (at < bytes.length && bytes[at]! <= 0x20) at++ // In range by the loop condition.
    if (bytes[at] !== quote) return
    this.#logins[level] ??= new LoginFields()
    const fields = this.#logins[level]
    if (kind === OTHER_PASSWORD) fields.otherPassword = true
    else if (kind === USER) fields.user ??= this.#peekString(at + 1)
    else fields.password ??= this.#peekString(at + 1)
  }

  #peekString(from: number): string | undefined {
    const bytes = this.#bytes
    let to = from
    for (; to < bytes.length && bytes[to] !== quote; to++) if (bytes[to] === backslash) to++
    if (to >= bytes.length || to - from > loginValueMaxBytes) return undefined
    const out = new Uint8Array(to - from)
    return Buffer.from(out.buffer, 0, unescapeJson(bytes, from, to, out)).toString('latin1')
  }

  #note(type: SensitiveType | undefined): void {
    if (type !== undefined) this.#sightings.add(type, this.#place, this.#pathText())
  }

  /** Names on the way to the current value. */
  #pathText(): string {
    let text = ''
    for (let level = 1; level <= this.#depth; level++) {
      const from = this.#nameFrom[level]! // A level.
      if (from < 0) text += '[]'
      else text += `${text === '' ? '' : '.'}${this.#nameText(from, this.#nameTo[level]!)}`
    }
    return text
  }

  #nameText(from: number, to: number): string {
    const name = new Uint8Array(to - from)
    return nameText(this.#tokens, name, 0, unescapeJson(this.#bytes, from, to, name))
  }
}

/** A plain loop: it runs once, before anything is compiled. */
function classesOfPairs(): Uint16Array {
  const pairs = new Uint16Array(65_536)
  for (let high = 0; high < 256; high++) {
    const bits = stringClasses[high]! // Here and below: tables of 256.
    for (let low = 0; low < 256; low++) pairs[(high << 8) | low] = bits | stringClasses[low]!
  }
  return pairs
}
