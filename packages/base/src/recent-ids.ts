/**
 * Ids seen lately, in two generations: when the younger is full it becomes the older, and what the older held is forgotten. So the last
 * `generationMaxCount` are known for certain, and twice as many at most.
 */

import { assert } from './assert.js'
import { IdTable } from './id-table.js'

export class RecentIds {
  readonly #generationMaxCount: number
  #younger = new IdTable()
  #older = new IdTable()

  constructor(generationMaxCount: number) {
    assert(Number.isSafeInteger(generationMaxCount) && generationMaxCount > 0, 'a generation holds at least one id')
    this.#generationMaxCount = generationMaxCount
  }

  /** The next id that is added makes a generation of its own. */
  get isYoungerFull(): boolean {
    return this.#younger.size >= this.#generationMaxCount
  }

  has(id: string): boolean {
    return this.#younger.has(id) || this.#older.has(id)
  }

  /** False when it was known already. */
  add(id: string): boolean {
    if (this.#older.has(id)) return false
    if (this.isYoungerFull && !this.#younger.has(id)) this.#forgetOlder()
    return this.#younger.add(id)
  }

  clear(): void {
    this.#younger.clear()
    this.#older.clear()
  }

  #forgetOlder(): void {
    const forgotten = this.#older
    this.#older = this.#younger
    forgotten.clear()
    this.#younger = forgotten
  }
}
