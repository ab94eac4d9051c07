import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { type Decision, goldenDecision } from '@tapwarden/contracts/decision'
import { type Finding, findingTopic, goldenFinding } from '@tapwarden/contracts/finding'
import { tableNames } from '@tapwarden/contracts/names'
import { partitionOf } from '@tapwarden/contracts/partition-key'
import { goldenTransaction, type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import { type Enforcer, EnforcerUnavailable } from '@tapwarden/enforcers/enforcer'
import { ForwardAuthEnforcer } from '@tapwarden/enforcers/forward-auth'
import { EmbeddedJobs } from '@tapwarden/jobs/embedded'
import { silentLogger } from '@tapwarden/runtime/logger'
import { ManualTimers } from '@tapwarden/runtime/timers'
import { engineMissing, startTestStore, type TestStore } from '@tapwarden/store/embedded/test-engine'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type MitigatorConfig, mitigatorConfigSchema } from './config.js'
import { auditOf, findDecision, listDecisions } from './decision-queries.js'
import { decisionRow } from './decision-rows.js'
import { type Mitigator, startMitigator } from './mitigator-pipeline.js'

const missing = engineMissing()
const startMs = goldenFinding.lastSeenUs / 1_000 + 500
const endpoint = goldenFinding.subject.endpoint
const { edgeDecisionId: _, ...unmarked } = goldenTransaction
const login: HttpTransaction = { ...unmarked, host: 'shop.example', path: '/api/v1/login', method: 'POST' }

function findingAbout(addresses: readonly string[], change: Partial<Finding> = {}): Finding {
  const actors = addresses.map((value) => ({ kind: 'address' as const, value }))
  const subject = { kind: 'campaign' as const, actors, ...(endpoint === undefined ? {} : { endpoint }) }
  return { ...goldenFinding, subject, ...change }
}

/** One mitigator with real parts: the bus, a journal, forward-auth, and the engine's tables. */
class Stack {
  readonly timers = new ManualTimers(startMs)
  bus = new InProcessBus()
  jobs!: EmbeddedJobs
  auth!: ForwardAuthEnforcer
  mitigator!: Mitigator
  readonly folder: string
  readonly #store: TestStore

  constructor(folder: string, store: TestStore) {
    this.folder = folder
    this.#store = store
  }

  get store() {
    return this.#store.store
  }

  async start(change: Partial<MitigatorConfig> = {}, others: readonly Enforcer[] = []): Promise<void> {
    const { timers, store } = this
    this.bus = new InProcessBus()
    this.jobs = await EmbeddedJobs.open({ file: join(this.folder, 'jobs.journal'), timers })
    const listen = { host: '127.0.0.1', port: 0 }
    this.auth = await ForwardAuthEnforcer.start({ name: 'auth', listen, accessKeys: [], timers })
    const config = { ...mitigatorConfigSchema.parse({ mode: 'enforce' }), ...change }
    const enforcers = [this.auth, ...others]
    this.mitigator = await startMitigator({
      bus: this.bus,
      store,
      jobs: this.jobs,
      enforcers,
      config,
      logger: silentLogger,
      timers,
    })
  }

  async stop(): Promise<void> {
    await this.mitigator.stop()
    await this.jobs.close()
    await this.auth.close()
    await this.bus.close()
  }

  async find(finding: Finding): Promise<void> {
    await this.bus.publish(findingTopic.name, [{ partition: 0, value: findingTopic.encode(finding), messageCount: 1 }])
    await this.bus.drained([findingTopic.name])
  }

  async mirror(...transactions: readonly HttpTransaction[]): Promise<void> {
    for (const each of transactions) {
      const record = { partition: partitionOf(each), value: transactionTopic.encode(each), messageCount: 1 }
      await this.bus.publish(transactionTopic.name, [record])
    }
    await this.bus.drained([transactionTopic.name])
  }

