/**
 * HPACK: one header block → its fields, in order. RFC 7541. One decoder for each direction of a connection, as its dynamic table lives
 * as long as that.
 *
 * A sensor may have joined late or missed a block: then entries of the dynamic table are *unknown* (`isComplete` is false). A reference to one is
 * left out and counted (`unknownCount`), never guessed; what is added later stands in front of the unknown, so that it resolves rightly.
 */

import { nameHashBasis, nameHashStep } from '../field-list.js'
import { lowerTable, tokenTable } from '../octets.js'
import { decodeHuffman, huffmanExpansion } from './hpack-huffman.js'
import {
  DynamicTable,
  entryOverheadBytes,
  staticCount,
  staticEntry,
  type TableEntry,
  tableMaxBytes,
  tableStandardBytes,
} from './hpack-table.js'

const offsetsPerField = 4
const initialFields = 64
const initialBytes = 8_192
/** Integers of more continuation octets are larger than anything here. RFC 7541 §5.1. */
const integerMaxOctets = 4
const separator = Buffer.from(': ')
const fieldsMaxCount = 4_096

/** One block as it was decoded. Filled again for the next one; its bytes hold `name: value` runs. */
export class HeaderBlock {
  bytes: Buffer = Buffer.allocUnsafeSlow(initialBytes)
  /** Octets of `bytes` that belong to fields. */
  usedBytes = 0
  count = 0
  offsets = new Int32Array(initialFields * offsetsPerField)
  hashes = new Int32Array(initialFields)
  /** Fields that refer to unknown entries, left out. */
  unknownCount = 0
  /** More than may be kept: fields behind that are left out. */
  isTooLong = false
  /** The block breaks off or refers to what cannot be. */
  isMalformed = false
  /** A string coded by Huffman ends wrongly. */
  hasOddEnd = false
  /** A table larger than its owner may use. */
  hasOddSize = false
  /** A name with what stands in no name, an upper-case letter included; a value with NUL, CR or LF. RFC 9113 §8.2.1. */
  hasInvalidField = false

  clear(): void {
    this.usedBytes = 0
    this.count = 0
    this.unknownCount = 0
    this.isTooLong = false
    this.isMalformed = false
    this.hasOddEnd = false
    this.hasOddSize = false
    this.hasInvalidField = false
  }

  nameFrom(index: number): number {
    return this.offsets[index * offsetsPerField]!
  }

  nameTo(index: number): number {
    return this.offsets[index * offsetsPerField + 1]!
  }

  valueFrom(index: number): number {
    return this.offsets[index * offsetsPerField + 2]!
  }

  valueTo(index: number): number {
    return this.offsets[index * offsetsPerField + 3]!
  }

  reserve(to: number): void {
    if (to <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(to, this.bytes.length * 2))
    grown.set(this.bytes)
    this.bytes = grown
  }

  /** Keeps the field that was written at these offsets, behind `usedBytes`, if it fits. */
  keep(nameFrom: number, nameTo: number, valueFrom: number, valueTo: number, hash: number, maxBytes: number): void {
    if (this.isTooLong || valueTo > maxBytes || this.count === fieldsMaxCount) {
      this.isTooLong = true
      return
    }
    if (this.count === this.hashes.length) this.#grow()
    const at = this.count * offsetsPerField
    this.offsets[at] = nameFrom
    this.offsets[at + 1] = nameTo
    this.offsets[at + 2] = valueFrom
    this.offsets[at + 3] = valueTo
    this.hashes[this.count++] = hash
    this.usedBytes = valueTo
  }

  #grow(): void {
    const offsets = new Int32Array(this.offsets.length * 2)
    offsets.set(this.offsets)
    const hashes = new Int32Array(this.hashes.length * 2)
    hashes.set(this.hashes)
    this.offsets = offsets
    this.hashes = hashes
  }
}

const malformed = -1
const scratch: TableEntry = { bytes: new Uint8Array(0), nameFrom: 0, valueFrom: 0, valueTo: 0, hash: 0 }

export class HpackDecoder {
  /** Every entry of its owner's table is known. */
  isComplete: boolean
  /** The largest table that the other side allows, as far as it was seen. */
  allowedBytes = tableStandardBytes
  readonly #table = new DynamicTable()
  /** What the table's owner may put into it, which may be more than we keep; -1 while that is not known. */
  #ownerMaxBytes: number
  /** Of the integer and the string that were read last. */
  #value = 0
  #end = 0

