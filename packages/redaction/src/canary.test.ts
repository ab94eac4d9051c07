/**
 * Canaries: secrets planted wherever traffic can carry them, and none of them in the line, neither as it is nor in base64, hexadecimal or
 * percent-encoding. Passwords and bearer tokens are random text as people and servers make it; cards and addresses are valid ones.
 */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type RawSketch, rawTransaction, sampleFleetKey, sampleFlow } from './raw-transaction-fixture.js'
import { createRedactor } from './redact-transaction.js'

const redactor = createRedactor({ fleetKey: sampleFleetKey, keyNumber: 1, trustedHops: ['203.0.113.0/24'] })

const alphabet = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789']
const randomText = (minLength: number, maxLength: number) =>
  // Uniform, not biased towards repetition as fast-check's own strings are.
  fc.noBias(fc.array(fc.constantFrom(...alphabet), { minLength, maxLength })).map((parts) => parts.join(''))
/** Placed where only values stand: any text at all must stay inside. */
const password = randomText(8, 14).map((text) => `${text}!`)
/** Placed also where text is published in clear unless it looks like a secret. */
const bearer = randomText(32, 48)
const card = fc.constantFrom(
  '4111111111111111',
  '5500000000000004',
  '4111 1111 1111 1111',
  '378282246310005',
  '6011-1111-1111-1117',
)
const email = fc
  .tuple(randomText(4, 8), fc.constantFrom('example.org', 'mail.example.co.uk'))
  .map(([name, domain]) => `${name}@${domain}`)
const compact = fc.oneof(
  bearer,
  email,
  card.map((number) => number.replaceAll(/[ -]/g, '')),
)
const any = fc.oneof(password, bearer, card, email)

