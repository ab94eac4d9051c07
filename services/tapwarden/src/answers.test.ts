/** `findings`, `finding` and `decisions` over a store that has some: run in this process, on the real engine. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Decision } from '@tapwarden/contracts/decision'
import type { Finding } from '@tapwarden/contracts/finding'
import { tableNames } from '@tapwarden/contracts/names'
import { goldenTransaction } from '@tapwarden/contracts/transaction'
import { silentLogger } from '@tapwarden/runtime/logger'
import { compileEngine, engineMissing } from '@tapwarden/store/embedded/test-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './command.js'
import { attachStore, type OpenedStore } from './open-store.js'
import type { Output } from './output.js'
import { testCapture } from './test-capture.js'

const missing = engineMissing()

const finding: Finding = {
  id: 'f-00000000000000aa',
  version: 2,
  detector: { id: 'credential-stuffing', version: 1 },
  threat: 'OAT-008',
  title: 'Credential stuffing on POST /login',
  summary: '200 addresses tried 900 accounts; \u001b[2J99 % failed.',
  severity: 'high',
  confidence: 0.97,
  state: 'open',
  subject: { kind: 'campaign', actors: [{ kind: 'address', value: '203.0.113.9' }] },
  firstSeenUs: 1_790_000_000_000_000,
  lastSeenUs: 1_790_000_060_000_000,
  detectedAtUs: 1_790_000_010_000_000,
  evidence: {
    transactionIds: ['0'.repeat(32)],
    counts: { attempts: 900 },
    baseline: { failureRatio: 0.0512345 },
    observed: { failureRatio: 0.99 },
    statistic: 31.5,
    threshold: 12,
  },
  blindness: {},
}

const decision = {
  id: 'd-00000000000000bb',
  version: 1,
  finding_id: finding.id,
  scope: 'address',
  value: '203.0.113.9',
  host: '',
  method: '',
  path_template: '',
  type: 'ban' satisfies Decision['type'],
  simulated: true,
  origin: 'default',
  reason: 'credential stuffing',
  created_at: '2026-09-21 14:13:30.000',
  until: '2026-09-21 15:13:30.000',
  state: 'in-force' satisfies Decision['state'],
  effect: 'unproven' satisfies Decision['effect'],
  refused_count: 0,
  passed_count: 1234,
  passed_in_grace_count: 5,
  document: '{}',
}

/** A finding with more decisions than a person wants to read, and of more transactions than are kept as evidence. */
const transaction = { ...goldenTransaction, observedAtUs: finding.firstSeenUs + 1 }
const large = {
  id: 'f-00000000000000cc',
  evidence: { ...finding.evidence, transactionIds: [transaction.id], transactionCount: 411 },
}
const largeDecisions = Array.from({ length: 23 }, (_, i) => ({
  ...decision,
  id: `d-00000000000001${String(i).padStart(2, '0')}`,
  finding_id: large.id,
}))

function findingRow({ version, ...changes }: Partial<Finding> & { readonly version: number }) {
  return {
    id: changes.id ?? finding.id,
    version,
    threat: finding.threat,
    title: finding.title,
    summary: finding.summary,
    severity: finding.severity,
    confidence: finding.confidence,
    state: finding.state,
    detected_at: '2026-09-21 14:13:30.000000',
    document: JSON.stringify({ ...finding, ...changes, version }),
  }
}

const loginRow = {
  id: '00112233445566ff',
  host: 'shop.example',
  method: 'POST',
  path_template: '/login',
  provisional: false,
  first_seen_at: '2026-09-21 14:13:30.000000',
  last_seen_at: '2026-09-21 15:13:30.000000',
  transaction_count: 4_740,
  auth_schemes: { cookie: 10, none: 3_988 },
  sensitive: {},
  status_counts: { 200: 3_998, 401: 742 },
  version: 1,
}

