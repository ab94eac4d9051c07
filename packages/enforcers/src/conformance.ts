/**
 * What every enforcer must do, as cases that any test runner can run against a real edge:
 * `it.each(enforcerCases)('$name', ({ run }) => run(harness))`. They throw on a violation and use `node:assert` only.
 */

import { deepStrictEqual, ok, rejects, strictEqual } from 'node:assert/strict'
import { type Decision, goldenDecision } from '@tapwarden/contracts/decision'
import { type Enforcer, EnforcerUnavailable } from './enforcer.js'

export interface EdgeRequest {
  /** 127.0.0.0/8. */
  readonly address: string
  readonly host: string
  readonly method: string
  readonly path: string
  readonly fields?: Readonly<Record<string, string>>
}

export interface EnforcerHarness {
  /** Fresh, with an edge that holds nothing. The harness closes it. */
  readonly enforcer: Enforcer
  readonly nowMs: () => number
  /** What a client gets from the edge; `status` 200 comes from the origin. */
  ask(request: EdgeRequest): Promise<{ readonly status: number; readonly decisionId: string | undefined }>
  accessToken(secret: string): string
}

export interface EnforcerCase {
  readonly name: string
  run(harness: EnforcerHarness): Promise<void>
}

const host = 'shop.example:8080'
const login = { address: '127.0.0.2', host, method: 'POST', path: '/api/v1/login' }
const place = { host, method: 'POST', pathTemplate: '/api/v1/login' }
const patienceMs = 5_000

function decision(harness: EnforcerHarness, change: Partial<Decision>, number = 1): Decision {
  const id = `d-${String(number).padStart(16, '0')}`
  return { ...goldenDecision, id, value: '127.0.0.2', where: place, untilMs: harness.nowMs() + 600_000, ...change }
}

/** The decision's id when the edge refused, `'passed'` when the origin answered. */
async function outcome(
  harness: EnforcerHarness,
  request: EdgeRequest,
  refusedStatus = 403,
): Promise<string | undefined> {
  const { status, decisionId } = await harness.ask(request)
  if (status === 200) return 'passed'
  strictEqual(status, refusedStatus)
  return decisionId
}

