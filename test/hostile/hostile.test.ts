/** Each attack, short: memory stays below the cap, limits tell that they bit, and the clean traffic beside it loses nothing. In full: `npm run test:hostile`. */

import { halfSipHash } from '@tapwarden/net/half-sip-hash'
import { expect, it } from 'vitest'
import { attacks } from './attacks.js'
import { collidingKey, murmurRound } from './packet-attacks.js'
import { runAttack } from './run-attack.js'

const memoryMaxBytes = 512 * 2 ** 20

it.each(attacks.map((attack) => [attack.name, attack] as const))('%s', (_name, attack) => {
  const outcome = runAttack(attack, false, 100)
  expect(outcome.isCleanIntact).toBe(true)
  expect(outcome.rssMaxBytes).toBeLessThan(memoryMaxBytes)
  if (attack.toldBy.length === 0) return
  expect(
    attack.toldBy.map((name) => outcome.told[name] ?? 0),
    `told by one of ${attack.toldBy}`,
  ).toContainEqual(expect.toSatisfy((count) => count > 0))
})

it('flows chosen to collide under a hash without a secret do not collide under ours', () => {
  const keys = Array.from({ length: 5_000 }, (_, index) => collidingKey(index))
  const unkeyed = keys.map(([first = 0, second = 0, ports = 0]) =>
    murmurRound(murmurRound(murmurRound(0, first), second), ports),
  )
  expect(new Set(unkeyed)).toEqual(new Set([0]))
  const keyed = keys.map((key) => halfSipHash(key, 3, 1, 0x1234_5678, 0x9abc_def0))
  expect(new Set(keyed).size).toBeGreaterThan(4_990)
})
