/**
 * Secrets, planted wherever traffic can carry one: each place gets secrets of its own, so that a hit tells where it came from.
 *
 * Where values stand, any text is a secret. Where names stand (path segments, property names …) what looks like one must stay inside;
 * a host only when a recogniser knows it. See "What leaves in clear" in packages/redaction/README.md.
 */

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import type { Turn } from '@tapwarden/net/frame-builder'
import type { Random } from '../random.js'

export interface PlantedExchange {
  readonly place: string
  readonly secret: string
  readonly turns: readonly Turn[]
}

interface Message {
  /** Default `POST /api/things HTTP/1.1` and `HTTP/1.1 200 OK`. */
  readonly start?: string
  readonly fields?: readonly string[]
  readonly content?: string | Uint8Array
  /** Written as it is after the head, instead of `content`. */
  readonly raw?: string | Uint8Array
}

interface Exchange {
  readonly request?: Message
  readonly response?: Message
}

type Place = (secret: string) => Exchange

export const kinds = {
  password: (random: Random) => `Pw-${mixed(random, 9)}!`,
  bearer: (random: Random) => mixed(random, 40),
  cookie: (random: Random) => random.hex(40),
  apiKey: (random: Random) => `sk_live_${mixed(random, 24)}`,
  card: (random: Random) => cardNumber(random),
  email: (random: Random) => `${mixed(random, 9).toLowerCase()}@mail.example.org`,
  userName: (random: Random) => `${mixed(random, 5).toLowerCase()}.${mixed(random, 6).toLowerCase()}`,
} as const
type Kind = keyof typeof kinds

const everyKind = Object.keys(kinds) as Kind[]
const recognizable: readonly Kind[] = ['bearer', 'cookie', 'apiKey', 'card', 'email']
const known: readonly Kind[] = ['card', 'email']

const json = 'Content-Type: application/json'
const urlencoded = 'Content-Type: application/x-www-form-urlencoded'
const encode = encodeURIComponent