export const enforcerCases: readonly EnforcerCase[] = [
  {
    name: 'refuses the actor at the place, under the decision’s id, and nobody and nothing else',
    run: async (harness) => {
      strictEqual(await outcome(harness, login), 'passed')
      const ban = decision(harness, {})
      strictEqual(harness.enforcer.unsupported(ban), undefined)
      await harness.enforcer.apply(ban)
      strictEqual(await outcome(harness, login), ban.id)
      strictEqual(await outcome(harness, { ...login, path: '/api/v1/login?next=%2F' }), ban.id)
      strictEqual(await outcome(harness, { ...login, address: '127.0.0.3' }), 'passed')
      strictEqual(await outcome(harness, { ...login, method: 'GET' }), 'passed')
      strictEqual(await outcome(harness, { ...login, path: '/api/v1/logins' }), 'passed')
      strictEqual(await outcome(harness, { ...login, path: '/api/v1' }), 'passed')
      strictEqual(await outcome(harness, { ...login, host: 'other.example' }), 'passed')
      deepStrictEqual(await harness.enforcer.held(), [ban.id])
    },
  },
  {
    name: 'a throttle is answered with 429',
    run: async (harness) => {
      const throttle = decision(harness, { type: 'throttle' })
      await harness.enforcer.apply(throttle)
      strictEqual(await outcome(harness, login, 429), throttle.id)
    },
  },
  {
    name: 'an access token is the key’s, in either field, from any address',
    run: async (harness) => {
      const ban = decision(harness, { scope: 'access-token', value: harness.accessToken('partner-key-1') })
      await harness.enforcer.apply(ban)
      strictEqual(await outcome(harness, { ...login, fields: { 'x-api-key': 'partner-key-1' } }), ban.id)
      strictEqual(await outcome(harness, { ...login, fields: { authorization: 'Bearer partner-key-1' } }), ban.id)
      strictEqual(await outcome(harness, { ...login, fields: { 'x-api-key': 'partner-key-2' } }), 'passed')
      strictEqual(await outcome(harness, login), 'passed')
    },
  },
  {
    name: 'a path template holds for one segment, with the rest literal',
    run: async (harness) => {
      const pathTemplate = '/partner/v1/inventory/{sku}.json/level'
      const ban = decision(harness, { where: { host, method: 'GET', pathTemplate } })
      await harness.enforcer.apply(ban)
      const at = (path: string): Promise<string | undefined> => outcome(harness, { ...login, method: 'GET', path })
      strictEqual(await at('/partner/v1/inventory/A-17.json/level'), ban.id)
      strictEqual(await at('/partner/v1/inventory/A-17xjson/level'), 'passed')
      strictEqual(await at('/partner/v1/inventory/.json/level'), 'passed')
      strictEqual(await at('/partner/v1/inventory/A/17.json/level'), 'passed')
      strictEqual(await at('/x/partner/v1/inventory/A-17.json/level'), 'passed')
      await harness.enforcer.lift(ban)
      strictEqual(await at('/partner/v1/inventory/A-17.json/level'), 'passed')
    },
  },
  {
    name: 'two actors at one template; lifting one leaves the other',
    run: async (harness) => {
      const where = { host, method: 'GET', pathTemplate: '/users/{userId}' }
      const first = decision(harness, { where })
      const second = decision(harness, { where, value: '127.0.0.3' }, 2)
      await Promise.all([harness.enforcer.apply(first), harness.enforcer.apply(second)])
      await harness.enforcer.lift(first)
      const request = { ...login, method: 'GET', path: '/users/7' }
      strictEqual(await outcome(harness, request), 'passed')
      strictEqual(await outcome(harness, { ...request, address: '127.0.0.3' }), second.id)
    },
  },
  {
    name: 'a host’s decision holds on all of it, one without place everywhere; the narrower one answers',
    run: async (harness) => {
      const wide = decision(harness, { where: {} })
      const onHost = decision(harness, { where: { host } }, 2)
      const narrow = decision(harness, {}, 3)
      for (const each of [wide, onHost, narrow]) await harness.enforcer.apply(each)
      strictEqual(await outcome(harness, login), narrow.id)
      strictEqual(await outcome(harness, { ...login, path: '/' }), onHost.id)
      strictEqual(await outcome(harness, { ...login, host: 'other.example' }), wide.id)
      deepStrictEqual([...(await harness.enforcer.held())].sort(), [wide.id, onHost.id, narrow.id])
    },
  },
  {
    name: 'a network holds each of its addresses and no other',
    run: async (harness) => {
      const ban = decision(harness, { value: '127.0.2.0/24', where: {} })
      await harness.enforcer.apply(ban)
      strictEqual(await outcome(harness, { ...login, address: '127.0.2.250' }), ban.id)
      strictEqual(await outcome(harness, { ...login, address: '127.0.3.1' }), 'passed')
      await harness.enforcer.lift(ban)
      strictEqual(await outcome(harness, { ...login, address: '127.0.2.250' }), 'passed')
    },
  },
  {
    name: 'applying again changes nothing, a later version replaces, lifting twice is lifting once',
    run: async (harness) => {
      const ban = decision(harness, {})
      await harness.enforcer.apply(ban)
      await harness.enforcer.apply(ban)
      await harness.enforcer.apply({ ...ban, version: 2, untilMs: ban.untilMs + 60_000 })
      deepStrictEqual(await harness.enforcer.held(), [ban.id])
      await harness.enforcer.lift(ban)
      await harness.enforcer.lift(ban)
      strictEqual(await outcome(harness, login), 'passed')
      deepStrictEqual(await harness.enforcer.held(), [])
    },
  },
  {
    name: 'lifting an older decision leaves the one that took its target',
    run: async (harness) => {
      const older = decision(harness, {})
      const newer = decision(harness, {}, 2)
      await harness.enforcer.apply(older)
      await harness.enforcer.lift(older)
      await harness.enforcer.apply(newer)
      await harness.enforcer.lift(older)
      strictEqual(await outcome(harness, login), newer.id)
    },
  },
  {
    name: 'the edge drops a decision by itself when its time is over; one that is over never begins',
    run: async (harness) => {
      await harness.enforcer.apply(decision(harness, { untilMs: harness.nowMs() - 1_000 }, 2))
      strictEqual(await outcome(harness, login), 'passed')
      await harness.enforcer.apply(decision(harness, { untilMs: harness.nowMs() + 600 }))
      ok((await outcome(harness, login)) !== 'passed')
      const startedMs = performance.now()
      while ((await outcome(harness, login)) !== 'passed') {
        ok(performance.now() - startedMs < patienceMs, 'still refused long after its end')
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      deepStrictEqual(await harness.enforcer.held(), [])
    },
  },
  {
    name: 'says what it cannot do, and refuses to pretend',
    run: async (harness) => {
      const { enforcer } = harness
      for (const change of [
        { type: 'deceive' },
        { scope: 'fingerprint', value: 'c3a1b2d4e5f60718' },
        { value: 'not an address' },
      ] as const) {
        const impossible = decision(harness, change)
        ok(enforcer.unsupported(impossible) !== undefined)
        await rejects(enforcer.apply(impossible), EnforcerUnavailable)
      }
      deepStrictEqual(await enforcer.held(), [])
    },
  },
  {
    name: 'many at once are all in force when their promises resolve',
    run: async (harness) => {
      const decisions = Array.from({ length: 200 }, (_, index) =>
        decision(harness, { value: `127.0.4.${index + 1}` }, index),
      )
      await Promise.all(decisions.map((each) => harness.enforcer.apply(each)))
      for (const each of [decisions[0]!, decisions[113]!, decisions[199]!]) {
        strictEqual(await outcome(harness, { ...login, address: each.value }), each.id)
      }
      strictEqual((await harness.enforcer.held()).length, 200)
      await Promise.all(decisions.map((each) => harness.enforcer.lift(each)))
      deepStrictEqual(await harness.enforcer.held(), [])
    },
  },
]
