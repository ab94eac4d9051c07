/** A ServerHello, or the HelloRetryRequest that looks like one: RFC 8446 §4.1.3, §4.1.4, RFC 5246 §7.4.1.3. */

import { ByteCursor } from './byte-cursor.js'
import {
  extensionAlpn,
  extensionEarlyData,
  extensionEncryptThenMac,
  extensionSupportedVersions,
  protocolNames,
} from './client-hello.js'
import { versionTls13 } from './record.js'

export interface ServerHello {
  /** The version that was negotiated. */
  readonly version: number
  readonly random: Uint8Array
  readonly cipherSuite: number
  /** 0 is none; anything else stays closed to us. */
  readonly compression: number
  /** Before TLS 1.3 only; there it is in the encrypted extensions. */
  readonly alpn: string | undefined
  /** RFC 7366. */
  readonly encryptThenMac: boolean
  /** The client must begin anew; keys are not agreed yet. */
  readonly isRetryRequest: boolean
}

/** SHA-256 of "HelloRetryRequest", in place of a random. RFC 8446 §4.1.3. */
const retryRandom = 'cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c'

/** Reads the body of the message; `undefined` for what is none. The result is a copy. */
export function parseServerHello(bytes: Uint8Array, from: number, to: number): ServerHello | undefined {
  const cursor = new ByteCursor(bytes, from, to)
  let version = cursor.uint16()
  const random = Uint8Array.from(cursor.take(32))
  cursor.vector8() // Session id.
  const cipherSuite = cursor.uint16()
  const compression = cursor.uint8()
  if (cursor.isShort || version >> 8 !== 3) return undefined
  let alpn: string | undefined
  let encryptThenMac = false
  if (!cursor.isAtEnd) {
    const list = cursor.vector16()
    while (!list.isAtEnd) {
      const type = list.uint16()
      const data = list.vector16()
      if (list.isShort) return undefined
      if (type === extensionSupportedVersions) version = data.uint16()
      else if (type === extensionAlpn) alpn = protocolNames(data)[0]
      else if (type === extensionEncryptThenMac) encryptThenMac = true
    }
  }
  const isRetryRequest = Buffer.from(random).toString('hex') === retryRandom
  return { version, random, cipherSuite, compression, alpn, encryptThenMac, isRetryRequest }
}

/** What EncryptedExtensions (RFC 8446 §4.3.1) say that matters here. */
export function parseEncryptedExtensions(bytes: Uint8Array, from: number, to: number) {
  const list = new ByteCursor(bytes, from, to).vector16()
  let alpn: string | undefined
  let acceptsEarlyData = false
  while (!list.isAtEnd) {
    const type = list.uint16()
    const data = list.vector16()
    if (type === extensionAlpn) alpn = protocolNames(data)[0]
    else if (type === extensionEarlyData) acceptsEarlyData = true
  }
  return { alpn, acceptsEarlyData }
}

/** `1.3`, `1.2`, `1.1`, `1.0`; SSL 3 as `ssl3`; anything else in hex. */
export function versionName(version: number): string {
  if (version === 0x0300) return 'ssl3'
  if (version > 0x0300 && version <= versionTls13) return `1.${version - 0x0301}`
  return `0x${version.toString(16).padStart(4, '0')}`
}
