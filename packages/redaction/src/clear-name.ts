/**
 * Names that come from the wire and are published in clear: property, parameter, part and cookie names. A map keyed by e-mail address, UUID or
 * card number has values for names, so a name with a secret's shape becomes `~` and its content token.
 */

import { isUtf8 } from 'node:buffer'
import { AT, BACKSLASH, CONTROL, classesOf, HIGH, OTHER, PERCENT } from '@tapwarden/sensitive-data/byte-class'
import { isSecretShape } from '@tapwarden/sensitive-data/secret-shape'
import type { ByteWriter } from './byte-writer.js'
import { decodedAgain } from './percent.js'
import type { Tokens } from './token.js'

export const nameMaxBytes = 64
/** What begins a token that stands for a text published in clear otherwise. */
export const tokenMark = '~'

/** Whether a name may be published as it is. The shortest thing to hide is an e-mail address, else a number of 11 characters. */
export function isClearName(bytes: Uint8Array, from: number, to: number, classes: number): boolean {
  const length = to - from
  if (length < 11 && (classes & (AT | PERCENT)) === 0) return true
  if (length > nameMaxBytes || isSecretShape(bytes, from, to, classes)) return false
  const again = decodedAgain(bytes, from, to, classes)
  return again === undefined || !isSecretShape(again, 0, again.length)
}

/** The name, or the token that stands for it. */
export function nameText(tokens: Tokens, bytes: Uint8Array, from: number, to: number, classes?: number): string {
  if (!isClearName(bytes, from, to, classes ?? classesOf(bytes, from, to)))
    return `${tokenMark}${tokens.content(bytes, from, to)}`
  return decodeText(bytes, from, to)
}

/** The same for a byte string. */
export function nameTextOf(tokens: Tokens, name: string): string {
  const bytes = Buffer.from(name, 'latin1')
  return nameText(tokens, bytes, 0, bytes.length)
}

/** Writes a name as a JSON string, quotes included. `bytes[from, to)` is unescaped. */
export function writeName(
  writer: ByteWriter,
  tokens: Tokens,
  bytes: Uint8Array,
  from: number,
  to: number,
  classes: number,
): void {
  if (!isClearName(bytes, from, to, classes)) {
    writer.ascii('"~')
    tokens.writeContent(writer, bytes, from, to)
    writer.byte(0x22)
  } else if ((classes & (HIGH | CONTROL | BACKSLASH | OTHER)) !== 0) writer.jsonText(decodeText(bytes, from, to))
  else {
    writer.byte(0x22)
    writer.copy(bytes, from, to)
    writer.byte(0x22)
  }
}

/** UTF-8, or else Latin-1: every byte string is some text. */
export function decodeText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= nameMaxBytes) {
    let text = ''
    let i = from
    for (; i < to && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!) // In range by the loop condition.
    if (i === to) return text
  }
  const view = Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from)
  return isUtf8(view) ? view.toString('utf8') : view.toString('latin1')
}
