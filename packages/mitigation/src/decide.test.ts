import { type Decision, decisionTopic } from '@tapwarden/contracts/decision'
import { type Finding, goldenFinding } from '@tapwarden/contracts/finding'
import { describe, expect, it } from 'vitest'
import { type DecideInput, decide, targetKey } from './decide.js'
import { become } from './life-cycle.js'
import { policySchema } from './policy.js'

const policy = policySchema.parse({})
const lastSeenMs = goldenFinding.lastSeenUs / 1_000
const nowMs = lastSeenMs + 500

function run(change: Partial<DecideInput> = {}, earlier: readonly Decision[] = []): ReturnType<typeof decide> {
  return decide({
    finding: goldenFinding,
    policy,
    mode: 'enforce',
    nowMs,
    byId: (id) => earlier.find((decision) => decision.id === id),
    byTarget: (target) => earlier.find((decision) => targetKey(decision) === target),
    ...change,
  })
}

function finding(change: Partial<Finding>): Finding {
  return { ...goldenFinding, ...change }
}

function only(outcome: ReturnType<typeof decide>): Decision {
  expect(outcome.decisions).toHaveLength(1)
  return outcome.decisions[0]!
}

describe('the default policy', () => {
  it('bans the attributed address at the login endpoint for 15 minutes after the last event, and not the fingerprint', () => {
    const decision = only(run())
    expect(decision).toMatchObject({
      scope: 'address',
      value: '203.0.113.9',
      where: { host: 'shop.example', method: 'POST', pathTemplate: '/api/v1/login' },
      type: 'ban',
      state: 'approved',
      simulated: false,
      untilMs: lastSeenMs + 900_000,
    })
    expect(decisionTopic.parse(decision)).toEqual(decision)
  })

  it('throttles the key of a scraping finding at its endpoint', () => {
    const actors = [
      { kind: 'access-token' as const, value: 'a1.9f86d081884c7d659a2feaa0c55ad015' },
      { kind: 'address' as const, value: '203.0.113.9' },
    ]
    const decision = only(
      run({ finding: finding({ threat: 'OAT-011', subject: { ...goldenFinding.subject, kind: 'actor', actors } }) }),
    )
    expect(decision).toMatchObject({ scope: 'access-token', type: 'throttle' })
  })

  it('simulates unless told to enforce', () => {
    expect(only(run({ mode: 'simulate' }))).toMatchObject({ simulated: true, state: 'proposed' })
  })
})

it.each<[Partial<Finding>, number, string]>([
  [{ threat: 'OAT-999' }, 0, 'no measure for this threat'],
  [{ severity: 'low' as const }, 0, 'below the severity'],
  [{ confidence: 0.79 }, 0, 'below the confidence'],
  [{ state: 'closed' as const }, 0, 'it is over'],
  [{ subject: { kind: 'campaign' as const, actors: goldenFinding.subject.actors } }, 0, 'no endpoint to confine it to'],
  [{}, 1, 'as it is'],
])('%j leads to %i decisions: %s', (change, count, _why) => {
  expect(run({ finding: finding(change) }).decisions).toHaveLength(count)
})

describe('event time', () => {
  it('a replay of old traffic never enforces', () => {
    expect(only(run({ nowMs: lastSeenMs + 900_000 }))).toMatchObject({ state: 'expired' })
  })
  it('nor does one whose time was shifted ahead of the clock', () => {
    expect(only(run({ nowMs: lastSeenMs - 3_600_000 }))).toMatchObject({ state: 'expired' })
  })
})

describe('earlier decisions', () => {
  const first = only(run())
  const later = finding({ version: 2, lastSeenUs: goldenFinding.lastSeenUs + 120_000_000 })

  it('the same finding again changes nothing', () => {
    expect(run({}, [first])).toEqual({
      decisions: [],
      skipped: [{ actor: { kind: 'address', value: '203.0.113.9' }, why: 'covered' }],
    })
  })
  it('a little later is covered too: findings are updated each second, edges need not be', () => {
    const soon = finding({ version: 2, lastSeenUs: goldenFinding.lastSeenUs + 89_000_000 })
    expect(run({ finding: soon, nowMs: nowMs + 89_000 }, [first]).skipped).toMatchObject([{ why: 'covered' }])
  })
  it('later evidence prolongs the decision, by whichever finding', () => {
    const prolonged = { ...first, version: 2, untilMs: first.untilMs + 120_000 }
    expect(run({ finding: later, nowMs: nowMs + 120_000 }, [first]).decisions).toEqual([prolonged])
    expect(run({ finding: { ...later, id: 'f-ffffffffffffffff' }, nowMs: nowMs + 120_000 }, [first]).decisions).toEqual(
      [prolonged],
    )
  })
  it('evidence after the end renews it under its id', () => {
    const renewed = only(run({ finding: later, nowMs: nowMs + 120_000 }, [become(first, 'expired')]))
    expect(renewed).toMatchObject({ id: first.id, version: 3, state: 'approved', untilMs: first.untilMs + 120_000 })
  })
  it('what a person withdrew stays withdrawn for this finding', () => {
    expect(run({ finding: later }, [become(first, 'withdrawn')]).skipped).toMatchObject([{ why: 'withdrawn' }])
  })
  it('a simulated one does not stand in the way of enforcing', () => {
    const simulated = { ...only(run({ mode: 'simulate' })), findingId: 'f-ffffffffffffffff', id: 'd-ffffffffffffffff' }
    expect(only(run({}, [simulated]))).toMatchObject({ simulated: false, state: 'approved', version: 1 })
  })
})

describe('the allowlist', () => {
  it.each([
    ['203.0.113.9', 'allowlisted', 'the address'],
    ['203.0.113.0/24', 'allowlisted', 'its network'],
    ['::ffff:203.0.113.9', 'allowlisted', 'the address inside IPv6'],
    ['203.0.114.0/24', undefined, 'another network'],
    ['2001:db8::/32', undefined, 'another family'],
  ])('%s: %s, %s', (value, why, _case) => {
    const allowing = policySchema.parse({ allowlist: [{ scope: 'address', value }] })
    expect(run({ policy: allowing }).skipped[0]?.why).toBe(why)
  })
  it('refuses an address that is none', () => {
    expect(policySchema.safeParse({ allowlist: [{ scope: 'address', value: 'office' }] }).success).toBe(false)
  })
})

it('one address in two spellings is one target; what is no address is said', () => {
  const actors = ['203.0.113.9', '::ffff:203.0.113.9', 'hello'].map((value) => ({ kind: 'address' as const, value }))
  const outcome = run({ finding: finding({ subject: { ...goldenFinding.subject, actors } }) })
  expect(outcome.decisions.map((decision) => decision.value)).toEqual(['203.0.113.9'])
  expect(outcome.skipped.map((skip) => skip.why)).toEqual(['not-an-address'])
})
