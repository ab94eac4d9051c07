/** Shape leaves read fast: everything but the token comes from a small vocabulary, so it is parsed once and remembered. */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { type Leaf, parseLeaf } from '@tapwarden/contracts/content-shape'

const heads = new BoundedMap<string, Leaf>({ maxEntries: 4_096, onFull: 'evict-oldest' })
const tokenMark = ' k='
const equals = 0x3d

/** Type, format, length and sensitivity; never the token. */
export function leafHead(text: string): Leaf {
  const at = tokenStart(text)
  const head = at < 0 ? text : text.slice(0, at - tokenMark.length)
  let leaf = heads.peek(head)
  if (leaf === undefined) {
    leaf = parseLeaf(head)
    heads.set(head, leaf)
  }
  return leaf
}

/** The token, which stands last; undefined without one. */
export function leafToken(text: string): string | undefined {
  const at = tokenStart(text)
  return at < 0 ? undefined : text.slice(at)
}

/** Index of the token; negative without one. Looks at its twenty characters only: `lastIndexOf` leaves the compiled code on every leaf. */
export function tokenStart(text: string): number {
  for (let at = text.length - 1; at >= 2; at--) {
    if (text.charCodeAt(at) === equals) return text.startsWith(tokenMark, at - 2) ? at + 1 : -1
  }
  return -1
}
