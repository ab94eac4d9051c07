/** Shape leaves read fast: everything but the token comes from a small vocabulary, so it is parsed once and remembered. */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { type Leaf, parseLeaf } from '@tapwarden/contracts/content-shape'

const heads = new BoundedMap<string, Leaf>({ maxEntries: 4_096, onFull: 'evict-oldest' })
const tokenMark = ' k='

/** Type, format, length and sensitivity; never the token. */
export function leafHead(text: string): Leaf {
  const at = text.lastIndexOf(tokenMark)
  const head = at < 0 ? text : text.slice(0, at)
  let leaf = heads.peek(head)
  if (leaf === undefined) {
    leaf = parseLeaf(head)
    heads.set(head, leaf)
  }
  return leaf
}

/** The token, which stands last; undefined without one. */
export function leafToken(text: string): string | undefined {
  const at = text.lastIndexOf(tokenMark)
  return at < 0 ? undefined : text.slice(at + tokenMark.length)
}
