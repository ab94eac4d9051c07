/**
 * Header or trailer fields as they stood on the wire: offsets into the head's bytes; strings are made only when asked for.
 *
 * `FieldTable` is filled by the parser and reused from message to message. Names are hashed while they are scanned, so a
 * look-up compares numbers first, and names met before come out of a bounded table without making a string.
 */

import { assert } from '@tapwarden/base/assert'
import { BoundedMap } from '@tapwarden/base/bounded-map'
import { CR, LF, latin1, lowerTable } from './octets.js'

export interface FieldList {
  /** Fields in wire order, each line one field. */
  readonly count: number
  /** Lower-case name of a field. */
  name(index: number): string
  /** Value without surrounding white space, as Latin-1; a folded value's line breaks are one space each. */
  value(index: number): string
  /** First value of a field by its lower-case name, or undefined. */
  first(lowerCaseName: string): string | undefined

  // For readers that make no strings; lent like the rest.
  /** The octets that `valueStart` and `valueEnd` point into. Unless `hasBreaks`, a value is these octets as they stand. */
  readonly bytes: Uint8Array
  readonly hasBreaks: boolean
  nameStart(index: number): number
  valueStart(index: number): number
  valueEnd(index: number): number
  /** `nameHashOf` of a field's lower-case name. */
  nameHash(index: number): number
  nameIs(index: number, lowerCaseName: string): boolean
  /** Equal only for lines of equal octets, in whatever list; 0 for a line that has no number (`known-lines.ts`). */
  lineId(index: number): number
}

const offsetsPerField = 4
const initialFields = 32
/** Distinct names remembered; later ones are simply made anew each time. */
const knownNamesMax = 2_048

export const nameHashBasis = 0x811c9dc5 | 0

/** One step of the name hash (FNV-1a, 32 bits) over a lower-case octet. */
export function nameHashStep(hash: number, lowerCaseOctet: number): number {
  return Math.imul(hash ^ lowerCaseOctet, 0x01000193)
}

export function nameHashOf(lowerCaseName: string): number {
  let hash = nameHashBasis
  for (let i = 0; i < lowerCaseName.length; i++) hash = nameHashStep(hash, lowerCaseName.charCodeAt(i))
  return hash
}

const namesByHash = new BoundedMap<number, string>({ maxEntries: knownNamesMax, onFull: 'refuse-new' })
const hashesByName = new BoundedMap<string, number>({ maxEntries: knownNamesMax, onFull: 'refuse-new' })

function hashOfName(lowerCaseName: string): number {
  const known = hashesByName.peek(lowerCaseName)
  if (known !== undefined) return known
  const hash = nameHashOf(lowerCaseName)
  hashesByName.set(lowerCaseName, hash)
  return hash
}

export class FieldTable implements FieldList {
  count = 0
  /** The octets that the offsets point into, and where the message starts in them. Lent until `keep` of the message. */
  bytes: Uint8Array = new Uint8Array(0)
  base = 0
  /** Some value may hold line breaks. */
  hasBreaks = false
  #offsets = new Int32Array(initialFields * offsetsPerField)
  #hashes = new Int32Array(initialFields)
  #lineIds = new Float64Array(initialFields)
  /** A bit for each hash: most look-ups are for what is not there. */
  #hashBits = 0

  clear(): void {
    this.count = 0
    this.#hashBits = 0
    this.hasBreaks = false
  }