const valuePlaces: Readonly<Record<string, Place>> = {
  'Authorization: Bearer': (s) => ({ request: { fields: [`Authorization: Bearer ${s}`] } }),
  'Authorization: Basic': (s) => ({
    request: { fields: [`Authorization: Basic ${Buffer.from(`jane:${s}`).toString('base64')}`] },
  }),
  'Authorization of no scheme': (s) => ({ request: { fields: [`Authorization: ${s}`] } }),
  'API key field': (s) => ({ request: { fields: [`X-Api-Key: ${s}`] } }),
  'unknown field': (s) => ({ request: { fields: [`X-Whatever: ${s}`] } }),
  cookie: (s) => ({ request: { fields: [`Cookie: sid=${s}; theme=dark`] } }),
  'cookie without name': (s) => ({ request: { fields: [`Cookie: ${s}`] } }),
  'Set-Cookie': (s) => ({ response: { fields: [`Set-Cookie: sid=${s}; Path=/; HttpOnly`] } }),
  'response field': (s) => ({ response: { fields: [`X-Session-Token: ${s}`] } }),
  'decision field': (s) => ({ response: { fields: [`X-Tapwarden-Decision: ${s}`] } }),
  'reason phrase': (s) => ({ response: { start: `HTTP/1.1 200 ${s}` } }),
  'folded field': (s) => ({ request: { fields: ['X-Long: a', ` ${s}`] } }),
  'query value': (s) => ({ request: { start: `GET /search?q=${encode(s)}&page=1 HTTP/1.1` } }),
  'query key': (s) => ({ request: { start: `GET /search?api_key=${encode(s)} HTTP/1.1` } }),
  'query, percent-encoded throughout': (s) => ({
    request: { start: `GET /search?q=${Buffer.from(s).toString('hex').replaceAll(/../g, '%$&')} HTTP/1.1` },
  }),
  'user information': (s) => ({ request: { start: `GET http://jane:${encode(s)}@shop.example/a HTTP/1.1` } }),
  fragment: (s) => ({ request: { start: `GET /a#${encode(s)} HTTP/1.1` } }),
  'path parameter': (s) => ({ request: { start: `GET /a;jsessionid=${encode(s)}/b HTTP/1.1` } }),
  'query of Referer': (s) => ({ request: { fields: [`Referer: https://shop.example/a?p=${encode(s)}`] } }),
  'query of Location': (s) => ({
    response: { start: 'HTTP/1.1 302 Found', fields: [`Location: /next?token=${encode(s)}`] },
  }),
  'JSON value': (s) => both(json, JSON.stringify({ user: 'jane', password: s })),
  'JSON value of a plain name': (s) => both(json, JSON.stringify({ note: `x ${s} y`, list: [s, [s]] })),
  'JSON in depth': (s) => both(json, JSON.stringify({ a: [{ b: { c: [{ d: s }] } }] })),
  'JSON, cut': (s) => both(json, `{"a":1,"password":"${s}`),
  'JSON that is none': (s) => both(json, `{"a":1,"${s}"} ${s}`),
  form: (s) => both(urlencoded, `user=jane&password=${encode(s)}&go=1`),
  'form without names': (s) => both(urlencoded, encode(s)),
  multipart: (s) => both('Content-Type: multipart/form-data; boundary=b0', part('name="password"', s)),
  'file name of a part': (s) =>
    both('Content-Type: multipart/form-data; boundary=b0', part(`name="f"; filename="${s}"`, 'x')),
  XML: (s) => both('Content-Type: application/xml', `<a secret="${s}"><b>${s}</b></a>`),
  HTML: (s) => both('Content-Type: text/html', `<html><body>${s}</body></html>`),
  'plain text': (s) => both('Content-Type: text/plain', `hello ${s}`),
  events: (s) => both('Content-Type: text/event-stream', `data: {"token":"${s}"}\n\n`),
  'unknown type': (s) => both('Content-Type: application/x-foo', `\0\u0001${s}`),
  'no type': (s) => both('X-None: 1', s),
  gzip: (s) => both(`${json}\r\nContent-Encoding: gzip`, gzipSync(JSON.stringify({ token: s }))),
  deflate: (s) => both(`${json}\r\nContent-Encoding: deflate`, deflateSync(JSON.stringify({ token: s }))),
  br: (s) => both(`${json}\r\nContent-Encoding: br`, brotliCompressSync(JSON.stringify({ token: s }))),
  'gzip that is none': (s) => both(`${json}\r\nContent-Encoding: gzip`, JSON.stringify({ token: s })),
  chunked: (s) => chunked(json, JSON.stringify({ token: s, items: [{ token: s }] })),
  'gzip in chunks': (s) => chunked(`${json}\r\nContent-Encoding: gzip`, gzipSync(JSON.stringify({ token: s }))),
  'chunk extension': (s) => ({
    request: { fields: ['Transfer-Encoding: chunked'], raw: `2;x="${s}"\r\n{}\r\n0\r\n\r\n` },
  }),
  trailer: (s) => ({
    request: { fields: ['Transfer-Encoding: chunked'], raw: `2\r\n{}\r\n0\r\nX-Checksum: ${s}\r\n\r\n` },
  }),
  'interim response': (s) => ({
    response: { start: `HTTP/1.1 103 Early Hints\r\nX-Hint: ${s}\r\n\r\nHTTP/1.1 200 OK` },
  }),
  'content until close': (s) => ({
    response: { start: 'HTTP/1.0 200 OK', fields: ['Content-Type: text/plain'], raw: `it is ${s}` },
  }),
  'content of a GET': (s) => ({ request: { start: 'GET /a HTTP/1.1', fields: [json], content: `{"q":"${s}"}` } }),
  'chunk size that is none': (s) => ({
    request: { fields: ['Transfer-Encoding: chunked'], raw: `${s}\r\nx\r\n0\r\n\r\n` },
  }),
  'line without colon': (s) => ({ request: { fields: [s] } }),
  'length that is none': (s) => ({ request: { fields: [`Content-Length: ${s}`] } }),
  'version that is none': (s) => ({ request: { start: `GET /a ${s.replaceAll(' ', '')}` } }),
  'no HTTP at all': (s) => ({ request: { start: `\u0000\u0001 ${s}`, raw: s } }),
  'response that is none': (s) => ({ response: { start: `WHAT ${s}`, raw: s } }),
  'after an upgrade': (s) => ({
    request: { start: 'GET /ws HTTP/1.1', fields: ['Connection: Upgrade', 'Upgrade: websocket'] },
    response: { start: 'HTTP/1.1 101 Switching', fields: ['Connection: Upgrade', 'Upgrade: websocket'], raw: s },
  }),
  'inside a tunnel': (s) => ({
    request: { start: 'CONNECT db.example:443 HTTP/1.1', raw: `secret ${s}` },
    response: { start: 'HTTP/1.1 200 OK', raw: s },
  }),
}

