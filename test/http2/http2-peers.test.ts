/** HTTP/2 in clear between real clients and servers: Node's, curl, nghttp and h2load; every stream right, also joined midway. @long: one suite of peers. */

import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http2, { type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { connect, createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzipSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readCapture, type SeenTransaction } from './read-capture.js'
import { captureFrom, captureOf, listening, type Recording, RecordingProxy } from './recording-proxy.js'

const run = promisify(execFile)
const isMust = process.env['CI'] === 'true'
// Where Debian puts servers is on the path of root alone.
const env = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin` }
const missing = (program: string) => spawnSync(program, ['--version'], { env }).error !== undefined && !isMust

interface Answer {
  readonly status: number
  readonly text: string
}

/** One exchange by Node's client; what it saw is the truth. */
function exchange(session: ClientHttp2Session, fields: OutgoingHttpHeaders, content = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const named = { ':authority': 'shop.example', 'user-agent': 'test/1', ...fields }
    const stream = session.request(named, { endStream: content === '' })
    const parts: Buffer[] = []
    let head: IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {}
    stream.on('response', (received) => {
      head = received
    })
    stream.on('data', (bytes: Buffer) => parts.push(bytes))
    stream.on('error', reject)
    stream.on('end', () => {
      const bytes = Buffer.concat(parts)
      const isZipped = head['content-encoding'] === 'gzip' && bytes.length > 0
      resolve({ status: head[':status'] ?? 0, text: (isZipped ? gunzipSync(bytes) : bytes).toString('latin1') })
    })
    if (content !== '') stream.end(content)
  })
}

function nodeServer(): http2.Http2Server {
  const server = http2.createServer()
  server.on('stream', (stream, fields) => {
    const path = String(fields[':path'])
    const parts: Buffer[] = []
    stream.on('error', () => {})
    stream.on('data', (bytes: Buffer) => parts.push(bytes))
    stream.on('end', () => {
      const sent = Buffer.concat(parts).toString('latin1')
      if (path === '/missing') stream.respond({ ':status': 404 }, { endStream: true })
      else if (path === '/trailers') {
        stream.respond({ ':status': 200 }, { waitForTrailers: true })
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
        stream.end('with trailers')
      } else if (path === '/early') {
        stream.additionalHeaders({ ':status': 103, link: '</a.css>; rel=preload' })
        stream.respond({ ':status': 200 })
        stream.end('early')
      } else if (path.startsWith('/zipped')) {
        stream.respond({ ':status': 200, 'content-encoding': 'gzip' })
        stream.end(gzipSync(`zipped ${path}`.repeat(20)))
      } else {
        stream.respond({ ':status': 200, 'content-type': 'text/plain', 'x-request': path })
        stream.end(`${path} got ${sent}`)
      }
    })
  })
  return server
}

/** What Node's client asked and got, and what passed the proxy. */
async function nodeConversation(): Promise<{ truth: string[]; recording: Recording }> {
  const server = nodeServer()
  const proxy = await RecordingProxy.open(await listening(server))
  const session = http2.connect(`http://127.0.0.1:${proxy.port}`)
  const asked: [OutgoingHttpHeaders, string][] = [
    [{ ':path': '/missing' }, ''],
    [{ ':path': '/trailers' }, ''],
    [{ ':path': '/early' }, ''],
    [{ ':path': '/head', ':method': 'HEAD' }, ''],
    [{ ':path': '/large', ':method': 'POST' }, 'L'.repeat(200_000)],
    ...Array.from({ length: 60 }, (_, index): [OutgoingHttpHeaders, string] => [
      { ':path': `/zipped/${index}?q=${index}`, cookie: `sid=${index % 7}` },
      '',
    ]),
    ...Array.from({ length: 60 }, (_, index): [OutgoingHttpHeaders, string] => [
      { ':path': `/items/${index}`, ':method': 'PUT', 'x-api-key': `key-${index % 5}` },
      `content ${index}`,
    ]),
  ]
  const truth: string[] = []
  for (let from = 0; from < asked.length; from += 20) {
    const batch = asked.slice(from, from + 20)
    const answers = await Promise.all(batch.map(([fields, content]) => exchange(session, fields, content)))
    batch.forEach(([fields, content], index) => {
      const { status, text } = answers[index]!
      truth.push(`${fields[':method'] ?? 'GET'} ${fields[':path']} ${content} > ${status} ${text}`)
    })
  }
  await new Promise<void>((resolve) => session.close(resolve))
  await proxy.close()
  await new Promise((resolve) => server.close(resolve))
  return { truth, recording: proxy.recordings[0]! }
}

