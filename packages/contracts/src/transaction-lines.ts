/**
 * A record of `http.transactions.v1` as its lines. Each is proved to be JSON with the members that every reader relies on (our own encoder wrote
 * it and is tested against the schema); what a member holds is decoded when it is asked for (line-transaction.ts).
 *
 * Readers of one process that share a `TransactionLines` share the decoding: the in-process bus hands each of them the same bytes, and
 * whoever comes second finds the first one's result. What a bus from elsewhere hands out is never the same bytes, and is decoded
 * anew: sharing saves work and changes nothing. Nobody may change what is shared.
 */

import { textMemo } from './bytes-memo.js'
import { LineBytes, scanLine, spansStride } from './line-scanner.js'
import { LineTransaction } from './line-transaction.js'
import { type HttpTransaction, transactionTopic } from './transaction.js'

export interface TransactionLine {
  /** Without its newline; borrowed from the record. A view is made for each who asks: costly on every line. */
  readonly bytes: Uint8Array
  /** The record's bytes, and where the line stands in them. */
  readonly record: Uint8Array
  readonly from: number
  readonly to: number
  /** Undefined: the line is no transaction. Keeps the record's bytes alive. */
  readonly transaction: HttpTransaction | undefined
}

interface Remembered {
  readonly lines: readonly TransactionLine[]
  readsLeft: number
}

/**
 * How far the readers of one bus may come apart: some 15 MB of spans and fields, beside records that the bus keeps for the slower one
 * anyway. A reader that is further behind decodes for itself.
 */
const rememberedLinesMaxCount = 16_384
/** Lines whose spans share one array: about what a record holds. */
const spansBlockCount = 16
const newline = 0x0a
const closingBrace = 0x7d
const decoder = new TextDecoder()
/** Of the whole process: it only remembers. */
const texts = textMemo()

export class TransactionLines {
  readonly #readerCount: number
  readonly #remembered = new Map<Uint8Array, Remembered>()
  #rememberedLineCount = 0

  /** How many readers ask for each record. With one nothing is remembered. */
  constructor(readerCount = 1) {
    this.#readerCount = readerCount
  }

  /** The lines of a record's value. The value must not change afterwards. */
  of(value: Uint8Array): readonly TransactionLine[] {
    const known = this.#remembered.get(value)
    if (known === undefined) {
      const lines = decodedLines(value)
      if (this.#readerCount > 1) this.#remember(value, lines)
      return lines
    }
    if (--known.readsLeft === 0) this.#forget(value, known)
    return known.lines
  }

  #remember(value: Uint8Array, lines: readonly TransactionLine[]): void {
    this.#remembered.set(value, { lines, readsLeft: this.#readerCount - 1 })
    this.#rememberedLineCount += lines.length
    for (const [oldest, remembered] of this.#remembered) {
      if (this.#rememberedLineCount <= rememberedLinesMaxCount) break
      this.#forget(oldest, remembered)
    }
  }

  #forget(value: Uint8Array, { lines }: Remembered): void {
    this.#remembered.delete(value)
    this.#rememberedLineCount -= lines.length
  }
}

function decodedLines(value: Uint8Array): TransactionLine[] {
  const record = new LineBytes(value)
  const lines: TransactionLine[] = []
  let spans = new Int32Array(spansBlockCount * spansStride)
  let spansAt = 0
  for (let from = 0; from < value.length; ) {
    let to = value.indexOf(newline, from)
    if (to < 0) to = value.length
    if (to > from) {
      const transaction = decoded(record, from, to, spans, spansAt)
      lines.push(new Line(value, from, to, transaction))
      if (transaction instanceof LineTransaction) spansAt += spansStride
      if (spansAt === spans.length) {
        spans = new Int32Array(spans.length)
        spansAt = 0
      }
    }
    from = to + 1
  }
  return lines
}

class Line implements TransactionLine {
  readonly transaction: HttpTransaction | undefined
  readonly record: Uint8Array
  readonly from: number
  readonly to: number

  constructor(record: Uint8Array, from: number, to: number, transaction: HttpTransaction | undefined) {
    this.record = record
    this.from = from
    this.to = to
    this.transaction = transaction
  }

  get bytes(): Uint8Array {
    return this.record.subarray(this.from, this.to)
  }
}

function decoded(
  record: LineBytes,
  from: number,
  to: number,
  spans: Int32Array,
  spansAt: number,
): HttpTransaction | undefined {
  // Blanks behind the brace are JSON, but not what whoever adds a member to the line can work with.
  if (record.bytes[to - 1] !== closingBrace) return undefined
  if (scanLine(record, from, to, spans, spansAt)) {
    const transaction = LineTransaction.of(record, spans, spansAt, texts)
    if (transaction !== undefined) return transaction
  }
  return parsed(decoder.decode(record.bytes.subarray(from, to)))
}

/** Whatever is JSON, and not as our encoder writes it. */
function parsed(text: string): HttpTransaction | undefined {
  let transaction: Partial<HttpTransaction> | null
  try {
    transaction = JSON.parse(text) as Partial<HttpTransaction> | null
  } catch {
    return undefined
  }
  return transaction !== null && looksLikeTransaction(transaction) ? transaction : undefined
}

function looksLikeTransaction(value: Partial<HttpTransaction>): value is HttpTransaction {
  const { id, observedAtUs, method, host, path, pathTokens, query } = value
  return (
    typeof id === 'string' &&
    id.length === 32 &&
    Number.isSafeInteger(observedAtUs) &&
    typeof method === 'string' &&
    typeof host === 'string' &&
    typeof path === 'string' &&
    Array.isArray(pathTokens) &&
    Array.isArray(query)
  )
}

/** The record that `transactions` make: the inverse of `of`, for tests. */
export function transactionRecord(transactions: readonly HttpTransaction[]): Uint8Array {
  return new TextEncoder().encode(
    transactions.map((transaction) => new TextDecoder().decode(transactionTopic.encode(transaction))).join(''),
  )
}
