import type { Turn } from '@tapwarden/net/frame-builder'
import { beforeAll, describe, expect, it } from 'vitest'
import { framesOf, type Identity, keyLogOf, makeIdentity, readFrames, recordExchange } from './tls-recording.js'

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
      ciphers: version === 'TLSv1.3' ? ciphers : `${ciphers}:@SECLEVEL=0`,
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
