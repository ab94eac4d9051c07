import { request } from 'node:http'
import { goldenDecision } from '@tapwarden/contracts/decision'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { accessTokenOf } from './access-token.js'
import { enforcerCases } from './conformance.js'
import { ForwardAuthEnforcer, type ForwardAuthOptions } from './forward-auth.js'

const key = { keyNumber: 1, base64: Buffer.alloc(32, 7).toString('base64') }
let enforcer: ForwardAuthEnforcer

async function open(change: Partial<ForwardAuthOptions> = {}): Promise<void> {
  await enforcer?.close()
  enforcer = await ForwardAuthEnforcer.start({
    name: 'auth',
    listen: { host: '127.0.0.1', port: 0 },
    accessKeys: [key],
    ...change,
  })
}
beforeEach(() => open())
afterEach(() => enforcer.close())

interface Answer {
  readonly status: number
  readonly decisionId: string | undefined
  readonly retryAfter: string | undefined
}

function ask(fields: Record<string, string>, method = 'GET', path = '/', localAddress = '127.0.0.1'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      port: enforcer.port,
      method,
      path,
      localAddress,
      headers: fields,
      agent: false,
    }
    const sent = request(options, (response) => {
      response.resume()
      const decisionId = response.headers['x-tapwarden-decision']
      resolve({
        status: response.statusCode ?? 0,
        decisionId: decisionId === undefined ? undefined : String(decisionId),
        retryAfter: response.headers['retry-after'],
      })
    })
    sent.on('error', reject).end(method === 'POST' ? '{"half":' : undefined)
  })
}

describe('conformance', () => {
  it.each(enforcerCases)('$name', async ({ run }) => {
    await run({
      enforcer,
      nowMs: Date.now,
      accessToken: (secret) => accessTokenOf(key, secret),
      ask: ({ address, host, method, path, fields }) =>
        ask({
          ...fields,
          'x-forwarded-for': address,
          'x-forwarded-host': host,
          'x-forwarded-method': method,
          'x-forwarded-uri': path,
        }),
    })
  })
})

describe('who is asking, and for what', () => {
  const where = { host: 'shop.example', method: 'POST', pathTemplate: '/login' }
  const ban = { ...goldenDecision, value: '203.0.113.9', where, untilMs: Date.now() + 600_000 }
  beforeEach(() => enforcer.apply(ban))

  it.each([
    [
      { 'x-real-ip': '203.0.113.9', 'x-original-method': 'POST', 'x-original-uri': '/login?x=1', host: 'shop.example' },
      403,
      'nginx',
    ],
    [
      {
        'x-forwarded-for': '203.0.113.9',
        'x-forwarded-method': 'POST',
        'x-forwarded-uri': '/login',
        'x-forwarded-host': 'Shop.Example',
      },
      403,
      'Traefik, the host in capitals',
    ],
    [
      {
        'x-real-ip': '203.0.113.9',
        'x-original-method': 'POST',
        'x-original-url': 'http://shop.example/login',
        host: 'shop.example',
      },
      403,
      'ingress-nginx, the absolute form',
    ],
    [
      {
        'x-forwarded-for': '203.0.113.9, 127.0.0.1',
        'x-forwarded-method': 'POST',
        'x-forwarded-uri': '/login',
        host: 'shop.example',
      },
      403,
      'edges behind the client are passed over',
    ],
    [
      {
        'x-forwarded-for': '203.0.113.9, 198.51.100.1',
        'x-forwarded-method': 'POST',
        'x-forwarded-uri': '/login',
        host: 'shop.example',
      },
      200,
      'what a client wrote before its own address does not count',
    ],
    [
      {
        'x-forwarded-for': '203.0.113.9, nonsense',
        'x-forwarded-method': 'POST',
        'x-forwarded-uri': '/login',
        host: 'shop.example',
      },
      200,
      'a broken chain is let on',
    ],
    [
      {
        'x-real-ip': '::ffff:203.0.113.9',
        'x-original-method': 'POST',
        'x-original-uri': '/login',
        host: 'shop.example',
      },
      403,
      'IPv4 inside IPv6',
    ],
  ])('%#: %j → %i: %s', async (fields, status, _why) => {
    expect((await ask(fields as Record<string, string>)).status).toBe(status)
  })

  it('Envoy sends the method, host and path themselves, and half a content', async () => {
    expect((await ask({ 'x-real-ip': '203.0.113.9', host: 'shop.example' }, 'POST', '/login')).status).toBe(403)
  })

  it('only a trusted edge may say who its client is', async () => {
    await open({ trustedEdges: ['127.0.0.7'] })
    await enforcer.apply(ban)
    const fields = { 'x-real-ip': '203.0.113.9', host: 'shop.example' }
    expect((await ask(fields, 'POST', '/login', '127.0.0.8')).status).toBe(200)
    expect((await ask(fields, 'POST', '/login', '127.0.0.7')).status).toBe(403)
    await enforcer.apply({ ...ban, id: 'd-ffffffffffffffff', value: '127.0.0.8' })
    const forged = { 'x-original-uri': '/', 'x-original-method': 'GET', 'x-forwarded-host': 'x', host: 'shop.example' }
    expect((await ask(forged, 'POST', '/login', '127.0.0.8')).status).toBe(403)
  })

  it.each([['/%zz'], ['/a b'.replace(' ', '%20')], ['//'], ['*']])('path %s is answered', async (path) => {
    expect((await ask({ host: 'shop.example' }, 'OPTIONS', path)).status).toBe(200)
  })
})

it('a session is found in whichever cookie carries it', async () => {
  const value = accessTokenOf(key, 's3cr3t')
  await enforcer.apply({ ...goldenDecision, scope: 'session', value, where: {}, untilMs: Date.now() + 600_000 })
  expect((await ask({ cookie: 'theme=dark; sid=s3cr3t' })).status).toBe(403)
  expect((await ask({ cookie: 'theme=s3cr3ts' })).status).toBe(200)
})

it('a throttle says when to come back, and can be a 403 for nginx', async () => {
  const throttle = {
    ...goldenDecision,
    value: '127.0.0.1',
    where: {},
    type: 'throttle' as const,
    untilMs: Date.now() + 600_000,
  }
  await enforcer.apply(throttle)
  expect(await ask({})).toEqual({ status: 429, decisionId: throttle.id, retryAfter: '60' })
  await open({ throttleStatus: 403 })
  await enforcer.apply(throttle)
  expect((await ask({})).status).toBe(403)
})

it('says which port is in use, and what to set', async () => {
  const listen = { host: '127.0.0.1', port: enforcer.port }
  await expect(ForwardAuthEnforcer.start({ name: 'edge', listen, accessKeys: [key] })).rejects.toMatchObject({
    message: `the port of the enforcer edge, 127.0.0.1:${enforcer.port} is in use: set its listen.port to another, or 0`,
    exitCode: 69,
  })
})
