/** Conversations of protocols that the given captures may lack, so that their mutations always have something to start from. */

import { gzipSync } from 'node:zlib'
import { type Conversation, concatenated, latin1Bytes, type Said } from './fuzz-frame.js'

export function seedConversations(): Conversation[] {
  return [
    { source: 'seed: HTTP/1 API', turns: http1Turns() },
    { source: 'seed: HTTP/2 with prior knowledge', turns: http2Turns() },
    { source: 'seed: HTTP/2 by upgrade', turns: upgradeTurns() },
    { source: 'seed: WebSocket', turns: webSocketTurns() },
    { source: 'seed: TLS handshake', turns: tlsTurns() },
  ]
}

const c2s = (...parts: readonly (string | Uint8Array)[]): Said => ({ direction: 'c2s', bytes: joined(parts) })
const s2c = (...parts: readonly (string | Uint8Array)[]): Said => ({ direction: 's2c', bytes: joined(parts) })

function joined(parts: readonly (string | Uint8Array)[]): Uint8Array {
  return concatenated(...parts.map((part) => (typeof part === 'string' ? latin1Bytes(part) : part)))
}

function http1Turns(): Said[] {
  const login = JSON.stringify({
    user: 'ann@example.org',
    password: 'correct horse',
    remember: true,
    at: [1, 2.5e3, null],
  })
  const packed = gzipSync(
    JSON.stringify({ items: Array.from({ length: 20 }, (_, id) => ({ id, name: `item ${id}` })) }),
  )
  const form = 'username=ann&password=battery%20staple&x=%zz&empty='
  const multipart = '--b\r\nContent-Disposition: form-data; name="card"\r\n\r\n4111111111111111\r\n--b--\r\n'
  const jwt = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhbm4iLCJleHAiOjE3OTAwMDAwMDB9.c2lnbmF0dXJl'
  return [
    c2s(
      `POST /api/login HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nContent-Length: ${login.length}\r\n\r\n${login}`,
    ),
    s2c('HTTP/1.1 200 OK\r\nSet-Cookie: session=0123456789abcdef; Path=/\r\nContent-Length: 2\r\n\r\n{}'),
    c2s(
      `GET /api/items/42?page=2&token=abcdef HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer ${jwt}\r\nX-Forwarded-For: 192.0.2.9, 10.0.0.1\r\nForwarded: for="[2001:db8::1]:4711";proto=https\r\n\r\n`,
    ),
    s2c(
      `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`,
      packed,
    ),
    c2s(
      `POST /form HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n${form}`,
    ),
    s2c(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n5;ext="a"\r\nhello\r\n6\r\n world\r\n0\r\nx-sum: 1\r\n\r\n',
    ),
    c2s(
      `POST /upload HTTP/1.1\r\nHost: shop.example\r\nCookie: session=0123456789abcdef; theme=dark\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: ${multipart.length}\r\n\r\n${multipart}`,
    ),
    s2c('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n'),
    c2s('GET /a HTTP/1.1\r\nHost: a\r\n\r\nHEAD /b HTTP/1.1\r\nHost: a\r\n\r\n'),
    s2c('HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<p>no such</p>'),
  ]
}

/** One HTTP/2 frame. RFC 9113 §4.1. */
export function http2Frame(type: number, flags: number, stream: number, payload: Uint8Array): Uint8Array {
  const header = new Uint8Array(9)
  const view = new DataView(header.buffer)
  view.setUint8(0, payload.length >> 16)
  view.setUint16(1, payload.length & 0xffff)
  view.setUint8(3, type)
  view.setUint8(4, flags)
  view.setUint32(5, stream)
  return concatenated(header, payload)
}

/** A literal field with incremental indexing and a new name. RFC 7541 §6.2.1. */
export function hpackLiteral(name: string, value: string): Uint8Array {
  return joined(['\x40', String.fromCharCode(name.length), name, String.fromCharCode(value.length), value])
}

export const http2Preface = latin1Bytes('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')

