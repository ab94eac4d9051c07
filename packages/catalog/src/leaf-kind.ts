/**
 * What a schema counts of a leaf: type, format, sensitivity. Leaves that agree in these share one object, so that counting compares
 * addresses.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Leaf } from '@tapwarden/contracts/content-shape'
import { leafHead } from './leaf-reader.js'

export interface LeafKind {
  /** A leaf's type (content-shape.ts), `object` or `array`. */
  readonly type: string
  readonly format: string | undefined
  readonly sensitiveType: string | undefined
}

export const objectKind: LeafKind = { type: 'object', format: undefined, sensitiveType: undefined }
export const arrayKind: LeafKind = { type: 'array', format: undefined, sensitiveType: undefined }

/** The sensor's vocabulary is a hundred or so; whatever leaves is only made again. */
const kinds = new BoundedMap<string, LeafKind>({ maxEntries: 1_024, onFull: 'evict-oldest' })
const byHead = new WeakMap<Leaf, LeafKind>()

/** Of a leaf's text, with its token or without. */
export function leafKind(text: string): LeafKind {
  const head = leafHead(text)
  const known = byHead.get(head)
  if (known !== undefined) return known
  const { type, format, sensitiveType } = head
  const key = JSON.stringify([type, format ?? null, sensitiveType ?? null])
  let kind = kinds.peek(key)
  if (kind === undefined) {
    kind = { type, format, sensitiveType }
    kinds.set(key, kind)
  }
  byHead.set(head, kind)
  return kind
}
