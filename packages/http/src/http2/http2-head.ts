/**
 * A decoded header block → the head or the trailers of a message, as the rest of this package and its readers know them from HTTP/1.
 * RFC 9113 §8.
 *
 * `:authority` becomes the field `host` and `:protocol` the field `upgrade`, as whoever translates to HTTP/1 must write them (§8.3.1; RFC 8441
 * §5); the other pseudo-fields become method, target, scheme and status.
 */

import { nameHashOf } from '../field-list.js'
import type { Message } from '../message.js'
import { isBlank, latin1 } from '../octets.js'
import type { HeaderBlock } from './hpack.js'

const methodHash = nameHashOf(':method')
const pathHash = nameHashOf(':path')
const schemeHash = nameHashOf(':scheme')
const authorityHash = nameHashOf(':authority')
const protocolHash = nameHashOf(':protocol')
const statusHash = nameHashOf(':status')
const hostHash = nameHashOf('host')
const upgradeHash = nameHashOf('upgrade')
const lengthHash = nameHashOf('content-length')
const teHash = nameHashOf('te')
/** RFC 9113 §8.2.2. */
const connectionFields = ['connection', 'proxy-connection', 'keep-alive', 'transfer-encoding', 'upgrade'].map(
  (name) => ({
    name,
    hash: nameHashOf(name),
  }),
)
/** A position where nothing stands. */
export const absent = -1
const colon = 0x3a

/** Positions of the pseudo-fields in the block that was read last; `absent` for what is not there. Filled again for each. */
export const pseudo = {
  method: absent,
  path: absent,
  scheme: absent,
  authority: absent,
  protocol: absent,
  status: absent,
  /** One is repeated, unknown, or behind a field. RFC 9113 §8.3. */
  isOdd: false,
}

/** Looks for the pseudo-fields of `block`. */
export function readPseudo(block: HeaderBlock): void {
  pseudo.method = pseudo.path = pseudo.scheme = absent
  pseudo.authority = pseudo.protocol = pseudo.status = absent
  pseudo.isOdd = false
  let hasField = false
  for (let index = 0; index < block.count; index++) {
    if (block.bytes[block.nameFrom(index)] !== colon || block.nameFrom(index) === block.nameTo(index)) {
      hasField = true
      continue
    }
    if (hasField) pseudo.isOdd = true
    const key = keyOf(block.hashes[index]!)
    if (key === undefined || pseudo[key] !== absent) pseudo.isOdd = true
    else pseudo[key] = index
  }
}

function keyOf(hash: number): 'method' | 'path' | 'scheme' | 'authority' | 'protocol' | 'status' | undefined {
  switch (hash) {
    case methodHash:
      return 'method'
    case pathHash:
      return 'path'
    case schemeHash:
      return 'scheme'
    case authorityHash:
      return 'authority'
    case protocolHash:
      return 'protocol'
    case statusHash:
      return 'status'
    default:
      return undefined
  }
}

/** Value of field `index` of a block, Latin-1; empty where there is none. */
export function textOf(block: HeaderBlock, index: number): string {
  return index === absent ? '' : latin1(block.bytes, block.valueFrom(index), block.valueTo(index))
}

/** Of the block that `readPseudo` read: 100 to 999, or -1. */
export function statusOf(block: HeaderBlock): number {
  const text = textOf(block, pseudo.status)
  return /^[1-9][0-9]{2}$/.test(text) ? Number(text) : absent
}

/** Fills `message`, a request, from the block that `readPseudo` read and that has a method. */
export function fillRequest(message: Message, block: HeaderBlock): void {
  const { startLine } = message
  const method = pseudo.method
  if (pseudo.status !== absent) pseudo.isOdd = true
  message.appendHead(block.bytes, block.valueFrom(method), block.valueTo(method))
  const shift = message.headBytes
  rename(block)
  message.appendHead(block.bytes, 0, block.usedBytes)
  startLine.methodEnd = shift
  const target = targetOf(block)
  if (target === undefined) {
    startLine.targetStart = shift + block.valueFrom(pseudo.path)
    startLine.targetEnd = shift + block.valueTo(pseudo.path)
  } else {
    const bytes = Buffer.from(target, 'latin1')
    startLine.targetStart = message.headBytes
    message.appendHead(bytes, 0, bytes.length)
    startLine.targetEnd = message.headBytes
  }
  startLine.status = 0
  finishHead(message, block, shift)
  if (pseudo.authority !== absent) checkHost(message)
}

/** Likewise a response, with its status. */
export function fillResponse(message: Message, block: HeaderBlock, status: number): void {
  const { startLine } = message
  const isOfRequest = Math.max(pseudo.method, pseudo.path, pseudo.scheme, pseudo.authority, pseudo.protocol) > absent
  if (isOfRequest) pseudo.isOdd = true
  pseudo.authority = pseudo.protocol = absent
  message.appendHead(block.bytes, 0, block.usedBytes)
  startLine.methodEnd = startLine.targetStart = startLine.targetEnd = 0
  startLine.status = status
  finishHead(message, block, 0)
}

