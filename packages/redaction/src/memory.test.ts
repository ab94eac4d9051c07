/** What the redactor remembers must change nothing but its speed. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from './byte-writer.js'
import { ContentHasher } from './content-hasher.js'
import { FingerprintMemo, Fingerprints } from './fingerprint.js'
import { KnownNames, knownNameMaxBytes, noName } from './known-names.js'
import { PLAIN, SECRET } from './name-kind.js'
import { type RawSketch, rawTransaction, sampleFleetKey, sampleFlow } from './raw-transaction-fixture.js'
import { createRedactor, type FlowContext } from './redact-transaction.js'
import { SeenValues, seenValueMaxBytes } from './seen-values.js'
import { SipHasher } from './siphash.js'

const word = fc.constantFrom(
  'a',
  'bb',
  'user',
  'password',
  'token',
  'v2',
  'x-y',
  'jane@example.org',
  '4111111111111111',
)
const text = fc.oneof(word, word, fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 12 }))
const fieldName = fc.constantFrom(
  ...[
    'Host',
    'User-Agent',
    'Accept',
    'Accept-Encoding',
    'Authorization',
    'Cookie',
    'X-Api-Key',
    'X-Forwarded-For',
    'Forwarded',
  ],
  ...['Content-Type', 'Referer', 'X-Request-Id', 'Origin', 'x-custom'],
)
const fieldValue = fc.oneof(
  text,
  fc.constantFrom('Bearer abc', 'Basic amFuZTpodW50ZXIy', 'sid=0123456789abcdef', '10.0.0.1'),
)
const latin1Value = fieldValue.map((value) =>
  Buffer.from(value, 'utf8')
    .toString('latin1')
    .replaceAll(/[\r\n]/g, ' '),
)
const content = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc
    .dictionary(word, fc.oneof(text, fc.integer(), fc.boolean(), fc.array(fc.dictionary(word, text), { maxLength: 6 })))
    .map((value) => JSON.stringify(value)),
  fc.array(fc.tuple(word, word), { maxLength: 4 }).map((pairs) => pairs.map((pair) => pair.join('=')).join('&')),
)
const sketch: fc.Arbitrary<RawSketch> = fc.record({
  target: fc
    .tuple(fc.array(text, { maxLength: 4 }), fc.array(fc.tuple(word, text), { maxLength: 3 }))
    .map(
      ([segments, pairs]) =>
        `/${segments.map(encodeURI).join('/')}?${pairs.map((pair) => pair.map(encodeURIComponent).join('=')).join('&')}`,
    ),
  fields: fc.array(fc.tuple(fieldName, latin1Value), { maxLength: 8 }),
  content,
  response: fc.record({ fields: fc.array(fc.tuple(fieldName, latin1Value), { maxLength: 5 }), content }),
  firstSeq: fc.nat(3),
})
/** Flows that differ in one thing from the sample, or in none. */
const flow: fc.Arbitrary<FlowContext> = fc
  .constantFrom<Partial<FlowContext>>(
    {},
    { clientIp: '10.0.0.1' },
    { serverIp: '10.0.0.1' },
    { clientPort: 1 },
    { serverPort: 1 },
    { vlanIds: [1] },
    { vlanIds: [2] },
    { tunnel: { names: ['gre'] } },
    { tunnel: { names: ['vxlan'], vni: 0 } },
    { tunnel: { names: ['vxlan'], vni: 7 } },
    { directionAssumed: true },
    { midStream: true },
  )
  .map((change) => ({ ...sampleFlow, ...change }))
const options = { fleetKey: sampleFleetKey, keyNumber: 1, trustedHops: ['10.0.0.0/8'] }

describe('the redactor', () => {
  it('tells of a transaction what one without a memory tells', () => {
    const experienced = createRedactor(options)
    fc.assert(
      fc.property(flow, sketch, (flow, sketch) => {
        const got = experienced.redact(flow, rawTransaction(sketch))
        const wanted = createRedactor(options).redact(flow, rawTransaction(sketch))
        expect(Buffer.from(got.line).toString()).toBe(Buffer.from(wanted.line).toString())
        expect({ ...got, line: '' }).toEqual({ ...wanted, line: '' })
      }),
      { numRuns: 200 },
    )
  })
})

describe('hashes of short values', () => {
  it('are told apart by all of their bytes', () => {
    const hasher = new ContentHasher(sampleFleetKey.subarray(0, 16))
    const fresh = new SipHasher(sampleFleetKey.subarray(0, 16))
    let wrongCount = 0
    for (let i = 0; i < 40_000; i++) {
      const bytes = Buffer.from(i % 2 === 0 ? `aaaa${i % 1_000}` : `${i}aaaa`.slice(-7))
      hasher.hash(bytes, 0, bytes.length)
      fresh.hash(bytes, 0, bytes.length)
      if (hasher.low !== fresh.low || hasher.high !== fresh.high) wrongCount++
    }
    expect(wrongCount).toBe(0)
  })
})

