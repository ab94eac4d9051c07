import { expect, it } from 'vitest'
import type { Output } from './output.js'
import { printSummary, summarize } from './traffic-summary.js'

const nothing = { transactions: 0, endpoints: 0, findings: 0, decisions: 0 }
const some = { transactions: 10, endpoints: 2, findings: 1, decisions: 0 }
const base = { files: 1, notVisible: {}, deadLetters: 0, seconds: 2, faults: [] }
const sensor = { packets: 50, transactions: 10 }

it.each([
  [nothing, some, { seen: 10, new: 10, alreadyKnown: 0 }, 'the first time all is new'],
  [some, some, { seen: 10, new: 0, alreadyKnown: 10 }, 'the second time all is known'],
  [
    some,
    { ...some, transactions: 4 },
    { seen: 10, new: 0, alreadyKnown: 10 },
    'retention may take rows away meanwhile',
  ],
])('%j → %j gives %j: %s', (before, after, transactions, _why) => {
  expect(summarize({ ...base, sensor, before, after }).transactions).toEqual(transactions)
})

it('says what was not visible, without zeros, and what to do next', () => {
  const lines: string[] = []
  const output: Output = { interactive: false, columns: 80, out: (text) => lines.push(text), note: () => undefined }
  const notVisible = { missedBytes: 1200, opaqueBytes: 0 }
  const tunnels = { vxlan: 1, gre: 1_234, mpls: 0 }
  const ofNoEndpoint = { 'files and pages': 1_200, unanswered: 3 }
  const seen = { sensor, before: nothing, after: some, notVisible, tunnels, ofNoEndpoint, deadLetters: 1 }
  printSummary(output, summarize({ ...base, ...seen }), {})
  const text = lines.join('\n')
  expect(text).toContain('transactions  10 (10 new)')
  expect(text).toContain('not visible   missedBytes 1,200')
  expect(text).not.toContain('opaqueBytes')
  expect(text).toContain('no endpoint   files and pages 1,200, unanswered 3\n')
  expect(text).toContain('tunnels       vxlan 1 frame, gre 1,234 frames\n')
  expect(text).toContain('set aside     1 record')
  expect(text).toContain('5 transactions/s')
  expect(text).toContain('\nNext: npx --no-install tapwarden findings')
})

it('says how much of TLS was not decrypted, and whose', () => {
  const lines: string[] = []
  const output: Output = { interactive: false, columns: 80, out: (text) => lines.push(text), note: () => undefined }
  const row = { flowCount: 1, undecryptedFlowCount: 1 }
  const tls = {
    helloCount: 3,
    bytes: 4_000,
    undecryptedBytes: 1_000,
    decryptedBytes: 2_500,
    servers: [
      { server: '192.0.2.1:443', serverName: 'shop.example', bytes: 1_600, undecryptedBytes: 800, ...row },
      { server: '192.0.2.2:443', serverName: '', bytes: 200, undecryptedBytes: 200, ...row },
      { server: '192.0.2.3:443', serverName: '', bytes: 2_200, undecryptedBytes: 0, ...row },
    ],
    keyLog: { secretCount: 5, otherCount: 0, malformedCount: 2, connectionCount: 1, evictedCount: 0 },
  }
  const summary = summarize({ ...base, sensor, before: nothing, after: some, tls })
  printSummary(output, summary, {})
  const text = lines.join('\n')
  expect(text).toMatch(
    /TLS not decrypted +25 % of 4,000 bytes: 192\.0\.2\.1:443 \(shop\.example\) 50 %, 192\.0\.2\.2:443 100 %\n/,
  )
  expect(text).toMatch(/TLS key log +secrets of 1 connection, 2 malformed lines\n/)
  expect(summary.tls).toBe(tls)
  expect(summarize({ ...base, sensor, before: nothing, after: some }).tls).toBeUndefined()
})

it('says of HTTP without endpoints that static files prove none either', () => {
  const lines: string[] = []
  const output: Output = { interactive: false, columns: 80, out: (text) => lines.push(text), note: () => undefined }
  printSummary(output, summarize({ ...base, sensor, before: nothing, after: { ...nothing, transactions: 10 } }), {})
  expect(lines.join('\n')).toMatch(/^No endpoints: static files and pages .*, errors, redirects, .* prove none\./m)
})

it.each([
  [
    { packets: 0, transactions: 0 },
    some,
    'No HTTP was seen.',
    'what the store had before is not what this capture showed',
  ],
  [sensor, some, 'Next: npx --no-install tapwarden findings --store /s', 'in the store just used'],
  [sensor, { ...some, findings: 0 }, 'Next: npx --no-install tapwarden endpoints --store /s', 'nothing found'],
])('%j in a store with %j: %s, since %s', (seen, held, words, _why) => {
  const lines: string[] = []
  const output: Output = { interactive: false, columns: 80, out: (text) => lines.push(text), note: () => undefined }
  printSummary(output, summarize({ ...base, sensor: seen, before: held, after: held }), { store: '/s' })
  expect(lines.join('\n').split('\n').at(-1)).toContain(words)
})