/** Pseudo-fields have no place in trailers (RFC 9113 §8.1): left out. */
export function fillTrailers(message: Message, block: HeaderBlock): void {
  const bytes = Buffer.from(block.bytes.subarray(0, block.usedBytes))
  const table = message.trailerTable
  message.countTrailers(bytes.length)
  message.hasTrailers = true
  table.bytes = bytes
  table.base = 0
  if (pseudo.isOdd || (block.count > 0 && block.bytes[block.nameFrom(0)] === colon))
    message.report('http2.pseudo-field-invalid')
  for (let index = 0; index < block.count; index++) {
    if (bytes[block.nameFrom(index)] !== colon) addField(message.trailerTable, block, index, 0)
  }
  reportBlock(message, block)
}

/** Octets that `content-length` announces, or -1. */
export function announcedBytes(message: Message): number {
  const { fields } = message
  const index = fields.indexOfHashed('content-length', lengthHash, 0)
  if (index < 0) return absent
  const text = fields.value(index)
  if (/^[0-9]{1,15}$/.test(text)) return Number(text)
  message.report('http.content-length-invalid')
  return absent
}

/** A target that is none of the block's values: CONNECT has none of its own, and that of RFC 8441 one in parts. */
function targetOf(block: HeaderBlock): string | undefined {
  const authority = textOf(block, pseudo.authority)
  if (textOf(block, pseudo.method) !== 'CONNECT') return undefined
  if (pseudo.protocol === absent) return authority
  return `${textOf(block, pseudo.scheme)}://${authority}${textOf(block, pseudo.path)}`
}

/** Writes the names that these two have as fields over the ends of their own. */
function rename(block: HeaderBlock): void {
  const { authority, protocol } = pseudo
  if (authority !== absent) block.bytes.write('host', block.nameTo(authority) - 4, 'latin1')
  if (protocol !== absent) block.bytes.write('upgrade', block.nameTo(protocol) - 7, 'latin1')
}

function finishHead(message: Message, block: HeaderBlock, shift: number): void {
  const { startLine, fields } = message
  startLine.version = 20
  startLine.isVersionMalformed = false
  startLine.hasInnerSpace = false
  message.headEnd = message.headBytes
  fields.bytes = message.head
  fields.base = 0
  for (let index = 0; index < block.count; index++) {
    const nameFrom = block.nameFrom(index)
    if (block.bytes[nameFrom] !== colon || nameFrom === block.nameTo(index)) addField(fields, block, index, shift)
    else if (index === pseudo.authority) addRenamed(fields, block, index, shift, 4, hostHash)
    else if (index === pseudo.protocol) addRenamed(fields, block, index, shift, 7, upgradeHash)
  }
  reportBlock(message, block)
  if (pseudo.isOdd) message.report('http2.pseudo-field-invalid')
  for (const { name, hash } of connectionFields) {
    const index = fields.indexOfHashed(name, hash, 0)
    if (index >= 0 && !(name === 'upgrade' && pseudo.protocol !== absent))
      message.report('http2.connection-specific-field')
  }
  const te = fields.indexOfHashed('te', teHash, 0)
  if (te >= 0 && fields.value(te).toLowerCase() !== 'trailers') message.report('http2.connection-specific-field')
}

type Fields = Message['fields']

function addField(fields: Fields, block: HeaderBlock, index: number, shift: number): void {
  let from = block.valueFrom(index)
  let to = block.valueTo(index)
  while (from < to && isBlank(block.bytes[from])) from++
  while (to > from && isBlank(block.bytes[to - 1])) to--
  fields.add(shift + block.nameFrom(index), shift + block.nameTo(index), shift + from, shift + to, block.hashes[index]!)
}

function addRenamed(
  fields: Fields,
  block: HeaderBlock,
  index: number,
  shift: number,
  length: number,
  hash: number,
): void {
  const nameTo = shift + block.nameTo(index)
  fields.add(nameTo - length, nameTo, shift + block.valueFrom(index), shift + block.valueTo(index), hash)
}

function reportBlock(message: Message, block: HeaderBlock): void {
  if (block.unknownCount > 0) message.report('http2.fields-unknown')
  if (block.hasInvalidField) message.report('http2.field-invalid')
  if (block.hasOddEnd) message.report('http2.huffman-end-odd')
  if (block.hasOddSize) message.report('http2.table-size-odd')
}

/** RFC 9113 §8.3.1: a Host beside `:authority` must say the same; which of them holds, receivers do not agree. */
function checkHost({ fields, report }: Message): void {
  const first = fields.indexOfHashed('host', hostHash, 0)
  const second = fields.indexOfHashed('host', hostHash, first + 1)
  if (second < 0) return
  if (fields.value(first).toLowerCase() === fields.value(second).toLowerCase()) return
  report('http.host-repeated')
}
