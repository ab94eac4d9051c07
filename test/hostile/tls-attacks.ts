/** Within TLS: what a sensor that waits for secrets holds meanwhile, for connections whose secrets never come. */

import type { Said } from '../fuzz/fuzz-frame.js'
import { sealed } from '../fuzz/tls-sealing.js'
import { Random } from '../random.js'
import { type Attack, EndlessStream, inSegments, latin1 } from './attack.js'

/** Each step opens a connection as a real one opens, and sends 40 KB under keys that nobody logged. */
export const tlsAttacks: readonly Attack[] = [
  {
    name: 'TLS connections whose keys never come',
    unit: 'connections',
    fullCount: 20_000,
    shortCount: 150,
    shortLimits: { tls: { waitsForKeys: true, limits: { pendingMaxBytes: 60_000, totalMaxBytes: 2_097_152 } } },
    clock: (step) => 1_000 * step,
    start: () => {
      const content = latin1(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n${'x'.repeat(40_000)}`)
      const said: readonly Said[] = sealed([{ direction: 'c2s', bytes: content }], new Random(1))
      return (step) => {
        const stream = new EndlessStream(12_000_000 + step)
        return said.flatMap(({ direction, bytes }) =>
          direction === 'c2s' ? inSegments(stream, bytes) : [stream.answer(bytes)],
        )
      }
    },
    toldBy: ['tls.pending-overflow'],
  },
]