/** Where values stand: every kind of secret is hidden here. */
const valuePlaces: Readonly<Record<string, (secret: string) => RawSketch>> = {
  'Authorization: Bearer': (s) => ({ fields: [['authorization', `Bearer ${s}`]] }),
  'Authorization: Basic': (s) => ({ fields: [['authorization', `Basic ${btoa(`jane:${s}`)}`]] }),
  'Authorization without scheme': (s) => ({ fields: [['authorization', s]] }),
  'Authorization: unknown scheme': (s) => ({ fields: [['authorization', `Zzz ${s}`]] }),
  'API key field': (s) => ({ fields: [['x-api-key', s]] }),
  'unknown field': (s) => ({ fields: [['x-something', s]] }),
  'session cookie': (s) => ({ fields: [['cookie', `sid=${s}`]] }),
  'other cookie': (s) => ({ fields: [['cookie', `a=b; pref=${s}; c=d`]] }),
  'cookie without name': (s) => ({ fields: [['cookie', s]] }),
  trailer: (s) => ({ trailers: [['x-checksum', s]] }),
  'Set-Cookie': (s) => ({ response: { fields: [['set-cookie', `sid=${s}; HttpOnly`]] } }),
  'response field': (s) => ({ response: { fields: [['x-token', s]] } }),
  'decision field': (s) => ({ response: { fields: [['x-tapwarden-decision', s]] } }),
  'query value': (s) => ({ target: `/search?q=${encodeURIComponent(s)}` }),
  'query key parameter': (s) => ({ target: `/search?api_key=${encodeURIComponent(s)}` }),
  'query of Referer': (s) => ({ fields: [['referer', `https://shop.example/a?p=${encodeURIComponent(s)}`]] }),
  'query of Location': (s) => ({ response: { fields: [['location', `/next?token=${encodeURIComponent(s)}`]] } }),
  'user information of the target': (s) => ({ target: `http://jane:${encodeURIComponent(s)}@shop.example/a` }),
  'user information of Location': (s) => ({
    response: { fields: [['location', `http://jane:${encodeURIComponent(s)}@h.example/`]] },
  }),
  fragment: (s) => ({ target: `/a#${encodeURIComponent(s)}` }),
  'path parameter': (s) => ({ target: `/a;jsessionid=${encodeURIComponent(s)}/b` }),
  'JSON value': (s) => json({ password: s }),
  'JSON value of a plain name': (s) => json({ note: `x ${s} y` }),
  'JSON value in depth': (s) => json({ a: [{ b: { c: [s] } }] }),
  'JSON value far out': (s) => json([1, 2, 3, 4, 5, 6, { secret: s }]),
  'escaped JSON': (s) => ({
    content: `{"note":"${[...s].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}"}`,
  }),
  'JSON cut short': (s) => ({ content: JSON.stringify({ a: 1, password: s }).slice(0, -2), truncated: true }),
  'JSON that is none': (s) => ({ fields: [['content-type', 'application/json']], content: `{"a":1,"${s}"}` }),
  'JSON with a stray value': (s) => ({ fields: [['content-type', 'application/json']], content: `{"a":1} ${s}` }),
  'JSON number-like': (s) => ({ fields: [['content-type', 'application/json']], content: `{"a":${s}}` }),
  'JSON content of text type': (s) => ({ fields: [['content-type', 'text/plain']], content: `["${s}"]` }),
  'form value': (s) => form(`user=jane&password=${encodeURIComponent(s)}&go=1`),
  'form value without name': (s) => form(encodeURIComponent(s)),
  'form cut short': (s) => ({ ...form(`a=b&c=${encodeURIComponent(s)}`), truncated: true }),
  'multipart value': (s) => multipart('content-disposition: form-data; name="password"', s),
  'multipart file name': (s) => multipart(`content-disposition: form-data; name="f"; filename="${s}"`, 'x'),
  'multipart file': (s) => multipart('content-disposition: form-data; name="f"; filename="a.txt"', s),
  'multipart without the boundary': (s) => ({
    fields: [['content-type', 'multipart/form-data; boundary=zz']],
    content: s,
  }),
  XML: (s) => ({ fields: [['content-type', 'application/xml']], content: `<a secret="${s}">${s}</a>` }),
  HTML: (s) => ({ response: { fields: [['content-type', 'text/html']], content: `<html><body>${s}</body></html>` } }),
  'plain text': (s) => ({ fields: [['content-type', 'text/plain']], content: `hello ${s}` }),
  'unknown type': (s) => ({ fields: [['content-type', 'application/x-foo']], content: `\0\u0001${s}` }),
  'no type': (s) => ({ content: s }),
  'response JSON': (s) => ({ response: { content: JSON.stringify({ token: s, items: [{ token: s }] }) } }),
  'an anomaly name': (s) => ({ anomalies: [s] }),
  'HTTP version': (s) => ({ httpVersion: s }),
}

/** Where text is published in clear: what looks like a secret is hidden here. */
const clearPlaces: Readonly<Record<string, (secret: string) => RawSketch>> = {
  'path segment': (s) => ({ target: `/users/${s}/orders` }),
  'encoded path segment': (s) => ({ target: `/users/${encodeURIComponent(s)}` }),
  'doubly encoded path segment': (s) => ({ target: `/users/${encodeURIComponent(encodeURIComponent(s))}` }),
  'path segment among words': (s) => ({ target: `/reset-${s}` }),
  'query name': (s) => ({ target: `/a?${encodeURIComponent(s)}=1&b=2` }),
  'bare query': (s) => ({ target: `/a?${encodeURIComponent(s)}` }),
  method: (s) => ({ method: s }),
  'property name': (s) => json({ byUser: { [s]: { count: 1 } } }),
  'sensitive value under a secret property name': (s) => json({ [s]: 'jane@example.org' }),
  'escaped property name': (s) => ({
    content: `{"${[...s].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')}":1}`,
  }),
  'form name': (s) => form(`a=1&${encodeURIComponent(s)}=2`),
  'part name': (s) => multipart(`content-disposition: form-data; name="${s}"`, 'x'),
  'cookie name in Set-Cookie': (s) => ({ response: { fields: [['set-cookie', `${s}=1`]] } }),
  'user agent': (s) => ({ fields: [['user-agent', `Mozilla/5.0 (X; ${s}) app/1`]] }),
  'kept field': (s) => ({ fields: [['accept', s]], response: { fields: [['server', `nginx ${s}`]] } }),
  'encoded kept field': (s) => ({ fields: [['accept-language', encodeURIComponent(s)]] }),
  'content type': (s) => ({ fields: [['content-type', `application/${s}`]], content: 'x' }),
  'content type parameter': (s) => ({ fields: [['content-type', `text/plain; charset=${s}; a=${s}`]], content: 'x' }),
  'path of Referer': (s) => ({ fields: [['referer', `https://shop.example/u/${s}`]] }),
  'path of Location': (s) => ({ response: { fields: [['location', `/u/${encodeURIComponent(s)}`]] } }),
  'field name': (s) => ({ fields: [[s, 'jane@example.org']] }),
  'forwarded chain': (s) => ({
    fields: [
      ['x-forwarded-for', `${s}, 192.0.2.1`],
      ['forwarded', `for=${s}`],
    ],
  }),
}

