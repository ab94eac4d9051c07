/** All of them, and all of them at once. */

import type { Attack } from './attack.js'
import { httpAttacks } from './http-attacks.js'
import { http2Attacks } from './http2-attacks.js'
import { packetAttacks } from './packet-attacks.js'
import { tlsAttacks } from './tls-attacks.js'

const single: readonly Attack[] = [...packetAttacks, ...httpAttacks, ...http2Attacks, ...tlsAttacks]

/** Those that fill memory, each in turn: what one leaves is there when the next comes. */
const filling = [
  'requests without answers',
  'segments out of order for ever',
  'fragments',
  'pipelined requests of 60 KB on many connections',
  'idle connections',
  'half-open flows',
]

const together: Attack = {
  name: 'all that fills memory at once',
  unit: 'steps',
  fullCount: 1_500_000,
  shortCount: 12_000,
  shortLimits: {
    flowLimits: { flowMaxCount: 3_000, halfBufferMaxBytes: 262_144, bufferMaxBytes: 1_048_576 },
    httpLimits: { totalBufferedMaxBytes: 4_194_304 },
  },
  shortClock: (step) => 2_000 * step,
  start: () => {
    // The requests of 60 KB are many packets each: in three steps of a hundred.
    const steps = single.filter(({ name }) => filling.includes(name)).map(({ start }) => start())
    const places = steps.map(() => 0)
    return (step) => {
      const turn = step % 100 < 3 ? 3 : step % steps.length === 3 ? 0 : step % steps.length
      return steps[turn]!(places[turn]!++)
    }
  },
  toldBy: ['flows.evictedFlowCount'],
}

export const attacks: readonly Attack[] = [...single, together]
