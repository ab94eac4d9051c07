/**
 * Lines of a head or trailer section → fields of a table. Resumable: lines that are not complete yet stay with the caller.
 * RFC 9112 §2.2 (line ends), §5 (field syntax), §5.2 (folded lines).
 */

import { type FieldTable, nameHashBasis, nameHashStep } from './field-list.js'
import { expectedHashes, expectedNameBytes, expectName, slotAfter } from './field-name-guess.js'
import type { AnomalyName } from './http-limits.js'
import {
  knownLineAt,
  learnLine,
  lineBytes,
  lineHashes,
  lineIds,
  lineNameEnds,
  lineValueEnds,
  lineValueStarts,
  noLine,
  setAfter,
} from './known-lines.js'
import {
  COLON,
  CR,
  HTAB,
  hasOctetBelow,
  indexOfLf,
  isBlank,
  LF,
  lowerTable,
  SP,
  tokenLowerTable,
  tokenTable,
  wordsOf,
} from './octets.js'

export const needMore = -1

/** Where a section of fields stands in its scan; offsets count from the start of the message. */
export interface FieldScan {
  /** Start of the line that is not complete yet. */
  lineStart: number
  /** Bytes that are known to hold no line end behind `lineStart`. */
  scannedTo: number
}

/**
 * Reads lines of `bytes[base + scan.lineStart, to)` into `table`. Returns the index behind the empty line that ends the section,
 * or `needMore`; each byte is looked at twice at most, however it is cut.
 */
export function scanFields(
  bytes: Uint8Array,
  base: number,
  to: number,
  scan: FieldScan,
  table: FieldTable,
  report: (name: AnomalyName) => void,
): number {
  let start = base + scan.lineStart
  if (scan.scannedTo > scan.lineStart && indexOfLf(bytes, base + scan.scannedTo, to) < 0) {
    scan.scannedTo = to - base
    return needMore
  }
  for (;;) {
    start = readPlainLines(bytes, base, start, to, table)
    const lf = indexOfLf(bytes, start, to)
    if (lf < 0) {
      scan.lineStart = start - base
      scan.scannedTo = to - base
      return needMore
    }
    let end = lf > start && bytes[lf - 1] === CR ? lf - 1 : lf
    if (end === start) return lf + 1
    while (end > start && bytes[end - 1] === CR) end--
    table.hasBreaks = true
    readLine(bytes, base, start, end, table, report)
    start = lf + 1
  }
}

/**
 * Lines as nearly all are, in one pass: token, colon, value, line end. Returns the start of the first that is not so, or not all there.
 * Values are passed over by words of four octets.
 */
function readPlainLines(bytes: Uint8Array, base: number, from: number, to: number, table: FieldTable): number {
  const words = wordsOf(bytes)
  const wordBase = bytes.byteOffset
  const lastWord = to - 4
  let previousHash = table.lastHash(bytes[base]!)
  for (let start = from; ; ) {
    const set = setAfter(previousHash)
    const line = knownLineAt(set, words, wordBase + start, wordBase + to)
    if (line !== noLine) {
      const offset = start - base
      previousHash = lineHashes[line]!
      table.add(
        offset,
        offset + lineNameEnds[line]!,
        offset + lineValueStarts[line]!,
        offset + lineValueEnds[line]!,
        previousHash,
        lineIds[line]!,
      )
      start += lineBytes(line)
      continue
    }
    const slot = slotAfter(previousHash)
    let at = start + expectedNameBytes(slot, words, wordBase + start, wordBase + to)
    let hash = expectedHashes[slot]!
    if (at === start) {
      hash = nameHashBasis
      for (; at < to; at++) {
        const octet = tokenLowerTable[bytes[at]!]!
        if (octet === 0) break
        hash = nameHashStep(hash, octet)
      }
      if (at === start || at >= to || bytes[at] !== COLON) return start
      expectName(slot, bytes, start, at, hash)
    }
    const nameEnd = at++
    while (at < to && isBlank(bytes[at])) at++
    const valueStart = at
    // Stops at LF, CR, and other controls, which the slow way looks into.
    for (;;) {
      while (at <= lastWord && hasOctetBelow(words.getInt32(wordBase + at, true), SP) === 0) at += 4
      while (at < to && bytes[at]! >= SP) at++
      if (at >= to) return start
      if (bytes[at] !== HTAB) break
      at++
    }
    let valueEnd = at
    if (bytes[at] === CR) at++
    if (at >= to || bytes[at] !== LF) return start
    while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--
    table.add(start - base, nameEnd - base, valueStart - base, valueEnd - base, hash)
    learnLine(set, words, wordBase + start, at + 1 - start, nameEnd - start, valueStart - start, valueEnd - start, hash)
    previousHash = hash
    start = at + 1
  }
}

