/** Time as a part that can be handed in: the system's clock in a process, one moved by hand in a test. */

export interface Timers {
  /** Wall clock, milliseconds since the epoch. */
  nowMs(): number
  /** Runs `callback` once, not before `delayMs` from now. Returns what calls it off. Never keeps a process alive. */
  after(delayMs: number, callback: () => void): () => void
}

/** Longest delay that setTimeout takes; a longer one would run at once. */
const timeoutMaxMs = 2_147_483_647

export const systemTimers: Timers = {
  nowMs: () => Date.now(),
  after: (delayMs, callback) => {
    const timeout = setTimeout(callback, Math.min(Math.max(0, delayMs), timeoutMaxMs))
    timeout.unref()
    return () => clearTimeout(timeout)
  },
}

/** Resolves after `delayMs`, or at once when `signal` aborts. */
export function pause(timers: Timers, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      callOff()
      signal?.removeEventListener('abort', finish)
      resolve()
    }
    const callOff = timers.after(delayMs, finish)
    if (signal?.aborted) finish()
    else signal?.addEventListener('abort', finish, { once: true })
  })
}

/** Timers that stand still until `advance`: for tests. */
export class ManualTimers implements Timers {
  #nowMs: number
  #nextOrder = 0
  readonly #pending = new Map<number, { readonly atMs: number; readonly callback: () => void }>()

  constructor(nowMs: number) {
    this.#nowMs = nowMs
  }

  get pendingCount(): number {
    return this.#pending.size
  }

  nowMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, callback: () => void): () => void {
    const order = this.#nextOrder++
    this.#pending.set(order, { atMs: this.#nowMs + Math.max(0, delayMs), callback })
    return () => this.#pending.delete(order)
  }

  /** Moves the clock, running what falls due on the way in order of time, then of registration. */
  advance(byMs: number): void {
    const untilMs = this.#nowMs + byMs
    for (let next = this.#earliest(untilMs); next !== undefined; next = this.#earliest(untilMs)) {
      const [order, timer] = next
      this.#pending.delete(order)
      this.#nowMs = Math.max(this.#nowMs, timer.atMs)
      timer.callback()
    }
    this.#nowMs = untilMs
  }

  #earliest(untilMs: number): [number, { readonly atMs: number; readonly callback: () => void }] | undefined {
    let best: [number, { readonly atMs: number; readonly callback: () => void }] | undefined
    for (const entry of this.#pending) {
      if (entry[1].atMs <= untilMs && (best === undefined || entry[1].atMs < best[1].atMs)) best = entry
    }
    return best
  }
}
