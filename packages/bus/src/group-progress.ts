/**
 * How far a consumer group has come in one partition. Its committed offset moves over the consecutive finished prefix only: a batch that
 * was finished before an earlier one waits here, so that nothing unfinished is ever passed.
 */

import { assert } from '@tapwarden/base/assert'

export class GroupProgress {
  /** Everything below is done; the next subscription starts here. */
  committed: number
  /** Finished ranges beyond `committed`: start → end (exclusive). At most one a batch that is under way. */
  readonly #finished = new Map<number, number>()

  constructor(offset: number) {
    this.committed = offset
  }

  /** A new subscription begins: what was finished behind a hole will be delivered again, so forget that it was. */
  restart(): number {
    this.#finished.clear()
    return this.committed
  }

  /** Records from `start` to before `end` are done; saying so twice, or late, is harmless. Returns whether `committed` moved. */
  finish(start: number, end: number): boolean {
    assert(start < end, 'a finished range is not empty')
    const before = this.committed
    if (start <= this.committed) this.committed = Math.max(this.committed, end)
    else this.#finished.set(start, Math.max(end, this.#finished.get(start) ?? 0))
    this.#joinFinished()
    return this.committed > before
  }

  #joinFinished(): void {
    for (let moved = true; moved; ) {
      moved = false
      for (const [start, end] of this.#finished) {
        if (start > this.committed) continue
        this.#finished.delete(start)
        this.committed = Math.max(this.committed, end)
        moved = true
      }
    }
  }
}
