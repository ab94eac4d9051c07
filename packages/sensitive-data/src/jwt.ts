/**
 * JSON Web Tokens in compact form (RFC 7519 §3, RFC 7515 §7.1): three base64url parts, the first of which decodes to a JSON object with
 * an `alg`. An empty third part (alg none) counts.
 *
 * False friends: `eyJ…` alone (any base64 of JSON), dotted names, versions, file names with two dots.
 */

import { ALPHANUMERIC, classAt } from './byte-class.js'

const headerMinBytes = 8
const headerMaxBytes = 4_096
/** Headers that are decoded in one search: text full of almost-tokens must not cost a parse each. */
const attemptsMaxCount = 32

/** End of the first token in `bytes[from, to)`, or -1. */
export function findJwt(bytes: Uint8Array, from: number, to: number): number {
  let attemptCount = 0
  for (let i = from; i + 20 <= to && attemptCount < attemptsMaxCount; i++) {
    // `eyJ` is base64url of `{"` and every JOSE header's start, white space aside.
    if (bytes[i] !== 0x65 || bytes[i + 1] !== 0x79) continue
    if (i > from && isBase64Url(bytes, i - 1)) continue
    if (partEnd(bytes, i, to) - i < headerMinBytes) continue
    attemptCount++
    const end = jwtEnd(bytes, i, to)
    if (end >= 0) return end
  }
  return -1
}

/** Where the parts of a compact token at `from` end, or -1 if it is none: the end of the third. */
function jwtEnd(bytes: Uint8Array, from: number, to: number): number {
  const header = partEnd(bytes, from, to)
  if (header >= to || bytes[header] !== 0x2e || header - from < headerMinBytes) return -1
  const payload = partEnd(bytes, header + 1, to)
  if (payload >= to || bytes[payload] !== 0x2e) return -1
  return headerNamesAlgorithm(bytes, from, header) ? partEnd(bytes, payload + 1, to) : -1
}

function partEnd(bytes: Uint8Array, from: number, to: number): number {
  let i = from
  while (i < to && isBase64Url(bytes, i)) i++
  return i
}

function isBase64Url(bytes: Uint8Array, index: number): boolean {
  const byte = bytes[index]
  return (classAt(bytes, index) & ALPHANUMERIC) !== 0 || byte === 0x2d || byte === 0x5f
}

function headerNamesAlgorithm(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from > headerMaxBytes) return false
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1')
  try {
    const header: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    return typeof header === 'object' && header !== null && 'alg' in header && typeof header.alg === 'string'
  } catch {
    return false // Not JSON: the wire's doing, and the answer.
  }
}
