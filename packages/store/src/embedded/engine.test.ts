import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../http-store.js'
import { applyMigrations } from '../migrations/migrations.js'
import { StoreUnavailable } from '../store.js'
import type { StoreEndpoint } from './endpoint-file.js'
import { attachOrStart, type Engine, StoreHeld, startEngine } from './engine.js'
import { compileEngine, engineMissing, silent } from './test-engine.js'

const missing = engineMissing()

describe.skipIf(missing !== undefined)(`the embedded engine ${missing ?? ''}`, () => {
  let root: string
  let storeDir: string
  let engine: Engine
  beforeAll(async () => {
    compileEngine()
    root = mkdtempSync(join(tmpdir(), 'tapwarden-engine-'))
    storeDir = join(root, 'store')
    engine = await startEngine({ storeDir, logger: silent })
  }, 60_000)
  afterAll(async () => {
    await engine?.stop()
    rmSync(root, { recursive: true, force: true })
  })

  const basic = () => `Basic ${Buffer.from(`${engine.user}:${engine.password}`).toString('base64')}`
  const post = (query: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(`${engine.url}/?${query}`, { method: 'POST', body, headers: { Authorization: basic(), ...headers } })

  it('leaves an endpoint that only its owner can read', () => {
    const path = join(storeDir, 'endpoint.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(JSON.parse(readFileSync(path, 'utf8'))).toMatchObject({
      url: engine.url,
      password: engine.password,
      pid: engine.pid,
    })
  })

  it('says who holds the folder, and lets others attach', async () => {
    const second = startEngine({ storeDir, logger: silent })
    await expect(second).rejects.toBeInstanceOf(StoreHeld)
    await expect(second).rejects.toMatchObject({ url: engine.url, pid: engine.pid })
    const guest = await attachOrStart({ storeDir, logger: silent })
    expect(guest).toMatchObject({ owned: false, url: engine.url, password: engine.password })
    await guest.stop()
    await openStore(engine).ping()
  })

  it.each([
    ['GET', '/ping', 200, 'Ok.\n', 'a health check needs no password'],
    ['GET', '/', 200, 'Ok.\n', 'nor does the root'],
    ['GET', '/replicas_status', 200, 'Ok.\n', 'nor this'],
    ['GET', '/dashboard', 404, 'There is no handle /dashboard\n', 'nothing else is served'],
  ])('%s %s → %i %j: %s', async (method, path, status, text) => {
    const response = await fetch(engine.url + path, { method })
    expect([response.status, await response.text()]).toEqual([status, text])
  })

  it.each<[Record<string, string>, string, string]>([
    [{ Authorization: 'Basic ZGVmYXVsdDo=' }, '', 'the default user of a fresh ClickHouse'],
    [{ 'X-ClickHouse-User': 'tapwarden', 'X-ClickHouse-Key': 'x' }, '', 'a wrong password'],
    [{}, 'user=tapwarden&password=', 'an empty one'],
    [{}, '', 'none'],
  ])('refuses %j %s: %s', async (headers, query) => {
    const response = await fetch(`${engine.url}/?${query}`, {
      method: 'POST',
      body: 'SELECT 1',
      headers,
    })
    expect(response.status).toBe(403)
    expect(response.headers.get('X-ClickHouse-Exception-Code')).toBe('516')
    expect(await response.text()).toMatch(
      /^Code: 516\. DB::Exception: .* \(AUTHENTICATION_FAILED\) \(version [\d.]+\)\n$/,
    )
  })

  it('takes credentials in headers and in the URL', async () => {
    const headers = { 'X-ClickHouse-User': engine.user, 'X-ClickHouse-Key': engine.password }
    expect(await (await fetch(engine.url, { method: 'POST', body: 'SELECT 1', headers })).text()).toBe('1\n')
    const query = new URLSearchParams({ user: engine.user, password: engine.password, query: 'SELECT 2' })
    expect(await (await fetch(`${engine.url}/?${query}`)).text()).toBe('2\n')
  })

  it('compresses and decompresses', async () => {
    const response = await post('enable_http_compression=1', gzipSync('SELECT 3'), { 'Content-Encoding': 'gzip' })
    expect(await response.text()).toBe('3\n')
    expect(response.headers.get('Content-Encoding')).toBe('gzip')
    expect(gunzipSync(gzipSync('x')).toString()).toBe('x')
  })

  it('gives a setting to its own query only', async () => {
    const ask = (query: string) =>
      post(query, "SELECT getSetting('max_block_size')").then((response) => response.text())
    const before = await ask('')
    expect(await ask('max_block_size=777')).toBe('777\n')
    expect(await ask('')).toBe(before)
    expect(await ask("max_block_size=1'%2C+readonly%3D'0")).toMatch(/^Code: \d+/)
    expect(await ask('no%20such=1')).toMatch(/^Code: 115\./)
  })

  it('reads only by GET, as ClickHouse does', async () => {
    const query = new URLSearchParams({ query: 'CREATE DATABASE x' })
    const response = await fetch(`${engine.url}/?${query}`, { headers: { Authorization: basic() } })
    expect(response.headers.get('X-ClickHouse-Exception-Code')).toBe('164')
  })

  it('inserts bytes of text and binary formats, and refuses what it would lose', async () => {
    await post('', 'CREATE DATABASE IF NOT EXISTS t')
    await post('', 'CREATE TABLE t.x (a UInt32, b String) ENGINE = MergeTree ORDER BY a')
    const insert = (sql: string, rows: Uint8Array<ArrayBuffer>) =>
      post(new URLSearchParams({ query: sql }).toString(), rows)
    expect((await insert('INSERT INTO t.x FORMAT JSONEachRow', Buffer.from('{"a":1,"b":"x"}\n'))).status).toBe(200)
    expect((await insert('INSERT INTO t.x FORMAT RowBinary', Buffer.from([2, 0, 0, 0, 2, 0xff, 0x0a]))).status).toBe(
      200,
    )
    const refused = await insert("INSERT INTO t.x SELECT a, '' FROM input('a UInt32') FORMAT TSV", Buffer.from('3\n'))
    expect(refused.headers.get('X-ClickHouse-Exception-Code')).toBe('48')
    expect(await (await post('', 'SELECT a, hex(b) FROM t.x ORDER BY a')).text()).toBe('1\t78\n2\tFF0A\n')
  })

  it('answers queries side by side', async () => {
    const finished: string[] = []
    const ask = async (name: string, sql: string) => {
      await (await post('', sql)).text()
      finished.push(name)
    }
    await Promise.all([ask('slow', 'SELECT sleep(1)'), ask('quick', 'SELECT 1')])
    expect(finished).toEqual(['quick', 'slow'])
  })

  it('has nothing where relative names start, and no table functions on files for who may only read', async () => {
    expect(await (await post('', "SELECT count() FROM file('*', 'LineAsString')")).text()).toBe('0\n')
    const refused = await post('readonly=1', "SELECT * FROM file('/etc/passwd', 'LineAsString')")
    expect(refused.headers.get('X-ClickHouse-Exception-Code')).toBe('164')
  })

  it('keeps what it acknowledged when it is killed, and starts again over a stale endpoint', async () => {
    const folder = join(root, 'killed')
    const first = await startEngine({ storeDir: folder, logger: silent })
    // Whoever would wait for it to come back waits in vain.
    const store = openStore({ ...first, retryDelaysMs: [3_600_000] })
    await applyMigrations(store)
    await store.insertRows('audit_log', [{ at: '2026-01-01T00:00:00.000Z', action: 'kept' }], {
      deduplicationToken: 'kept',
    })
    process.kill(first.pid, 'SIGKILL')
    await expect(first.failed).rejects.toBeInstanceOf(StoreUnavailable)
    await expect(store.ping()).rejects.toMatchObject({ name: 'StoreUnavailable', code: 'ENGINE_ENDED' })
    await store.close()
    const second = await attachOrStart({ storeDir: folder, logger: silent })
    expect(second.owned).toBe(true)
    const again = openStore(second)
    expect(await again.query('SELECT action FROM v_audit_log')).toEqual([{ action: 'kept' }])
    await again.close()
    await second.stop()
    await expect(statAsync(join(folder, 'endpoint.json'))).rejects.toMatchObject({ code: 'ENOENT' })
  }, 30_000)

  it('ends when its parent is killed', async () => {
    const folder = join(root, 'orphan')
    const module = fileURLToPath(new URL('../../dist/embedded/engine.js', import.meta.url))
    const script = `import { startEngine } from ${JSON.stringify(module)}
      const engine = await startEngine({ storeDir: ${JSON.stringify(folder)}, logger: { info() {}, warn() {} } })
      console.log(engine.pid)
      await new Promise((resolve) => setTimeout(resolve, 60_000))`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const pid = await firstNumber(parent)
    const endpoint = JSON.parse(readFileSync(join(folder, 'endpoint.json'), 'utf8')) as StoreEndpoint
    expect(endpoint.pid).toBe(pid)
    parent.kill('SIGKILL')
    // The lock goes with the process: this waits for it, and for nothing else.
    const heir = await startEngine({ storeDir: folder, logger: silent }).catch((error: unknown) => error)
    if (heir instanceof StoreHeld) {
      await gone(pid)
      await (await startEngine({ storeDir: folder, logger: silent })).stop()
    } else await (heir as Engine).stop()
    await gone(pid)
  }, 30_000)
})

async function statAsync(path: string): Promise<unknown> {
  return statSync(path)
}

function firstNumber(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => child.stdout?.once('data', (text) => resolve(Number(text))))
}

/** Resolves when no process has this id any more. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
}