function lineOf({ request, requestText, status, text }: SeenTransaction): string {
  const [method, target] = request.split(' ')
  return `${method} ${target} ${requestText} > ${status} ${text}`
}

describe("Node's client and server", () => {
  let truth: string[]
  let recording: Recording
  beforeAll(async () => {
    ;({ truth, recording } = await nodeConversation())
  })

  it('gives every stream of many at a time, contents included', () => {
    const { transactions, statistics } = readCapture(captureOf([recording]))
    expect(transactions.map(lineOf).sort()).toEqual([...truth].sort())
    expect(transactions.flatMap(({ anomalies }) => anomalies)).toEqual([])
    expect(transactions.filter(({ host }) => host !== 'shop.example')).toEqual([])
    expect(transactions.find(({ request }) => request.includes('/trailers'))?.trailers).toEqual(['x-sum: 7'])
    expect(statistics.http).toMatchObject({ http2FlowCount: 1, interimResponseCount: 1, orphanResponseCount: 0 })
  })

  it('joined midway: what is published is true, and what is not known is said', () => {
    const known = new Set(truth)
    const frameCount = recording.length * 2
    let publishedCount = 0
    for (let dropped = 4; dropped < frameCount; dropped += Math.ceil(frameCount / 40)) {
      const { transactions, statistics } = readCapture(captureFrom(recording, dropped))
      for (const transaction of transactions) {
        publishedCount++
        const { status, anomalies, request } = transaction
        // How content is coded may be among the fields that are not known.
        const isCoded = anomalies.includes('http2.fields-unknown') && transaction.contentBytes === undefined
        const isWhole = !anomalies.includes('http.content-incomplete') && status !== undefined && !isCoded
        if (isWhole) expect(known).toContain(lineOf(transaction))
        const [method, target] = request.split(' ')
        expect(truth.some((line) => line.startsWith(`${method} ${target} `))).toBe(true)
        // A host that is not told is said to be unknown.
        if (transaction.host === undefined) expect(anomalies).toContain('http2.fields-unknown')
      }
      const { http2UnknownRequestCount, orphanResponseCount } = statistics.http
      expect(transactions.length + http2UnknownRequestCount + orphanResponseCount).toBeLessThanOrEqual(truth.length)
    }
    expect(publishedCount).toBeGreaterThan(truth.length)
  })

  it('with frames lost: what is published as whole is true', () => {
    const known = new Set(truth)
    for (let lost = 3; lost < recording.length; lost += Math.ceil(recording.length / 25)) {
      // The sender's numbers go on behind what is lost, as the builder's do where it is built and taken out.
      const transactions = readCapture(captureWithout(recording, lost)).transactions
      expect(transactions.length).toBeGreaterThan(20)
      for (const transaction of transactions) {
        const isWhole = !transaction.anomalies.includes('http.content-incomplete') && transaction.status !== undefined
        if (isWhole) expect(known).toContain(lineOf(transaction))
      }
    }
  })
})

function captureWithout(recording: Recording, lost: number): Uint8Array {
  const all = captureOf([recording])
  const frames: Uint8Array[] = []
  // 24 octets of file header; each frame's header says how long it is.
  for (let at = 24; at < all.length; ) {
    const length = 16 + new DataView(all.buffer, all.byteOffset + at).getUint32(8, true)
    frames.push(all.subarray(at, at + length))
    at += length
  }
  return Buffer.concat([all.subarray(0, 24), ...frames.filter((_, index) => index !== 3 + lost)])
}

it('a WebSocket by extended CONNECT is told with what was spoken on it', async () => {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } })
  server.on('stream', (stream) => {
    stream.respond({ ':status': 200 })
    stream.once('data', () => stream.write(Buffer.from('\x81\x02hi', 'latin1')))
    stream.resume()
    stream.on('end', () => stream.end(Buffer.from('\x88\x00', 'latin1')))
  })
  const proxy = await RecordingProxy.open(await listening(server))
  const session = http2.connect(`http://127.0.0.1:${proxy.port}`)
  await new Promise((resolve) => session.once('remoteSettings', resolve))
  const stream = session.request({
    ':method': 'CONNECT',
    ':protocol': 'websocket',
    ':path': '/chat',
    ':scheme': 'http',
  })
  await new Promise((resolve) => stream.once('response', resolve))
  stream.write(Buffer.from('\x81\x85maskhello', 'latin1'))
  await new Promise((resolve) => stream.once('data', resolve))
  stream.end(Buffer.from('\x88\x80mask', 'latin1'))
  await new Promise((resolve) => stream.on('close', resolve))
  await new Promise<void>((resolve) => session.close(resolve))
  await proxy.close()
  await new Promise((resolve) => server.close(resolve))
  const [seen] = readCapture(captureOf(proxy.recordings)).transactions
  expect(seen).toMatchObject({
    request: `CONNECT http://127.0.0.1:${proxy.port}/chat 2`,
    status: 200,
    webSocket: {
      c2s: { frameCount: 2, textMessageCount: 1, closeCount: 1, payloadBytes: 5, isPartial: false },
      s2c: { frameCount: 2, textMessageCount: 1, closeCount: 1, payloadBytes: 2, isPartial: false },
      isOpen: false,
    },
    anomalies: [],
  })
})

