/**
 * Numbers of many small things, side by side in a few large arrays: a place of `width` numbers for each. As fields of an object every number
 * that is no small integer would be an object of its own, which a garbage collector finds anew each time.
 */

import { assert } from '@tapwarden/base/assert'

const chunkPlacesCount = 1_024

export interface NumberPlace {
  readonly numbers: Float64Array
  /** Index of the first of the place's numbers. */
  readonly at: number
}

export class NumberSlab {
  readonly #width: number
  readonly #free: NumberPlace[] = []
  #chunk = new Float64Array(0)
  #chunkEnd = 0

  constructor(width: number) {
    assert(Number.isSafeInteger(width) && width > 0, 'a place holds at least one number')
    this.#width = width
  }

  /** A place whose numbers are all 0. */
  take(): NumberPlace {
    const freed = this.#free.pop()
    if (freed !== undefined) {
      freed.numbers.fill(0, freed.at, freed.at + this.#width)
      return freed
    }
    if (this.#chunkEnd === this.#chunk.length) {
      this.#chunk = new Float64Array(chunkPlacesCount * this.#width)
      this.#chunkEnd = 0
    }
    const at = this.#chunkEnd
    this.#chunkEnd += this.#width
    return { numbers: this.#chunk, at }
  }

  /** Nobody may use the place any more. */
  free(place: NumberPlace): void {
    this.#free.push(place)
  }
}
