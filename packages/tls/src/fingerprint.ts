/**
 * What kind of program a client is, told by its hello: JA3 (salesforce/ja3, BSD 3-Clause) and JA4 (FoxIO, the TLS client fingerprint, BSD 3-Clause;
 * the rest of JA4+ has another licence and is not here). Both leave out GREASE values (RFC 8701), which clients choose at random.
 */

import { hash } from 'node:crypto'
import { type ClientHello, extensionAlpn, extensionServerName } from './client-hello.js'

function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff)
}

function withoutGrease(values: readonly number[]): number[] {
  return values.filter((value) => !isGrease(value))
}

/** `version,suites,extensions,groups,formats`, decimal numbers joined by `-`. */
export function ja3Text(hello: ClientHello): string {
  const lists = [hello.cipherSuites, hello.extensions, hello.supportedGroups, hello.pointFormats]
  return [hello.version, ...lists.map((list) => withoutGrease(list).join('-'))].join(',')
}

/** 32 hex digits. */
export function ja3(hello: ClientHello): string {
  return hash('md5', ja3Text(hello))
}

const versionCodes: Readonly<Record<number, string>> = {
  772: '13',
  771: '12',
  770: '11',
  769: '10',
  768: 's3',
  2: 's2',
}

/** `t13d1516h2_8daaf6152771_e5627efa2ab1`: always of TLS over TCP here. */
export function ja4(hello: ClientHello): string {
  const { suites, rest } = ja4Lists(hello)
  return `${ja4Head(hello)}_${shortHash(suites)}_${shortHash(rest)}`
}

/** The same with its lists in clear (`JA4_r`). */
export function ja4Text(hello: ClientHello): string {
  const { suites, rest } = ja4Lists(hello)
  return `${ja4Head(hello)}_${suites}_${rest}`
}

function ja4Head(hello: ClientHello): string {
  const versions = withoutGrease(hello.supportedVersions)
  const version = versions.length === 0 ? hello.version : Math.max(...versions)
  const counts = [hello.cipherSuites, hello.extensions].map((list) => twoDigits(withoutGrease(list).length)).join('')
  return `t${versionCodes[version] ?? '00'}${hello.hasServerName ? 'd' : 'i'}${counts}${alpnCode(hello.alpn[0])}`
}

function ja4Lists(hello: ClientHello) {
  const suites = withoutGrease(hello.cipherSuites).map(hex4).sort().join(',')
  const extensions = withoutGrease(hello.extensions)
    .filter((type) => type !== extensionServerName && type !== extensionAlpn)
    .map(hex4)
    .sort()
    .join(',')
  const algorithms = withoutGrease(hello.signatureAlgorithms).map(hex4).join(',')
  return { suites, rest: algorithms === '' ? extensions : `${extensions}_${algorithms}` }
}

/** First and last character of the first protocol; of its hex digits when one of the two is no letter or digit. */
function alpnCode(protocol: string | undefined): string {
  if (protocol === undefined) return '00'
  const ends = `${protocol[0]}${protocol.at(-1)}`
  if (/^[0-9A-Za-z]{2}$/.test(ends)) return ends
  const hex = Buffer.from(protocol, 'latin1').toString('hex')
  return `${hex[0]}${hex.at(-1)}`
}

function shortHash(list: string): string {
  return list === '' ? '000000000000' : hash('sha256', list).slice(0, 12)
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, '0')
}

function twoDigits(count: number): string {
  return String(Math.min(count, 99)).padStart(2, '0')
}
