/** The real command as a process, from its bin file: what it prints, and its exit codes. Needs the build (`npm ci` makes it). */

import { execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Validator } from '@seriousme/openapi-schema-validator'
import { silentLogger } from '@tapwarden/runtime/logger'
import { engineMissing } from '@tapwarden/store/embedded/test-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { attachStore, type OpenedStore } from './open-store.js'
import { testCapture } from './test-capture.js'

const bin = fileURLToPath(new URL('../bin/tapwarden.js', import.meta.url))
const capture = testCapture(20)
/** Why the engine cannot run here, if it cannot. */
const missing = engineMissing()
let folder = ''

interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

function tapwarden(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
  const env = { PATH: process.env['PATH'] ?? '', HOME: folder, ...environment }
  return new Promise((resolve) => {
    execFile(process.execPath, [bin, ...args], { env, timeout: 60_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), out, err })
    })
  })
}

const path = (name: string) => join(folder, name)

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapwarden-command-'))
  const { bytes } = capture
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  const secondRecordAt = 24 + 16 + view.getUint32(24 + 8, true)
  const huge = bytes.slice()
  new DataView(huge.buffer).setUint32(secondRecordAt + 8, 0xffff_ffff, true)
  writeFileSync(path('good.pcap'), bytes)
  writeFileSync(path('huge-record.pcap'), huge)
  writeFileSync(path('truncated.pcap'), bytes.subarray(0, bytes.length - 7))
  writeFileSync(path('empty.pcap'), '')
  writeFileSync(path('text.pcap'), 'GET / HTTP/1.1\r\n\r\n')
  mkdirSync(path('folder'))
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('what cannot be read costs one line and the exit code, before anything is started', () => {
  it.each([
    ['text.pcap', 66, 'is neither pcap nor pcapng: unknown magic number 0x47455420'],
    ['empty.pcap', 66, 'is empty'],
    ['folder', 66, 'is a folder; name the captures in it'],
    ['absent.pcap', 66, 'does not exist'],
    ['good.pcap/more.pcap', 66, 'does not exist: a part of its path is not a folder'],
  ])('%s → %i, %s', async (name, code, words) => {
    const ended = await tapwarden(['replay', path(name), '--store', path(`store-of-${code}`)])
    expect(ended).toEqual({ code, out: '', err: `tapwarden: ${path(name)}: ${words}\n` })
  })
})

describe.skipIf(missing !== undefined)('a damaged capture is used up to its damage', () => {
  it.each([
    ['truncated.pcap', 'ends inside a record; what came before it was read', capture.transactionCount],
    ['huge-record.pcap', 'is damaged at byte', 0],
  ])('%s: %s', async (name, words, transactions) => {
    const ended = await tapwarden(['replay', path(name), '--store', path(`store-${name}`), '--json'])
    expect([ended.code, ended.err.trimEnd().split('\n').length]).toEqual([65, 1])
    expect(ended.err).toContain(words)
    expect(JSON.parse(ended.out).transactions).toMatchObject({ seen: transactions, new: transactions })
  })
})

describe('the command line', () => {
  it.each([
    [[], 0, /Usage: tapwarden/, /^$/, 'no argument prints help'],
    [['--help'], 0, /Exit codes:/, /^$/, 'help says the exit codes'],
    [['--version'], 0, /^\d+\.\d+\.\d+\n$/, /^$/, 'the version'],
    [['replya'], 2, /^$/, /unknown command 'replya'/, 'a wrong command'],
    [['replay'], 2, /^$/, /missing required argument/, 'a missing argument'],
    [['replay', 'x', '--sped', 'max'], 2, /^$/, /unknown option '--sped'/, 'a wrong flag'],
    [['findings', '--limit', 'x'], 2, /^$/, /--limit x: give a whole number/, 'a wrong number'],
    [['findings'], 66, /^$/, /no store in .* tapwarden replay FILE\.pcap/, 'no store yet'],
    [['findings', '--config', 'absent.yaml'], 66, /^$/, /absent\.yaml: does not exist/, 'no such configuration'],
  ])('%j → %i', async (args, code, out, err, _why) => {
    const ended = await tapwarden(args)
    expect(ended.code).toBe(code)
    expect(ended.out).toMatch(out)
    expect(ended.err).toMatch(err)
  })

  it('says where a store cannot be', async () => {
    const ended = await tapwarden(['replay', path('good.pcap'), '--store', path('good.pcap')])
    expect([ended.code, ended.out]).toEqual([73, ''])
    expect(ended.err).toMatch(/good\.pcap: is no folder; give another with --store DIR\n$/)
  })

  it('shows the settings in force, from every source, without secrets', async () => {
    writeFileSync(
      path('settings.yaml'),
      'log: { level: error }\ncapture: { sensorId: from-file }\nalerter: { webhook: { url: http://a.example/hunter2, secret: hunter2hunter2hunter2 } }\n',
    )
    const args = ['findings', '--config', path('settings.yaml'), '--print-config', '--store', '/flag']
    const ended = await tapwarden(args, { TAPWARDEN_CAPTURE__SENSOR_ID: 'from-environment' })
    expect(ended.code).toBe(0)
    expect(ended.out).not.toContain('hunter2')
    expect(JSON.parse(ended.out)).toMatchObject({
      log: { level: 'error' },
      capture: { sensorId: 'from-environment' },
      store: { folder: '/flag' },
    })
  })

  it('names the nearest key', async () => {
    const ended = await tapwarden(['findings'], { TAPWARDEN_CAPTURE__SENSOR_IDD: 'x' })
    expect([ended.code, ended.err]).toEqual([
      78,
      'tapwarden: wrong configuration: unknown variable TAPWARDEN_CAPTURE__SENSOR_IDD in the environment; did you mean TAPWARDEN_CAPTURE__SENSOR_ID?\n',
    ])
  })
})

