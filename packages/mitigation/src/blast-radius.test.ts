import { goldenDecision } from '@tapwarden/contracts/decision'
import { goldenTransaction } from '@tapwarden/contracts/transaction'
import { describe, expect, it } from 'vitest'
import { limitBlastRadius } from './blast-radius.js'
import { GoodHistory } from './good-history.js'
import { defaultPolicy } from './policy.js'

const limits = defaultPolicy.blastRadius
const decisions = ['a', 'b', 'c', 'd'].map((value) => ({ ...goldenDecision, value }))
const good = new Set(['b', 'd'])

it.each([
  ['campaign', 100, 'a c', 'a campaign is attributed by statistics: good actors are left alone'],
  ['campaign', 1_000, 'a b c', 'one in a thousand may be hit, the busiest first'],
  ['campaign', 2_000, 'a b c d', 'two in two thousand'],
  ['actor', 0, 'a b c', 'a finding about one actor may hit that actor though it was good'],
] as const)('%s, %i good actors: %s, %s', (subjectKind, goodActorsCount, kept, _why) => {
  const hitsGood = (decision: { readonly value: string }): boolean => good.has(decision.value)
  const radius = limitBlastRadius({ decisions, subjectKind, hitsGood, goodActorsCount, limits })
  expect(radius.kept.map((decision) => decision.value).join(' ')).toBe(kept)
  expect(radius.kept.length + radius.withheld.length).toBe(decisions.length)
})

describe('GoodHistory', () => {
  const { edgeDecisionId: _, ...unmarked } = goldenTransaction
  const success = { ...unmarked, status: 200 }
  const atUs = success.observedAtUs
  const address = { kind: 'address' as const, value: success.clientAddress }
  const history = (...transactions: (typeof success)[]): GoodHistory => {
    const built = new GoodHistory({ ...limits, actorsMaxCount: 10 })
    for (const transaction of transactions) built.observe(transaction)
    return built
  }
  it.each([
    [[success, success, success], atUs + 1, true, 'three successes before'],
    [[success, success], atUs + 1, false, 'two are too few'],
    [[success, success, success], atUs, false, 'what it did since the attack began does not count'],
    [[success, success, success], atUs + 3_600_000_001, false, 'long ago'],
    [[success, success, { ...success, status: 401 }], atUs + 1, false, 'a refusal is no success'],
    [
      [success, success, { ...success, edgeDecisionId: 'd-0123456789abcdef' }],
      atUs + 1,
      false,
      'nor is an edge’s own answer',
    ],
  ])('%#: before %i is %j, %s', (transactions, beforeUs, isGood) => {
    expect(history(...transactions).isGood(address, beforeUs)).toBe(isGood)
    expect(history(...transactions).goodCount('address', beforeUs)).toBe(Number(isGood))
  })
})