describe('gRPC over Node', () => {
  const message = (content: string) => {
    const head = Buffer.alloc(5)
    head.writeUInt32BE(content.length, 1)
    return Buffer.concat([head, Buffer.from(content)])
  }

  it('has service, method, counts and status of unary, streaming and refused calls', async () => {
    const server = http2.createServer()
    server.on('stream', (stream, fields) => {
      const path = String(fields[':path'])
      stream.resume()
      if (path.endsWith('/Refused')) {
        stream.respond({ ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '7' }, { endStream: true })
        return
      }
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0', 'grpc-message': '' }))
      stream.on('end', () => {
        if (path.endsWith('/Watch')) for (let i = 0; i < 50; i++) stream.write(message('x'.repeat(i * 100)))
        stream.end(message('done'))
      })
    })
    const proxy = await RecordingProxy.open(await listening(server))
    const session = http2.connect(`http://127.0.0.1:${proxy.port}`)
    const call = async (method: string, contents: readonly string[]) => {
      const stream = session.request({
        ':method': 'POST',
        ':path': `/shop.v1.Orders/${method}`,
        'content-type': 'application/grpc+proto',
        te: 'trailers',
      })
      for (const content of contents) stream.write(message(content))
      stream.end()
      stream.resume()
      await new Promise((resolve) => stream.on('close', resolve))
    }
    await Promise.all([call('Get', ['id']), call('Watch', ['all', 'of them']), call('Refused', [''])])
    await new Promise<void>((resolve) => session.close(resolve))
    await proxy.close()
    await new Promise((resolve) => server.close(resolve))
    const { transactions } = readCapture(captureOf(proxy.recordings))
    const calls = Object.fromEntries(transactions.map(({ grpc }) => [grpc?.method, grpc]))
    const counts = (messageCount: number, messageBytes: number, messageMaxBytes: number) => ({
      messageCount,
      messageBytes,
      messageMaxBytes,
      isPartial: false,
    })
    const service = 'shop.v1.Orders'
    expect(calls).toEqual({
      Get: { service, method: 'Get', c2s: counts(1, 2, 2), s2c: counts(1, 4, 4), status: 0 },
      Watch: { service, method: 'Watch', c2s: counts(2, 10, 7), s2c: counts(51, 122_504, 4_900), status: 0 },
      Refused: { service, method: 'Refused', c2s: counts(1, 0, 0), s2c: counts(0, 0, 0), status: 7 },
    })
    expect(transactions.flatMap(({ anomalies }) => anomalies)).toEqual([])
  })
})

/** Answers `Upgrade: h2c` on stream 1; Node's server does not. */
function upgradingServer() {
  const settings = Buffer.from('000000040000000000', 'hex')
  const settingsAck = Buffer.from('000000040100000000', 'hex')
  // :status 200 (entry 8), content-length 8; then eight octets of content.
  const response = Buffer.from('000005010400000001880f0d0138', 'hex')
  const content = Buffer.concat([Buffer.from('000008000100000001', 'hex'), Buffer.from('upgraded')])
  return createTcpServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
      socket.write(Buffer.concat([settings, response, content]))
      socket.once('data', () => socket.write(settingsAck))
    })
  })
}

