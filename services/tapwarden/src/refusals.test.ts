/** What the machine refuses the embedded stack costs one line that says what to set, and its exit code: run in this process. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compileEngine, engineMissing } from '@tapwarden/store/embedded/test-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { run } from './command.js'
import { enforcedAt } from './commands/up.js'
import type { EnforcerStatus } from './services.js'
import { testCapture } from './test-capture.js'

const missing = engineMissing()
let folder = ''
let taken: Server
let port = 0

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tapwarden-refusals-'))
  writeFileSync(join(folder, 'good.pcap'), testCapture(1).bytes)
  taken = createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  port = (taken.address() as AddressInfo).port
})
afterAll(() => {
  taken.close()
  rmSync(folder, { recursive: true, force: true })
})

async function ask(settings: object, ...args: string[]) {
  const notes: string[] = []
  const config = join(folder, 'settings.json')
  const store = { folder: join(folder, 'store'), port: 0 }
  writeFileSync(
    config,
    JSON.stringify({ store, keyFile: join(folder, 'fleet.key'), log: { level: 'silent' }, ...settings }),
  )
  const output = { interactive: false, columns: 80, out: () => undefined, note: (text: string) => notes.push(text) }
  const code = await run([...args, '--config', config], output)
  return { code, notes }
}

it('an interface that cannot be captured on is said before anything is started', async () => {
  const untouched = join(folder, 'untouched')
  const { code, notes } = await ask({ store: { folder: untouched } }, 'up', '--interface', 'nosuch0')
  expect([66, 69, 77]).toContain(code) // No such interface; no tcpdump; may not capture at all.
  expect([notes.length, existsSync(untouched)]).toEqual([1, false])
})

it.each<[readonly EnforcerStatus[], string]>([
  [[], 'decisions are NOT enforced: mitigator.enforcers names none'],
  [
    [
      { name: 'edge', fault: undefined },
      { name: 'haproxy', fault: 'connect ENOENT' },
    ],
    'decisions are enforced at edge, haproxy (does not answer yet)',
  ],
])('%j: %s', (enforcers, words) => expect(enforcedAt(enforcers)).toBe(words))

describe.skipIf(missing !== undefined)(`a stack that may not have what its settings name ${missing ?? ''}`, () => {
  beforeAll(() => compileEngine())
  const auth = () => ({ kind: 'forward-auth', listen: { host: '127.0.0.1', port } })

  it.each<[string, number, () => object, () => string]>([
    [
      'port of the store',
      69,
      () => ({ store: { folder: join(folder, 'store'), port } }),
      () => `the store's port 127.0.0.1:${port} is in use: set store.port to another, or 0`,
    ],
    [
      'folder of the store',
      73,
      () => ({ store: { folder: '/proc/absent/store' } }),
      () => '/proc/absent/store: no folder can be made there; give another with --store DIR',
    ],
    [
      'port of an enforcer',
      69,
      () => ({ mitigator: { mode: 'enforce', enforcers: [auth()] } }),
      () => `the port of the enforcer forward-auth, 127.0.0.1:${port} is in use: set its listen.port to another, or 0`,
    ],
    [
      'file of alerts',
      73,
      () => ({ alerter: { file: join(folder, 'good.pcap', 'alerts.ndjson') } }),
      () =>
        `${join(folder, 'good.pcap', 'alerts.ndjson')}: cannot be made: a part of its path is no folder; set alerter.file to another`,
    ],
  ])('%s → %i', async (_what, code, settings, line) => {
    const ended = await ask(settings(), 'replay', join(folder, 'good.pcap'))
    expect(ended).toEqual({ code, notes: [`tapwarden: ${line()}`] })
  })
})
