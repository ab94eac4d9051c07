/** Handshakes that are not the plain one, between OpenSSL's own programs or Node's, through a tee. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import type { Turn } from '@tapwarden/net/frame-builder'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { framesOf, type Identity, keyLogOf, makeIdentity, readFrames, recordExchange, Tee } from './tls-recording.js'

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`
const ok = (content: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${content}`
const turns: readonly Turn[] = ['/one', '/two'].flatMap((path) => [
  { direction: 'c2s' as const, bytes: Buffer.from(get(path)) },
  { direction: 's2c' as const, bytes: Buffer.from(ok(path)) },
])
const clear = readFrames(framesOf(turns)).transactions

let folder: string
let identity: Identity
const children = new Set<ChildProcess>()
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapwarden-tls-'))
  identity = makeIdentity('ec')
  writeFileSync(join(folder, 'both.pem'), identity.key + identity.cert)
})
afterAll(() => {
  for (const child of children) child.kill()
  rmSync(folder, { recursive: true })
})

/** A program whose output is waited for. */
class Program {
  readonly #child: ChildProcess
  #output = ''
  #wake = () => {}

  constructor(args: readonly string[]) {
    this.#child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe'] })
    children.add(this.#child)
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => {
        this.#output += bytes.toString('latin1')
        this.#wake()
      })
    }
  }

  say(text: string): void {
    this.#child.stdin?.write(text)
  }

  /** Resolves when the program has said it; what it said before that is forgotten. */
  async hears(text: string): Promise<void> {
    for (;;) {
      const at = this.#output.indexOf(text)
      if (at >= 0) {
        this.#output = this.#output.slice(at + text.length)
        return
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  async ends(): Promise<void> {
    if (this.#child.exitCode !== null) return
    const isOver = new Promise<void>((resolve) => this.#child.once('close', () => resolve()))
    this.#child.stdin?.end()
    await isOver
  }

  kill(): void {
    this.#child.kill()
  }
}

/** Commands that s_client obeys when a line begins with them. */
async function recordWithCommand(command: string, version: '-tls1_2' | '-tls1_3') {
  const keyLines: Buffer[] = []
  const server = createTlsServer(identity, (socket) => {
    let heard = ''
    socket.on('data', (bytes: Buffer) => {
      heard += bytes.toString('latin1')
      const end = heard.indexOf('\r\n\r\n')
      if (end < 0) return
      const path = heard.split(' ')[1]!
      heard = heard.slice(end + 4)
      socket.write(ok(path))
    })
    socket.on('error', () => socket.destroy())
  })
  server.on('keylog', (line: Buffer) => keyLines.push(line))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tee = await Tee.open((server.address() as AddressInfo).port)
  try {
    const client = new Program([
      's_client',
      '-connect',
      `127.0.0.1:${tee.port}`,
      '-servername',
      'shop.example',
      version,
    ])
    await client.hears('Verify return code')
    client.say(get('/one'))
    await client.hears('/one')
    client.say(command)
    await client.hears(command === 'R\n' ? 'RENEGOTIATING' : 'KEYUPDATE')
    client.say(get('/two'))
    await client.hears('/two')
    client.kill()
    return readFrames(framesOf(tee.turns), { tls: { keyLog: keyLogOf(Buffer.concat(keyLines).toString('latin1')) } })
  } finally {
    tee.close()
    server.close()
  }
}

/** RFC 8446 §4.1.3. */
const retryRandom = Buffer.from('cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c', 'hex')

describe('read as in clear', () => {
  it.each<readonly ['K\n' | 'k\n' | 'R\n', '-tls1_2' | '-tls1_3', string]>([
    ['K\n', '-tls1_3', 'both sides change their keys'],
    ['k\n', '-tls1_3', 'the client changes its key'],
    ['R\n', '-tls1_2', 'the connection is negotiated anew, under encryption'],
  ])('%j: %s: %s', async (command, version, _what) => {
    const { transactions, reader } = await recordWithCommand(command, version)
    expect(transactions).toEqual(clear)
    expect([...reader.anomalies()]).toEqual([])
  })

  it('a client that is asked for another group first', async () => {
    const { turns: said, keyLog } = await recordExchange(turns, {
      identity,
      server: { ecdhCurve: 'P-384', minVersion: 'TLSv1.3' },
      client: { ecdhCurve: 'X25519:P-384' },
    })
    expect(said.some(({ bytes }) => Buffer.from(bytes).includes(retryRandom))).toBe(true)
    const { transactions, flows, reader } = readFrames(framesOf(said), { tls: { keyLog: keyLogOf(keyLog) } })
    expect(transactions).toEqual(clear)
    expect(flows[0]?.tls?.version).toBe('1.3')
    expect([...reader.anomalies()]).toEqual([])
  })

  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s: a session that is resumed', async (version) => {
    const limits = { minVersion: version, maxVersion: version, ticketKeys: randomBytes(48) }
    let session: Buffer | undefined
    const onClient = {
      onClient: (client: import('node:tls').TLSSocket) => client.on('session', (ticket) => (session = ticket)),
    }
    await recordExchange(turns, { identity, server: limits, client: limits, ...onClient })
    expect(session).toBeDefined()
    let isResumed = false
    const { turns: said, keyLog } = await recordExchange(turns, {
      identity,
      server: limits,
      client: { ...limits, session },
      beforeTurn: async (_index, side) => {
        isResumed = side.isSessionReused()
      },
    })
    expect(isResumed).toBe(true)
    const { transactions, reader } = readFrames(framesOf(said), { tls: { keyLog: keyLogOf(keyLog) } })
    expect(transactions).toEqual(clear)
    expect([...reader.anomalies()]).toEqual([])
  })
})

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

describe('data that the client sends before the server spoke', () => {
  it('is read when the server takes it, and dropped with the server when it does not', async () => {
    const [session, request, log] = ['session.pem', 'request.txt', 'keys.log'].map((name) => join(folder, name))
    writeFileSync(request!, get('/one'))
    const port = await freePort()
    const pem = join(folder, 'both.pem')
    const server = new Program([
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      '-cert',
      pem,
      '-key',
      pem,
      '-early_data',
      '-keylogfile',
      log!,
    ])
    await server.hears('ACCEPT')
    const client = (tee: Tee, more: readonly string[]) =>
      new Program(['s_client', '-connect', `127.0.0.1:${tee.port}`, '-servername', 'shop.example', ...more])
    const connected = async (more: readonly string[], talk: (peer: Program) => Promise<void>) => {
      const tee = await Tee.open(port)
      const peer = client(tee, more)
      await talk(peer)
      await peer.ends()
      tee.close()
      return tee.turns
    }
    await connected(['-sess_out', session!], async (peer) => {
      // What the server says now comes behind its tickets.
      await server.hears('Secure Renegotiation')
      server.say('tickets were sent\n')
      await peer.hears('tickets were sent')
      peer.say('Q\n')
    })
    const accepted = await connected(['-sess_in', session!, '-early_data', request!], async (peer) => {
      await server.hears('End of early data')
      server.say(ok('/one'))
      await peer.hears('/one')
      peer.say(get('/two'))
      await server.hears('/two')
      server.say(ok('/two'))
      await peer.hears('/two')
      peer.say('Q\n')
    })
    const rejected = await connected(['-sess_in', session!, '-early_data', request!], async (peer) => {
      await peer.hears('Early data was rejected')
      peer.say(get('/one'))
      await server.hears('GET /one')
      server.say(ok('/one'))
      await peer.hears('/one')
      peer.say(get('/two'))
      await server.hears('/two')
      server.say(ok('/two'))
      await peer.hears('/two')
      peer.say('Q\n')
    })
    server.kill()
    const keyLog = keyLogOf(readFileSync(log!, 'latin1'))
    const taken = readFrames(framesOf(accepted), { tls: { keyLog } })
    expect(taken.transactions).toEqual(clear)
    expect([...taken.reader.anomalies()]).toEqual([])
    const dropped = readFrames(framesOf(rejected), { tls: { keyLog } })
    expect(dropped.transactions).toEqual(clear)
    expect([...dropped.reader.anomalies()]).toEqual([['tls.early-data-rejected', 1]])
  })
})

it('is tried against an OpenSSL that is there', () => {
  expect(execFileSync('openssl', ['version']).toString()).toMatch(/^OpenSSL [13]/)
})
