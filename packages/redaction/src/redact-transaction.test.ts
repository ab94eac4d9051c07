import { partitionOf } from '@tapwarden/contracts/partition-key'
import { goldenTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RawSketch, rawTransaction, sampleFleetKey, sampleFlow } from './raw-transaction-fixture.js'
import { createRedactor } from './redact-transaction.js'

const redactor = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1 })

function published(sketch: RawSketch) {
  const [transaction] = transactionTopic.decode(redactor.redact(sampleFlow, rawTransaction(sketch)).line)
  return transactionTopic.parse(transaction)
}

describe('the published record', () => {
  it('of a failed login', () => {
    const transaction = published({
      method: 'POST',
      target: '/api/v1/login?locale=de',
      fields: [
        ['Host', 'Shop.Example'],
        ['User-Agent', 'ExampleShop/4.2 (iPhone; iOS 19)'],
        ['Accept', 'application/json'],
        ['Content-Type', 'application/json; charset=UTF-8; x=y'],
        ['X-Api-Key', 'partner-key-1'],
        ['Cookie', 'theme=dark; sid=abcdef'],
      ],
      content: '{"username":"Jane@Example.org ","password":"hunter2"}',
      response: {
        status: 401,
        fields: [
          ['content-type', 'application/json'],
          ['cache-control', 'no-store'],
          ['set-cookie', 'sid=fedcba; Path=/'],
          ['x-tapwarden-decision', 'd-0123456789abcdef'],
        ],
        content: '{"error":"denied"}',
      },
      anomalies: ['http.duplicate-content-length'],
    })
    expect(transaction).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      flowId: sampleFlow.flowId,
      flowIndex: 0,
      observedAtUs: 1_790_000_000_123_456,
      timeToFirstByteUs: 2_100,
      durationUs: 2_900,
      clientIp: '203.0.113.9',
      clientPort: 51_034,
      serverIp: '198.51.100.7',
      serverPort: 8_080,
      clientAddress: '203.0.113.9',
      clientAddressSource: 'tcp-peer',
      clientAddressSpoofable: false,
      method: 'POST',
      scheme: 'http',
      host: 'shop.example',
      path: '/api/v1/login',
      pathTokens: [expect.stringMatching(/^v1\./), expect.any(String), expect.any(String)],
      query: [['locale', expect.stringMatching(/^str n=2 k=v1\.[0-9a-f]{16}$/)]],
      httpVersion: '1.1',
      userAgent: 'ExampleShop/4.2 (iPhone; iOS 19)',
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      requestContentType: 'application/json; charset=utf-8',
      requestContentKind: 'json',
      requestContentBytes: 53,
      requestShape: {
        username: expect.stringMatching(/^str n=5 s=email k=v1\.[0-9a-f]{16}$/),
        password: 'str n=3 s=password',
      },
      requestFields: { accept: 'application/json' },
      authScheme: 'api-key',
      accessToken: expect.stringMatching(/^a1\./),
      accessTokenName: 'x-api-key',
      sessionToken: expect.stringMatching(/^a1\./),
      loginUserToken: expect.stringMatching(/^c1\./),
      loginPasswordToken: expect.stringMatching(/^c1\./),
      status: 401,
      responseContentType: 'application/json',
      responseContentKind: 'json',
      responseContentBytes: 18,
      responseShape: { error: expect.stringMatching(/^str n=3 k=v1\./) },
      responseFields: { 'cache-control': 'no-store' },
      setCookieNames: ['sid'],
      edgeDecisionId: 'd-0123456789abcdef',
      sensitive: [{ type: 'email', in: 'request-content', name: 'username', count: 1 }],
      missedBytes: 0,
      truncated: false,
      midStream: false,
      anomalies: ['http.duplicate-content-length'],
      weight: 1,
    })
  })

  it('says of a WebSocket how much of what was spoken, and of others nothing', () => {
    const { webSocket } = goldenTransaction
    expect(published({ response: { status: 101 }, webSocket }).webSocket).toEqual(webSocket)
    expect(published({ response: {} })).not.toHaveProperty('webSocket')
  })

  it('says which stream of HTTP/2 it was and what was called by gRPC, names of secrets as tokens', () => {
    const { grpc, http2StreamId, http2ResetCode } = goldenTransaction
    const http2 = { streamId: http2StreamId ?? 0, isUpgraded: false, isPushed: false, resetCode: http2ResetCode }
    const call = { status: undefined, ...grpc } as NonNullable<Parameters<typeof published>[0]['grpc']>
    const transaction = published({ http2, grpc: call, scheme: 'https', response: {} })
    expect(transaction).toMatchObject({ scheme: 'https', http2StreamId, http2ResetCode, grpc })
    expect(transaction).not.toHaveProperty('http2IsPushed')
    expect(published({ http2: { ...http2, isPushed: true } }).http2IsPushed).toBe(true)
    const secret = 'AKIAIOSFODNN7EXAMPLEQ4zT9xVb2'
    expect(published({ http2, grpc: { ...call, method: secret } }).grpc?.method).toMatch(/^~v1\./)
    expect(published({ response: {} })).not.toHaveProperty('grpc')
  })

  it('takes the stream into the id where the request came on one, and only there', () => {
    const idOf = (streamId: number, isUpgraded: boolean) =>
      published({ http2: { streamId, isUpgraded, isPushed: false, resetCode: undefined } }).id
    const plain = published({}).id
    expect(idOf(1, true)).toBe(plain)
    expect(new Set([plain, idOf(1, false), idOf(3, false)]).size).toBe(3)
  })

  it('is the same for the same input, and its id tells requests of one flow apart', () => {
    const line = (firstSeq: number, by = redactor) => {
      const redacted = by.redact(sampleFlow, rawTransaction({ firstSeq }))
      return { ...redacted, line: redacted.line.slice() } // Lent until the next.
    }
    expect(line(1)).toEqual(line(1))
    expect(line(1)).not.toEqual(line(2))
    const elsewhere = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1 })
    expect(line(1, elsewhere)).toEqual(line(1))
  })

  it('has comparable tokens for a path segment and a leaf of content', () => {
    const transaction = published({ target: '/users/jane%20d', response: { content: '{"name":"jane d","id":42}' } })
    expect(JSON.stringify(transaction.responseShape)).toContain(`k=${transaction.pathTokens[1]}`)
    const number = published({ target: '/users/42', response: { content: '{"name":"jane d","id":42}' } })
    expect(JSON.stringify(number.responseShape)).toContain(`k=${number.pathTokens[1]}`)
  })
})