describe('fingerprints', () => {
  it('are found by names and values', () => {
    const memo = new FingerprintMemo()
    const fields = {
      httpVersion: '1.1',
      accept: '*/*',
      acceptLanguage: 'en',
      acceptEncoding: 'gzip',
      userAgent: 'curl/8',
    }
    const variants = [
      { httpVersion: '1.0' },
      { accept: 'text/html' },
      { acceptLanguage: 'de' },
      { acceptEncoding: 'br' },
      { userAgent: 'okhttp/4' },
      {},
    ]
    for (const names of [['host', 'accept'], ['accept', 'host'], ['host'], ['host', 'accept']]) {
      for (const variant of variants.flatMap((variant) => [{}, variant])) {
        const changed = { ...fields, ...variant }
        // One place for all: the hash says nothing.
        expect(memo.of(names, names.length, 7, changed)).toBe(new Fingerprints().of(names.join(','), changed))
      }
    }
  })
})

describe('seen values', () => {
  it('are found by all of their bytes', () => {
    const values = new SeenValues()
    const few = fc.uint8Array({ min: 0x60, max: 0x62, maxLength: 20 })
    fc.assert(
      fc.property(few, fc.nat(3), (bytes, before) => {
        const around = Uint8Array.from([...new Uint8Array(before), ...bytes, 0x7a])
        const { text } = values.of(around, before, before + bytes.length)
        expect(text).toBe(Buffer.from(bytes).toString('latin1'))
      }),
      { numRuns: 2_000 },
    )
  })

  it('are told apart when their hashes are equal', () => {
    const values = new SeenValues()
    const byHash = new Map<number, string>()
    let pairCount = 0
    let wrongCount = 0
    for (let i = 0; i < 200_000; i++) {
      const text = `${(Math.imul(i, 0x9e3779b1) >>> 0).toString(36)}-${i.toString(36)}`
      const bytes = Buffer.from(text)
      const { hash, text: got } = values.of(bytes, 0, bytes.length)
      if (got !== text) wrongCount++
      const other = byHash.get(hash)
      byHash.set(hash, text)
      if (other === undefined) continue
      pairCount++
      const [first, second] = [other, text].map((word) => values.of(Buffer.from(word), 0, word.length).text)
      expect([first, second]).toEqual([other, text])
    }
    expect(wrongCount).toBe(0)
    expect(pairCount).toBeGreaterThan(0)
  })

  it('are the same object again, unless they are too long', () => {
    const values = new SeenValues()
    const bytes = new Uint8Array(seenValueMaxBytes + 1).fill(0x61)
    expect(values.of(bytes, 1, bytes.length)).toBe(values.of(bytes.slice(), 0, seenValueMaxBytes))
    expect(values.of(bytes, 0, bytes.length)).not.toBe(values.of(bytes, 0, bytes.length))
  })
})

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

describe('known names', () => {
  it('are found only where they stand whole, whatever came before', () => {
    const names = new KnownNames()
    for (const [name, kind] of [
      ['id', PLAIN],
      ['idx', PLAIN],
      ['token', SECRET],
    ] as const)
      names.learn(Buffer.from(`${name}"`), 0, name.length, kind)
    let previous = noName
    fc.assert(
      fc.property(fc.constantFrom('id', 'idx', 'token', 'i', 'tokens', '', 'id\\'), fc.nat(6), (name, restBytes) => {
        // Cut off before the quote, or with so much behind it.
        const bytes = Buffer.from(`{"${name}":1,""}`).subarray(0, 2 + name.length + restBytes)
        const found = names.find(bytes, viewOf(bytes), 2, previous, noName)
        const isKnown = restBytes > 0 && ['id', 'idx', 'token'].includes(name)
        expect(found !== noName).toBe(isKnown)
        if (isKnown) {
          expect([names.lengthOf(found), names.kindOf(found)]).toEqual([name.length, name === 'token' ? SECRET : PLAIN])
          const writer = new ByteWriter()
          names.write(found, writer)
          expect(writer.latin1(0, writer.length)).toBe(`"${name}":`)
        }
        previous = found
      }),
      { numRuns: 500 },
    )
  })

  it('are learned up to a length', () => {
    const names = new KnownNames()
    const bytes = Buffer.from(`${'a'.repeat(knownNameMaxBytes)}"`)
    names.learn(bytes, 0, knownNameMaxBytes, PLAIN)
    expect(names.find(bytes, viewOf(bytes), 0, noName, noName)).not.toBe(noName)
  })
})
