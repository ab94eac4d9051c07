/** What was said, with the rules of its protocol broken: one entry a protocol. Each knows its own turns and leaves others alone. */

import type { Random } from '../random.js'
import { noisy } from './byte-mutations.js'
import type { Conversation, Said } from './fuzz-frame.js'
import { mutateHttp1 } from './http1-mutations.js'
import { mutateHttp2 } from './http2-mutations.js'
import { mutateTls } from './tls-mutations.js'

export interface MessageMutation {
  readonly protocol: string
  /** Undefined if these bytes are not of this protocol. */
  readonly mutate: (bytes: Uint8Array, random: Random) => Uint8Array | undefined
}

export const messageMutations: readonly MessageMutation[] = [
  { protocol: 'http1', mutate: mutateHttp1 },
  { protocol: 'http2', mutate: mutateHttp2 },
  { protocol: 'tls', mutate: mutateTls },
]

const turnMaxBytes = 200_000

/** Mutates some turns, and the order of all; `other` lends bytes. */
export function mutateTurns({ turns }: Conversation, other: Conversation, random: Random): Said[] {
  const share = random.pick([0, 0.1, 0.4, 1])
  const mutated = turns.map((said) =>
    random.chance(share) ? { ...said, bytes: mutateMessage(said.bytes, random) } : said,
  )
  if (random.chance(0.75)) return mutated
  const at = random.below(mutated.length)
  const said = mutated[at]!
  switch (random.below(6)) {
    case 0:
      return mutated.toSpliced(at, 1)
    case 1:
      return mutated.toSpliced(at, 0, said)
    case 2:
      return mutated.toSpliced(at, 0, random.pick(other.turns))
    case 3:
      return mutated.toSpliced(at, 1, { ...said, direction: said.direction === 'c2s' ? 's2c' : 'c2s' })
    case 4:
      return mutated.map(({ direction, bytes }) => ({ direction: direction === 'c2s' ? 's2c' : 'c2s', bytes }))
    default:
      return [...mutated.slice(0, at), ...other.turns]
  }
}

function mutateMessage(bytes: Uint8Array, random: Random): Uint8Array {
  if (random.chance(0.15)) return noisy(bytes, random, 1 + random.below(6))
  let mutated = bytes
  for (let time = 0; time <= random.below(3); time++) {
    for (const { mutate } of messageMutations) {
      const next = mutate(mutated, random)
      if (next === undefined) continue
      mutated = next
      break
    }
  }
  return mutated.length > turnMaxBytes ? mutated.subarray(0, turnMaxBytes) : mutated
}