const wireText = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  maxLength: 60,
})
const wireFields = fc.array(
  fc.tuple(
    fc.oneof(
      wireText,
      fc.constantFrom(
        'host',
        'cookie',
        'authorization',
        'content-type',
        'x-forwarded-for',
        'user-agent',
        'set-cookie',
        'location',
      ),
    ),
    wireText,
  ),
  { maxLength: 8 },
)
const jsonish = fc.json({ maxDepth: 6 }).chain((text) => fc.nat(text.length).map((end) => text.slice(0, end)))
const wireContent = fc.oneof(jsonish, wireText, fc.uint8Array({ maxLength: 200 }), fc.webQueryParameters())

it('the client that a trusted hop names is published, and decides the partition', () => {
  const trusting = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1, trustedHops: [sampleFlow.clientIp] })
  const address = '2001:db8:0:0:0:0:0:9'
  const raw = rawTransaction({ proxied: { kind: 'address', address, port: 1 } })
  const { line, partition } = trusting.redact(sampleFlow, raw)
  const [transaction] = transactionTopic.decode(line)
  expect(transaction).toMatchObject({
    clientIp: sampleFlow.clientIp,
    clientAddress: '2001:db8::9',
    clientAddressSource: 'proxy-protocol',
    clientAddressSpoofable: false,
    forwardedFor: ['2001:db8::9'],
  })
  expect(partition).toBe(partitionOf({ clientAddress: '2001:db8::9' }))
  const doubted = trusting.redact(
    sampleFlow,
    rawTransaction({
      fields: [
        ['Forwarded', 'for=192.0.2.1'],
        ['X-Forwarded-For', 'x'],
      ],
    }),
  )
  expect(transactionTopic.decode(doubted.line)[0]).toMatchObject({
    clientAddress: '192.0.2.1',
    clientAddressSource: 'forwarded',
    clientAddressSpoofable: true,
  })
})

