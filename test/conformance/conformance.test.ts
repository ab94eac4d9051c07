import { buildConversation } from '@tapwarden/net/frame-builder'
import { writePcap } from '@tapwarden/pcap/pcap-writer'
import { expect, it } from 'vitest'
import { type CorpusCase, passesInFull, tableByTag } from './report.js'
import { transactionLines } from './transaction-lines.js'

it('gives a transaction in the fields of the corpus', () => {
  const frames = buildConversation(
    { clientIp: '2001:db8::1', clientPort: 40_000, serverIp: '2001:db8::2', serverPort: 80 },
    [
      {
        direction: 'c2s',
        bytes: Buffer.from('POST /a?b HTTP/1.1\r\nHost: h\r\nUser-Agent: u\r\nContent-Length: 1\r\n\r\nx'),
      },
      { direction: 's2c', bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: t\r\nContent-Length: 2\r\n\r\nxy') },
    ],
    1_000,
  )
  expect(transactionLines(writePcap(frames, { linkType: 1 }))).toEqual({
    fault: undefined,
    lines: [
      {
        conn: '[2001:db8::1]:40000->[2001:db8::2]:80',
        method: 'POST',
        host: 'h',
        uri: '/a?b',
        req_version: 'HTTP/1.1',
        status: 200,
        req_body_len: 1,
        resp_body_len: 2,
        user_agent: 'u',
        req_content_type: null,
        resp_content_type: 't',
        anomalies: [],
      },
    ],
  })
})

const base: CorpusCase = {
  name: 'n',
  confidence: 'sure',
  scope: 'core',
  tags: ['h1'],
  pass: true,
  fields: { req_body_len: [1, 1], resp_body_len: [2, 2] },
}

it.each<[CorpusCase, boolean, string]>([
  [base, true, 'transactions and lengths'],
  [{ ...base, pass: false }, false, 'a transaction is missing'],
  [{ ...base, fields: { req_body_len: [1, 1], resp_body_len: [1, 2] } }, false, 'a length is wrong'],
])('%j passes in full: %s, %s', (each, passes) => expect(passesInFull(each)).toBe(passes))

it('counts by tag, the http-evader family apart', () => {
  const evader = { ...base, pass: false, tags: ['h1', 'http-evader'] }
  const table = tableByTag({ cases: [base, base, evader, { ...evader, confidence: 'disputed' }] })
  expect(table).toMatch(/core, without http-evader +2\/2 +100\.0 %/)
  expect(table).toMatch(/http-evader +0\/1 +0\.0 %/)
})

it('names what fails, and where disputed files differ', () => {
  const table = tableByTag({
    cases: [
      base,
      { ...base, name: 'failing', pass: false },
      { ...base, name: 'tunnel', pass: false, tags: ['h1', 'encap:gre'] },
      { ...base, name: 'odd', pass: false, confidence: 'disputed' },
    ],
  })
  expect(table).toMatch(/files that fail\n {3}failing\n {3}tunnel\n\n/)
  expect(table).toMatch(/like the corpus +0\/1 +0\.0 %\n {3}differs: odd\n/)
})
