/**
 * Opens the records of one direction under one key: given a sequence number, the content, or nothing when authentication fails. So the number of a
 * record behind a gap is found by trying. RFC 8446 §5.2 to §5.3; RFC 5246 §6.2.3; RFC 5288, 6655 (GCM, CCM); RFC 7905 (ChaCha20); RFC 7366 (encrypt-then-MAC).
 */

import { type CipherGCM, createDecipheriv, createHmac, type DecipherGCM, timingSafeEqual } from 'node:crypto'
import type { AeadSuite, CbcSuite, CipherSuite } from './cipher-suites.js'
import type { DirectionKeys } from './key-schedule.js'
import { recordHeaderBytes, versionTls13 } from './record.js'

/** What `opener.open` found. */
export interface OpenedRecord {
  /** The true type, which TLS 1.3 hides behind application data. */
  readonly type: number
  readonly content: Uint8Array
}

export interface RecordOpener {
  /** Bytes of a record beside its content, header included; without padding, which nobody can know of a record that was missed. */
  readonly overheadBytes: number
  /** `bytes[from, to)` is the record with its header. Undefined when it is not the record of this number under this key. */
  open(sequence: number, bytes: Uint8Array, from: number, to: number): OpenedRecord | undefined
  /** The record, opened or not, lies behind us: CBC in TLS 1.0 needs its last block. */
  passed(bytes: Uint8Array, to: number): void
}

export function recordOpener(
  suite: CipherSuite,
  version: number,
  keys: DirectionKeys,
  encryptThenMac: boolean,
): RecordOpener {
  if (suite.mode === 'cbc') return new CbcOpener(suite, version, keys, encryptThenMac)
  return version === versionTls13 ? new Tls13Opener(suite, keys) : new Tls12AeadOpener(suite, keys)
}

class Tls13Opener implements RecordOpener {
  readonly overheadBytes: number
  readonly #suite: AeadSuite
  readonly #keys: DirectionKeys

  constructor(suite: AeadSuite, keys: DirectionKeys) {
    this.#suite = suite
    this.#keys = keys
    this.overheadBytes = recordHeaderBytes + 1 + suite.tagBytes
  }

  open(sequence: number, bytes: Uint8Array, from: number, to: number): OpenedRecord | undefined {
    const { iv } = this.#keys
    const header = bytes.subarray(from, from + recordHeaderBytes)
    const inner = openAead(this.#suite, this.#keys, xorNonce(iv, sequence), header, bytes, from + recordHeaderBytes, to)
    if (inner === undefined) return undefined
    let end = inner.length
    while (end > 0 && inner[end - 1] === 0) end-- // Padding. RFC 8446 §5.4.
    if (end === 0) return undefined
    return { type: inner[end - 1]!, content: inner.subarray(0, end - 1) } // In range by the check in front.
  }

  passed(): void {
    // Each record stands for itself.
  }
}

class Tls12AeadOpener implements RecordOpener {
  readonly overheadBytes: number
  readonly #suite: AeadSuite
  readonly #keys: DirectionKeys
  readonly #explicitBytes: number
  readonly #additional = Buffer.alloc(13)

  constructor(suite: AeadSuite, keys: DirectionKeys) {
    this.#suite = suite
    this.#keys = keys
    this.#explicitBytes = suite.mode === 'chacha20' ? 0 : 8
    this.overheadBytes = recordHeaderBytes + this.#explicitBytes + suite.tagBytes
  }

