/**
 * The query of one transaction at a time: names, and kinds of values. From the bytes of its line where it has one and it is as our sensor
 * writes it, else from the parsed query, with the same result.
 */

import { textMemo } from '@tapwarden/contracts/bytes-memo'
import { type LineBytes, stringEnd } from '@tapwarden/contracts/line-scanner'
import { LineTransaction } from '@tapwarden/contracts/line-transaction'
import type { CatalogTransaction } from './catalog-transaction.js'
import { leafHeads, tokenMarkBytes, tokenStart } from './leaf-bytes.js'
import { type LeafKind, leafKind } from './leaf-kind.js'

const quote = 0x22
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d

const nameTexts = textMemo(1_024)

export class QueryReader {
  /** Of each pair, in wire order; the first `count` are of the transaction read last. */
  readonly names: string[] = []
  readonly kinds: LeafKind[] = []
  count = 0

  read(transaction: CatalogTransaction): void {
    this.count = 0
    if (transaction instanceof LineTransaction && this.#readBytes(transaction.record, transaction.queryFrom)) return
    this.count = 0
    for (const [name, text] of transaction.query) this.#add(name, leafKind(text))
  }

  has(name: string): boolean {
    return this.#indexOf(name) < this.count
  }

  /** Whether no pair before this one has its name. */
  isFirst(index: number): boolean {
    return this.#indexOf(this.names[index] ?? '') === index
  }

  #indexOf(name: string): number {
    let index = 0
    while (index < this.count && this.names[index] !== name) index++
    return index
  }

  /** `[["name","leaf"],…]`, JSON without blanks; false for whatever is not so, or has escapes or text beyond ASCII. */
  #readBytes(line: LineBytes, from: number): boolean {
    const { bytes, view } = line
    // Every step reads on only while it finds what is expected, so it stays within the array.
    const end = bytes.length
    if (bytes[from + 1] === closeBracket) return true
    for (let at = from; ; ) {
      if (bytes[at + 1] !== openBracket || bytes[at + 2] !== quote) return false
      const nameEnd = stringEnd(view, bytes, at + 3, end)
      if (nameEnd <= 0 || bytes[nameEnd] !== comma || bytes[nameEnd + 1] !== quote) return false
      const leafFrom = nameEnd + 2
      const leafEnd = stringEnd(view, bytes, leafFrom, end)
      if (leafEnd <= 0 || bytes[leafEnd] !== closeBracket) return false
      const token = tokenStart(bytes, leafFrom, leafEnd - 1)
      const head = leafHeads.of(line, leafFrom, token === 0 ? leafEnd - 1 : token - tokenMarkBytes)
      this.#add(nameTexts.of(line, at + 3, nameEnd - 1), head.kind)
      at = leafEnd + 1
      if (bytes[at] === closeBracket) return true
      if (bytes[at] !== comma) return false
    }
  }

  #add(name: string, kind: LeafKind): void {
    const index = this.count++
    this.names[index] = name
    this.kinds[index] = kind
  }
}
