/** Flows by when they were last seen, oldest first: a few doubly linked lists over flow numbers, in typed arrays. All O(1). */

const none = -1

export class AgeLists {
  readonly #heads: Int32Array
  readonly #tails: Int32Array
  #older = new Int32Array(128).fill(none)
  #newer = new Int32Array(128).fill(none)
  /** Which list a flow is in. */
  #list = new Int8Array(128).fill(none)

  constructor(listCount: number) {
    this.#heads = new Int32Array(listCount).fill(none)
    this.#tails = new Int32Array(listCount).fill(none)
  }

  /** The flow in `list` that was not seen for longest, or -1. */
  oldest(list: number): number {
    return this.#heads[list]!
  }

  /** The next one of its list, or -1. */
  newerThan(flow: number): number {
    return this.#newer[flow]!
  }

  listOf(flow: number): number {
    return this.#list[flow] ?? none
  }

  /** Makes `flow` the newest of `list`, wherever it was before. */
  touch(flow: number, list: number): void {
    if (this.#tails[list] === flow) return
    if (flow >= this.#list.length) this.#grow(flow)
    this.remove(flow)
    const tail = this.#tails[list]!
    this.#older[flow] = tail
    this.#newer[flow] = none
    if (tail === none) this.#heads[list] = flow
    else this.#newer[tail] = flow
    this.#tails[list] = flow
    this.#list[flow] = list
  }

  remove(flow: number): void {
    const list = this.#list[flow] ?? none
    if (list === none) return
    const older = this.#older[flow]!
    const newer = this.#newer[flow]!
    if (older === none) this.#heads[list] = newer
    else this.#newer[older] = newer
    if (newer === none) this.#tails[list] = older
    else this.#older[newer] = older
    this.#list[flow] = none
  }

  #grow(flow: number): void {
    let entryCount = this.#list.length
    while (entryCount <= flow) entryCount *= 2
    const grow = <Entries extends Int32Array | Int8Array>(entries: Entries, grown: Entries): Entries => {
      grown.fill(none)
      grown.set(entries)
      return grown
    }
    this.#older = grow(this.#older, new Int32Array(entryCount))
    this.#newer = grow(this.#newer, new Int32Array(entryCount))
    this.#list = grow(this.#list, new Int8Array(entryCount))
  }
}
