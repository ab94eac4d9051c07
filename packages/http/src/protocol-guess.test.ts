import { expect, it } from 'vitest'
import { guessProtocol, type ProtocolGuess } from './protocol-guess.js'

it.each<[string, ProtocolGuess, string]>([
  ['GET / HTTP/1.1\r\nHost: a\r\n', 'http1-request', 'a request'],
  ['\r\n\r\nGET / HTTP/1.1\r\n', 'http1-request', 'empty lines come first'],
  ['PROPFIND /a b HTTP/1.0\n', 'http1-request', 'any token, any target'],
  ['POST /a/long/pa', 'http1-request', 'as far as it goes'],
  ['GET /x\r\n', 'http1-request', 'HTTP/0.9'],
  ['HTTP/1.0 404 Not Found\r\n', 'http1-response', 'a response'],
  ['http/1.1 200', 'http1-response', 'in lower case, as far as it goes'],
  ['HTTP', 'undecided', 'too short to tell a version from a method'],
  ['GE', 'undecided', 'too short'],
  ['', 'undecided', 'nothing yet'],
  ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2', 'the connection preface'],
  ['PRI * H', 'undecided', 'perhaps the preface'],
  ['\x16\x03\x01\x02\x00\x01\x00', 'tls', 'a ClientHello'],
  ['\x16\x03\x03\x00\x7a\x02\x00', 'tls', 'a ServerHello'],
  ['\x16\x03\x01\x02\x00\x0b', 'other', 'a handshake record that is no hello'],
  ['\x16\x03\x09', 'other', 'no version of TLS'],
  ['SSH-2.0-OpenSSH_9.6\r\n', 'other', 'SSH'],
  ['220 mail.example ESMTP\r\n', 'other', 'SMTP'],
  ['OPTIONS sip:a@b SIP/2.0\r\n', 'other', 'SIP looks like HTTP up to its version'],
  ['DESCRIBE rtsp://a/b RTSP/1.0\r\n', 'other', 'so does RTSP'],
  ['get key\r\n', 'other', 'memcached'],
  ['HTTP/1.1 OK\r\n', 'other', 'no status'],
])('%j is %s: %s', (text, guess) => {
  const bytes = Buffer.from(`--${text}--`, 'latin1')
  expect(guessProtocol(bytes, 2, bytes.length - 2)).toBe(guess)
})
