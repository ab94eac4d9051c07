import type { Finding } from '@tapwarden/contracts/finding'
import { goldenTransaction, type HttpTransaction } from '@tapwarden/contracts/transaction'
import { describe, expect, it } from 'vitest'
import { CredentialStuffingDetector } from './credential-stuffing.js'
import { detectionConfigSchema } from './detection-config.js'
import type { FindingEndpoint } from './detector.js'

const { edgeDecisionId, sessionToken, accessToken, accountToken, ...base } = goldenTransaction
const startUs = 1_790_000_000_000_000
const login: FindingEndpoint = { id: 'a1', host: 'shop.example', method: 'POST', pathTemplate: '/login' }

function attempt(index: number, atS: number, fields: Partial<HttpTransaction>): HttpTransaction {
  return {
    ...base,
    id: index.toString(16).padStart(32, '0'),
    observedAtUs: startUs + Math.round(atS * 1e6),
    loginUserToken: `c1.user${index}`,
    loginPasswordToken: `c1.password${index}`,
    responseShape: { token: 'str f=jwt' },
    setCookieNames: ['sid'],
    status: 200,
    ...fields,
  }
}

const failure: Partial<HttpTransaction> = { status: 401, responseShape: { error: 'str' }, setCookieNames: [] }

/** An hour of logins, one in twelve mistyped; then 100 pairs from 25 addresses. Returns the findings. */
function run(attackFields: Partial<HttpTransaction>, historyCount = 600) {
  const detector = new CredentialStuffingDetector(detectionConfigSchema.parse({}).credentialStuffing)
  const findings = []
  for (let i = 0; i < historyCount; i++) {
    const client = { clientAddress: `10.0.${i >> 8}.${i & 255}` }
    const mistyped = i % 12 === 0
    findings.push(...detector.observe(attempt(i, i * 6, mistyped ? { ...failure, ...client } : client), login))
  }
  for (let i = 0; i < 100; i++) {
    const fields = { ...failure, clientAddress: `203.0.113.${i % 25}`, ...attackFields }
    findings.push(...detector.observe(attempt(10_000 + i, historyCount * 6 + i * 0.2, fields), login))
  }
  // Time goes on: what was due is said.
  findings.push(...detector.observe(attempt(20_000, historyCount * 6 + 30, { clientAddress: '10.0.0.7' }), login))
  return findings
}

it('names the addresses of a campaign, and nobody else', () => {
  const findings = run({})
  const last = findings.at(-1)
  expect(last?.threat).toBe('OAT-008')
  expect(last?.subject.actors.length).toBe(25)
  expect(last?.subject.actors.every(({ kind, value }) => kind === 'address' && value.startsWith('203.'))).toBe(true)
  expect(last?.evidence.transactionIds.length).toBeLessThanOrEqual(50)
  expect(last?.evidence.counts['attempts']).toBeGreaterThanOrEqual(99)
  expect(findings.map(({ version }) => version)).toEqual(findings.map((_, index) => index + 1))
})

it.each<[string, Partial<HttpTransaction>, number]>([
  ['our own edge’s refusals', { edgeDecisionId: 'd-0123456789abcdef' }, 600],
  ['a limiter’s refusals', { status: 429 }, 600],
  ['paths that do not exist', { status: 404 }, 600],
  ['one account', { loginUserToken: 'c1.victim' }, 600],
  ['one password', { loginPasswordToken: 'c1.summer' }, 600],
  ['too short a history', {}, 100],
])('%s: no stuffing', (_name, fields, historyCount) => {
  expect(run(fields, historyCount)).toEqual([])
})

/** The campaign as in `run`, with log-ins of bystanders and one of a named address among it, on another fingerprint each. */
function runAmongOthers(closeAfterS: number) {
  const detector = new CredentialStuffingDetector(detectionConfigSchema.parse({}).credentialStuffing)
  const findings: Finding[] = []
  const observe = (index: number, atS: number, fields: Partial<HttpTransaction>) =>
    findings.push(...detector.observe(attempt(index, atS, fields), login))
  for (let i = 0; i < 600; i++) {
    const client = { clientAddress: `10.0.${i >> 8}.${i & 255}` }
    observe(i, i * 6, i % 12 === 0 ? { ...failure, ...client } : client)
  }
  for (let i = 0; i < 100; i++) {
    observe(10_000 + i, 3_600 + i * 0.2, { ...failure, clientAddress: `203.0.113.${i % 25}` })
    if (i % 20 === 19) observe(20_000 + i, 3_600.1 + i * 0.2, { clientAddress: `10.0.0.${i}` })
  }
  observe(30_000, 3_621, { clientAddress: '203.0.113.3' })
  observe(40_000, 3_621 + closeAfterS, { clientAddress: '10.0.0.7' })
  return findings
}

describe('what a finding says of itself', () => {
  const findings = runAmongOthers(100)
  const first = findings[0]
  const last = findings.at(-1)

  it('says nothing of actors before one is named', () => {
    expect(first?.subject.actors).toEqual([])
    expect(first?.summary).toMatch(/who takes part is not decided yet\.$|not decided yet; benign clients/)
    expect(first?.summary).not.toMatch(/\b0 actors/)
  })

  it('counts attempts, failures, successes and addresses as what they are', () => {
    const counts = last?.evidence.counts ?? {}
    expect((counts['failures'] ?? 0) + (counts['successes'] ?? 0)).toBe(counts['attempts'])
    const { attempts, failures, successes, addresses = 0, accounts = 0 } = counts
    // 100 pairs from 25 addresses, and at most six bystanders.
    expect([accounts >= 95, accounts <= 105, addresses >= 25, addresses <= 31 + 2]).toEqual([true, true, true, true])
    expect(last?.summary).toMatch(
      new RegExp(
        `^Of all ${attempts} login attempts .*, from ${addresses} addresses, ${failures} failed, at about .* and ${successes} succeeded; `,
      ),
    )
    expect(last?.summary).toContain('25 actors named; 1 login of theirs succeeded since')
  })

  it('rests on failures and on what named actors got into, not on the log-ins of bystanders', () => {
    const ids = (last?.evidence.transactionIds ?? []).map((id) => Number.parseInt(id, 16))
    expect(ids.length).toBe(50)
    expect(ids.filter((id) => id >= 20_000)).toEqual([30_000])
    expect(last?.evidence.transactionCount).toBe((last?.evidence.counts['failures'] ?? 0) + 1)
  })
})