  /** What an edge is told about a login attempt from this address. */
  ask(address: string): Promise<number> {
    const headers = { host: 'shop.example', 'x-real-ip': address }
    return new Promise((resolve, reject) => {
      const options = {
        host: '127.0.0.1',
        port: this.auth.port,
        method: 'POST',
        path: '/api/v1/login',
        headers,
        agent: false,
      }
      request(options, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
        .on('error', reject)
        .end()
    })
  }

  states(): string[] {
    return this.mitigator.decisions().map((decision) => decision.state)
  }
}

describe.skipIf(missing !== undefined)(`mitigator${missing === undefined ? '' : `: ${missing}`}`, () => {
  let testStore: TestStore
  let stack: Stack
  beforeAll(async () => {
    testStore = await startTestStore()
  }, 120_000)
  afterAll(() => testStore.stop())
  beforeEach(async () => {
    for (const table of [tableNames.decisions, tableNames.decisionEffects, tableNames.auditLog]) {
      await testStore.store.command(`TRUNCATE TABLE tapwarden.${table}`)
    }
    stack = new Stack(await mkdtemp(join(tmpdir(), 'tapwarden-mitigator-')), testStore)
  })
  afterEach(async () => {
    await stack.stop()
    await rm(stack.folder, { recursive: true })
  })

  it('a finding becomes decisions in force, they are measured, and they end on time', async () => {
    await stack.start()
    const addresses = Array.from({ length: 200 }, (_each, index) => `203.0.113.${index}`)
    await stack.find(findingAbout(addresses))
    await expect.poll(() => new Set(stack.states())).toEqual(new Set(['in-force']))
    expect(await stack.ask('203.0.113.7')).toBe(403)
    expect(await stack.ask('198.51.100.1')).toBe(200)

    const decision = stack.mitigator.decisions().find((each) => each.value === '203.0.113.7')!
    const refused = { ...login, clientAddress: '203.0.113.7', status: 403, edgeDecisionId: decision.id }
    const refusals = Array.from({ length: 8 }, (_each, index) => ({
      ...refused,
      observedAtUs: startMs * 1_000 + index,
    }))
    await stack.mirror(...refusals)
    stack.timers.advance(2_000)
    await expect.poll(async () => (await findDecision(stack.store, decision.id))?.refusedCount).toBe(8)
    expect(await findDecision(stack.store, decision.id)).toMatchObject({
      effect: 'effective',
      firstRefusedUs: startMs * 1_000,
      passedCount: 0,
      enforcers: { auth: { state: 'in-force' } },
    })

    stack.timers.advance(900_000)
    await expect.poll(() => new Set(stack.states())).toEqual(new Set(['expired']))
    expect(await stack.ask('203.0.113.7')).toBe(200)
    expect(await stack.auth.held()).toEqual([])
    await expect
      .poll(async () => (await listDecisions(stack.store, { states: ['expired'], maxCount: 500 })).length)
      .toBe(200)
    const actionsOf = async (id: string) => (await auditOf(stack.store, id)).map((line) => line.action)
    await expect.poll(() => actionsOf(decision.id)).toEqual(['decision.enforced', 'decision.lifted'])
    expect(await actionsOf(goldenFinding.id)).toEqual(['finding.decided'])
  })

  it('requests that get through show as ineffective', async () => {
    await stack.start()
    await stack.find(findingAbout(['203.0.113.7']))
    await expect.poll(() => stack.states()).toEqual(['in-force'])
    const passed = { ...login, clientAddress: '203.0.113.7', status: 401, observedAtUs: startMs * 1_000 + 5_000_000 }
    const onItsWay = { ...passed, observedAtUs: startMs * 1_000 + 1_000_000 }
    await stack.mirror(onItsWay, onItsWay, passed, passed, passed, passed)
    const measured = { effect: 'ineffective', passedCount: 6, passedInGraceCount: 2 }
    expect(stack.mitigator.decisions()).toMatchObject([measured])
    await expect
      .poll(() => stack.store.query('SELECT effect, passed_count, passed_in_grace_count FROM v_decisions'))
      .toEqual([{ effect: 'ineffective', passed_count: '6', passed_in_grace_count: '2' }])
  })

  it('simulates by default: decided, stored, never pushed', async () => {
    await stack.start({ mode: 'simulate' })
    await stack.find(findingAbout(['203.0.113.7']))
    await expect
      .poll(() => listDecisions(stack.store))
      .toMatchObject([{ simulated: true, state: 'proposed', enforcers: {} }])
    expect(await stack.ask('203.0.113.7')).toBe(200)
  })

  it('a replay of old traffic is recorded and enforces nothing', async () => {
    await stack.start()
    stack.timers.advance(3_600_000)
    await stack.find(findingAbout(['203.0.113.7']))
    await expect.poll(() => listDecisions(stack.store)).toMatchObject([{ simulated: false, state: 'expired' }])
    expect(await stack.ask('203.0.113.7')).toBe(200)
  })

  it('who was let in before a campaign began is spared', async () => {
    await stack.start()
    const before = {
      ...login,
      status: 200,
      clientAddress: '203.0.113.7',
      observedAtUs: goldenFinding.firstSeenUs - 1_000_000,
    }
    await stack.mirror(before, before, before)
    await stack.find(findingAbout(['203.0.113.7', '203.0.113.8']))
    await expect.poll(() => stack.states()).toEqual(['in-force'])
    expect(await stack.ask('203.0.113.7')).toBe(200)
    expect(await stack.ask('203.0.113.8')).toBe(403)
  })

  it('an enforcer that is away fails alone, is said so, and gets its decision when it is back', async () => {
    const listen = { host: '127.0.0.1', port: 0 }
    const second = await ForwardAuthEnforcer.start({ name: 'second', listen, accessKeys: [], timers: stack.timers })
    let isAway = true
    const reached = <Result>(run: () => Promise<Result>): Promise<Result> =>
      isAway ? Promise.reject(new EnforcerUnavailable('second', 'cable', { retryable: true })) : run()
    const faulty: Enforcer = {
      name: 'second',
      capabilities: second.capabilities,
      unsupported: (decision) => second.unsupported(decision),
      apply: (decision) => reached(() => second.apply(decision)),
      lift: (decision) => reached(() => second.lift(decision)),
      held: () => reached(() => second.held()),
      close: () => second.close(),
    }
    await stack.start({}, [faulty])
    await stack.find(findingAbout(['203.0.113.7']))
    await expect.poll(() => stack.states()).toEqual(['in-force'])
    const { id, untilMs } = stack.mitigator.decisions()[0]!
    for (let round = 0; round < 10; round++) {
      await expect.poll(() => stack.jobs.state('decision-enforce', `${id}.${untilMs}.second`)).toMatch(/delayed|failed/)
      stack.timers.advance(30_000)
    }
    const stateAtSecond = () => stack.mitigator.decisions()[0]?.enforcers['second']?.state
    await expect.poll(stateAtSecond).toBe('failed')
    expect(stack.mitigator.decisions()[0]).toMatchObject({
      state: 'in-force',
      enforcers: { auth: { state: 'in-force' } },
    })
    await expect
      .poll(async () => (await auditOf(stack.store, id)).map((line) => line.action))
      .toContain('decision.failed')
    expect(await stack.ask('203.0.113.7')).toBe(403)
    isAway = false
    stack.timers.advance(10_000)
    await expect.poll(stateAtSecond).toBe('in-force')
    expect(await second.held()).toEqual([id])
    await second.close()
  })

  it('what an edge lost is put back, what it should not hold is lifted', async () => {
    await stack.start()
    await stack.find(findingAbout(['203.0.113.7', '203.0.113.8']))
    await expect.poll(() => stack.states()).toEqual(['in-force', 'in-force'])
    const [kept, withdrawn] = stack.mitigator.decisions()
    expect(await stack.mitigator.withdraw(withdrawn!.id, 'sam')).toBe(true)
    expect(await stack.mitigator.withdraw(withdrawn!.id, 'sam')).toBe(false)
    await stack.auth.lift(kept!)
    await stack.auth.apply(withdrawn!)
    stack.timers.advance(10_000)
    await expect.poll(() => stack.auth.held()).toEqual([kept!.id])
  })

  it('after a restart decisions are in force again and end on time, and the same finding changes nothing', async () => {
    await stack.start()
    await stack.find(findingAbout(['203.0.113.7']))
    await expect.poll(() => stack.states()).toEqual(['in-force'])
    const [before] = stack.mitigator.decisions()
    await stack.stop()
    stack.timers.advance(60_000)
    await stack.start()
    expect(stack.mitigator.decisions()).toEqual([before])
    expect(await stack.ask('203.0.113.7')).toBe(403)
    await stack.find(findingAbout(['203.0.113.7']))
    expect(stack.mitigator.decisions()).toEqual([before])
    stack.timers.advance(900_000)
    await expect.poll(() => stack.states()).toEqual(['expired'])
    expect(await stack.ask('203.0.113.7')).toBe(200)
  })

  it('after a crash that lost the journal nothing stays in force for ever, and what was only decided is pushed', async () => {
    const { findingId: _id, ...rest } = { ...goldenDecision, refusedCount: 0, effect: 'unproven' as const }
    const untilMs = startMs + 60_000
    const stored = (id: string, change: Partial<Decision>): Decision => ({
      ...rest,
      findingId: goldenFinding.id,
      id,
      untilMs,
      ...change,
    })
    const decisions = [
      stored('d-0000000000000001', { value: '203.0.113.1', untilMs: startMs - 1 }),
      stored('d-0000000000000002', { value: '203.0.113.2', enforcers: { auth: { state: 'in-force' } } }),
      stored('d-0000000000000003', { value: '203.0.113.3', enforcers: {}, state: 'approved' }),
    ]
    await stack.store.insertRows(tableNames.decisions, decisions.map(decisionRow), { deduplicationToken: 'crash' })
    await stack.start()
    const states = () =>
      stack.mitigator
        .decisions()
        .map((decision) => [decision.id.slice(-1), decision.state].join(' '))
        .sort()
    await expect.poll(states).toEqual(['1 expired', '2 in-force', '3 in-force'])
    expect((await Promise.all([1, 2, 3].map((last) => stack.ask(`203.0.113.${last}`)))).join(' ')).toBe('200 403 403')
    stack.timers.advance(60_000)
    await expect.poll(states).toEqual(['1 expired', '2 expired', '3 expired'])
  })

  it('an attack that goes on prolongs its decision; one that outlives it renews it', async () => {
    await stack.start()
    await stack.find(findingAbout(['203.0.113.7']))
    await expect.poll(() => stack.states()).toEqual(['in-force'])
    stack.timers.advance(600_000)
    const later = { version: 2, lastSeenUs: goldenFinding.lastSeenUs + 600_000_000 }
    await stack.find(findingAbout(['203.0.113.7'], later))
    stack.timers.advance(600_000)
    await expect.poll(() => stack.states()).toEqual(['in-force'])
    expect(await stack.ask('203.0.113.7')).toBe(403)
    stack.timers.advance(600_000)
    await expect.poll(() => stack.states()).toEqual(['expired'])
    await stack.find(
      findingAbout(['203.0.113.7'], { version: 3, lastSeenUs: goldenFinding.lastSeenUs + 1_799_000_000 }),
    )
    await expect.poll(() => stack.states()).toEqual(['in-force'])
    expect(await stack.ask('203.0.113.7')).toBe(403)
  })
})
