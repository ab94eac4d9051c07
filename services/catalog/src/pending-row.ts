/** A transaction between the bus and the store: read, learned from, filed under its endpoint, then only its bytes until they are stored. */

import { assert } from '@tapwarden/base/assert'
import type { Catalog } from '@tapwarden/catalog/catalog'
import { LineTransaction } from '@tapwarden/contracts/line-transaction'
import type { HttpTransaction } from '@tapwarden/contracts/transaction'
import type { TransactionLine } from '@tapwarden/contracts/transaction-lines'
import type { TransactionRow } from '@tapwarden/store/transaction-writer'

export class PendingRow implements TransactionRow {
  readonly id: string
  readonly observedAtUs: number
  readonly lineBytes: number
  endpointId: string | undefined
  located: LineTransaction | undefined
  readonly #record: Uint8Array
  readonly #from: number
  #transaction: HttpTransaction | undefined

  constructor({ record, from, to }: TransactionLine, transaction: HttpTransaction) {
    this.id = transaction.id
    this.observedAtUs = transaction.observedAtUs
    this.lineBytes = to - from
    this.endpointId = undefined
    this.located = transaction instanceof LineTransaction ? transaction : undefined
    this.#record = record
    this.#from = from
    this.#transaction = transaction
  }

  get line(): Uint8Array {
    return this.#record.subarray(this.#from, this.#from + this.lineBytes)
  }

  get transaction(): HttpTransaction {
    assert(this.#transaction !== undefined, 'nobody reads a transaction that has its endpoint')
    return this.#transaction
  }

  /** Files it under the endpoint that it has now; its fields are let go of, since the store may be away for long. */
  resolve(catalog: Catalog): void {
    this.endpointId = catalog.resolve(this.transaction).endpointId
    this.#transaction = undefined
  }
}
