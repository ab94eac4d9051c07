/** One leaf of a shape (contracts/content-shape.ts): type, format, length class, sensitive type, token. The value itself stays here. */

import { type LeafType, leafFormats } from '@tapwarden/contracts/content-shape'
import { byteClasses, HIGH } from '@tapwarden/sensitive-data/byte-class'
import { type SensitiveType, sensitiveTypeOf } from '@tapwarden/sensitive-data/recognizers'
import { type ByteWriter, Literal } from './byte-writer.js'
import { formatOf, hasPlainFormat, isPlainFormat, noFormat } from './leaf-format.js'
import { isSecretKind, type NameKind, OTHER_PASSWORD, PASSWORD } from './name-kind.js'
import type { Tokens } from './token.js'

/** `floor(log2(count)) + 1`; 0 for nothing. */
export function lengthClass(count: number): number {
  return 32 - Math.clz32(count)
}

const lengthClassesCount = 33
/** Beginnings of string leaves, `"str f=FORMAT n=CLASS`, by format (none first) and length class. */
const stringStarts: readonly Literal[] = ['', ...leafFormats.map((format) => ` f=${format}`)].flatMap((format) =>
  Array.from({ length: lengthClassesCount }, (_, length) => new Literal(`"str${format} n=${length}`)),
)
const shortDigitsMaxCount = 24
const integerStarts = Array.from({ length: shortDigitsMaxCount + 1 }, (_, digits) => new Literal(`"int n=${digits}`))
const numberStarts = Array.from({ length: shortDigitsMaxCount + 1 }, (_, digits) => new Literal(`"num n=${digits}`))

/**
 * Writes the leaf of the string `bytes[from, to)` (unescaped, decoded), quotes included, and returns its sensitive type.
 * Under a secret name it gets neither format nor token, and no token without `withToken`.
 */
export function writeStringLeaf(
  writer: ByteWriter,
  tokens: Tokens,
  bytes: Uint8Array,
  from: number,
  to: number,
  classes: number,
  kind: NameKind,
  withToken = true,
): SensitiveType | undefined {
  const format = isSecretKind(kind) ? noFormat : formatOf(bytes, from, to, classes)
  const sensitive = isPlainFormat(format) ? undefined : sensitiveTypeOf(bytes, from, to, classes)
  const length = lengthClass((classes & HIGH) === 0 ? to - from : characterCount(bytes, from, to))
  writer.literal(stringStarts[(format + 1) * lengthClassesCount + length]!) // One for each format and class.
  writeSecretAndToken(writer, tokens, bytes, from, to, kind, sensitive, withToken)
  return sensitive
}

/** The sensitive type of a string that gets no leaf: what `writeStringLeaf` would return. */
export function sensitiveTypeOfString(
  bytes: Uint8Array,
  from: number,
  to: number,
  classes: number,
): SensitiveType | undefined {
  return hasPlainFormat(bytes, from, to, classes) ? undefined : sensitiveTypeOf(bytes, from, to, classes)
}

/** The same for a JSON number, `bytes[from, to)` as it was written. */
export function writeNumberLeaf(
  writer: ByteWriter,
  tokens: Tokens,
  bytes: Uint8Array,
  from: number,
  to: number,
  isInteger: boolean,
  digitCount: number,
  kind: NameKind,
  withToken: boolean,
): SensitiveType | undefined {
  const sensitive = isInteger && digitCount >= 13 ? sensitiveTypeOf(bytes, from, to) : undefined
  const start = (isInteger ? integerStarts : numberStarts)[digitCount]
  if (start !== undefined) writer.literal(start)
  else {
    writer.ascii(isInteger ? '"int n=' : '"num n=')
    writer.int(digitCount)
  }
  writeSecretAndToken(writer, tokens, bytes, from, to, kind, sensitive, withToken)
  return sensitive
}

/** A leaf of content that has no structure, or none that we read. It has no token: whole documents are not compared. */
export function writeBlockLeaf(
  writer: ByteWriter,
  type: LeafType,
  bytes: number,
  sensitive: SensitiveType | undefined,
): void {
  writer.byte(0x22)
  writer.ascii(type)
  writer.ascii(' n=')
  writer.int(lengthClass(bytes))
  if (sensitive !== undefined) {
    writer.ascii(' s=')
    writer.ascii(sensitive)
  }
  writer.byte(0x22)
}

function writeSecretAndToken(
  writer: ByteWriter,
  tokens: Tokens,
  bytes: Uint8Array,
  from: number,
  to: number,
  kind: NameKind,
  sensitive: SensitiveType | undefined,
  withToken: boolean,
): void {
  const secret = isSecretKind(kind)
  if (secret) writer.ascii(kind === PASSWORD || kind === OTHER_PASSWORD ? ' s=password' : ` s=${sensitive ?? 'secret'}`)
  else if (sensitive !== undefined) {
    writer.ascii(' s=')
    writer.ascii(sensitive)
  }
  // A billion possible numbers: a comparable token would give them away to whoever learns one.
  if (withToken && !secret && sensitive !== 'us-ssn' && to > from) tokens.writeLeafPart(writer, bytes, from, to)
  writer.byte(0x22)
}

/** Code points of UTF-8; what is not UTF-8 counts as its leading bytes. */
function characterCount(bytes: Uint8Array, from: number, to: number): number {
  let count = 0
  for (let i = from; i < to; i++) {
    const byte = bytes[i]! // In range by the loop condition.
    if (byteClasses[byte] !== HIGH || (byte & 0xc0) !== 0x80) count++
  }
  return count
}