/** One line, and the fields behind bare CRs in it: a loop, as there may be as many as a head has bytes. */
function readLine(
  bytes: Uint8Array,
  base: number,
  start: number,
  end: number,
  table: FieldTable,
  report: (name: AnomalyName) => void,
): void {
  for (let at = start; at >= 0; ) at = readField(bytes, base, at, end, table, report)
}

/** Reads the field that starts at `from`. Returns where in the same line the next one starts, or -1. */
function readField(
  bytes: Uint8Array,
  base: number,
  from: number,
  end: number,
  table: FieldTable,
  report: (name: AnomalyName) => void,
): number {
  let start = from
  if (start === end || bytes[start] === CR) {
    report('http.bare-cr')
    while (start < end && (bytes[start] === CR || isBlank(bytes[start]))) start++
    if (start === end) return -1
  }
  if (isBlank(bytes[start])) {
    foldLine(bytes, base, start, end, table, report)
    return -1
  }
  let hash = nameHashBasis
  let isToken = true
  let colon = start
  for (; colon < end; colon++) {
    const octet = bytes[colon]!
    if (octet === COLON) break
    if (tokenTable[octet] === 0) isToken = false
    hash = nameHashStep(hash, lowerTable[octet]!)
  }
  if (colon === end) {
    report('http.field-without-colon')
    return -1
  }
  let nameEnd = colon
  if (!isToken) {
    report('http.field-name-invalid')
    while (nameEnd > start && isBlank(bytes[nameEnd - 1])) nameEnd--
    hash = nameHashBasis
    for (let i = start; i < nameEnd; i++) hash = nameHashStep(hash, lowerTable[bytes[i]!]!)
  }
  const next = nextFieldAfterBareCr(bytes, colon + 1, end)
  let valueEnd = next < 0 ? end : next - 1
  let valueStart = colon + 1
  while (valueStart < valueEnd && isBlank(bytes[valueStart])) valueStart++
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--
  table.add(start - base, nameEnd - base, valueStart - base, valueEnd - base, hash)
  if (next >= 0) report('http.bare-cr')
  return next
}

/** A CR without LF that a field follows: some receivers end the line there. Index of that field, or -1. */
function nextFieldAfterBareCr(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i < to; i++) {
    if (bytes[i] !== CR) continue
    let end = i + 1
    while (end < to && tokenTable[bytes[end]!] === 1) end++
    if (end > i + 1 && bytes[end] === COLON) return i + 1
  }
  return -1
}

function foldLine(
  bytes: Uint8Array,
  base: number,
  start: number,
  end: number,
  table: FieldTable,
  report: (name: AnomalyName) => void,
): void {
  let valueStart = start
  let valueEnd = end
  while (valueStart < valueEnd && isBlank(bytes[valueStart])) valueStart++
  while (valueEnd > valueStart && isBlank(bytes[valueEnd - 1])) valueEnd--
  report(table.count > 0 ? 'http.field-folded' : 'http.field-without-colon')
  if (table.count > 0 && valueEnd > valueStart) table.extendLast(valueStart - base, valueEnd - base)
}