  /** `isComplete`: the connection was seen from its start. */
  constructor(isComplete: boolean) {
    this.isComplete = isComplete
    this.#ownerMaxBytes = isComplete ? tableStandardBytes : -1
    if (!isComplete) this.#table.maxBytes = tableMaxBytes
  }

  get heldBytes(): number {
    return this.#table.heldBytes
  }

  get entryCount(): number {
    return this.#table.count
  }

  /** A block was missed, or is not to be kept: whatever it added stands in front of what is known, which can be told no more. */
  forget(): void {
    this.#table.clear()
    this.#table.maxBytes = tableMaxBytes
    this.#ownerMaxBytes = -1
    this.isComplete = false
  }

  /** Reads the block `bytes[from, to)` into `out`, which keeps up to `maxBytes`; the table is kept up in any case. */
  decode(bytes: Uint8Array, from: number, to: number, out: HeaderBlock, maxBytes: number): void {
    out.clear()
    let at = from
    while (at < to && at !== malformed) {
      const octet = bytes[at]! // In range by the loop condition.
      if (octet >= 0x80) at = this.#indexed(bytes, at, to, out, maxBytes)
      else if (octet >= 0x40) at = this.#literal(bytes, at, to, out, maxBytes, 0x3f)
      else if (octet >= 0x20) at = this.#sizeUpdate(bytes, at, to, out)
      else at = this.#literal(bytes, at, to, out, maxBytes, 0x0f)
    }
    if (at !== malformed) return
    out.isMalformed = true
    this.forget()
  }

  /** RFC 7541 §6.1. */
  #indexed(bytes: Uint8Array, at: number, to: number, out: HeaderBlock, maxBytes: number): number {
    const end = this.#integer(bytes, at, to, 0x7f)
    if (end === malformed || this.#value === 0) return malformed
    const entry = this.#entry(this.#value)
    if (entry === 'none') return malformed
    if (entry === 'unknown') {
      out.unknownCount++
      return end
    }
    // Nothing but the count of a list that is too long already.
    if (out.isTooLong) return end
    const { nameFrom, valueFrom, valueTo } = entry
    const nameTo = out.usedBytes + valueFrom - nameFrom
    const valueEnd = nameTo + 2 + valueTo - valueFrom
    out.reserve(valueEnd)
    copy(entry.bytes, nameFrom, valueFrom, out.bytes, out.usedBytes)
    copy(separator, 0, 2, out.bytes, nameTo)
    copy(entry.bytes, valueFrom, valueTo, out.bytes, nameTo + 2)
    out.keep(out.usedBytes, nameTo, nameTo + 2, valueEnd, entry.hash, maxBytes)
    return end
  }

  /** RFC 7541 §6.2. `prefix` tells whether it is added to the table (six bits) or not (four). */
  #literal(bytes: Uint8Array, from: number, to: number, out: HeaderBlock, maxBytes: number, prefix: number): number {
    const isAdded = prefix === 0x3f
    let at = this.#integer(bytes, from, to, prefix)
    if (at === malformed) return malformed
    const nameFrom = out.usedBytes
    let nameTo = nameFrom
    let hash = 0
    let isUnknown = false
    if (this.#value === 0) {
      at = this.#string(bytes, at, to, out, nameFrom)
      if (at === malformed) return malformed
      nameTo = this.#end
      hash = this.#nameHash(out, nameFrom, nameTo)
    } else {
      const entry = this.#entry(this.#value)
      if (entry === 'none') return malformed
      if (entry === 'unknown') isUnknown = true
      else {
        hash = entry.hash
        nameTo = nameFrom + entry.valueFrom - entry.nameFrom
        out.reserve(nameTo)
        copy(entry.bytes, entry.nameFrom, entry.valueFrom, out.bytes, nameFrom)
      }
    }
    out.reserve(nameTo + 2)
    copy(separator, 0, 2, out.bytes, nameTo)
    const valueFrom = nameTo + 2
    at = this.#string(bytes, at, to, out, valueFrom)
    if (at === malformed) return malformed
    const valueTo = this.#end
    if (isUnknown) {
      out.unknownCount++
      if (isAdded) this.#table.addUnknown()
      return at
    }
    if (hasLineEnd(out.bytes, valueFrom, valueTo)) out.hasInvalidField = true
    if (isAdded) {
      this.#table.add(out.bytes, nameFrom, nameTo, valueFrom, valueTo, hash)
      const entryBytes = nameTo - nameFrom + valueTo - valueFrom + entryOverheadBytes
      if (entryBytes > this.#table.maxBytes) this.#emptied(entryBytes)
    }
    out.keep(nameFrom, nameTo, valueFrom, valueTo, hash, maxBytes)
    return at
  }

