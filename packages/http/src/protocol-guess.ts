/** The first bytes of a direction → what it speaks. By content alone: port numbers do not matter, and lie. */

import { CR, indexOfLf, LF, SP, startsWith, tokenTable } from './octets.js'
import { emptyStartLine, mayBecomeStartLine, parseRequestLine, parseStatusLine } from './start-line.js'

/** `undecided`: nothing yet speaks against any. HTTP/1 is told apart by message, since that shows who is the client. */
export type ProtocolGuess = 'http1-request' | 'http1-response' | 'http2' | 'tls' | 'other' | 'undecided'

/** The connection preface of HTTP/2, in lower case. RFC 9113 §3.4. */
const http2Preface = 'pri * http/2.0'
const scratch = emptyStartLine()

export function guessProtocol(bytes: Uint8Array, start: number, to: number): ProtocolGuess {
  let from = start
  while (from < to && (bytes[from] === CR || bytes[from] === LF)) from++
  const count = to - from
  if (count === 0) return 'undecided'
  if (looksLikeTls(bytes, from, to)) return 'tls'
  if (startsWith(bytes, from, to, http2Preface)) return 'http2'
  const lf = indexOfLf(bytes, from, to)
  if (lf >= 0) {
    const end = lf > from && bytes[lf - 1] === 0x0d ? lf - 1 : lf
    if (parseStatusLine(bytes, from, end, scratch)) return 'http1-response'
    return parseRequestLine(bytes, from, end, scratch) ? 'http1-request' : 'other'
  }
  if (count < http2Preface.length && startsWith(bytes, from, to, http2Preface.slice(0, count))) return 'undecided'
  if (mayBecomeStartLine(bytes, from, to, false)) return count >= 7 ? 'http1-response' : 'undecided'
  if (!mayBecomeStartLine(bytes, from, to, true))
    return mayBecomeAnyRequestLine(bytes, from, to) ? 'undecided' : 'other'
  return count >= 8 ? 'http1-request' : 'undecided'
}

/** A token, and whatever follows a space behind it: methods are any token. */
function mayBecomeAnyRequestLine(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from
  while (at < to && tokenTable[bytes[at]!] !== 0) at++
  return at === to || (at > from && bytes[at] === SP)
}

/** A TLS handshake record that starts with a hello. RFC 8446 §5.1, §4. */
function looksLikeTls(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < 3 || bytes[from] !== 0x16 || bytes[from + 1] !== 3 || bytes[from + 2]! > 4) return false
  return to - from < 6 || bytes[from + 5] === 1 || bytes[from + 5] === 2
}
