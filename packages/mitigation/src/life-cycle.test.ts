import { decisionStates, goldenDecision } from '@tapwarden/contracts/decision'
import { expect, it } from 'vitest'
import { become, canBecome, isActive } from './life-cycle.js'

const table = {
  proposed: 'approved expired withdrawn',
  approved: 'pushed failed expired withdrawn',
  pushed: 'in-force failed expired withdrawn',
  'in-force': 'failed expired withdrawn',
  expired: 'approved',
  failed: 'approved pushed expired withdrawn',
  withdrawn: '',
}
const pairs = decisionStates.flatMap((from) => decisionStates.map((to) => ({ from, to })))

it.each(pairs)('$from → $to', ({ from, to }) => {
  const legal = table[from].split(' ').includes(to)
  expect(canBecome(from, to)).toBe(legal)
  const decision = { ...goldenDecision, state: from }
  if (legal) expect(become(decision, to)).toEqual({ ...decision, state: to, version: decision.version + 1 })
  else expect(() => become(decision, to)).toThrow('does not become')
})

it('a simulated decision is never pushed', () => {
  expect(() => become({ ...goldenDecision, simulated: true, state: 'approved' }, 'pushed')).toThrow('never pushed')
})

it('is active while somebody may enforce it', () => {
  const active = decisionStates.filter((state) => isActive({ ...goldenDecision, state }))
  expect(active).toEqual(['approved', 'pushed', 'in-force'])
})
