/**
 * A record of `http.transactions.v1` as its lines, each decoded with a shape check: our own encoder wrote it and is tested against the schema.
 *
 * Readers of one process that share a `TransactionLines` share the decoding: the in-process bus hands each of them the same bytes, and
 * whoever comes second finds the first one's result. What a bus from elsewhere hands out is never the same bytes, and is decoded
 * anew: sharing saves work and changes nothing. Nobody may change what is shared.
 */

import { type HttpTransaction, transactionTopic } from './transaction.js'

export interface TransactionLine {
  /** Without its newline; borrowed from the record. */
  readonly bytes: Uint8Array
  /** Undefined: the line is no transaction. */
  readonly transaction: HttpTransaction | undefined
}

interface Remembered {
  readonly lines: readonly TransactionLine[]
  readsLeft: number
}

/** Some 30 MB of decoded transactions at most: a reader that is further behind decodes for itself. */
const rememberedLinesMaxCount = 4_096
const newline = 0x0a
const closingBrace = 0x7d
const decoder = new TextDecoder()

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
  const lines: TransactionLine[] = []
  const text = decoder.decode(value)
  let textFrom = 0
  for (let from = 0; from < value.length; ) {
    // A newline is one byte and one character, and part of no other.
    let to = value.indexOf(newline, from)
    if (to < 0) to = value.length
    let textTo = text.indexOf('\n', textFrom)
    if (textTo < 0) textTo = text.length
    if (to > from) {
      const bytes = value.subarray(from, to)
      lines.push({ bytes, transaction: decoded(bytes, text.slice(textFrom, textTo)) })
    }
    from = to + 1
    textFrom = textTo + 1
  }
  return lines
}

function decoded(bytes: Uint8Array, text: string): HttpTransaction | undefined {
  // Blanks behind the brace are JSON, but not what whoever adds a member to the line can work with.
  if (bytes[bytes.length - 1] !== closingBrace) return undefined
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
