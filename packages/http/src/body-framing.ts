/** Where a message's content ends: RFC 9112 §6.3 as a pure function of its fields, lenient as receivers are, each oddity named. */

import { type FieldTable, nameHashOf } from './field-list.js'
import type { AnomalyName } from './http-limits.js'
import { CR, HTAB, isBlank, LF, lowerTable, tokensOf } from './octets.js'

export type FramingKind = 'none' | 'length' | 'chunked' | 'until-close'

export interface BodyFraming {
  kind: FramingKind
  /** With `length` only. */
  lengthBytes: number
  /** Transfer codings other than `chunked` were named: the content is encoded as they say, too. */
  transferCodings: string
}

export const transferEncodingHash = nameHashOf('transfer-encoding')
export const contentLengthHash = nameHashOf('content-length')

const lengthMaxDigits = 15

/** Fills `out`. `report` hears of every oddity. A message that cannot have content is the caller's business. */
export function frameBody(
  fields: FieldTable,
  isRequest: boolean,
  out: BodyFraming,
  report: (name: AnomalyName) => void,
): void {
  out.transferCodings = ''
  out.lengthBytes = 0
  const transferIndex = fields.indexOfHashed('transfer-encoding', transferEncodingHash, 0)
  const lengthIndex = fields.indexOfHashed('content-length', contentLengthHash, 0)
  // Whatever it names: no message has both, and receivers differ in which they read. RFC 9112 §6.1.
  if (transferIndex >= 0 && lengthIndex >= 0) report('http.transfer-encoding-and-content-length')
  if (transferIndex >= 0 && frameByTransferCoding(fields, transferIndex, isRequest, out, report)) return
  if (lengthIndex >= 0) {
    const length = contentLength(fields, lengthIndex, report)
    if (length >= 0) {
      out.kind = 'length'
      out.lengthBytes = length
      return
    }
  }
  out.kind = isRequest ? 'none' : 'until-close'
}

/** False when the field names no coding that frames (`identity`, nothing). */
function frameByTransferCoding(
  fields: FieldTable,
  firstIndex: number,
  isRequest: boolean,
  out: BodyFraming,
  report: (name: AnomalyName) => void,
): boolean {
  let isLast = false
  let hasUnknown = false
  let chunkedCount = 0
  const others: string[] = []
  let index = firstIndex
  for (; index >= 0; index = fields.indexOfHashed('transfer-encoding', transferEncodingHash, index + 1)) {
    if (hasStrayOctet(fields, index)) hasUnknown = true
    for (const coding of tokensOf(fields.value(index))) {
      if (coding === 'identity') continue
      isLast = coding === 'chunked'
      if (isLast) chunkedCount++
      else if (['gzip', 'x-gzip', 'deflate', 'br'].includes(coding)) others.push(coding)
      else hasUnknown = true
    }
  }
  const isChunked = chunkedCount > 0
  // RFC 9112 §6.1: chunked is applied once.
  if (chunkedCount > 1) report('http.transfer-encoding-repeated')
  if (hasUnknown || ((isChunked || others.length > 0) && !isLast)) report('http.transfer-encoding-unknown')
  if (!isChunked) {
    if (others.length === 0) return false
    out.kind = isRequest ? 'none' : 'until-close'
    out.transferCodings = others.join(',')
    return true
  }
  out.kind = 'chunked'
  out.transferCodings = others.join(',')
  return true
}

/** Octets that stand in no list of codings: what one receiver reads as `chunked` another does not. */
function hasStrayOctet(fields: FieldTable, index: number): boolean {
  for (let i = fields.valueStart(index); i < fields.valueEnd(index); i++) {
    const octet = fields.bytes[i]!
    if (octet < 0x20 && octet !== HTAB && octet !== CR && octet !== LF) return true
    if (octet > 0x7e || octet === 0x22) return true
  }
  return false
}

/** The length, or -1 when no value is usable. Repeated equal values count once; of unequal ones the first holds. */
function contentLength(fields: FieldTable, firstIndex: number, report: (name: AnomalyName) => void): number {
  let length = -1
  let seenCount = 0
  let index = firstIndex
  for (; index >= 0; index = fields.indexOfHashed('content-length', contentLengthHash, index + 1)) {
    let at = fields.valueStart(index)
    const end = fields.valueEnd(index)
    do {
      let partEnd = at
      while (partEnd < end && fields.bytes[partEnd] !== 0x2c) partEnd++
      const value = decimal(fields.bytes, at, partEnd)
      if (value < 0) report('http.content-length-invalid')
      else if (length < 0) length = value
      else report(value === length ? 'http.content-length-repeated' : 'http.content-length-conflict')
      seenCount++
      at = partEnd + 1
    } while (at <= end && seenCount < 100)
  }
  return length
}

/** Digits with white space around them, else -1. */
function decimal(bytes: Uint8Array, from: number, to: number): number {
  let start = from
  let end = to
  while (start < end && isBlank(bytes[start])) start++
  while (end > start && isBlank(bytes[end - 1])) end--
  while (end - start > 1 && bytes[start] === 0x30) start++
  if (end === start || end - start > lengthMaxDigits) return -1
  let value = 0
  for (let i = start; i < end; i++) {
    const octet = lowerTable[bytes[i]!]!
    if (octet < 0x30 || octet > 0x39) return -1
    value = value * 10 + (octet - 0x30)
  }
  return value
}