/** A host is published in clear unless a recogniser fires: gateways have random names. */
const hostPlaces: Readonly<Record<string, (secret: string) => RawSketch>> = {
  Host: (s) => ({ fields: [['host', s]] }),
  'host label': (s) => ({ fields: [['host', `${s}.example`]] }),
  'absolute target': (s) => ({ target: `http://${s}/` }),
  CONNECT: (s) => ({ method: 'CONNECT', target: s }),
  Origin: (s) => ({ fields: [['origin', `https://${s}`]] }),
}

function json(value: unknown): RawSketch {
  return { method: 'POST', fields: [['content-type', 'application/json']], content: JSON.stringify(value) }
}

function form(content: string): RawSketch {
  return { method: 'POST', fields: [['content-type', 'application/x-www-form-urlencoded']], content }
}

function multipart(head: string, value: string): RawSketch {
  return {
    method: 'POST',
    fields: [['content-type', 'multipart/form-data; boundary="b0"']],
    content: `--b0\r\n${head}\r\n\r\n${value}\r\n--b0--\r\n`,
  }
}

/** The forms in which a secret could leave. */
function disguises(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].map((shift) => {
    // Base64 of longer text holds one of three phases of the secret; the outer characters depend on its neighbours.
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '')
    return text.slice(shift === 0 ? 0 : 4, bytes.length % 3 === 0 && shift === 0 ? undefined : -1)
  })
  const hex = bytes.toString('hex')
  const escaped = JSON.stringify(secret).slice(1, -1)
  // An address's user name is as secret as the address.
  const [userName = ''] = secret.split('@')
  return [
    secret,
    userName,
    escaped,
    encodeURIComponent(secret),
    encodeURIComponent(encodeURIComponent(secret)),
    hex,
    hex.toUpperCase(),
    ...base64,
  ]
    .flatMap((text) => [text, text.toLowerCase()])
    .filter((text) => text.length >= 6)
}

function leaks(sketch: RawSketch, secret: string): string | undefined {
  const line = Buffer.from(redactor.redact(sampleFlow, rawTransaction(sketch)).line).toString('utf8')
  return disguises(secret).some((text) => line.includes(text)) ? line : undefined
}

describe.each([
  ['values', valuePlaces, any],
  ['clear text', clearPlaces, compact],
  [
    'hosts',
    hostPlaces,
    fc.oneof(
      email,
      card.map((number) => number.replaceAll(/[ -]/g, '')),
    ),
  ],
] as const)('no secret leaves from %s', (_, places, secrets) => {
  it.each(Object.keys(places))('%s', (place) => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const sketch = places[place]?.(secret)
        if (sketch !== undefined) expect(leaks(sketch, secret)).toBeUndefined()
      }),
      { numRuns: 60, seed: 3 },
    )
  })
})

it('would be seen if it leaked', () => {
  expect(leaks({ target: '/users/hunter2' }, 'hunter2')).toBeDefined()
})
