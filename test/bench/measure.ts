/**
 * One way to measure every step: fixed work, collected garbage before each round, the cheapest of several rounds (the others were
 * disturbed), CPU of the whole process. Bytes allocated are measured apart, in a process whose young generation is so large
 * that nothing is collected: what the heap has grown by is then what was allocated.
 */

import { PerformanceObserver } from 'node:perf_hooks'

export interface Cost {
  readonly cpuUs: number
  /** Undefined where a collection came in between, or nothing was asked. */
  readonly allocatedBytes: number | undefined
}

export interface Rounds {
  readonly roundCount: number
  /** The process was started for this; see `allocationFlags`. */
  readonly countsBytes: boolean
}

/** V8 flags of a process that counts bytes. */
export const allocationFlags = ['--expose-gc', '--max-semi-space-size=2048', '--min-semi-space-size=2048']

/** `work` returns how much it did; the total is printed by nobody but keeps the work from being optimized away. */
export async function measure(rounds: Rounds, work: () => number | Promise<number>): Promise<Cost> {
  let cpuUs = Number.POSITIVE_INFINITY
  let allocatedBytes: number | undefined
  for (let round = 0; round < rounds.roundCount; round++) {
    globalThis.gc?.()
    const collections = new CollectionCount()
    const memoryBefore = process.memoryUsage()
    const before = process.cpuUsage()
    consumed += await work()
    const used = process.cpuUsage(before)
    const memory = process.memoryUsage()
    cpuUs = Math.min(cpuUs, used.user + used.system)
    const grown = memory.heapUsed - memoryBefore.heapUsed + Math.max(0, memory.arrayBuffers - memoryBefore.arrayBuffers)
    if (rounds.countsBytes && (await collections.since()) === 0)
      allocatedBytes = Math.min(grown, allocatedBytes ?? grown)
  }
  return { cpuUs, allocatedBytes }
}

/** What all work returned, summed up. */
export let consumed = 0

class CollectionCount {
  #count = 0
  readonly #observer = new PerformanceObserver((list) => {
    this.#count += list.getEntries().length
  })

  constructor() {
    this.#observer.observe({ entryTypes: ['gc'] })
  }

  async since(): Promise<number> {
    // Entries are handed over by a task of their own.
    await new Promise((resolve) => setImmediate(resolve))
    this.#count += this.#observer.takeRecords().length
    this.#observer.disconnect()
    return this.#count
  }
}
