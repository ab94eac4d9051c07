/** Every decision that matters now, in memory: by id, and by target for the one that stands there. Restored from the store. */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import type { Decision } from '@tapwarden/contracts/decision'
import { targetKey } from '@tapwarden/mitigation/decide'
import { isOpen } from '@tapwarden/mitigation/life-cycle'

const decisionsMaxCount = 200_000

export class DecisionBook {
  // By age: a decision lives for minutes, so what is evicted ended long ago.
  readonly #byId = new BoundedMap<string, Decision>({
    maxEntries: decisionsMaxCount,
    onFull: 'evict-oldest',
    onEvict: (_id, decision) => this.#leaveTarget(decision),
  })
  readonly #byTarget = new Map<string, string>()

  get(id: string): Decision | undefined {
    return this.#byId.peek(id)
  }

  byTarget(target: string): Decision | undefined {
    const id = this.#byTarget.get(target)
    return id === undefined ? undefined : this.#byId.peek(id)
  }

  /** Takes the newer version; an older one changes nothing. */
  put(decision: Decision): void {
    const known = this.#byId.peek(decision.id)
    if (known !== undefined && known.version > decision.version) return
    this.#byId.set(decision.id, decision)
    const target = targetKey(decision)
    const standing = this.byTarget(target)
    // One that ended does not push aside the one that took its target.
    if (standing === undefined || standing.id === decision.id || isOpen(decision) || !isOpen(standing)) {
      this.#byTarget.set(target, decision.id)
    }
  }

  all(): readonly Decision[] {
    return [...this.#byId.values()]
  }

  #leaveTarget(decision: Decision): void {
    const target = targetKey(decision)
    if (this.#byTarget.get(target) === decision.id) this.#byTarget.delete(target)
  }
}
