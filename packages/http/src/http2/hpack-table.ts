/**
 * The two tables that HPACK refers to by one run of numbers: 1 to 61 the static one, from 62 on the dynamic one, its newest entry first.
 * RFC 7541 §2.3, §4.1, Appendix A.
 *
 * Entries of the dynamic table stand in one block of bytes, oldest first; leaving at the front and coming at the end they are one run
 * in it, which is moved to the front when the end is reached. Invariant: `sizeBytes <= maxBytes`.
 */

import { nameHashOf } from '../field-list.js'

/** What an entry counts beside its octets. RFC 7541 §4.1. */
export const entryOverheadBytes = 32
/** Largest dynamic table that is kept. Peers may agree on more: what is further back is then unknown. */
export const tableMaxBytes = 65_536
/** Size of the dynamic table until its owner says otherwise. RFC 9113 §6.5.2. */
export const tableStandardBytes = 4_096

const staticEntries = `:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`.split('\n')

export const staticCount = staticEntries.length

/** An entry's octets: name, then value. */
export interface TableEntry {
  bytes: Uint8Array
  nameFrom: number
  valueFrom: number
  valueTo: number
  /** Of the name. */
  hash: number
}

const staticTable: readonly TableEntry[] = staticEntries.map((line) => {
  const [name, ...values] = line.split(' ')
  const value = values.join(' ')
  const nameText = name ?? ''
  const bytes = Buffer.from(nameText + value)
  return { bytes, nameFrom: 0, valueFrom: nameText.length, valueTo: bytes.length, hash: nameHashOf(nameText) }
})

/** The static entry `index`, 1 to 61. */
export function staticEntry(index: number): TableEntry {
  return staticTable[index - 1]!
}

const integersPerEntry = 4
const initialEntries = 16
const initialBytes = 1_024
const noBytes = new Uint8Array(0)
const noEntries = new Int32Array(0)
/** Length of a name that was a reference to something unknown. */
const unknownName = -1

export class DynamicTable {
  maxBytes = tableStandardBytes
  sizeBytes = 0
  count = 0
  #bytes: Uint8Array = noBytes
  #to = 0
  /** A ring of: start, length of the name, length of the value, hash of the name. */
  #entries = noEntries
  #oldest = 0

  /** Memory that it holds. */
  get heldBytes(): number {
    return this.#bytes.length + this.#entries.byteLength
  }

  /** Puts entry `index` into `out`, 0 being the newest; false if its name is not known. The octets hold until the next `add`. */
  read(index: number, out: TableEntry): boolean {
    const at = this.#at(this.count - 1 - index)
    const start = this.#entries[at]!
    const nameLength = this.#entries[at + 1]!
    if (nameLength === unknownName) return false
    out.bytes = this.#bytes
    out.nameFrom = start
    out.valueFrom = start + nameLength
    out.valueTo = start + nameLength + this.#entries[at + 2]!
    out.hash = this.#entries[at + 3]!
    return true
  }

  /** Adds `bytes[nameFrom, nameTo)` and `bytes[valueFrom, valueTo)`, which must not stand in this table. */
  add(bytes: Uint8Array, nameFrom: number, nameTo: number, valueFrom: number, valueTo: number, hash: number): void {
    const nameLength = nameTo - nameFrom
    const length = nameLength + valueTo - valueFrom
    if (!this.#makeRoom(length)) return
    this.#bytes.set(bytes.subarray(nameFrom, nameTo), this.#to)
    this.#bytes.set(bytes.subarray(valueFrom, valueTo), this.#to + nameLength)
    this.#push(nameLength, valueTo - valueFrom, hash)
    this.#to += length
    this.sizeBytes += length + entryOverheadBytes
  }

  /** Adds an entry of unknown name and so of unknown size: counted smaller than it is, so that others may stay longer than with their owner. */
  addUnknown(): void {
    if (!this.#makeRoom(0)) return
    this.#push(unknownName, 0, 0)
    this.sizeBytes += entryOverheadBytes
  }

  resize(maxBytes: number): void {
    this.maxBytes = maxBytes
    this.#evictTo(maxBytes)
  }

  /** Drops all entries and their memory. */
  clear(): void {
    this.count = 0
    this.sizeBytes = 0
    this.#to = 0
    this.#bytes = noBytes
    this.#entries = noEntries
    this.#oldest = 0
  }

  /** False: an entry so large leaves nothing in the table, itself neither. RFC 7541 §4.4. */
  #makeRoom(length: number): boolean {
    const size = length + entryOverheadBytes
    this.#evictTo(Math.max(0, this.maxBytes - size))
    if (size > this.maxBytes) return false
    if (this.#to + length > this.#bytes.length) this.#moveOrGrow(length)
    if ((this.count + 1) * integersPerEntry > this.#entries.length) this.#growEntries()
    return true
  }

  #evictTo(maxBytes: number): void {
    while (this.sizeBytes > maxBytes && this.count > 0) {
      const at = this.#at(0)
      const nameLength = Math.max(0, this.#entries[at + 1]!)
      this.sizeBytes -= nameLength + this.#entries[at + 2]! + entryOverheadBytes
      this.#oldest = (this.#oldest + 1) & (this.#entries.length / integersPerEntry - 1)
      this.count--
    }
    if (this.count === 0) this.#to = 0
  }

  #moveOrGrow(length: number): void {
    const from = this.count === 0 ? this.#to : this.#entries[this.#at(0)]!
    const liveBytes = this.#to - from
    const source = this.#bytes
    // Half of it free behind a move, so that each octet is moved once on average.
    if ((liveBytes + length) * 2 > source.length) {
      let capacity = Math.max(source.length, initialBytes)
      while (capacity < (liveBytes + length) * 2) capacity *= 2
      this.#bytes = new Uint8Array(capacity)
    }
    this.#bytes.set(source.subarray(from, this.#to))
    this.#to = liveBytes
    for (let i = 0; i < this.count; i++) this.#entries[this.#at(i)]! -= from
  }

  /** To a power of two of entries. */
  #growEntries(): void {
    const grown = new Int32Array(Math.max(initialEntries * integersPerEntry, this.#entries.length * 2))
    for (let i = 0; i < this.count; i++) {
      const at = this.#at(i)
      grown.set(this.#entries.subarray(at, at + integersPerEntry), i * integersPerEntry)
    }
    this.#entries = grown
    this.#oldest = 0
  }

  #push(nameLength: number, valueLength: number, hash: number): void {
    this.count++
    const at = this.#at(this.count - 1)
    this.#entries[at] = this.#to
    this.#entries[at + 1] = nameLength
    this.#entries[at + 2] = valueLength
    this.#entries[at + 3] = hash
  }

  /** Where the integers of an entry stand, 0 being the oldest. */
  #at(position: number): number {
    return ((this.#oldest + position) & (this.#entries.length / integersPerEntry - 1)) * integersPerEntry
  }
}