  /** RFC 7541 §6.3. */
  #sizeUpdate(bytes: Uint8Array, at: number, to: number, out: HeaderBlock): number {
    const end = this.#integer(bytes, at, to, 0x1f)
    if (end === malformed) return malformed
    if (this.isComplete && this.#value > this.allowedBytes) out.hasOddSize = true
    if (this.#value > tableMaxBytes) this.isComplete = false
    this.#ownerMaxBytes = this.#value
    this.#table.resize(Math.min(this.#value, tableMaxBytes))
    if (this.#value === 0) this.#emptied(1)
    return end
  }

  /** An entry too large for the table took all others out of it; if its owner keeps more than we do, that one is in his. */
  #emptied(entryBytes: number): void {
    this.isComplete = this.#ownerMaxBytes >= 0 && entryBytes > this.#ownerMaxBytes
  }

  #entry(index: number): TableEntry | 'unknown' | 'none' {
    if (index <= staticCount) return staticEntry(index)
    const position = index - staticCount - 1
    if (position >= this.#table.count) return this.isComplete ? 'none' : 'unknown'
    return this.#table.read(position, scratch) ? scratch : 'unknown'
  }

  /** Reads an integer into `#value`. RFC 7541 §5.1. */
  #integer(bytes: Uint8Array, from: number, to: number, prefix: number): number {
    let value = bytes[from]! & prefix
    let at = from + 1
    if (value === prefix) {
      let factor = 1
      for (let count = 0; ; count++, factor *= 128) {
        if (at >= to || count > integerMaxOctets) return malformed
        const octet = bytes[at++]!
        value += (octet & 0x7f) * factor
        if (octet < 0x80) break
      }
    }
    this.#value = value
    return at
  }

  /** Reads a string to `out.bytes` from `target` on; it ends at `#end`. RFC 7541 §5.2. */
  #string(bytes: Uint8Array, from: number, to: number, out: HeaderBlock, target: number): number {
    if (from >= to) return malformed
    const isHuffman = bytes[from]! >= 0x80
    const at = this.#integer(bytes, from, to, 0x7f)
    if (at === malformed || this.#value > to - at) return malformed
    const end = at + this.#value
    if (!isHuffman) {
      out.reserve(target + this.#value)
      copy(bytes, at, end, out.bytes, target)
      this.#end = target + this.#value
      return end
    }
    out.reserve(target + Math.ceil(this.#value * huffmanExpansion))
    const decodedTo = decodeHuffman(bytes, at, end, out.bytes, target)
    if (decodedTo < 0) out.hasOddEnd = true
    this.#end = decodedTo < 0 ? ~decodedTo : decodedTo
    return end
  }

  #nameHash(out: HeaderBlock, from: number, to: number): number {
    const { bytes } = out
    let hash = nameHashBasis
    for (let i = from; i < to; i++) {
      const octet = bytes[i]!
      const lower = lowerTable[octet]!
      if (lower !== octet || (tokenTable[octet] === 0 && !(octet === 0x3a && i === from))) out.hasInvalidField = true
      hash = nameHashStep(hash, lower)
    }
    if (from === to) out.hasInvalidField = true
    return hash
  }
}

function hasLineEnd(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const octet = bytes[i]!
    if (octet < 0x0e && (octet === 0x0d || octet === 0x0a || octet === 0)) return true
  }
  return false
}

/** Most runs are short: below a few dozen octets a loop beats the call. */
function copy(source: Uint8Array, from: number, to: number, target: Uint8Array, at: number): void {
  if (to - from > 32) target.set(source.subarray(from, to), at)
  else for (let i = from, k = at; i < to; i++, k++) target[k] = source[i]!
}