it.each([
  [['http.bare-cr'], true],
  [['tcp.overlap', 'http.field-name-invalid'], true],
  [['http.host-repeated'], false],
  [[], false],
])('the client that a field names, beside %j, is spoofable: %s', (anomalies, isSpoofable) => {
  const trusting = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1, trustedHops: [sampleFlow.clientIp] })
  for (const name of ['X-Forwarded-For', 'Forwarded']) {
    const value = name === 'Forwarded' ? 'for=192.0.2.6' : '192.0.2.6'
    const { line } = trusting.redact(sampleFlow, rawTransaction({ fields: [[name, value]], anomalies }))
    expect(transactionTopic.decode(line)[0]).toMatchObject({
      clientAddress: '192.0.2.6',
      clientAddressSpoofable: isSpoofable,
    })
  }
  const direct = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1 })
  const { line } = direct.redact(sampleFlow, rawTransaction({ fields: [['X-Forwarded-For', '192.0.2.6']], anomalies }))
  expect(transactionTopic.decode(line)[0]).toMatchObject({
    clientAddressSource: 'tcp-peer',
    clientAddressSpoofable: false,
  })
})

it('whatever the wire sends, the line is one valid record', () => {
  fc.assert(
    fc.property(
      fc.record({
        method: wireText,
        target: fc.oneof(wireText, fc.webUrl({ withQueryParameters: true, withFragments: true }), fc.webPath()),
        httpVersion: wireText,
        fields: wireFields,
        trailers: wireFields,
        content: wireContent,
        truncated: fc.boolean(),
        response: fc.record({ status: fc.integer({ min: 0, max: 999 }), fields: wireFields, content: wireContent }),
        anomalies: fc.array(wireText, { maxLength: 3 }),
      }),
      (sketch) => {
        const { line } = redactor.redact(sampleFlow, rawTransaction(sketch))
        const text = new TextDecoder('utf-8', { fatal: true }).decode(line)
        expect(text.indexOf('\n')).toBe(text.length - 1)
        transactionTopic.parse(JSON.parse(text))
      },
    ),
    { numRuns: 500 },
  )
})

it.each<readonly [Partial<NonNullable<typeof sampleFlow.tls>>, Record<string, unknown>, string]>([
  [{}, { scheme: 'https', tlsVersion: '1.3', tlsCipher: 'TLS_AES_128_GCM_SHA256' }, 'the least'],
  [
    { serverName: 'shop.example', alpn: 'h2', ja3: 'ab'.repeat(16), ja4: 't13d1516h2_8daaf6152771_e5627efa2ab1' },
    {
      tlsServerName: 'shop.example',
      tlsAlpn: 'h2',
      ja3: 'ab'.repeat(16),
      ja4: 't13d1516h2_8daaf6152771_e5627efa2ab1',
    },
    'all of it',
  ],
  [{ alpn: 'http/1.1' }, { tlsAlpn: 'http/1.1' }, 'registered'],
  [{ alpn: 's3cr3t-4f9a' }, { tlsAlpn: 'other' }, 'what a peer likes to have published'],
  [{ alpn: '\xff"}' }, { tlsAlpn: 'other' }, 'bytes'],
  [
    { serverName: '4111111111111111.example' },
    { tlsServerName: expect.stringMatching(/^~?.*v1\.[0-9a-f]{16}/) },
    'a card',
  ],
])('of a connection with %j tells %j: %s', (tls, told, _why) => {
  const flow = { ...sampleFlow, tls: { version: '1.3', cipher: 'TLS_AES_128_GCM_SHA256', ...tls } }
  const [transaction] = transactionTopic.decode(redactor.redact(flow, rawTransaction({})).line)
  expect(transactionTopic.parse(transaction)).toMatchObject(told)
})
