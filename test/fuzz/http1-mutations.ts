/** HTTP/1 messages with their grammar and their promises broken: start lines, fields, lengths, chunks, codings, contents. */

import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import type { Random } from '../random.js'
import { noisy } from './byte-mutations.js'
import { mutatedContent } from './content-mutations.js'
import { concatenated, latin1Bytes } from './fuzz-frame.js'

interface Http1Message {
  lines: string[]
  content: Uint8Array
}

const startPattern = /^(?:HTTP\/\d|[!-~]{1,20} )/

/** Undefined unless `bytes` start like a message. */
export function mutateHttp1(bytes: Uint8Array, random: Random): Uint8Array | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 40)).toString('latin1')
  if (!startPattern.test(text) || text.startsWith('PRI * HTTP/2')) return undefined
  const message = parsed(bytes)
  if (message === undefined) return undefined
  random.pick(changes)(message, random)
  return written(message, random)
}

function parsed(bytes: Uint8Array): Http1Message | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  const end = buffer.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  return { lines: buffer.toString('latin1', 0, end).split('\r\n'), content: bytes.subarray(end + 4) }
}

function written({ lines, content }: Http1Message, random: Random): Uint8Array {
  const lineEnd = random.chance(0.9) ? '\r\n' : random.pick(['\n', '\r', '\r\r\n', '\r\n ', '\n\r'])
  const headEnd = random.chance(0.95) ? '\r\n\r\n' : random.pick(['\n\n', '\r\n', '\n\r\n', '', '\r\n\r\n\r\n'])
  return concatenated(latin1Bytes(lines.join(lineEnd) + headEnd), content)
}

type Change = (message: Http1Message, random: Random) => void

const methods = ['GET', 'HEAD', 'POST', 'CONNECT', 'PRI', 'get', 'G@T', '', 'M'.repeat(300), 'HTTP/1.1', 'PROXY', '\0']
const targets = [
  '*',
  '',
  '/',
  'http://other.example/x',
  '//',
  '/a b',
  '/%',
  '/%zz%00',
  '/\xff\xfe',
  '/?a=1&a=2&&=&b',
  'host:443',
  '/..//./',
]
const versions = [
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/0.9',
  'HTTP/2',
  'HTTP/1.',
  'HTTP/99.99',
  'http/1.1',
  '',
  'HTTP/1.1 ',
  'HTTP/1.1\t',
]
const statuses = [
  '200',
  '100',
  '101',
  '103',
  '199',
  '204',
  '206',
  '304',
  '404',
  '500',
  '000',
  '999',
  '99',
  '1000',
  '-1',
  '2x0',
  '',
]

const changeStart: Change = ({ lines }, random) => {
  const start = lines[0] ?? ''
  if (start.startsWith('HTTP/')) {
    const reason = random.pick(['OK', '', 'x'.repeat(random.below(2_000)), '\xe9'])
    lines[0] = `${random.pick(versions)} ${random.pick(statuses)} ${reason}`
    return
  }
  const [method = '', target = '', version = ''] = start.split(' ')
  const long = `/${'ab/'.repeat(random.below(6_000))}`
  const query = `${target}?${Array.from({ length: random.below(200) }, (_, i) => `k${i}=${random.hex(6)}`).join('&')}`
  lines[0] = [
    random.chance(0.3) ? random.pick(methods) : method,
    random.chance(0.5) ? random.pick([...targets, long, query]) : target,
    random.chance(0.3) ? random.pick(versions) : version,
  ].join(random.chance(0.95) ? ' ' : random.pick(['  ', '\t', '']))
}

