/** A ClientHello as far as a passive observer needs it: RFC 8446 §4.1.2, RFC 5246 §7.4.1.2. Hostile bytes give `undefined`, never an exception. */

import { ByteCursor } from './byte-cursor.js'

export interface ClientHello {
  /** `legacy_version` of the message. */
  readonly version: number
  /** 64 lower-case hex digits: the key of a key log. */
  readonly random: string
  readonly cipherSuites: readonly number[]
  /** Types in wire order, GREASE included. */
  readonly extensions: readonly number[]
  /** Host name as sent, lower case; undefined without one, or when it is no host name. RFC 6066 §3. */
  readonly serverName: string | undefined
  /** The extension was there, whatever it said. */
  readonly hasServerName: boolean
  /** Protocol names in order, each as a byte string (Latin-1). RFC 7301. */
  readonly alpn: readonly string[]
  readonly supportedVersions: readonly number[]
  readonly supportedGroups: readonly number[]
  readonly pointFormats: readonly number[]
  readonly signatureAlgorithms: readonly number[]
  /** Data under the early traffic secret follows. RFC 8446 §4.2.10. */
  readonly offersEarlyData: boolean
}

export const extensionServerName = 0
export const extensionSupportedGroups = 10
export const extensionPointFormats = 11
export const extensionSignatureAlgorithms = 13
export const extensionAlpn = 16
export const extensionEncryptThenMac = 22
export const extensionEarlyData = 42
export const extensionSupportedVersions = 43

const hostNamePattern = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,32}\.?$/
const hostNameMaxCharacters = 255

/** Reads the body of the message, `bytes[from, to)`: what stands behind its header of four bytes. */
export function parseClientHello(bytes: Uint8Array, from: number, to: number): ClientHello | undefined {
  const cursor = new ByteCursor(bytes, from, to)
  const version = cursor.uint16()
  const random = Buffer.from(cursor.take(32)).toString('hex')
  cursor.vector8() // Session id.
  const cipherSuites = cursor.vector16().uint16s()
  cursor.vector8() // Compression methods.
  if (cursor.isShort || version >> 8 !== 3) return undefined
  const hello: { -readonly [K in keyof ClientHello]: ClientHello[K] } = {
    version,
    random,
    cipherSuites,
    extensions: [],
    serverName: undefined,
    hasServerName: false,
    alpn: [],
    supportedVersions: [],
    supportedGroups: [],
    pointFormats: [],
    signatureAlgorithms: [],
    offersEarlyData: false,
  }
  if (cursor.isAtEnd) return hello // Before extensions.
  const extensions: number[] = []
  const list = cursor.vector16()
  if (cursor.isShort) return undefined
  while (!list.isAtEnd) {
    const type = list.uint16()
    const data = list.vector16()
    if (list.isShort) return undefined
    extensions.push(type)
    if (type === extensionServerName) {
      hello.hasServerName = true
      hello.serverName = hostNameOf(data)
    } else if (type === extensionAlpn) hello.alpn = protocolNames(data)
    else if (type === extensionSupportedVersions) hello.supportedVersions = data.vector8().uint16s()
    else if (type === extensionSupportedGroups) hello.supportedGroups = data.vector16().uint16s()
    else if (type === extensionPointFormats) hello.pointFormats = uint8s(data.vector8())
    else if (type === extensionSignatureAlgorithms) hello.signatureAlgorithms = data.vector16().uint16s()
    else if (type === extensionEarlyData) hello.offersEarlyData = true
  }
  hello.extensions = extensions
  return hello
}

function hostNameOf(data: ByteCursor): string | undefined {
  const names = data.vector16()
  while (!names.isAtEnd) {
    const type = names.uint8()
    const length = names.uint16()
    const name = names.take(length)
    if (type !== 0 || name.length === 0 || name.length > hostNameMaxCharacters) continue
    const text = Buffer.from(name).toString('latin1').toLowerCase()
    return hostNamePattern.test(text) ? text : undefined
  }
  return undefined
}

/** The list of an ALPN extension, of a client or a server. */
export function protocolNames(data: ByteCursor): string[] {
  const list = data.vector16()
  const names: string[] = []
  while (!list.isAtEnd) {
    const name = list.take(list.uint8())
    if (name.length > 0) names.push(Buffer.from(name).toString('latin1'))
  }
  return names
}

function uint8s(cursor: ByteCursor): number[] {
  const values: number[] = []
  while (!cursor.isAtEnd) values.push(cursor.uint8())
  return values
}
