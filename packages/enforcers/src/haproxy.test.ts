import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { goldenDecision } from '@tapwarden/contracts/decision'
import { ManualTimers } from '@tapwarden/runtime/timers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { accessTokenOf } from './access-token.js'
import { type EdgeRequest, enforcerCases } from './conformance.js'
import { HaproxyEnforcer } from './haproxy.js'
import { entryOf, type Place, placesOverlap } from './haproxy-entry.js'
import { HaproxySocket } from './haproxy-socket.js'

const key = { keyNumber: 1, base64: Buffer.alloc(32, 7).toString('base64') }
const command = ['haproxy', '/usr/sbin/haproxy'].find((name) => spawnSync(name, ['-v']).status === 0)
const missing = command === undefined ? 'haproxy is not installed (Debian package haproxy)' : undefined
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

/** The configuration that we ship, between an edge of its own and an origin that says 200 to everything. */
class Edge {
  readonly folder: string
  readonly port: number
  readonly #configFile: string
  #process: ChildProcess | undefined

  private constructor(folder: string, port: number, configFile: string) {
    this.folder = folder
    this.port = port
    this.#configFile = configFile
  }

  get socket(): string {
    return join(this.folder, 'tapwarden.sock')
  }
  get mapFolder(): string {
    return join(this.folder, 'maps')
  }