const dangerousFields: readonly ((random: Random) => string)[] = [
  (random) =>
    `Content-Length: ${random.pick(['0', '1', '10', '99999', '4294967296', '18446744073709551616', '-1', '+5', '0x10', '5, 5', '5, 6', '', ' 7 ', '9'.repeat(400)])}`,
  (random) =>
    `Transfer-Encoding: ${random.pick(['chunked', 'Chunked', 'gzip, chunked', 'chunked, gzip', 'identity', 'xchunked', 'chunked, chunked', '', ' chunked ', 'chunked;q=1', '\x0bchunked'])}`,
  (random) => `Transfer-Encoding : ${random.pick(['chunked', 'identity'])}`,
  (random) =>
    `Content-Encoding: ${random.pick(['gzip', 'x-gzip', 'br', 'deflate', 'zstd', 'identity', 'gzip, br', 'gzip, gzip, gzip, gzip, gzip, gzip', 'nonsense', '', ',,,'])}`,
  (random) =>
    `Connection: ${random.pick(['close', 'keep-alive', 'Upgrade', 'Upgrade, HTTP2-Settings', 'content-length'])}`,
  (random) => `Upgrade: ${random.pick(['websocket', 'h2c', 'WebSocket, h2c', 'TLS/1.0', ''])}`,
  (random) =>
    `Host: ${random.pick(['', 'a', 'a:b', '[::1]:80', 'x'.repeat(600), 'a\0b', '\xff', 'a,b', '127.0.0.1:99999'])}`,
  (random) => `Expect: ${random.pick(['100-continue', '', '200-ok'])}`,
  (random) =>
    `Content-Type: ${random.pick(['application/json', 'application/json; charset=utf-16', 'multipart/form-data; boundary=', 'multipart/form-data; boundary="a b"', `multipart/mixed; boundary=${'b'.repeat(300)}`, 'application/x-www-form-urlencoded', 'text/xml', 'application/grpc', 'a/b/c', '', '\xff/\xff'])}`,
  (random) =>
    `Authorization: ${random.pick(['Basic', 'Basic !!!!', 'Basic OjpvOg==', 'Bearer', 'Bearer a.b.c', `Bearer ${'e'.repeat(9_000)}`, `Bearer ${Buffer.from('{"sub":{}}').toString('base64url')}.${Buffer.from('[]').toString('base64url')}.x`, 'Digest username="', 'Negotiate \xff', ''])}`,
  (random) =>
    `Cookie: ${random.pick(['', '=', ';;;;', 'a', 'session=', `${'a=b;'.repeat(random.below(3_000))}`, 'session="x; y"', '\xff=\xfe'])}`,
  (random) => `Set-Cookie: ${random.pick(['', '=', `s=${random.hex(32)}`, 'x'.repeat(5_000)])}`,
  (random) =>
    `X-Forwarded-For: ${random.pick(['', ',', '192.0.2.1', '999.1.1.1', '::1, [::1]:80', `${'10.0.0.1,'.repeat(random.below(900))}`, 'unknown', '\xff'])}`,
  (random) =>
    `Forwarded: ${random.pick(['', 'for=', 'for="', 'for="[::1', 'for=_x;;by=,', `${'for=1;'.repeat(random.below(900))}`, 'FOR="\\""'])}`,
  (random) => `HTTP2-Settings: ${random.pick(['', 'AAMAAABkAAQAAP__', '!!!', 'A'.repeat(5_000)])}`,
  (random) => `Sec-WebSocket-Extensions: ${random.pick(['permessage-deflate', ''])}`,
  (random) => `Range: bytes=${random.pick(['0-0', '-1', '0-99999999999', 'x', ''])}`,
  (random) =>
    `${random.pick(['', ' ', '\t', '\0', '\xff', 'a b', ':', 'x'.repeat(70_000), '__proto__', 'constructor'])}: value`,
  () => 'no colon here',
  (random) => ` folded ${random.hex(8)}`,
  (random) => `X-Long: ${'v'.repeat(random.below(90_000))}`,
  (random) => `X-Cr: a\rb${random.pick(['\r', '\r\r', '\r\0'])}`,
]

const addField: Change = ({ lines }, random) => {
  const count = random.chance(0.9) ? 1 + random.below(3) : random.below(400)
  for (let added = 0; added < count; added++) {
    lines.splice(1 + random.below(lines.length), 0, random.pick(dangerousFields)(random))
  }
}

const changeField: Change = ({ lines }, random) => {
  const at = random.below(lines.length)
  const line = lines[at] ?? ''
  const way = random.below(3)
  if (way === 0) lines.splice(at, 1)
  else if (way === 1) lines.splice(at, 0, line)
  else lines[at] = Buffer.from(noisy(latin1Bytes(line), random, 1 + random.below(3))).toString('latin1')
}

