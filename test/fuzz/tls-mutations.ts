/** TLS with its records broken: types, versions, lengths, cuts, order, and the handshake inside. RFC 8446 §4, §5; RFC 5246 §6. */

import type { Random } from '../random.js'
import { noisy, noisyInPlace, randomWord } from './byte-mutations.js'
import { concatenated } from './fuzz-frame.js'
import { tlsRecord } from './seed-conversations.js'

interface TlsRecord {
  type: number
  version: number
  payload: Uint8Array
}

const headerBytes = 5

/** Undefined unless `bytes` start with a record. */
export function mutateTls(bytes: Uint8Array, random: Random): Uint8Array | undefined {
  const records = recordsOf(bytes)
  if (records.length === 0) return undefined
  random.pick(changes)(records, random)
  return concatenated(...records.map((record) => written(record, random)))
}

function recordsOf(bytes: Uint8Array): TlsRecord[] {
  const records: TlsRecord[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = 0; at + headerBytes < bytes.length; ) {
    const [type, version, length] = [view.getUint8(at), view.getUint16(at + 1), view.getUint16(at + 3)]
    if (type < 20 || type > 24 || version >> 8 !== 3) return records
    records.push({ type, version, payload: bytes.subarray(at + headerBytes, at + headerBytes + length) })
    at += headerBytes + length
  }
  return records
}

function written({ type, version, payload }: TlsRecord, random: Random): Uint8Array {
  const bytes = tlsRecord(type, payload)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  view.setUint16(1, version)
  if (random.chance(0.02)) view.setUint16(3, randomWord(random))
  return bytes
}

type Change = (records: TlsRecord[], random: Random) => void

const changeHeader: Change = (records, random) => {
  const record = random.pick(records)
  if (random.chance(0.5)) record.type = random.chance(0.8) ? 20 + random.below(5) : random.below(256)
  else record.version = random.chance(0.7) ? random.pick([0x0300, 0x0301, 0x0303, 0x0304, 0x7f1c]) : randomWord(random)
}

const changePayload: Change = (records, random) => {
  const record = random.pick(records)
  record.payload = noisy(record.payload, random, 1 + random.below(4))
}

/** Lengths within a handshake message: many nested ones, each of which may lie. */
const changeLengths: Change = (records, random) => {
  const handshakes = records.filter(({ type }) => type === 22)
  const record = handshakes.length === 0 ? random.pick(records) : random.pick(handshakes)
  record.payload = noisyInPlace(
    record.payload,
    random,
    0,
    random.chance(0.5) ? 8 : record.payload.length,
    1 + random.below(3),
  )
}

/** A message in several records, or several records in one. */
const recut: Change = (records, random) => {
  const at = random.below(records.length)
  const record = records[at]
  if (record === undefined || record.payload.length < 2) return
  const cut = 1 + random.below(record.payload.length - 1)
  const [head, tail] = [record.payload.subarray(0, cut), record.payload.subarray(cut)]
  records.splice(at, 1, { ...record, payload: head }, { ...record, payload: tail })
}

const reorder: Change = (records, random) => {
  const [moved] = records.splice(random.below(records.length), 1)
  if (moved === undefined || random.chance(0.25)) return
  records.splice(random.below(records.length + 1), 0, moved)
  if (random.chance(0.4)) records.push({ ...moved })
}

const changes: readonly Change[] = [changeHeader, changePayload, changeLengths, changeLengths, recut, reorder]
