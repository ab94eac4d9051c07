/**
 * `up` on the loopback interface: Ctrl-C keeps everything that clients were answered; a tcpdump that dies is started again; nothing
 * that we started outlives us. And Ctrl-C in a replay, which the next one completes.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, get, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { engineMissing } from '@tapwarden/store/embedded/test-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { captureMissing } from '../servers/capture.js'
import { isAlive, kill, type RunningCommand, runCommand, startCommand, until } from './command-process.js'
import { undisturbedReplay } from './killed-replay.js'
import { shopCapture } from './shop-capture.js'
import { differences, storePicture } from './store-picture.js'

const folder = mkdtempSync(join(tmpdir(), 'tapwarden-live-'))
const agent = new Agent({ keepAlive: true, maxSockets: 4 })
let server: Server
let port = 0

beforeAll(async () => {
  server = createServer((_request, response) => response.end('{"ok":true}'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
afterAll(() => {
  agent.destroy()
  server.close()
  rmSync(folder, { recursive: true, force: true })
})

const missing = engineMissing() ?? (await captureMissing())
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

/** One request; resolves when its answer has come. */
function ask(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    get({ port, path, agent }, (response) => response.resume().on('end', resolve)).on('error', reject)
  })
}

/** Resolves once so many transactions of a path are stored. */
async function storedAll(store: string, path: string, count: number): Promise<void> {
  for (;;) {
    const stored = (await storedOf(store, path)) as { readonly count: number }
    if (stored.count === count) return
  }
}

function askMany(count: number, path: string): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, () => ask(path)))
}

async function startUp(name: string, filter = `tcp port ${port}`): Promise<{ up: RunningCommand; store: string }> {
  const store = join(folder, name)
  const up = startCommand(['up', '--interface', 'lo', '--filter', filter, '--store', store, '--json'], folder)
  // Said once the capture runs; a tcpdump that is there before only tries whether it may.
  await until('the capture runs', () => /watching lo|tapwarden:/.test(up.err()), 60_000)
  return { up, store }
}

/** How many transactions of a path are stored, and how many ids. */
async function storedOf(store: string, path: string): Promise<unknown> {
  const sql = `SELECT count() AS count, uniqExact(id) AS ids FROM v_transactions WHERE path = '${path}'`
  const { out } = await runCommand(['query', sql, '--json', '--store', store], folder)
  return JSON.parse(out)
}

describe.skipIf(missing !== undefined)(`up on lo ${missing ?? ''}`, () => {
  it('Ctrl-C ends it in order: everything answered so far is stored, and no process is left', async () => {
    const { up, store } = await startUp('interrupted')
    await askMany(300, '/counted')
    const children = [up.child('tcpdump'), up.child('engine-process')]
    up.signal('SIGINT')
    const { code, out } = await up.ended
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ transactions: { seen: 300, new: 300 } })
    for (const child of children) expect(child !== undefined && !isAlive(child)).toBe(true)
    expect(await storedOf(store, '/counted')).toEqual({ count: 300, ids: 300 })
  }, 120_000)

  it('a tcpdump that is killed is started again, and that is said', async () => {
    const { up, store } = await startUp('tcpdump-killed')
    await askMany(20, '/before')
    // What it has not yet handed on goes with it, and with the kernel's ring.
    await storedAll(store, '/before', 20)
    kill(up.child('tcpdump') ?? 0)
    await until('the capture runs again', () => /watching lo again/.test(up.err()))
    await askMany(20, '/after')
    up.signal('SIGINT')
    expect((await up.ended).code).toBe(0)
    expect(await storedOf(store, '/before')).toEqual({ count: 20, ids: 20 })
    expect(await storedOf(store, '/after')).toEqual({ count: 20, ids: 20 })
  }, 120_000)

  it('leaves no engine and no tcpdump behind when it is killed', async () => {
    // Where no packet comes, nothing tells tcpdump that its reader is gone.
    const { up } = await startUp('killed', 'udp port 9')
    const children = [up.child('tcpdump') ?? 0, up.child('engine-process') ?? 0]
    up.signal('SIGKILL')
    await up.ended
    await until('the engine and tcpdump are gone', () => children.every((child) => !isAlive(child)), 15_000)
  }, 120_000)
})

describe.skipIf(engineMissing() !== undefined)('Ctrl-C in a replay', () => {
  it('says what was stored, and the next replay completes it', async () => {
    const captureFile = join(folder, 'shop.pcap')
    writeFileSync(captureFile, shopCapture({ seed: 5, minutes: 30 }).bytes)
    const { picture, seconds } = await undisturbedReplay(captureFile, folder)
    const store = join(folder, 'replay')
    const replay = ['replay', captureFile, '--store', store, '--json']
    const running = startCommand(replay, folder)
    await new Promise((resolve) => setTimeout(resolve, seconds * 500))
    running.signal('SIGINT')
    const { code, out } = await running.ended
    expect(code).toBe(130)
    const stored = JSON.parse(out).transactions.new as number
    const again = await runCommand(replay, folder)
    expect([again.code, JSON.parse(again.out).transactions.alreadyKnown]).toEqual([0, stored])
    expect(differences(picture, await storePicture(store))).toEqual([])
  }, 120_000)
})