function http2Turns(): Said[] {
  const requestBlock = joined(['\x82\x86\x84\x41\x0cshop.example', hpackLiteral('x-request', 'one')])
  const postBlock = joined(['\x83\x86\x44\x0a/api/items\xbe', hpackLiteral('content-type', 'application/json')])
  const answerBlock = joined(['\x88', hpackLiteral('content-type', 'application/json')])
  const grpc = joined([
    '\x83\x86\x44\x0e/shop.Cart/Add',
    hpackLiteral('content-type', 'application/grpc'),
    hpackLiteral('te', 'trailers'),
  ])
  const message = joined(['\x00\x00\x00\x00\x05\x0a\x03abc'])
  return [
    c2s(
      http2Preface,
      http2Frame(4, 0, 0, Uint8Array.from([0, 3, 0, 0, 0, 100, 0, 4, 0, 1, 0, 0])),
      http2Frame(1, 5, 1, requestBlock),
    ),
    s2c(
      http2Frame(4, 0, 0, new Uint8Array(0)),
      http2Frame(4, 1, 0, new Uint8Array(0)),
      http2Frame(1, 4, 1, answerBlock),
      http2Frame(0, 1, 1, latin1Bytes('{"id":1,"name":"one"}')),
    ),
    c2s(
      http2Frame(1, 0, 3, postBlock),
      http2Frame(9, 4, 3, hpackLiteral('x-more', 'two')),
      http2Frame(0, 0x09, 3, joined(['\x04{"id":2}', '\0\0\0\0'])),
    ),
    s2c(
      http2Frame(5, 4, 3, joined(['\x00\x00\x00\x02\x82\x86\x84\x41\x01a'])),
      http2Frame(1, 4, 3, answerBlock),
      http2Frame(0, 0, 3, latin1Bytes('{"ok":')),
      http2Frame(0, 1, 3, latin1Bytes('true}')),
    ),
    c2s(
      http2Frame(1, 4, 5, grpc),
      http2Frame(0, 1, 5, message),
      http2Frame(6, 0, 0, new Uint8Array(8)),
      http2Frame(8, 0, 0, Uint8Array.from([0, 0, 255, 255])),
    ),
    s2c(
      http2Frame(1, 4, 5, answerBlock),
      http2Frame(0, 0, 5, message),
      http2Frame(1, 5, 5, hpackLiteral('grpc-status', '0')),
      http2Frame(7, 0, 0, new Uint8Array(8)),
    ),
    c2s(http2Frame(1, 5, 7, requestBlock), http2Frame(3, 0, 7, Uint8Array.from([0, 0, 0, 8]))),
  ]
}

function upgradeTurns(): Said[] {
  return [
    c2s(
      'GET /h2c HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n',
    ),
    s2c(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n',
      ...http2Turns()
        .slice(1, 2)
        .map(({ bytes }) => bytes),
    ),
    ...http2Turns().slice(2),
  ]
}

function webSocketTurns(): Said[] {
  return [
    c2s(
      'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    ),
    s2c('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    c2s('\x81\x85\x01\x02\x03\x04igohn', '\x89\x80\x01\x02\x03\x04'),
    s2c('\x01\x03abc\x80\x02de', '\x82\x7e\x00\x80', 'x'.repeat(128), '\x8a\x00', '\x88\x02\x03\xe8'),
  ]
}

/** One TLS record. RFC 8446 §5.1. */
export function tlsRecord(type: number, payload: Uint8Array): Uint8Array {
  return concatenated(Uint8Array.from([type, 3, 3, payload.length >> 8, payload.length & 255]), payload)
}

function tlsTurns(): Said[] {
  const extension = (type: number, body: Uint8Array) =>
    concatenated(Uint8Array.from([type >> 8, type & 255, body.length >> 8, body.length & 255]), body)
  const name = joined(['\0\x0f\0\0\x0cshop.example'])
  const extensions = concatenated(
    extension(0, name),
    extension(16, joined(['\0\x0c\x02h2\x08http/1.1'])),
    extension(10, Uint8Array.from([0, 4, 0, 29, 0, 23])),
    extension(11, Uint8Array.from([1, 0])),
    extension(43, Uint8Array.from([4, 3, 4, 3, 3])),
    extension(13, Uint8Array.from([0, 4, 4, 3, 8, 4])),
  )
  const withBytes = (bytes: Uint8Array) => concatenated(Uint8Array.from([bytes.length >> 8, bytes.length & 255]), bytes)
  const hello = concatenated(
    joined(['\x03\x03', 'r'.repeat(32), '\0', '\0\x06\x13\x01\x13\x02\xc0\x2f', '\x01\0']),
    withBytes(extensions),
  )
  const answer = concatenated(
    joined(['\x03\x03', 's'.repeat(32), '\0', '\xc0\x2f', '\0']),
    withBytes(extension(16, joined(['\0\x03\x02h2']))),
  )
  const handshake = (type: number, body: Uint8Array) =>
    concatenated(Uint8Array.from([type, 0, body.length >> 8, body.length & 255]), body)
  return [
    c2s(tlsRecord(22, handshake(1, hello))),
    s2c(
      tlsRecord(22, handshake(2, answer)),
      tlsRecord(22, handshake(11, new Uint8Array(40))),
      tlsRecord(22, handshake(14, new Uint8Array(0))),
    ),
    c2s(tlsRecord(20, Uint8Array.from([1])), tlsRecord(22, new Uint8Array(40)), tlsRecord(23, new Uint8Array(200))),
    s2c(
      tlsRecord(20, Uint8Array.from([1])),
      tlsRecord(22, new Uint8Array(40)),
      tlsRecord(23, new Uint8Array(600)),
      tlsRecord(21, Uint8Array.from([1, 0])),
    ),
  ]
}
