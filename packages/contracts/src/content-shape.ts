/**
 * Content shape: the structure of content without its values, as it travels in a transaction and as the catalog reads it.
 *
 * A shape is JSON of the same structure as the content:
 * - an object stays an object (field names in clear, limits below);
 * - an array becomes `[count, ...shapes of the first items]`: the whole number of items first, then at most
 *   `shapeItemsMaxCount` of their shapes, tokens only in the first `shapeTokenItemsMaxCount`;
 * - a leaf becomes a string: its type, then parts in this order, each preceded by one space and each optional:
 *   `f=FORMAT` · `n=LENGTH_CLASS` · `s=SENSITIVE_TYPE` · `k=TOKEN`.
 *
 * Types: `null` `bool` `int` `num` `str`, and for content that is not structured `text` `xml` `html` `binary`; `cut` marks what a limit
 * left out. The length class of a string is `floor(log2(characters)) + 1` (0 for the empty string); of a number, its count of digits.
 * Example: `{"id":"int n=3 k=v1.09af31bc55d2e1f0","email":"str f=email n=5 s=email k=v1.…","tags":[9,"str n=3 k=v1.…"]}`.
 * A form or multipart content is an object of its fields.
 */

export type ShapeLeaf = string
export type ShapeArray = readonly [count: number, ...items: ContentShape[]]
export interface ShapeObject {
  readonly [name: string]: ContentShape
}
export type ContentShape = ShapeLeaf | ShapeArray | ShapeObject

export const shapeItemsMaxCount = 4
/** Items of an array of whose leaves tokens are published; the further ones have the other parts. */
export const shapeTokenItemsMaxCount = 2
export const shapeDepthMaxCount = 12
export const shapeLeavesMaxCount = 512

export const leafTypes = ['null', 'bool', 'int', 'num', 'str', 'text', 'xml', 'html', 'binary', 'cut'] as const
export type LeafType = (typeof leafTypes)[number]

/** Formats that the sensor recognises in string leaves. JSON Schema names where it has one. */
export const leafFormats = [
  'uuid',
  'date-time',
  'date',
  'email',
  'uri',
  'ipv4',
  'ipv6',
  'hex',
  'base64',
  'jwt',
  'objectid',
  'digits',
] as const
export type LeafFormat = (typeof leafFormats)[number]

export interface Leaf {
  readonly type: LeafType
  readonly format?: string
  readonly lengthClass?: number
  readonly sensitiveType?: string
  readonly token?: string
}

export function parseLeaf(text: ShapeLeaf): Leaf {
  const parts = text.split(' ')
  const leaf: { -readonly [Key in keyof Leaf]: Leaf[Key] } = { type: parts[0] as LeafType }
  for (let i = 1; i < parts.length; i++) {
    const part = parts[i]! // In range by the loop condition.
    const value = part.slice(2)
    if (part.startsWith('f=')) leaf.format = value
    else if (part.startsWith('n=')) leaf.lengthClass = Number(value)
    else if (part.startsWith('s=')) leaf.sensitiveType = value
    else if (part.startsWith('k=')) leaf.token = value
  }
  return leaf
}