  static async make(): Promise<Edge> {
    const folder = await mkdtemp(join(tmpdir(), 'tapwarden-edge-'))
    const port = await freePort()
    const edge = new Edge(folder, port, join(folder, 'haproxy.cfg'))
    await mkdir(edge.mapFolder)
    for (const map of ['actors', 'addresses', 'places']) await writeFile(join(edge.mapFolder, `${map}.map`), '')
    const shipped = await readFile(new URL('../../../deploy/haproxy/tapwarden.cfg', import.meta.url), 'utf8')
    const local = shipped
      .replaceAll('/etc/haproxy/tapwarden', edge.mapFolder)
      .replaceAll('/run/haproxy/tapwarden.sock', edge.socket)
    const [, global = '', frontend = ''] = local.split(/^# ---- .*$/m)
    const config = `global\n${global}
defaults
    mode http
    timeout client 5s
    timeout server 5s
    timeout connect 2s
frontend edge
    bind 127.0.0.1:${port}
${frontend}
    default_backend origin
backend origin
    server origin unix@${folder}/origin.sock
frontend origin
    bind unix@${folder}/origin.sock
    http-request return status 200 hdr x-tapwarden-decision d-forged
`
    await writeFile(edge.#configFile, config)
    return edge
  }

  /** Again while it runs: a reload, in which the new process takes over the sockets from the old one. */
  async start(): Promise<void> {
    const previous = this.#process
    const takeOver = previous === undefined ? [] : ['-sf', String(previous.pid)]
    const started = spawn(String(command), ['-db', '-q', '-f', this.#configFile, ...takeOver], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, TAPWARDEN_ACCESS_KEY: key.base64 },
    })
    this.#process = started
    if (previous !== undefined) await exited(previous)
    const socket = new HaproxySocket({ enforcer: 'test', socket: this.socket, timeoutMs: 1_000 })
    for (let patience = 500; ; patience--) {
      const info = await socket.ask('show info').catch(() => '')
      if (info.includes(`Pid: ${started.pid}\n`)) return
      if (patience === 0 || started.exitCode !== null) throw new Error('HAProxy does not start')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }

  async stop(): Promise<void> {
    const running = this.#process
    this.#process = undefined
    running?.kill('SIGKILL')
    if (running !== undefined) await exited(running)
  }

  ask(asked: EdgeRequest): Promise<{ readonly status: number; readonly decisionId: string | undefined }> {
    const { address, host, method, path, fields } = asked
    return new Promise((resolve, reject) => {
      const options = {
        port: this.port,
        localAddress: address,
        method,
        path,
        headers: { ...fields, host },
        agent: false,
      }
      request({ host: '127.0.0.1', ...options }, (response) => {
        response.resume()
        const decisionId = response.headers['x-tapwarden-decision']
        resolve({
          status: response.statusCode ?? 0,
          decisionId: decisionId === undefined ? undefined : String(decisionId),
        })
      })
        .on('error', reject)
        .end()
    })
  }
}

function exited(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

describe.skipIf(missing !== undefined)(`a real HAProxy${missing === undefined ? '' : `: ${missing}`}`, () => {
  let edge: Edge
  let runtime: HaproxySocket
  const ban = { ...goldenDecision, value: '127.0.0.2', where: {}, untilMs: Date.now() + 600_000 }
  const asked = { address: '127.0.0.2', host: 'shop.example', method: 'GET', path: '/' }

  beforeAll(async () => {
    edge = await Edge.make()
    await edge.start()
    runtime = new HaproxySocket({ enforcer: 'test', socket: edge.socket, timeoutMs: 1_000 })
  })
  afterAll(async () => {
    await edge.stop()
    await rm(edge.folder, { recursive: true })
  })

  async function open(timers?: ManualTimers): Promise<HaproxyEnforcer> {
    for (const map of ['actors', 'addresses', 'places']) await runtime.edit(`clear map ${edge.mapFolder}/${map}.map`)
    const { socket, mapFolder } = edge
    return new HaproxyEnforcer({ name: 'edge', socket, mapFolder, ...(timers === undefined ? {} : { timers }) })
  }

  it.each(enforcerCases)('$name', async ({ run }) => {
    const enforcer = await open()
    const accessToken = (secret: string): string => accessTokenOf(key, secret)
    await run({ enforcer, nowMs: Date.now, ask: (question) => edge.ask(question), accessToken })
    await enforcer.close()
  })

  it('an answer of the origin cannot pass for one of the edge', async () => {
    await (await open()).close()
    expect(await edge.ask(asked)).toEqual({ status: 200, decisionId: undefined })
  })

  it('leaves no place behind that no entry needs', async () => {
    const enforcer = await open()
    const decision = { ...ban, where: { host: 'shop.example', method: 'GET', pathTemplate: '/users/{userId}' } }
    await enforcer.apply(decision)
    await enforcer.lift(decision)
    expect((await runtime.ask(`show map ${edge.mapFolder}/places.map`)).trim()).toBe('')
    await enforcer.close()
  })

  it('keeps a place that an entry from before a restart of ours needs', async () => {
    const where = { host: 'shop.example', method: 'GET', pathTemplate: '/users/{userId}' }
    const before = await open()
    await before.apply({ ...ban, where })
    await before.close()
    const after = new HaproxyEnforcer({ name: 'edge', socket: edge.socket, mapFolder: edge.mapFolder })
    const other = { ...ban, id: 'd-ffffffffffffffff', value: '127.0.0.3', where }
    await after.apply(other)
    await after.lift(other)
    expect((await edge.ask({ ...asked, path: '/users/7' })).decisionId).toBe(ban.id)
    await after.close()
  })

  it('templates that one request could match are not both taken', async () => {
    const enforcer = await open()
    const at = (pathTemplate: string) => ({ ...ban, where: { host: 'shop.example', method: 'GET', pathTemplate } })
    await enforcer.apply(at('/users/{userId}'))
    expect(enforcer.unsupported(at('/{kind}/me'))).toContain('overlaps')
    expect(enforcer.unsupported(at('/{kind}/me/cart'))).toBeUndefined()
    await enforcer.close()
  })

  it('a reload drops runtime edits, and they are applied again within a look', async () => {
    const timers = new ManualTimers(Date.now())
    const enforcer = await open(timers)
    await enforcer.watch()
    await enforcer.apply(ban)
    await edge.start()
    expect((await edge.ask(asked)).status).toBe(200)
    expect(await enforcer.held()).toEqual([])
    timers.advance(1_000)
    await expect.poll(() => enforcer.resyncCount).toBe(1)
    expect(await edge.ask(asked)).toEqual({ status: 403, decisionId: ban.id })
    expect(await enforcer.held()).toEqual([ban.id])
    await enforcer.close()
  })

  it('unreachable is a typed error that says trying again can help; a missing map says it cannot', async () => {
    const { socket, mapFolder } = edge
    const away = new HaproxyEnforcer({ name: 'away', socket: `${socket}.none`, mapFolder })
    await expect(away.apply(ban)).rejects.toMatchObject({ name: 'EnforcerUnavailable', retryable: true })
    const wrong = new HaproxyEnforcer({ name: 'wrong', socket, mapFolder: '/nowhere' })
    for (const attempt of [wrong.apply(ban), wrong.lift(ban), wrong.held()]) {
      await expect(attempt).rejects.toMatchObject({ name: 'EnforcerUnavailable', retryable: false })
    }
    await Promise.all([away.close(), wrong.close()])
  })

  it('one refused edit among many on a line is refused alone', async () => {
    const file = `${edge.mapFolder}/actors.map`
    const edits = [`add map ${file} x 1`, 'add map /nowhere y 1', `add map ${file} z 1`].map((line) =>
      runtime.edit(line),
    )
    const settled = await Promise.allSettled([runtime.ask('show info'), ...edits])
    expect(settled.map((each) => each.status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled'])
  })
})

describe('entryOf', () => {
  it.each([
    [
      { where: { host: 'shop.example', method: 'GET', pathTemplate: '/a b' } },
      'plain',
      'a space ends a word of the command',
    ],
    [
      { where: { host: 'shop.example', method: 'GET', pathTemplate: '/a;clear map x' } },
      'plain',
      'a semicolon ends the command',
    ],
    [{ where: { host: 'shop.example', method: 'GET', pathTemplate: '/a\\x' } }, 'plain', 'a backslash escapes'],
    [
      { where: { host: 'shop.example', method: 'GET', pathTemplate: '/a\nclear map x' } },
      'plain',
      'a line feed ends the line',
    ],
    [{ where: { host: 'shop example', method: 'GET', pathTemplate: '/a' } }, 'plain', 'a host is a name'],
    [{ where: { host: 'shop.example', method: 'GET X', pathTemplate: '/a' } }, 'method', 'a method is a word'],
    [{ where: { host: 'shop.example', method: 'GET' } }, 'both', 'no key for it'],
    [{ where: { method: 'GET', pathTemplate: '/a' } }, 'host', 'no key for it'],
    [{ value: '203.0.113.0/24' }, 'network', 'a network has no text to be looked up by'],
    [{ value: '203.0.113.0/33', where: {} }, 'network', 'not a network'],
    [{ value: 'fe80::1%eth0' }, 'address', 'a zone is local'],
    [{ scope: 'access-token' as const, value: 'a1.x; clear map y' }, 'token', 'a token is hex'],
  ])('%#: %j is unsupported (%s): %s', (change, word, _why) => {
    expect(entryOf({ ...goldenDecision, ...change })).toContain(word)
  })

  it('a template becomes an anchored expression without backslashes', () => {
    const where = { host: 'shop.example:80', method: 'GET', pathTemplate: '/a+(b)/{x}.v*/{y}' }
    expect(entryOf({ ...goldenDecision, where })).toMatchObject({
      place: { regex: '^GET[|]shop[.]example:80[|]/a[+][(]b[)]/[^/]+[.]v[*]/[^/]+$' },
    })
  })

  it.each([
    ['/users/{id}', '/{kind}/me', true, '/users/me matches both'],
    ['/users/{id}', '/users/{id}/cart', false, 'other lengths'],
    ['/users/{id}', '/orders/{id}', false, 'other literals'],
    ['/users/{id}', '/users/{id}', false, 'the same one'],
  ])('%s and %s overlap: %j, %s', (a, b, overlap, _why) => {
    const place = (pathTemplate: string): Place => {
      const entry = entryOf({ ...goldenDecision, where: { host: 'h', method: 'GET', pathTemplate } })
      if (typeof entry === 'string' || entry.place === undefined) throw new Error('has parameters')
      return entry.place
    }
    expect(placesOverlap(place(a), place(b))).toBe(overlap)
  })
})