const namePlaces: Readonly<Record<string, Place>> = {
  'path segment': (s) => ({ request: { start: `GET /users/${encode(s)}/orders HTTP/1.1` } }),
  'path segment, encoded twice': (s) => ({ request: { start: `GET /users/${encode(encode(s))} HTTP/1.1` } }),
  'path of an absolute target': (s) => ({ request: { start: `GET http://shop.example/u/${encode(s)} HTTP/1.1` } }),
  'query name': (s) => ({ request: { start: `GET /a?${encode(s)}=1&b=2 HTTP/1.1` } }),
  'bare query': (s) => ({ request: { start: `GET /a?${encode(s)} HTTP/1.1` } }),
  method: (s) => ({ request: { start: `${s} /a HTTP/1.1` } }),
  'property name': (s) => both(json, JSON.stringify({ byUser: { [s]: { count: 1 } } })),
  'form name': (s) => both(urlencoded, `a=1&${encode(s)}=2`),
  'part name': (s) => both('Content-Type: multipart/form-data; boundary=b0', part(`name="${s}"`, 'x')),
  'cookie name': (s) => ({ response: { fields: [`Set-Cookie: ${s}=1`] } }),
  'user agent': (s) => ({ request: { fields: [`User-Agent: Mozilla/5.0 (X; ${s}) app/1`] } }),
  server: (s) => ({ response: { fields: [`Server: nginx ${s}`] } }),
  accept: (s) => ({ request: { fields: [`Accept: ${s}`] } }),
  'content type': (s) => both(`Content-Type: application/${s}`, 'x'),
  'charset of a content type': (s) => both(`Content-Type: text/plain; charset=${s}; a=${s}`, 'x'),
  'path of Referer': (s) => ({ request: { fields: [`Referer: https://shop.example/u/${encode(s)}`] } }),
  'path of Location': (s) => ({ response: { start: 'HTTP/1.1 302 Found', fields: [`Location: /u/${encode(s)}`] } }),
  'field name': (s) => ({ request: { fields: [`${s.replace('@', '-at-')}: jane`] } }),
  'forwarded chain': (s) => ({ request: { fields: [`X-Forwarded-For: ${s}, 192.0.2.1`, `Forwarded: for=${s}`] } }),
}

const hostPlaces: Readonly<Record<string, Place>> = {
  Host: (s) => ({ request: { fields: [`Host: ${s}`] } }),
  'host label': (s) => ({ request: { fields: [`Host: ${s}.example`] } }),
  'host of an absolute target': (s) => ({ request: { start: `GET http://${s}/ HTTP/1.1` } }),
  'host of a tunnel': (s) => ({ request: { start: `CONNECT ${s}:443 HTTP/1.1` } }),
  Origin: (s) => ({ request: { fields: [`Origin: https://${s}`] } }),
}

export function plantedExchanges(random: Random): PlantedExchange[] {
  return [
    ...planted('value', valuePlaces, everyKind, random),
    ...planted('name', namePlaces, recognizable, random),
    ...planted('host', hostPlaces, known, random),
  ]
}

function planted(
  what: string,
  places: Readonly<Record<string, Place>>,
  kindsHere: readonly Kind[],
  random: Random,
): PlantedExchange[] {
  return Object.entries(places).flatMap(([name, place]) =>
    kindsHere.map((kind) => {
      const secret = kinds[kind](random.fork(`${what} ${name} ${kind}`))
      const { request = {}, response = {} } = place(secret)
      return {
        place: `${what}: ${name} (${kind})`,
        secret,
        turns: [
          { direction: 'c2s', bytes: messageBytes('POST /api/things HTTP/1.1', ['Host: shop.example'], request) },
          { direction: 's2c', bytes: messageBytes('HTTP/1.1 200 OK', [], response) },
        ],
      } satisfies PlantedExchange
    }),
  )
}

/** The same in the request and in the response. */
function both(fields: string, content: string | Uint8Array): Exchange {
  return { request: { fields: [fields], content }, response: { fields: [fields], content } }
}

function chunked(fields: string, content: string | Uint8Array): Exchange {
  const bytes = Buffer.from(content)
  const middle = bytes.length >> 1
  const chunk = (data: Buffer): Buffer =>
    Buffer.concat([Buffer.from(`${data.length.toString(16)}\r\n`), data, Buffer.from('\r\n')])
  const raw = Buffer.concat([chunk(bytes.subarray(0, middle)), chunk(bytes.subarray(middle)), Buffer.from('0\r\n\r\n')])
  const message = { fields: [fields, 'Transfer-Encoding: chunked'], raw }
  return { request: message, response: message }
}

function part(disposition: string, value: string): string {
  return `--b0\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n--b0--\r\n`
}

function messageBytes(start: string, always: readonly string[], message: Message): Uint8Array {
  const own = message.fields ?? []
  const isNamed = (line: string): boolean => own.some((each) => each.split(':')[0] === line.split(':')[0])
  const fields = [...always.filter((line) => !isNamed(line)), ...own]
  const content = message.content === undefined ? undefined : Buffer.from(message.content)
  const isFramed = message.raw !== undefined || fields.some((line) => /^Content-Length|^Transfer-Encoding/i.test(line))
  if (!isFramed) fields.push(`Content-Length: ${content?.length ?? 0}`)
  const head = `${message.start ?? start}\r\n${fields.map((line) => `${line}\r\n`).join('')}\r\n`
  return Buffer.concat([Buffer.from(head, 'latin1'), content ?? Buffer.from(message.raw ?? '')])
}

const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789']

function mixed(random: Random, count: number): string {
  return Array.from({ length: count }, () => random.pick(letters)).join('')
}

/** Sixteen digits that pass Luhn's test. */
function cardNumber(random: Random): string {
  const digits = [4, ...Array.from({ length: 14 }, () => random.below(10))]
  const sum = digits.reduce((total, digit, index) => {
    const doubled = index % 2 === 0 ? digit * 2 : digit
    return total + (doubled > 9 ? doubled - 9 : doubled)
  }, 0)
  return [...digits, (10 - (sum % 10)) % 10].join('')
}
