import { spawn } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { queueNames } from '@tapwarden/contracts/names'
import { ManualTimers } from '@tapwarden/runtime/timers'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually, jobQueueCases } from './conformance.js'
import { EmbeddedJobs } from './embedded.js'

let folder: string
let file: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tapwarden-jobs-'))
  file = join(folder, 'jobs.journal')
})
afterEach(() => rm(folder, { recursive: true }))

describe('conformance', () => {
  it.each(jobQueueCases)('$name', async ({ run }) => {
    const timers = new ManualTimers(1_790_000_000_000)
    await run({
      open: () => EmbeddedJobs.open({ file, timers }),
      advance: async (byMs) => timers.advance(byMs),
    })
  })
})

describe('the journal', () => {
  it('a torn last line is cut off and the next line stands alone', async () => {
    const first = await EmbeddedJobs.open({ file })
    await first.enqueue(queueNames.enforce, 1, { id: 'kept' })
    await first.close()
    await appendFile(file, '{"t":"add","q":"decision-enforce","id":"to')
    const second = await EmbeddedJobs.open({ file })
    await second.enqueue(queueNames.enforce, 2, { id: 'after' })
    await second.close()
    const third = await EmbeddedJobs.open({ file })
    expect(await third.state(queueNames.enforce, 'kept')).toBe('waiting')
    expect(await third.state(queueNames.enforce, 'after')).toBe('waiting')
    expect(third.damagedLineCount).toBe(0)
    await third.close()
  })

  it('a damaged line inside costs that line only, and is counted', async () => {
    const first = await EmbeddedJobs.open({ file })
    await first.enqueue(queueNames.enforce, 1, { id: 'before' })
    await first.close()
    await appendFile(file, '\u0000\u0000\n')
    const second = await EmbeddedJobs.open({ file })
    expect(second.damagedLineCount).toBe(1)
    expect(await second.state(queueNames.enforce, 'before')).toBe('waiting')
    await second.close()
  })

  it('is rewritten when it says little for its size, and forgets the oldest ended ids only', async () => {
    const options = { file, compactMinLines: 50, endedMaxCount: 10 }
    const jobs = await EmbeddedJobs.open(options)
    jobs.process(queueNames.enforce, async () => {})
    await jobs.enqueue(queueNames.expire, 'far', { id: 'far', delayMs: 1e9 })
    for (let index = 0; index < 200; index++) await jobs.enqueue(queueNames.enforce, index, { id: `j${index}` })
    await eventually(async () => (await jobs.state(queueNames.enforce, 'j199')) === 'completed', 'the last job')
    await jobs.close()
    expect((await readFile(file, 'utf8')).split('\n').length).toBeLessThan(70)
    const again = await EmbeddedJobs.open(options)
    expect(await again.state(queueNames.enforce, 'j199')).toBe('completed')
    expect(await again.state(queueNames.enforce, 'j1')).toBeUndefined()
    expect(await again.state(queueNames.expire, 'far')).toBe('delayed')
    await again.close()
  })

  it('is readable by its owner only', async () => {
    await (await EmbeddedJobs.open({ file })).close()
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })

  it('a full queue refuses, and says that trying again can help', async () => {
    const jobs = await EmbeddedJobs.open({ file, jobsMaxCount: 1 })
    await jobs.enqueue(queueNames.enforce, 1, { id: 'a' })
    await expect(jobs.enqueue(queueNames.enforce, 1, { id: 'b' })).rejects.toMatchObject({
      code: 'full',
      retryable: true,
    })
    await jobs.close()
  })
})

describe('kill -9', () => {
  it('keeps every acknowledged job, runs the interrupted one again, and runs no completed one', async () => {
    const child = spawn(process.execPath, [fileURLToPath(new URL('kill-child.mjs', import.meta.url)), file], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const acknowledged: string[] = []
    const completed: string[] = []
    let interrupted: string | undefined
    for await (const line of createInterface({ input: child.stdout })) {
      const [word, id] = line.split(' ') as [string, string]
      if (word === 'acknowledged') acknowledged.push(id)
      if (word === 'completed') completed.push(id)
      if (word === 'hanging') interrupted = id
      // Mid-flight: more is being enqueued all the time, one run hangs, others have completed and are synced.
      if (acknowledged.length >= 40 && completed.length >= 10 && interrupted !== undefined) child.kill('SIGKILL')
    }
    expect(acknowledged.length).toBeGreaterThanOrEqual(40)

    const ran: string[] = []
    const jobs = await EmbeddedJobs.open({ file })
    const known = await Promise.all(acknowledged.map((id) => jobs.state(queueNames.enforce, id)))
    expect(known).not.toContain(undefined)
    jobs.process(queueNames.enforce, async (job) => void ran.push(job.id))
    await eventually(async () => {
      const states = await Promise.all(acknowledged.map((id) => jobs.state(queueNames.enforce, id)))
      return states.every((state) => state === 'completed')
    }, 'every acknowledged job completes')
    await jobs.close()
    expect(ran).toContain(interrupted)
    for (const id of completed) expect(ran).not.toContain(id)
  })
})
