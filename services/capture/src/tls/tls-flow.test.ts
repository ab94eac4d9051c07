import type { Turn } from '@tapwarden/net/frame-builder'
import { KeyLog } from '@tapwarden/tls/key-log'
import { beforeAll, describe, expect, it } from 'vitest'
import { TransactionReader } from '../transaction-reader.js'
import { framesOf, give, type Identity, keyLogOf, makeIdentity, readFrames, recordExchange } from './tls-recording.js'

const c2s = (text: string): Turn => ({ direction: 'c2s', bytes: Buffer.from(text) })
const s2c = (text: string): Turn => ({ direction: 's2c', bytes: Buffer.from(text) })
const big = 'x'.repeat(40_000)
const turns: readonly Turn[] = [
  c2s('GET /first HTTP/1.1\r\nHost: shop.example\r\n\r\n'),
  s2c('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'),
  c2s(`POST /second HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${big.length}\r\n\r\n${big}`),
  s2c(`HTTP/1.1 201 Created\r\nContent-Length: ${big.length}\r\n\r\n${big}`),
  c2s('GET /third HTTP/1.1\r\nHost: shop.example\r\n\r\nGET /fourth HTTP/1.1\r\nHost: shop.example\r\n\r\n'),
  s2c('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
]

let rsa: Identity
let ec: Identity
beforeAll(() => {
  rsa = makeIdentity('rsa')
  ec = makeIdentity('ec')
})

describe('what was said over TLS is read as it is in clear', () => {
  const clear = readFrames(framesOf(turns)).transactions
  it('which are four transactions', () => expect(clear.map(({ target }) => target)).toHaveLength(4))
  it.each([
    ['TLSv1.3', 'TLS_AES_128_GCM_SHA256', 'rsa', 'TLS_AES_128_GCM_SHA256'],
    ['TLSv1.3', 'TLS_AES_256_GCM_SHA384', 'ec', 'TLS_AES_256_GCM_SHA384'],
    ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256', 'rsa', 'TLS_CHACHA20_POLY1305_SHA256'],
    ['TLSv1.3', 'TLS_AES_128_CCM_SHA256', 'rsa', 'TLS_AES_128_CCM_SHA256'],
    ['TLSv1.3', 'TLS_AES_128_CCM_8_SHA256', 'rsa', 'TLS_AES_128_CCM_8_SHA256'],
    ['TLSv1.2', 'ECDHE-RSA-AES128-GCM-SHA256', 'rsa', 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
    ['TLSv1.2', 'ECDHE-RSA-AES256-GCM-SHA384', 'rsa', 'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384'],
    ['TLSv1.2', 'ECDHE-RSA-CHACHA20-POLY1305', 'rsa', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256'],
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256', 'ec', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'],
    ['TLSv1.2', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ec', 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384'],
    ['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305', 'ec', 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-CCM', 'ec', 'TLS_ECDHE_ECDSA_WITH_AES_128_CCM'],
    ['TLSv1.2', 'ECDHE-ECDSA-AES256-CCM8', 'ec', 'TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8'],
    ['TLSv1.2', 'AES128-GCM-SHA256', 'rsa', 'TLS_RSA_WITH_AES_128_GCM_SHA256'],
    ['TLSv1.2', 'ECDHE-RSA-AES128-SHA', 'rsa', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA'],
    ['TLSv1.2', 'ECDHE-RSA-AES256-SHA384', 'rsa', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384'],
    ['TLSv1.2', 'AES256-SHA256', 'rsa', 'TLS_RSA_WITH_AES_256_CBC_SHA256'],
    ['TLSv1.1', 'ECDHE-RSA-AES256-SHA', 'rsa', 'TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA'],
    ['TLSv1', 'ECDHE-RSA-AES128-SHA', 'rsa', 'TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA'],
  ] as const)('%s %s', async (version, ciphers, identity, name) => {
    const limits = {
      minVersion: version,
      maxVersion: version,
      // Suites of 1.3 stand beside the list that the level is part of.
      ciphers: version === 'TLSv1.3' ? `${ciphers}:ECDHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0` : `${ciphers}:@SECLEVEL=0`,
    } as const
    const recording = await recordExchange(turns, {
      identity: identity === 'rsa' ? rsa : ec,
      server: { ...limits, ALPNProtocols: ['http/1.1'] },
      client: { ...limits, ALPNProtocols: ['http/1.1'] },
    })
    const { transactions, flows, reader } = readFrames(framesOf(recording.turns), {
      tls: { keyLog: keyLogOf(recording.keyLog) },
    })
    expect(transactions).toEqual(clear)
    expect(flows[0]?.tls).toMatchObject({ cipher: name, serverName: 'shop.example', alpn: 'http/1.1' })
    expect(reader.statistics().http.opaqueFlows.tls).toBe(0)
    expect([...reader.anomalies()]).toEqual([])
  })
})

it('requests sent together, before the tickets that stand in front of their responses, are each answered', async () => {
  const together = [...turns.slice(4), ...turns.slice(0, 2), ...turns.slice(4)]
  const limits = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const
  const recording = await recordExchange(together, { identity: ec, server: limits, client: limits })
  const request = recording.turns.findIndex(
    ({ direction, bytes }, index) => index > 2 && direction === 'c2s' && bytes[0] === 23,
  )
  // Tickets on the wire behind the first requests, as of a server that is slow to send them.
  const tickets = recording.turns.findIndex(({ direction }, index) => index > 1 && direction === 's2c')
  const said = [...recording.turns]
  if (tickets < request) said.splice(request, 0, ...said.splice(tickets, 1))
  const { transactions, reader } = readFrames(framesOf(said), { tls: { keyLog: keyLogOf(recording.keyLog) } })
  expect(transactions).toEqual(readFrames(framesOf(together)).transactions)
  expect([...reader.anomalies()]).toEqual([])
})

describe('a connection that is cut and mixed in any way', () => {
  it.each(['TLSv1.2', 'TLSv1.3'] as const)('%s gives the same', async (version) => {
    const limits = { minVersion: version, maxVersion: version }
    const few = turns.filter(({ bytes }) => bytes.length < 1_000)
    const recording = await recordExchange(few, { identity: ec, server: limits, client: limits })
    const clear = readFrames(framesOf(few)).transactions
    const keyLog = keyLogOf(recording.keyLog)
    for (const segmentMaxBytes of [1, 2, 3, 4, 5, 6, 7, 64, 100, 1_460]) {
      expect(readFrames(framesOf(recording.turns, segmentMaxBytes), { tls: { keyLog } }).transactions).toEqual(clear)
    }
  })
})

describe('secrets', () => {
  it.each([
    'TLSv1.2',
    'TLSv1.3',
  ] as const)('%s: may come line by line, at any time, also after the end', async (version) => {
    const limits = { minVersion: version, maxVersion: version }
    const few = turns.filter(({ bytes }) => bytes.length < 1_000)
    const recording = await recordExchange(few, { identity: ec, server: limits, client: limits })
    const clear = readFrames(framesOf(few)).transactions
    const frames = framesOf(recording.turns)
    const lines = recording.keyLog.trimEnd().split('\n')
    for (let at = 0; at <= frames.length; at += 3) {
      const keyLog = new KeyLog()
      const targets: string[] = []
      const reader = new TransactionReader({
        onTransaction: (_flow, { request }) => targets.push(request.target),
        tls: { keyLog, waitsForKeys: true },
      })
      for (const [index, frame] of frames.entries()) {
        const line = lines[index - at]
        if (line !== undefined) {
          keyLog.push(Buffer.from(`${line}\n`))
          reader.keysMayHaveCome(0)
        }
        give(reader, frame)
      }
      expect(reader.statistics().http.opaqueFlows.tls).toBe(0)
      keyLog.push(Buffer.from(recording.keyLog))
      reader.keysMayHaveCome(0)
      reader.end()
      expect(targets).toEqual(clear.map(({ target }) => target))
      expect(reader.statistics().http.opaqueFlows.tls).toBe(0)
    }
  })

  it('are waited for with a bound of bytes and one of time, and then the connection is told as closed to us', async () => {
    const recording = await recordExchange(turns, { identity: ec })
    const frames = framesOf(recording.turns)
    for (const [limits, nowUs, reason] of [
      [{ pendingMaxBytes: 10_000 }, 0, 'tls.pending-overflow'],
      [{ totalMaxBytes: 10_000 }, 0, 'tls.pending-overflow'],
      [{}, Number.MAX_SAFE_INTEGER, 'tls.keys-missing'],
    ] as const) {
      const reader = new TransactionReader({
        onTransaction: () => expect.unreachable(),
        tls: { keyLog: new KeyLog(), waitsForKeys: true, limits },
      })
      for (const frame of frames) give(reader, frame)
      reader.keysMayHaveCome(nowUs)
      expect([...reader.anomalies()]).toEqual([[reason, 1]])
      reader.end()
      expect(reader.statistics().http.opaqueFlows.tls).toBe(1)
    }
  })
})

describe('what stays closed', () => {
  it('is counted by server and name, in flows and bytes', async () => {
    const recording = await recordExchange(turns, { identity: ec })
    const sentBytes = recording.turns.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const { reader } = readFrames(framesOf(recording.turns), { tls: { keyLog: new KeyLog() } })
    const { http, tls } = reader.statistics()
    expect([...reader.anomalies()]).toEqual([['tls.keys-missing', 1]])
    expect([http.opaqueFlows.tls, http.opaqueBytes]).toEqual([1, sentBytes])
    expect(tls.servers.top(9)).toEqual([
      {
        server: '198.51.100.1:8443',
        serverName: 'shop.example',
        flowCount: 1,
        undecryptedFlowCount: 1,
        bytes: sentBytes,
        undecryptedBytes: sentBytes,
      },
    ])
    const open = readFrames(framesOf(recording.turns), { tls: { keyLog: keyLogOf(recording.keyLog) } })
    expect(open.reader.statistics().tls.servers.total()).toMatchObject({ bytes: sentBytes, undecryptedBytes: 0 })
  })

  it('a connection joined behind its hellos, or whose secrets are of another', async () => {
    const recording = await recordExchange(turns, { identity: ec, server: { maxVersion: 'TLSv1.2' } })
    const frames = framesOf(recording.turns)
    const tls = { keyLog: keyLogOf(recording.keyLog) }
    const late = frames.findIndex(({ bytes }) => bytes[54] === 0x17)
    const joined = readFrames(frames.slice(late), { tls })
    expect(joined.transactions).toEqual([])
    expect([...joined.reader.anomalies()]).toEqual([['tls.hello-missing', 1]])
    expect(joined.reader.statistics().http.opaqueFlows.tls).toBe(1)
    const other = recording.keyLog.replace(/[0-9a-f]{8}\n/g, '00000000\n')
    const wrong = readFrames(frames, { tls: { keyLog: keyLogOf(other) } })
    expect(wrong.transactions).toEqual([])
    expect([...wrong.reader.anomalies()]).toEqual([['tls.records-unauthenticated', 1]])
    expect(wrong.reader.statistics().http.opaqueFlows.tls).toBe(1)
  })
})

describe('what only looks like TLS at first', () => {
  it.each([
    ['16', 1],
    ['160301', 1],
    ['1603090010', 1],
  ])('%s and then HTTP, in segments of one byte: is given to HTTP as it is', (hex) => {
    const bytes = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.from('\r\nGET /x HTTP/1.1\r\n\r\n')])
    for (const segmentMaxBytes of [1, 3, 1_460]) {
      const { transactions } = readFrames(framesOf([{ direction: 'c2s', bytes }], segmentMaxBytes))
      const before = readFrames(
        framesOf([{ direction: 'c2s', bytes: Buffer.concat([Buffer.from('01'), bytes.subarray(2)]) }]),
      )
      expect(transactions.map(({ target }) => target)).toEqual(before.transactions.map(({ target }) => target))
    }
  })
})

describe('TLS inside of something', () => {
  const few = turns.filter(({ bytes }) => bytes.length < 1_000)

  it('behind a PROXY header is read, and the header believed for what is in it', async () => {
    const recording = await recordExchange(few, { identity: ec })
    const [hello, ...rest] = recording.turns
    const header = Buffer.from('PROXY TCP4 203.0.113.9 198.51.100.1 51234 443\r\n')
    const first = { direction: 'c2s' as const, bytes: Buffer.concat([header, hello?.bytes ?? header]) }
    for (const segmentMaxBytes of [64, 1_460]) {
      const proxied: unknown[] = []
      const reader = new TransactionReader({
        onTransaction: (_flow, raw) => proxied.push(raw.proxied),
        tls: { keyLog: keyLogOf(recording.keyLog) },
      })
      for (const frame of framesOf([first, ...rest], segmentMaxBytes)) give(reader, frame)
      reader.end()
      expect(proxied).toEqual(Array(3).fill(expect.objectContaining({ address: '203.0.113.9', port: 51_234 })))
    }
  })

  it('in a tunnel that CONNECT opened is read, or counted as TLS that cannot be; anything else is a tunnel', async () => {
    const recording = await recordExchange(few, { identity: ec })
    const opening: Turn[] = [
      c2s('CONNECT shop.example:443 HTTP/1.1\r\nHost: shop.example:443\r\n\r\n'),
      s2c('HTTP/1.1 200 Connection established\r\n\r\n'),
    ]
    const tls = { keyLog: keyLogOf(recording.keyLog) }
    const open = readFrames(framesOf([...opening, ...recording.turns]), { tls })
    expect(open.transactions.map(({ target }) => target)).toEqual(['shop.example:443', '/first', '/third', '/fourth'])
    expect(open.flows.map(({ tls }) => tls?.version)).toEqual([undefined, '1.3', '1.3', '1.3'])
    expect(open.reader.statistics().http.opaqueFlows).toMatchObject({ tls: 0, tunnel: 0 })
    const closed = readFrames(framesOf([...opening, ...recording.turns]))
    expect(closed.transactions.map(({ target }) => target)).toEqual(['shop.example:443'])
    expect(closed.reader.statistics().http.opaqueFlows).toMatchObject({ tls: 1, tunnel: 0 })
    expect(closed.reader.statistics().tls.servers.top(1)).toMatchObject([{ serverName: 'shop.example' }])
    const other = readFrames(framesOf([...opening, c2s('SSH-2.0-x\r\n'), s2c('SSH-2.0-y\r\n')]))
    expect(other.reader.statistics().http.opaqueFlows).toMatchObject({ tls: 0, tunnel: 1 })
    expect(other.reader.statistics().http.opaqueBytes).toBe(22)
    const silent = readFrames(framesOf(opening))
    expect(silent.reader.statistics().http.opaqueFlows).toMatchObject({ tls: 0, tunnel: 1 })
  })
})
