/**
 * Tokens of the three classes (contracts/token.ts) from one fleet key. HKDF-SHA-256 (RFC 5869) derives a subkey a class, so that the
 * access subkey can be given to enforcers without giving away the others.
 *
 * An access token is HMAC-SHA-256 over the bytes after the scheme, its first 16 bytes in lower-case hex: what HAProxy computes with
 * `hmac(sha256,KEY),hex,lower,bytes(0,32)`. Byte strings are Latin-1 strings: one character a byte.
 */

import { createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { assert } from '@tapwarden/base/assert'
import { BoundedMap } from '@tapwarden/base/bounded-map'
import { type Token, type TokenClass, tokenLetters } from '@tapwarden/contracts/token'
import { type ByteWriter, Literal } from './byte-writer.js'
import { ContentHasher } from './content-hasher.js'

export const fleetKeyBytes = 32
/** Together at most 16 MiB a class. */
const cachedValueMaxBytes = 2_048
const cachedTokensMaxCount = 8_192

export interface AccessSubkey {
  readonly keyNumber: number
  /** 32 bytes, base64: what HAProxy's `hmac` and OpenSSL take. */
  readonly base64: string
}

export class Tokens {
  readonly #keyNumber: number
  readonly #accessKeyBytes: Buffer
  readonly #access: HmacTokens
  readonly #credential: HmacTokens
  readonly #content: ContentHasher
  readonly #contentPrefix: string
  readonly #contentLiteral: Literal
  readonly #leafLiteral: Literal

  /** `fleetKey` is 32 secret bytes; `keyNumber` from 1 tells tokens of rotated keys apart. */
  constructor(fleetKey: Uint8Array, keyNumber: number) {
    assert(fleetKey.length === fleetKeyBytes, 'a fleet key has 32 bytes')
    assert(Number.isSafeInteger(keyNumber) && keyNumber > 0, 'key numbers count from 1')
    this.#keyNumber = keyNumber
    this.#accessKeyBytes = subkey(fleetKey, 'access', 32)
    this.#access = new HmacTokens(this.#accessKeyBytes, `${tokenLetters.access}${keyNumber}.`)
    this.#credential = new HmacTokens(subkey(fleetKey, 'credential', 32), `${tokenLetters.credential}${keyNumber}.`)
    this.#content = new ContentHasher(subkey(fleetKey, 'content', 16))
    this.#contentPrefix = `${tokenLetters.content}${keyNumber}.`
    this.#contentLiteral = new Literal(this.#contentPrefix)
    this.#leafLiteral = new Literal(` k=${this.#contentPrefix}`)
  }

  /** API keys, bearer tokens, session cookies, as a byte string. Repeated values cost a look-up. */
  access(value: string): Token {
    return this.#access.of(value)
  }

  /** Passwords, as a byte string. */
  credential(value: string): Token {
    return this.#credential.of(value)
  }

  /** User names and subjects: blanks around and letter case do not count. `name` is a byte string, UTF-8 where it is that. */
  userName(name: string): Token {
    const normalized = Buffer.from(name, 'latin1').toString('utf8').trim().toLowerCase()
    return this.#credential.of(Buffer.from(normalized, 'utf8').toString('latin1'))
  }

  /** Writes the content token of `bytes[from, to)`: less than 100 ns for a short value, no allocation. */
  writeContent(writer: ByteWriter, bytes: Uint8Array, from: number, to: number): void {
    this.#content.hash(bytes, from, to)
    writer.literal(this.#contentLiteral)
    writer.hex64(this.#content.high, this.#content.low)
  }

  /** The same as a part of a leaf: ` k=` and the token. */
  writeLeafPart(writer: ByteWriter, bytes: Uint8Array, from: number, to: number): void {
    this.#content.hash(bytes, from, to)
    writer.literal(this.#leafLiteral)
    writer.hex64(this.#content.high, this.#content.low)
  }

  /** The content token of a value as text. */
  content(bytes: Uint8Array, from: number, to: number): Token {
    this.#content.hash(bytes, from, to)
    return `${this.#contentPrefix}${hex32(this.#content.high)}${hex32(this.#content.low)}` as Token
  }

  /** For enforcers only: whoever holds it can test guesses against access tokens, and nothing else. */
  accessSubkey(): AccessSubkey {
    return { keyNumber: this.#keyNumber, base64: this.#accessKeyBytes.toString('base64') }
  }
}

/** One class of HMAC tokens with a bounded memory of recent values; it holds raw values and never leaves the process. */
class HmacTokens {
  readonly #key: KeyObject
  readonly #prefix: string
  readonly #recent = new BoundedMap<string, Token>({ maxEntries: cachedTokensMaxCount, onFull: 'evict-oldest' })

  constructor(key: Uint8Array, prefix: string) {
    this.#key = createSecretKey(key)
    this.#prefix = prefix
  }

  of(value: string): Token {
    const known = this.#recent.get(value)
    if (known !== undefined) return known
    const hex = createHmac('sha256', this.#key).update(value, 'latin1').digest('hex').slice(0, 32)
    const token = `${this.#prefix}${hex}` as Token
    if (value.length <= cachedValueMaxBytes) this.#recent.set(ownCopy(value), token)
    return token
  }
}

/** The same byte string on its own: a substring would keep the whole field alive that it was cut from. */
export function ownCopy(byteString: string): string {
  return Buffer.from(byteString, 'latin1').toString('latin1')
}

function subkey(fleetKey: Uint8Array, tokenClass: TokenClass, lengthBytes: number): Buffer {
  return Buffer.from(hkdfSync('sha256', fleetKey, '', `tapwarden token ${tokenClass} v1`, lengthBytes))
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}