const isCurlMissing = missing('curl')
describe.skipIf(isCurlMissing)(`curl${isCurlMissing ? ', which is not installed' : ''}`, () => {
  it('with prior knowledge', async () => {
    const server = nodeServer()
    const proxy = await RecordingProxy.open(await listening(server))
    const url = `http://127.0.0.1:${proxy.port}`
    const common = ['-sS', '--max-time', '20', '--http2-prior-knowledge']
    const posted = await run('curl', [...common, '-d', 'sent by curl', `${url}/posted`])
    const zipped = await run('curl', [...common, '--compressed', `${url}/zipped/1`])
    await run('curl', [...common, '-I', `${url}/head`])
    await proxy.close()
    await new Promise((resolve) => server.close(resolve))
    const { transactions } = readCapture(captureOf(proxy.recordings))
    expect([posted.stdout, zipped.stdout]).toEqual(['/posted got sent by curl', 'zipped /zipped/1'.repeat(20)])
    const host = `127.0.0.1:${proxy.port}`
    expect(transactions).toMatchObject([
      { request: 'POST /posted 2', host, requestText: 'sent by curl', status: 200, anomalies: [] },
      { request: 'GET /zipped/1 2', host, text: 'zipped /zipped/1'.repeat(20), status: 200, anomalies: [] },
      { request: 'HEAD /head 2', host, text: '', status: 200, anomalies: [] },
    ])
  })

  it('by upgrade: the request is HTTP/1.1, its response HTTP/2', async () => {
    const server = upgradingServer()
    const proxy = await RecordingProxy.open(await listening(server))
    const { stdout } = await run('curl', [
      '-sS',
      '--max-time',
      '20',
      '--http2',
      `http://127.0.0.1:${proxy.port}/up?a=1`,
    ])
    await proxy.close()
    server.close()
    expect(stdout).toBe('upgraded')
    expect(readCapture(captureOf(proxy.recordings)).transactions).toMatchObject([
      { streamId: 1, request: 'GET /up?a=1 1.1', status: 200, text: 'upgraded', isUpgraded: true, anomalies: [] },
    ])
  })
})

const isNghttpMissing = missing('nghttp') || missing('nghttpd') || missing('h2load')
describe.skipIf(isNghttpMissing)(`nghttp2${isNghttpMissing ? ', which is not installed' : ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-nghttp-'))
  const content = 'served by nghttpd\n'
  writeFileSync(join(folder, 'index.html'), content)
  writeFileSync(join(folder, 'style.css'), 'b { color: red }\n')
  const children: ReturnType<typeof spawn>[] = []
  afterAll(() => {
    for (const child of children) child.kill()
    rmSync(folder, { recursive: true })
  })

  async function server(...options: string[]): Promise<RecordingProxy> {
    const probe = createTcpServer()
    const port = await listening(probe)
    await new Promise((resolve) => probe.close(resolve))
    children.push(
      spawn('nghttpd', [...options, '--no-tls', '-a', '127.0.0.1', '-d', folder, String(port)], {
        stdio: 'ignore',
        env,
      }),
    )
    for (let attempt = 0; attempt < 100 && !(await accepts(port)); attempt++) await delay(50)
    return await RecordingProxy.open(port)
  }

  it('nghttp: a pushed response, and priorities', async () => {
    const proxy = await server('-p/index.html=/style.css')
    await run('nghttp', ['-n', `http://127.0.0.1:${proxy.port}/index.html`], { timeout: 20_000 })
    await proxy.close()
    const { transactions } = readCapture(captureOf(proxy.recordings))
    expect(transactions).toMatchObject([
      { request: 'GET /index.html 2', status: 200, text: content, isPushed: false },
      { request: 'GET /style.css 2', status: 200, text: 'b { color: red }\n', isPushed: true },
    ])
    expect(transactions.flatMap(({ anomalies }) => anomalies)).toEqual([])
  })

  it('nghttp: by upgrade', async () => {
    const upgrading = upgradingServer()
    const proxy = await RecordingProxy.open(await listening(upgrading))
    await run('nghttp', ['-u', `http://127.0.0.1:${proxy.port}/up`], { timeout: 20_000 })
    await proxy.close()
    upgrading.close()
    const [first] = readCapture(captureOf(proxy.recordings)).transactions
    expect(first).toMatchObject({ streamId: 1, status: 200, text: 'upgraded', isUpgraded: true })
  })

  it.each([
    ['4096'],
    ['0'],
    ['65536'],
  ])('h2load: two connections of 300 requests, %s octets of table', async (table) => {
    const proxy = await server()
    const options = [
      '-n',
      '600',
      '-c',
      '2',
      '-m',
      '25',
      `--header-table-size=${table}`,
      `--encoder-header-table-size=${table}`,
    ]
    const { stdout } = await run(
      'h2load',
      [...options, '-H', 'cookie: sid=1', `http://127.0.0.1:${proxy.port}/index.html`],
      { timeout: 60_000 },
    )
    await proxy.close()
    expect(stdout).toContain('600 succeeded')
    const { transactions, statistics } = readCapture(captureOf(proxy.recordings))
    expect(transactions).toHaveLength(600)
    expect(new Set(transactions.map(lineOf))).toEqual(new Set([`GET /index.html  > 200 ${content}`]))
    expect(transactions.flatMap(({ anomalies }) => anomalies)).toEqual([])
    expect(statistics.http).toMatchObject({ http2FlowCount: 2, orphanResponseCount: 0, http2StrayFrameCount: 0 })
  })
})

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
