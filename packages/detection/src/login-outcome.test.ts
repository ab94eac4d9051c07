import { goldenTransaction, type HttpTransaction } from '@tapwarden/contracts/transaction'
import { expect, it } from 'vitest'
import { LoginOutcomes } from './login-outcome.js'

const { responseShape, setCookieNames, responseFields, edgeDecisionId, ...base } = goldenTransaction
const secondUs = 1_000_000

function answer(client: number, atS: number, fields: Partial<HttpTransaction>): HttpTransaction {
  return { ...base, clientAddress: `10.0.0.${client}`, observedAtUs: atS * secondUs, status: 200, ...fields }
}

const ok = { responseShape: { profile: 'str n=4' } }
const refused = { responseShape: { message: 'str n=4' } }

it.each<[Partial<HttpTransaction>, string, string]>([
  [{ status: 401 }, 'failure', 'RFC 9110 says so'],
  [{ status: 503 }, 'none', 'an outage judges nobody'],
  [{ status: 200, ...ok }, 'undecided', 'nothing is known yet'],
  [{ status: 200, setCookieNames: ['sid'] }, 'undecided', 'sites set cookies on failures too'],
  [{ status: 200, setCookieNames: ['sid'], responseShape: { accessToken: 'str f=jwt' } }, 'success', 'both together'],
  [{ status: 403 }, 'undecided', 'a refusal has many reasons'],
])('%j is %s at first sight: %s', (fields, outcome, _why) => {
  expect(new LoginOutcomes().judge(answer(1, 1, fields), 'c1.a', true)).toBe(outcome)
})

it('learns success from sessions that follow, and failure from retries', () => {
  const outcomes = new LoginOutcomes()
  for (let client = 1; client <= 4; client++) {
    outcomes.judge(answer(client, client * 100, refused), `c1.${client}`, true)
    outcomes.judge(answer(client, client * 100 + 5, ok), `c1.${client}`, true)
    outcomes.observeNewSession(answer(client, client * 100 + 6, {}))
  }
  expect(outcomes.judge(answer(9, 900, ok), 'c1.9', true)).toBe('success')
  expect(outcomes.judge(answer(8, 900, refused), 'c1.8', true)).toBe('failure')
})

it('one client teaches nothing by doing the same again and again', () => {
  const outcomes = new LoginOutcomes()
  for (let i = 0; i < 50; i++) {
    outcomes.judge(answer(1, i * 10, refused), `c1.${i}`, true)
    outcomes.observeNewSession(answer(1, i * 10 + 1, {}))
  }
  expect(outcomes.judge(answer(2, 900, refused), 'c1.x', true)).toBe('undecided')
})

it('attempts that nobody retries and no session follows teach nothing', () => {
  const outcomes = new LoginOutcomes()
  for (let i = 0; i < 500; i++) outcomes.judge(answer(i % 200, i, refused), `c1.${i}`, true)
  expect(outcomes.judge(answer(2, 900, refused), 'c1.x', true)).toBe('undecided')
})

it('tells redirects apart by where they lead, not by whom', () => {
  const outcomes = new LoginOutcomes()
  const to = (location: string) => ({ status: 302, responseFields: { location } })
  for (let client = 1; client <= 4; client++) {
    outcomes.judge(answer(client, client * 100, to('/login?error=1')), `c1.${client}`, true)
    outcomes.judge(answer(client, client * 100 + 5, to(`/home/u${client}`)), `c1.${client}`, true)
    outcomes.observeNewSession(answer(client, client * 100 + 6, {}))
  }
  expect(outcomes.judge(answer(9, 900, to('/home/u77')), 'c1.9', true)).toBe('success')
  expect(outcomes.judge(answer(8, 900, to('/login?error=2')), 'c1.8', true)).toBe('failure')
})
