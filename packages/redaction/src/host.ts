/** The host as it is published: lower case, without user information, and only if it is a host (RFC 3986 §3.2.2). */

import { sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import type { Literal } from './byte-writer.js'
import { tokenMark } from './clear-name.js'
import type { Tokens } from './token.js'

const hostPattern = /^(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){0,32}\.?|\[[0-9a-f:.]{2,45}\])(?::[0-9]{1,5})?$/
const hostMaxCharacters = 261

/** A host as it is published, and as JSON text. */
export interface SeenHost {
  readonly text: string
  readonly json: Literal
}

/**
 * `value` is a byte string, `user:password@` before the host is dropped. What is no host, or holds a sensitive value (a card number
 * for a label), becomes a token; nothing becomes the empty text. Random labels stay: clouds name their gateways so.
 */
export function hostText(tokens: Tokens, value: string): string {
  const host = value.slice(value.lastIndexOf('@') + 1).toLowerCase()
  if (host === '') return ''
  const bytes = Buffer.from(host, 'latin1')
  const isHost = host.length <= hostMaxCharacters && hostPattern.test(host)
  if (isHost && sensitiveTypeOf(bytes, 0, bytes.length) === undefined) return host
  return `${tokenMark}${tokens.content(bytes, 0, bytes.length)}`
}