describe.skipIf(missing !== undefined)(`answers from the engine ${missing ?? ''}`, () => {
  let folder = ''
  let opened: OpenedStore

  beforeAll(async () => {
    compileEngine()
    folder = mkdtempSync(join(tmpdir(), 'tapwarden-answers-'))
    opened = await attachStore(folder, silentLogger, 0)
    const { store } = opened
    writeFileSync(join(folder, 'one.pcap'), testCapture(1).bytes)
    await store.insertRows(tableNames.findings, [findingRow({ version: 1 }), findingRow({ version: 2 })], {
      deduplicationToken: 'f',
    })
    await store.insertRows(tableNames.decisions, [decision], { deduplicationToken: 'd' })
  })
  afterAll(async () => {
    await opened?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  async function ask(...args: string[]) {
    const outs: string[] = []
    const notes: string[] = []
    const output: Output = {
      interactive: false,
      columns: 80,
      out: (text) => outs.push(text),
      note: (text) => notes.push(text),
    }
    return { code: await run([...args, '--store', folder], output), out: outs.join('\n'), notes: notes.join('\n') }
  }

  it('lists each finding once, its latest version, and says how to see more', async () => {
    const { code, out, notes } = await ask('findings')
    expect([code, out.split('\n').length, notes]).toEqual([
      0,
      2,
      `the evidence of one: npx --no-install tapwarden finding ${finding.id} --store ${folder}`,
    ])
    expect(out).toMatch(
      /^f-00000000000000aa {2}high +97 % +OAT-008 +Credential stuffing on POST \/login +open +2026-09-21 14:13:30$/m,
    )
  })

  it('shows one with its evidence and what was decided, by the beginning of its id, and lets no text reach the terminal raw', async () => {
    const { code, out } = await ask('finding', 'f-000')
    expect(code).toBe(0)
    expect(out).toContain('\\u{1b}[2J99 % failed')
    expect(out).toMatch(/baseline +failureRatio 0\.05123/)
    expect(out).toMatch(/statistic +31\.5 \(threshold 12\)/)
    expect(out).toMatch(/not visible +nothing was hidden/)
    expect(out).toMatch(
      /d-00000000000000bb {2}address 203\.0\.113\.9 +ban \(simulated\) +in-force +unproven +0 +1,234 +5 /,
    )
  })

  it.each([
    [['finding', 'f-1'], 66, /no finding f-1/],
    [['endpoint', 'GET', 'a.example', '/'], 66, /no endpoint GET a\.example \//],
    [['endpoints'], 0, /^no endpoints yet: static files/],
    [['openapi', 'a.example'], 66, /no endpoints of a\.example/],
    [['query', 'SELECT 1; SELECT 2'], 2, /^tapwarden: /],
    [['query', 'SELECT nothing FROM v_findings'], 2, /^tapwarden: /],
  ])('%j → %i', async (args, code, words) => {
    const ended = await ask(...args)
    expect([ended.code, ended.out]).toEqual([code, ''])
    expect(ended.notes).toMatch(words)
  })

  it('gives scripts JSON', async () => {
    expect(JSON.parse((await ask('findings', '--json')).out)).toMatchObject({ id: finding.id, confidence: 0.97 })
    expect(JSON.parse((await ask('finding', finding.id, '--json')).out)).toMatchObject({
      ...finding,
      decisions: [{ state: 'in-force' }],
    })
    expect(JSON.parse((await ask('decisions', '--json')).out)).toMatchObject({ id: decision.id, simulated: true })
  })

  it('says of how many transactions the evidence is, and shows twenty decisions', async () => {
    const { store } = opened
    await store.insertRows(tableNames.findings, [findingRow({ version: 1, ...large })], { deduplicationToken: 'large' })
    await store.insertRows(tableNames.decisions, largeDecisions, { deduplicationToken: 'large' })
    await store.insertNdjson(tableNames.transactions, Buffer.from(`${JSON.stringify(transaction)}\n`), {
      deduplicationToken: 't',
    })
    const { out } = await ask('finding', large.id)
    expect(out).toContain('Evidence: 1 of 411 transactions\n')
    expect(out.match(/^d-/gm)).toHaveLength(20)
    expect(out).toMatch(/^and 3 more: --json has all$/m)
    expect(JSON.parse((await ask('finding', large.id, '--json')).out).decisions).toHaveLength(23)
  })

  it('shows how a log-in authenticates by what dominates, with counts that sum up to its transactions', async () => {
    await opened.store.insertRows(tableNames.endpoints, [loginRow], { deduplicationToken: 'e' })
    expect((await ask('endpoints')).out).toMatch(/^POST +shop\.example +\/login +4,740 +none +2026-/m)
    expect((await ask('endpoint', 'POST', 'shop.example', '/login')).out).toMatch(
      /^authentication +none × 3,988, cookie × 10 \(742 failed attempts without credentials not counted\)$/m,
    )
  })

  it('a second stack on the same folder is refused, with what to do', async () => {
    const { code, notes } = await ask('replay', join(folder, 'one.pcap'), '--log-level', 'silent')
    expect([code, notes]).toEqual([69, expect.stringMatching(/is held by process \d+/)])
  })
})
