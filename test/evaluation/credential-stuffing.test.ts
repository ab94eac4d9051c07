/** Credential stuffing in over-dispersed benign logins: delay, attribution, and findings that benign users cause. */

import { describe, expect, it } from 'vitest'
import { Random } from '../random.js'
import { type Event, type LoginStyle, opaqueStyle, plainStyle } from './event.js'
import { type BenignLogins, benignLogins, inTimeOrder, stuffing } from './login-traffic.js'
import { runDetectors } from './run-detectors.js'

const hourS = 3_600
const fingerprints = 12
const users = 8_000

function attacked(seed: number, rate: number, fingerprint: number | undefined, style: LoginStyle) {
  const random = new Random(seed)
  const benign = benignLogins(random, { fromS: 0, toS: hourS + 900, rate: 4, users, fingerprints })
  const lengthS = Math.min(600, 800 / rate)
  const attack = stuffing(random, {
    fromS: hourS,
    toS: hourS + lengthS,
    rate,
    addresses: 200,
    fingerprint,
    fingerprints,
    hitRatio: 0.005,
  })
  return runDetectors(inTimeOrder(benign, attack), style)
}

describe('200 addresses, each of some four attempts', () => {
  it.each([
    [1, 5, 11, plainStyle, 30, 'a fingerprint of 2 % of users'],
    [2, 1, 11, opaqueStyle, 30, 'slow, and the answers say nothing'],
    [3, 5, 0, opaqueStyle, 60, 'the commonest fingerprint, a third of users'],
    [4, 1, 0, plainStyle, 60, 'slow, under the commonest fingerprint'],
    [5, 5, undefined, plainStyle, 60, 'rotated over all fingerprints'],
  ])('seed %i, %d/s, fingerprint %s', (seed, rate, fingerprint, style, limit, _why) => {
    const score = attacked(seed, rate, fingerprint, style)
    expect(score.findings.size).toBe(1)
    expect(score.attackEventsToAlarm).toBeLessThanOrEqual(limit)
    expect([...score.namedInnocents]).toEqual([])
    expect(score.namedAttackers.size).toBeGreaterThan(80)
    const attempts = [...score.attemptsToNaming].sort((a, b) => a - b)
    expect(attempts[attempts.length >> 1]).toBeLessThanOrEqual(4)
    const [finding] = score.findings.values()
    expect(finding?.threat).toBe('OAT-008')
    // Benign users share each of these fingerprints.
    expect(finding?.subject.actors.filter(({ kind }) => kind === 'fingerprint')).toEqual([])
    expect(score.published.map(({ version }) => version)).toEqual(score.published.map((_, index) => index + 1))
  })

  it('a fingerprint that nobody benign uses is named, and alone stops the campaign', () => {
    const score = attacked(6, 5, 500, plainStyle)
    const kinds = [...score.findings.values()].flatMap(({ subject }) => subject.actors.map(({ kind }) => kind))
    expect(kinds.filter((kind) => kind === 'fingerprint')).toHaveLength(1)
  })
})

const benignDays: readonly [string, Partial<BenignLogins>][] = [
  ['an ordinary stretch', {}],
  ['a morning peak of password managers', { shape: (atS) => (atS < hourS ? 0.2 : 1) }],
  ['two minutes of 401 for everybody, retried', { outage: during(4_500, 4_620, 'unauthorized') }],
  ['ten minutes of 401 for everybody, retried', { outage: during(4_500, 5_100, 'unauthorized') }],
  ['ten minutes of 503, retried', { outage: during(4_500, 5_100, 'unavailable') }],
]

function during(
  fromS: number,
  toS: number,
  trouble: 'unauthorized' | 'unavailable',
): NonNullable<BenignLogins['outage']> {
  return (atS) => (atS >= fromS && atS < toS ? trouble : undefined)
}

it.each(benignDays)('benign users cause no finding: %s', (_name, options) => {
  for (const seed of [11, 12]) {
    const events = benignLogins(new Random(seed), {
      fromS: 0,
      toS: 2 * hourS,
      rate: 4,
      users,
      fingerprints,
      ...options,
    })
    const score = runDetectors(events)
    expect([...score.findings.values()].map(({ summary }) => summary)).toEqual([])
  }
})

it('one account guessed at, and few passwords sprayed, are not stuffing', () => {
  const benign = benignLogins(new Random(21), { fromS: 0, toS: hourS + 600, rate: 4, users, fingerprints })
  const attack = stuffing(new Random(22), {
    fromS: hourS,
    toS: hourS + 300,
    rate: 3,
    addresses: 200,
    fingerprint: 0,
    fingerprints,
    hitRatio: 0,
  })
  const cracking = attack.map((event): Event => ({ ...event, user: 'victim' }))
  const spraying = attack.map((event, index): Event => ({ ...event, password: `common${index % 3}` }))
  for (const other of [cracking, spraying]) {
    expect(runDetectors(inTimeOrder(benign, other)).findings.size).toBe(0)
  }
})

it('records a little out of order give the same finding', () => {
  const random = new Random(31)
  const benign = benignLogins(random, { fromS: 0, toS: hourS + 300, rate: 4, users, fingerprints })
  const attack = stuffing(random, {
    fromS: hourS,
    toS: hourS + 120,
    rate: 5,
    addresses: 200,
    fingerprint: 0,
    fingerprints,
    hitRatio: 0.005,
  })
  const ordered = inTimeOrder(benign, attack)
  const shuffled = [...ordered]
  for (let i = 0; i + 1 < shuffled.length; i += 2) {
    if (random.chance(0.5)) [shuffled[i], shuffled[i + 1]] = [shuffled[i + 1]!, shuffled[i]!] // In range by the loop condition.
  }
  const ids = (events: readonly Event[]) => [...runDetectors(events).findings.keys()]
  expect(ids(shuffled)).toEqual(ids(ordered))
})