/** In chunks whose sizes, extensions and ends may be wrong. RFC 9112 §7.1. */
const chunkContent: Change = (message, random) => {
  const parts: Uint8Array[] = []
  const lineEnd = () => (random.chance(0.97) ? '\r\n' : random.pick(['\n', '\r', '', '\r\n\r\n']))
  for (let at = 0; at < message.content.length && parts.length < 600; ) {
    const bytes = 1 + random.below(random.chance(0.5) ? 12 : 4_000)
    const chunk = message.content.subarray(at, at + bytes)
    const said = random.chance(0.97)
      ? chunk.length.toString(16)
      : random.pick(['ffffffff', 'fffffffffffffffff', '-1', '0x4', '', ' 4', '4 ', '00000000000000004', 'G'])
    const extension = random.chance(0.9)
      ? ''
      : random.pick([';', ';a=b', ';a="\r\n"', `;x=${'y'.repeat(random.below(20_000))}`, ' ; a'])
    parts.push(latin1Bytes(`${said}${extension}${lineEnd()}`), chunk, latin1Bytes(lineEnd()))
    at += bytes
  }
  const trailer = random.chance(0.7)
    ? ''
    : random.pick(['x-sum: 1\r\n', 'Content-Length: 5\r\n', 'no colon\r\n', `x: ${'y'.repeat(70_000)}\r\n`])
  if (random.chance(0.95)) parts.push(latin1Bytes(`${random.pick(['0', '0', '0', '000', '0;a'])}\r\n${trailer}\r\n`))
  message.content = concatenated(...parts)
  message.lines = message.lines.filter((line) => random.chance(0.1) || !/^content-length/i.test(line))
  message.lines.push('Transfer-Encoding: chunked')
}

const encoders: Readonly<Record<string, (bytes: Uint8Array) => Uint8Array>> = {
  gzip: (bytes) => gzipSync(bytes),
  deflate: (bytes) => deflateSync(bytes),
  'x-deflate-raw': (bytes) => deflateRawSync(bytes),
  br: (bytes) => brotliCompressSync(bytes, { params: { 1: 3 } }),
}

const encodeContent: Change = (message, random) => {
  const names = Array.from({ length: random.pick([1, 1, 1, 2, 5]) }, () => random.pick(Object.keys(encoders)))
  let content = random.chance(0.1) ? new Uint8Array(random.below(400_000)) : message.content
  for (const name of names) content = encoders[name]!(content)
  if (random.chance(0.5)) content = noisy(content, random, 1 + random.below(4))
  replaceContent(message, content, random)
  const label = random.chance(0.9) ? names.map((name) => name.replace('x-deflate-raw', 'deflate')).join(', ') : 'gzip'
  if (random.chance(0.9)) message.lines.push(`Content-Encoding: ${label}`)
}

const changeContent: Change = (message, random) => {
  replaceContent(message, mutatedContent(message.content, random), random)
}

function replaceContent(message: Http1Message, content: Uint8Array, random: Random): void {
  message.content = content
  if (random.chance(0.1)) return // The length that was promised stays, and is wrong.
  message.lines = message.lines.filter((line) => !/^(content-length|transfer-encoding|content-encoding)/i.test(line))
  message.lines.push(`Content-Length: ${content.length}`)
}

const proxyHeaders = [
  'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n',
  'PROXY UNKNOWN\r\n',
  `PROXY TCP6 ${'f'.repeat(100)}`,
  'PROXY TCP4 ',
  '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x50\0\x51',
  '\r\n\r\n\0\r\nQUIT\n\x21\x21\xff\xff',
  '\r\n\r\n\0\r\nQUIT\n',
]

const prefix: Change = ({ lines }, random) => {
  lines[0] = `${random.pick([...proxyHeaders, '\r\n', '\r\n'.repeat(50), '\0', 'garbage '])}${lines[0] ?? ''}`
}

const changes: readonly Change[] = [
  changeStart,
  changeStart,
  addField,
  addField,
  addField,
  changeField,
  chunkContent,
  encodeContent,
  changeContent,
  changeContent,
  prefix,
]
