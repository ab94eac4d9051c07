import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { type Alert, alertSchema } from '@tapwarden/contracts/alert'
import { type Decision, decisionTopic, goldenDecision } from '@tapwarden/contracts/decision'
import { type Finding, findingTopic, goldenFinding } from '@tapwarden/contracts/finding'
import { EmbeddedJobs } from '@tapwarden/jobs/embedded'
import { silentLogger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import { signatureFieldName, verifyWebhook } from '@tapwarden/runtime/signed-webhook'
import { ManualTimers } from '@tapwarden/runtime/timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { deliveryFieldName } from './alert-webhook.js'
import { startAlerter } from './alerter-pipeline.js'
import { type AlerterConfig, alerterConfigSchema } from './config.js'

const secret = 'a secret of the receiver'

interface Post {
  readonly alerts: readonly Alert[]
  readonly delivery: string
  readonly fault: string | undefined
}

/** A receiver that answers what it is told to, 204 by default. */
class Receiver {
  readonly posts: Post[] = []
  answers: number[] = []
  readonly #server: Server
  readonly #timers: ManualTimers

  constructor(timers: ManualTimers) {
    this.#timers = timers
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        const lines = body.toString().trimEnd().split('\n')
        this.posts.push({
          alerts: lines.map((line) => alertSchema.parse(JSON.parse(line))),
          delivery: String(request.headers[deliveryFieldName]),
          fault: verifyWebhook(secret, String(request.headers[signatureFieldName]), body, this.#timers.nowMs()),
        })
        response.writeHead(this.answers.shift() ?? 204).end()
      })
    })
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/alerts`
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve)
      this.#server.closeAllConnections()
    })
  }

  ids(): string[] {
    return this.posts.flatMap((post) => post.alerts.map((alert) => alert.id)).sort()
  }
}

const timers = new ManualTimers(1_790_000_010_000)
let folder: string
let url: string
let receiver: Receiver
let bus: InProcessBus
let jobs: EmbeddedJobs
let alerter: RunningService

async function start(config: Partial<AlerterConfig>, stdout = new PassThrough()): Promise<void> {
  bus = new InProcessBus()
  jobs = await EmbeddedJobs.open({ file: join(folder, 'jobs.journal'), timers })
  alerter = await startAlerter({
    bus,
    jobs,
    config: alerterConfigSchema.parse(config),
    logger: silentLogger,
    timers,
    stdout,
  })
}
async function stop(): Promise<void> {
  await alerter.stop()
  await jobs.close()
  await bus.close()
}
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tapwarden-alerter-'))
  receiver = new Receiver(timers)
  url = await receiver.listen()
})
afterEach(async () => {
  await stop()
  await receiver.close()
  await rm(folder, { recursive: true })
})

async function find(finding: Finding): Promise<void> {
  await bus.publish(findingTopic.name, [{ partition: 0, value: findingTopic.encode(finding), messageCount: 1 }])
  await bus.drained([findingTopic.name])
}
async function decide(...decisions: readonly Decision[]): Promise<void> {
  const value = Buffer.concat(decisions.map((decision) => decisionTopic.encode(decision)))
  await bus.publish(decisionTopic.name, [{ partition: 0, value, messageCount: decisions.length }])
  await bus.drained([decisionTopic.name])
}
async function fileIds(): Promise<string[]> {
  const text = await readFile(join(folder, 'alerts.jsonl'), 'utf8')
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => alertSchema.parse(JSON.parse(line)).id)
}

describe('each once', () => {
  it('updates of a finding and of a decision are not alerts; a decision that failed is one more', async () => {
    await start({ file: join(folder, 'alerts.jsonl') })
    await find(goldenFinding)
    await find({ ...goldenFinding, version: 2 })
    await decide({ ...goldenDecision, state: 'approved' }, goldenDecision)
    await decide({ ...goldenDecision, version: 4, state: 'failed' })
    await expect
      .poll(async () => (await fileIds()).sort())
      .toEqual(['d-0123456789abcdef', 'd-0123456789abcdef.failed', 'f-0123456789abcdef'])
  })

  it('also after a restart, and after a crash between the line and the note that it was written', async () => {
    const file = join(folder, 'alerts.jsonl')
    await start({ file })
    await find(goldenFinding)
    await expect.poll(fileIds).toEqual([goldenFinding.id])
    await stop()
    await start({ file })
    await find({ ...goldenFinding, version: 3 })
    expect(await fileIds()).toEqual([goldenFinding.id])
    await stop()
    await rm(join(folder, 'jobs.journal'))
    await appendFile(file, '{"id":"torn')
    await start({ file })
    await find(goldenFinding)
    await find({ ...goldenFinding, id: 'f-ffffffffffffffff' })
    await expect.poll(async () => (await readFile(file, 'utf8')).split('\n').length).toBe(4)
    const lines = (await readFile(file, 'utf8')).split('\n')
    expect(lines[1]).toBe('{"id":"torn')
    expect([lines[0], lines[2]].map((line) => JSON.parse(String(line)).id)).toEqual([
      goldenFinding.id,
      'f-ffffffffffffffff',
    ])
  })

  it('a quiet finding is not alerted', async () => {
    await start({ file: join(folder, 'alerts.jsonl'), minSeverity: 'critical' })
    await find(goldenFinding)
    await find({ ...goldenFinding, id: 'f-ffffffffffffffff', severity: 'critical' })
    await expect.poll(fileIds).toEqual(['f-ffffffffffffffff'])
  })

  it('to stdout', async () => {
    const stdout = new PassThrough()
    await start({ file: '-' }, stdout)
    await find(goldenFinding)
    await expect.poll(() => stdout.readableLength).toBeGreaterThan(0)
    const line = String(stdout.read())
    expect(alertSchema.parse(JSON.parse(line))).toMatchObject({
      kind: 'finding',
      severity: 'high',
      finding: goldenFinding,
    })
    expect(line.endsWith('\n')).toBe(true)
  })
})

describe('the webhook', () => {
  const webhook = () => ({ url, secret, timeoutMs: 5_000 })

  it('is signed, and tried again under the same delivery id until it is taken', async () => {
    receiver.answers = [503, 429]
    await start({ webhook: webhook() })
    await find(goldenFinding)
    for (const [count, waitMs] of [
      [1, 1_000],
      [2, 2_000],
    ] as const) {
      await expect.poll(() => jobs.state('alert-deliver', `webhook.${goldenFinding.id}`)).toBe('delayed')
      expect(receiver.posts).toHaveLength(count)
      timers.advance(waitMs)
    }
    await expect.poll(() => jobs.state('alert-deliver', `webhook.${goldenFinding.id}`)).toBe('completed')
    expect(receiver.posts).toHaveLength(3)
    expect(receiver.posts.map((post) => post.fault)).toEqual([undefined, undefined, undefined])
    expect(new Set(receiver.posts.map((post) => post.delivery)).size).toBe(1)
  })

  it('200 decisions of one finding are a few posts, each decision in one of them', async () => {
    await start({ webhook: webhook() })
    const decisions = Array.from({ length: 200 }, (_each, index) => ({
      ...goldenDecision,
      id: `d-${String(index).padStart(16, '0')}`,
    }))
    await decide(...decisions)
    await expect.poll(() => receiver.ids()).toEqual(decisions.map((decision) => decision.id))
    expect(receiver.posts.length).toBeLessThan(10)
  })

  it('an answer that is final is not tried again, and one refused alert does not cost the others', async () => {
    receiver.answers = [422, 422]
    await start({ webhook: webhook() })
    await decide(goldenDecision, { ...goldenDecision, id: 'd-ffffffffffffffff' })
    await expect.poll(() => jobs.state('alert-deliver', 'webhook.d-ffffffffffffffff')).toBe('completed')
    expect(await jobs.state('alert-deliver', `webhook.${goldenDecision.id}`)).toBe('failed')
    expect(receiver.posts).toHaveLength(3)
  })

  it('a receiver that is away holds up neither the file nor the topics, and gets its alert later', async () => {
    receiver.answers = [503]
    await start({ webhook: webhook(), file: join(folder, 'alerts.jsonl') })
    await find(goldenFinding)
    await expect.poll(fileIds).toEqual([goldenFinding.id])
    await expect.poll(() => jobs.state('alert-deliver', `webhook.${goldenFinding.id}`)).toBe('delayed')
    await stop()
    timers.advance(1_000)
    await start({ webhook: webhook(), file: join(folder, 'alerts.jsonl') })
    await expect.poll(() => jobs.state('alert-deliver', `webhook.${goldenFinding.id}`)).toBe('completed')
    expect(await fileIds()).toEqual([goldenFinding.id])
  })
})