it.skipIf(missing !== undefined)(
  'Ctrl-C in the middle of a replay keeps what was read, and ends with 130',
  async () => {
    const args = [
      bin,
      'replay',
      path('good.pcap'),
      '--speed',
      'real',
      '--json',
      '--store',
      path('store-interrupted'),
      '--log-level',
      'info',
    ]
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, TAPWARDEN_LOG__FORMAT: 'json' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [out, log] = ['', '']
    const code = new Promise<number | null>((resolve) => child.on('close', resolve))
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text
    })
    // The catalog is the last service to start; after its line the capture, twenty seconds long, is on its way.
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      const before = log
      log += text
      if (/catalog is restored/.test(log) && !/catalog is restored/.test(before)) child.kill('SIGINT')
    })
    expect([await code, log.includes('"stopping"')]).toEqual([130, true])
    const summary = JSON.parse(out)
    expect(summary.transactions.seen).toBeLessThan(capture.transactionCount)
    expect(summary.transactions.new).toBe(summary.transactions.seen)
  },
)

describe.skipIf(missing !== undefined)('a capture, once and again', () => {
  let opened: OpenedStore | undefined
  afterAll(() => opened?.close())
  const store = () => ['--store', path('store')]
  const json = async (args: readonly string[]) => JSON.parse((await tapwarden([...args, ...store()])).out)

  it('fills the store; twice adds nothing; a bad file beside it changes only the exit code', async () => {
    const first = await json(['replay', path('good.pcap'), '--json'])
    expect(first).toMatchObject({
      packets: capture.packetCount,
      transactions: { seen: capture.transactionCount, new: capture.transactionCount, alreadyKnown: 0 },
      deadLetters: 0,
      faults: [],
    })
    expect(first.endpoints.total).toBeGreaterThan(0)
    const again = await tapwarden(['replay', path('absent.pcap'), path('good.pcap'), '--json', ...store()])
    expect(again.code).toBe(66)
    expect(JSON.parse(again.out)).toMatchObject({
      transactions: { seen: capture.transactionCount, new: 0, alreadyKnown: capture.transactionCount },
      endpoints: { total: first.endpoints.total, new: 0 },
    })
    const [count] = [await json(['query', 'SELECT count() AS n, uniqExact(id) AS ids FROM v_transactions', '--json'])]
    expect(count).toEqual({ n: capture.transactionCount, ids: capture.transactionCount })
  })

  it('answers, attached to the engine that another process runs', async () => {
    opened = await attachStore(path('store'), silentLogger, 0)
    const list = await tapwarden(['endpoints', ...store()])
    expect(list.out).toMatch(/POST\s+shop\.example:8080\s+\/api\/login\s+20/)
    const one = await json(['endpoint', 'get', 'SHOP.example:8080', '/api/products', '--json'])
    expect(one).toMatchObject({ method: 'GET', transaction_count: '20' })
    expect(Object.keys(one.auth_schemes)).toEqual(['bearer'])
    const document = await json(['openapi', 'shop.example:8080'])
    expect(await new Validator().validate(structuredClone(document))).toMatchObject({ valid: true })
    const integer = { type: 'integer' }
    expect(document).toMatchObject({
      servers: [{ url: 'http://shop.example:8080' }],
      paths: {
        '/api/login': { post: { requestBody: { required: true, content: { 'application/json': {} } } } },
        '/api/products': {
          get: {
            parameters: [{ name: 'page', in: 'query', required: true, schema: integer }],
            security: [{ bearer: [] }],
          },
        },
        '/api/products/{productId}': {
          get: { parameters: [{ name: 'productId', in: 'path', required: true, schema: integer }] },
        },
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
    })
    // How the store notes what OpenAPI says elsewhere.
    expect(JSON.stringify(document)).not.toMatch(/x-media-type|x-required|x-no-structure|x-places/)
    expect(await tapwarden(['findings', ...store()])).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringMatching(/^no findings/),
    })
    expect(await tapwarden(['decisions', ...store()])).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringMatching(/^no decisions/),
    })
    expect(await tapwarden(['finding', 'f-0', ...store()])).toMatchObject({ code: 66 })
    expect(await tapwarden(['query', "SELECT * FROM file('/etc/passwd')", ...store()])).toMatchObject({
      code: 2,
      out: '',
    })
  })

  it('keeps no password and no token anywhere in the store', async () => {
    const rows = await tapwarden(['query', 'SELECT * FROM v_transactions', '--json', ...store()])
    expect(rows.out).not.toMatch(/canary|eyJhbGciOi|@example\.com/)
    expect(rows.out.split('\n').length).toBeGreaterThan(capture.transactionCount)
    expect(readFileSync(path('.config/tapwarden/fleet.key'), 'utf8')).toMatch(/^1 [0-9a-f]{64}\n$/)
  })
})