  /** Adds a field; offsets count from the start of the message. `hash` is of the lower-case name, `lineId` as `lineId()` says it. */
  add(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number, hash: number, lineId = 0): void {
    if (this.count === this.#hashes.length) this.#grow()
    const at = this.count * offsetsPerField
    this.#offsets[at] = nameStart
    this.#offsets[at + 1] = nameEnd
    this.#offsets[at + 2] = valueStart
    this.#offsets[at + 3] = valueEnd
    this.#hashes[this.count] = hash
    this.#lineIds[this.count] = lineId
    this.#hashBits |= 1 << hash
    this.count++
  }

  /** Hash of the last field's name, or `otherwise` when there is no field yet. */
  lastHash(otherwise: number): number {
    return this.count === 0 ? otherwise : this.#hashes[this.count - 1]!
  }

  /** Moves the end of the last value: the line was folded on. RFC 9112 §5.2. */
  extendLast(valueStart: number, valueEnd: number): void {
    assert(this.count > 0, 'only an existing field can be folded on')
    const at = (this.count - 1) * offsetsPerField
    if (this.#offsets[at + 2] === this.#offsets[at + 3]) this.#offsets[at + 2] = valueStart
    this.#offsets[at + 3] = valueEnd
    this.#lineIds[this.count - 1] = 0
  }

  name(index: number): string {
    const at = this.#at(index)
    const from = this.base + this.#offsets[at]!
    const to = this.base + this.#offsets[at + 1]!
    const known = namesByHash.peek(this.#hashes[index]!)
    if (known !== undefined && this.#equals(from, to, known)) return known
    const name = latin1(this.bytes, from, to).toLowerCase()
    if (known === undefined && name.length <= 64) namesByHash.set(this.#hashes[index]!, name)
    return name
  }

  value(index: number): string {
    const at = this.#at(index)
    const text = latin1(this.bytes, this.valueStart(index), this.base + this.#offsets[at + 3]!)
    return this.hasBreaks && (text.includes('\n') || text.includes('\r')) ? unfolded(text) : text
  }

  first(lowerCaseName: string): string | undefined {
    const index = this.indexOf(lowerCaseName)
    return index < 0 ? undefined : this.value(index)
  }

  /** Index of the first field of that lower-case name at or after `from`, or -1. */
  indexOf(lowerCaseName: string, from = 0): number {
    return this.indexOfHashed(lowerCaseName, hashOfName(lowerCaseName), from)
  }

  /** `indexOf` for callers that keep the name's hash. */
  indexOfHashed(lowerCaseName: string, hash: number, from: number): number {
    if ((this.#hashBits & (1 << hash)) === 0) return -1
    for (let index = from; index < this.count; index++) {
      if (this.#hashes[index] === hash && this.nameIs(index, lowerCaseName)) return index
    }
    return -1
  }

  /** Where the name starts in `bytes`; it stands there as it was sent. */
  nameStart(index: number): number {
    return this.base + this.#offsets[this.#at(index)]!
  }

  /** Where the value stands in `bytes`. */
  valueStart(index: number): number {
    return this.base + this.#offsets[this.#at(index) + 2]!
  }

  valueEnd(index: number): number {
    return this.base + this.#offsets[this.#at(index) + 3]!
  }

  nameHash(index: number): number {
    assert(index >= 0 && index < this.count, 'a field index is below the count')
    return this.#hashes[index]!
  }

  lineId(index: number): number {
    assert(index >= 0 && index < this.count, 'a field index is below the count')
    return this.#lineIds[index]!
  }

  #at(index: number): number {
    assert(index >= 0 && index < this.count, 'a field index is below the count')
    return index * offsetsPerField
  }

  nameIs(index: number, lowerCaseName: string): boolean {
    const at = index * offsetsPerField
    return this.#equals(this.base + this.#offsets[at]!, this.base + this.#offsets[at + 1]!, lowerCaseName)
  }

  #equals(from: number, to: number, lowerCaseText: string): boolean {
    if (to - from !== lowerCaseText.length) return false
    for (let i = from, k = 0; i < to; i++, k++) {
      if (lowerTable[this.bytes[i]!] !== lowerCaseText.charCodeAt(k)) return false
    }
    return true
  }

  #grow(): void {
    const offsets = new Int32Array(this.#offsets.length * 2)
    offsets.set(this.#offsets)
    const hashes = new Int32Array(this.#hashes.length * 2)
    hashes.set(this.#hashes)
    const lineIds = new Float64Array(this.#lineIds.length * 2)
    lineIds.set(this.#lineIds)
    this.#offsets = offsets
    this.#hashes = hashes
    this.#lineIds = lineIds
  }
}

/** Each line break with the white space around it becomes one space. RFC 9112 §5.2. */
function unfolded(text: string): string {
  let out = ''
  let isBreak = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === LF || code === CR) isBreak = true
    else if (!isBreak) out += text[i]
    else if (code !== 0x20 && code !== 0x09) {
      out = `${out.trimEnd()} ${text[i]}`
      isBreak = false
    }
  }
  return out.trimEnd()
}
