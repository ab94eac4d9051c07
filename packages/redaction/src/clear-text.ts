/**
 * Texts of fields that are published in clear because they describe the client or the server: user agent, accept, server, origin. They are
 * the sender's words nevertheless: a word with a secret's shape becomes a token, and a value in which a recogniser fires becomes one as a whole.
 * The same values come again and again, so results are remembered.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { classesOf } from '@tapwarden/sensitive-data/byte-class'
import { sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import { jsonLiteral, type Literal } from './byte-writer.js'
import { isClearName, tokenMark } from './clear-name.js'
import { decodedAgain } from './percent.js'
import type { SeenValue } from './seen-values.js'
import type { Tokens } from './token.js'

const clearTextMaxCharacters = 512
const rememberedMaxCount = 8_192
/** Longest value that is remembered, so that the memory is bounded in bytes too. */
const rememberedMaxCharacters = 1_024
/** What separates the words of field values. */
const words = /[^\s,;()<>[\]{}"'=/\\]+/g

export class ClearTexts {
  readonly #tokens: Tokens
  readonly #recent = new BoundedMap<string, string>({ maxEntries: rememberedMaxCount, onFull: 'evict-oldest' })

  constructor(tokens: Tokens) {
    this.#tokens = tokens
  }

  /** The same as JSON text, once for each value. */
  jsonOf(value: SeenValue): Literal {
    value.clear ??= jsonLiteral(this.of(value.text))
    return value.clear
  }

  /** What may be published of a field's value. `value` is a byte string; the result is text. Longer values are cut. */
  of(value: string): string {
    const known = this.#recent.get(value)
    if (known !== undefined) return known
    const text = this.#redact(value)
    if (value.length <= rememberedMaxCharacters) this.#recent.set(value, text)
    return text
  }

  #redact(value: string): string {
    const bytes = Buffer.from(value, 'latin1')
    const classes = classesOf(bytes, 0, bytes.length)
    const again = decodedAgain(bytes, 0, bytes.length, classes)
    const sensitive =
      sensitiveTypeOf(bytes, 0, bytes.length, classes) ??
      (again === undefined ? undefined : sensitiveTypeOf(again, 0, again.length))
    if (sensitive !== undefined) return `${tokenMark}${this.#tokens.content(bytes, 0, bytes.length)}`
    return value.slice(0, clearTextMaxCharacters).replaceAll(words, (word) => {
      const wordBytes = Buffer.from(word, 'latin1')
      if (isClearName(wordBytes, 0, wordBytes.length, classesOf(wordBytes, 0, wordBytes.length))) return word
      return `${tokenMark}${this.#tokens.content(wordBytes, 0, wordBytes.length)}`
    })
  }
}

/** A media type in lower case without parameters except the charset; undefined when it is not one (RFC 9110 §8.3.1). */
export function contentTypeText(value: string): string | undefined {
  const match = /^\s*([\w!#$&^.+-]{1,64}\/[\w!#$&^.+-]{1,64})\s*(?:;|$)/.exec(value)
  if (match?.[1] === undefined) return undefined
  // All of the parameter or nothing: the beginning of what is no charset may be a user's name.
  const charset = /;\s*charset\s*=\s*"?([\w.:+-]{1,32})"?\s*(?:;|$)/i.exec(value)?.[1]
  return charset === undefined ? match[1].toLowerCase() : `${match[1].toLowerCase()}; charset=${charset.toLowerCase()}`
}
