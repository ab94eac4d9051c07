import { hash } from 'node:crypto'
import { expect, it } from 'vitest'
import { Fingerprints, fingerprintText, userAgentFamily } from './fingerprint.js'
import { rawTransaction, sampleFleetKey, sampleFlow } from './raw-transaction-fixture.js'
import { createRedactor } from './redact-transaction.js'

const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36'

it.each([
  [chrome, 'chrome'],
  [`${chrome} Edg/126.0`, 'edge'],
  ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1', 'safari-mobile'],
  ['Mozilla/5.0 (compatible; Examplebot/2.1)', 'bot'],
  ['curl/8.1.2', 'curl'],
  ['okhttp/4.9.3', 'okhttp'],
  ['python-requests/2.31', 'python-requests'],
  ['', 'none'],
  [undefined, 'none'],
  ['\u0000', 'other'],
])('%s is of the family %s', (value, family) => expect(userAgentFamily(value)).toBe(family))

const redactor = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1 })

function fingerprintOf(fields: readonly (readonly [string, string])[], httpVersion = '1.1'): string {
  const line = redactor.redact(sampleFlow, rawTransaction({ fields, httpVersion })).line
  return (JSON.parse(Buffer.from(line).toString()) as { fingerprint: string }).fingerprint
}

const usual = [
  ['Host', 'shop.example'],
  ['User-Agent', chrome],
  ['Accept', 'application/json'],
  ['Accept-Language', 'de-DE,de;q=0.9'],
  ['Accept-Encoding', 'gzip, deflate, br'],
] as const

it('a client keeps its fingerprint over its requests', () => {
  const first = fingerprintOf(usual)
  const later = fingerprintOf([
    ...usual.slice(0, 2),
    ['Content-Type', 'application/json'],
    ['Content-Length', '12'],
    ...usual.slice(2),
    ['Cookie', 'sid=1'],
    ['Authorization', 'Bearer x'],
    ['Referer', 'http://shop.example/'],
    ['X-Forwarded-For', '192.0.2.1'],
    ['If-None-Match', '"x"'],
  ])
  expect(later).toBe(first)
})

it.each([
  ['another order', [usual[1], usual[0], ...usual.slice(2)]],
  ['another program', [usual[0], ['user-agent', 'curl/8.1.2'], ...usual.slice(2)]],
  ['another language', [...usual.slice(0, 3), ['accept-language', 'fr'], usual[4]]],
  ['one name more', [...usual, ['dnt', '1']]],
] as const)('%s is another fingerprint', (_, fields) => expect(fingerprintOf(fields)).not.toBe(fingerprintOf(usual)))

it('letter case of names and versions of the program do not count', () => {
  const upper = usual.map(([name, value]) => [name.toUpperCase(), value.replace('126', '127')] as const)
  expect(fingerprintOf(upper)).toBe(fingerprintOf(usual))
})

it('a hop that speaks another version does not count', () => {
  expect(fingerprintOf(usual, '1.0')).toBe(fingerprintOf(usual, '1.1'))
})

it('is the first 8 bytes of SHA-256 of its text', () => {
  const fields = {
    accept: '*/*',
    acceptLanguage: undefined,
    acceptEncoding: 'gzip;q=1, foo',
    userAgent: 'curl/8',
  }
  const text = 'host,user-agent\naccept=any\naccept-language=none\naccept-encoding=gzip,other\nuser-agent=curl'
  expect(fingerprintText('host,user-agent', fields)).toBe(text)
  expect(new Fingerprints().of('host,user-agent', fields)).toBe(hash('sha256', text, 'hex').slice(0, 16))
})