  open(sequence: number, bytes: Uint8Array, from: number, to: number): OpenedRecord | undefined {
    const contentBytes = to - from - this.overheadBytes
    if (contentBytes < 0) return undefined
    const { iv } = this.#keys
    const contentFrom = from + recordHeaderBytes + this.#explicitBytes
    const nonce =
      this.#explicitBytes === 0
        ? xorNonce(iv, sequence)
        : Buffer.concat([iv, bytes.subarray(from + recordHeaderBytes, contentFrom)])
    writeMacHeader(this.#additional, sequence, bytes, from, contentBytes)
    const content = openAead(this.#suite, this.#keys, nonce, this.#additional, bytes, contentFrom, to)
    return content === undefined ? undefined : { type: bytes[from]!, content } // A record has a header.
  }

  passed(): void {
    // Each record stands for itself.
  }
}

const blockBytes = 16

class CbcOpener implements RecordOpener {
  readonly overheadBytes: number
  readonly #suite: CbcSuite
  readonly #keys: DirectionKeys
  readonly #isImplicitIv: boolean
  readonly #encryptThenMac: boolean
  readonly #header = Buffer.alloc(13)
  #iv: Uint8Array

  constructor(suite: CbcSuite, version: number, keys: DirectionKeys, encryptThenMac: boolean) {
    this.#suite = suite
    this.#keys = keys
    this.#isImplicitIv = version < 0x0302
    this.#encryptThenMac = encryptThenMac
    this.#iv = keys.iv
    this.overheadBytes = recordHeaderBytes + (this.#isImplicitIv ? 0 : blockBytes) + suite.macBytes + 1
  }

  open(sequence: number, bytes: Uint8Array, from: number, to: number): OpenedRecord | undefined {
    const { macBytes } = this.#suite
    const ivFrom = from + recordHeaderBytes
    const cipherFrom = this.#isImplicitIv ? ivFrom : ivFrom + blockBytes
    const cipherTo = this.#encryptThenMac ? to - macBytes : to
    const cipherBytes = cipherTo - cipherFrom
    if (cipherBytes < blockBytes || cipherBytes % blockBytes !== 0) return undefined
    if (this.#encryptThenMac) {
      const mac = this.#mac(sequence, bytes, from, cipherTo - ivFrom, bytes.subarray(ivFrom, cipherTo))
      if (!timingSafeEqual(mac, bytes.subarray(cipherTo, to))) return undefined
    }
    const iv = this.#isImplicitIv ? this.#iv : bytes.subarray(ivFrom, cipherFrom)
    const decipher = createDecipheriv(this.#suite.cipher, this.#keys.key, iv).setAutoPadding(false)
    const plain = decipher.update(bytes.subarray(cipherFrom, cipherTo))
    const paddingBytes = plain[plain.length - 1]! + 1 // At least one block.
    const contentBytes = plain.length - paddingBytes - (this.#encryptThenMac ? 0 : macBytes)
    if (contentBytes < 0) return undefined
    const content = plain.subarray(0, contentBytes)
    if (!this.#encryptThenMac) {
      const mac = this.#mac(sequence, bytes, from, contentBytes, content)
      if (!timingSafeEqual(mac, plain.subarray(contentBytes, contentBytes + macBytes))) return undefined
    }
    return { type: bytes[from]!, content } // A record has a header.
  }

  passed(bytes: Uint8Array, to: number): void {
    const cipherTo = this.#encryptThenMac ? to - this.#suite.macBytes : to
    if (!this.#isImplicitIv || cipherTo < blockBytes) return
    this.#iv = Uint8Array.from(bytes.subarray(cipherTo - blockBytes, cipherTo))
  }

  #mac(sequence: number, record: Uint8Array, from: number, lengthBytes: number, content: Uint8Array): Uint8Array {
    writeMacHeader(this.#header, sequence, record, from, lengthBytes)
    return createHmac(this.#suite.mac, this.#keys.macKey).update(this.#header).update(content).digest()
  }
}

/** Sequence number, type, version and length, in front of what is authenticated. RFC 5246 §6.2.3.1, §6.2.3.3. */
function writeMacHeader(out: Buffer, sequence: number, record: Uint8Array, from: number, lengthBytes: number): void {
  out.writeUInt32BE(Math.floor(sequence / 2 ** 32), 0)
  out.writeUInt32BE(sequence >>> 0, 4)
  out.set(record.subarray(from, from + 3), 8)
  out.writeUInt16BE(lengthBytes, 11)
}

function xorNonce(iv: Uint8Array, sequence: number): Uint8Array {
  const nonce = Buffer.from(iv)
  nonce.writeUInt32BE((nonce.readUInt32BE(4) ^ Math.floor(sequence / 2 ** 32)) >>> 0, 4)
  nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ (sequence >>> 0)) >>> 0, 8)
  return nonce
}

/** `bytes[from, to)`: ciphertext, then the tag. */
function openAead(
  { cipher, mode, tagBytes }: AeadSuite,
  { key }: DirectionKeys,
  nonce: Uint8Array,
  additional: Uint8Array,
  bytes: Uint8Array,
  from: number,
  to: number,
): Uint8Array | undefined {
  const tagFrom = to - tagBytes
  if (tagFrom < from) return undefined
  // One interface for the three modes; Node's types have an overload for each.
  const create = createDecipheriv as unknown as (
    cipher: string,
    key: Uint8Array,
    nonce: Uint8Array,
    options: { authTagLength: number },
  ) => DecipherGCM
  const decipher = create(cipher, key, nonce, { authTagLength: tagBytes })
  try {
    decipher.setAuthTag(bytes.subarray(tagFrom, to))
    const options = mode === 'ccm' ? { plaintextLength: tagFrom - from } : undefined
    decipher.setAAD(additional, options as Parameters<CipherGCM['setAAD']>[1])
    const content = decipher.update(bytes.subarray(from, tagFrom))
    decipher.final()
    return content
  } catch {
    return undefined // The library's way to say that authentication failed.
  }
}
