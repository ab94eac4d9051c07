import { isIP } from 'node:net'
import { LineBytes, scanLine, spansStride } from '@tapwarden/contracts/line-scanner'
import { database, type TableName, tableNames } from '@tapwarden/contracts/names'
import { goldenTransaction, type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { engineMissing, startTestStore, type TestStore } from '../embedded/test-engine.js'
import { transactionColumns } from '../transaction-columns.js'
import { NativeBlockEncoder } from './ndjson-to-native.js'

const missing = engineMissing()
const encoder = new TextEncoder()
const line = (text: string): Uint8Array => encoder.encode(text)
const golden = (fields: Record<string, unknown>): string => JSON.stringify({ ...goldenTransaction, ...fields })
/** Only what tells rows apart, where many are needed. */
const sparse = (fields: Record<string, unknown>): string =>
  JSON.stringify({ observedAtUs: goldenTransaction.observedAtUs, ...fields })
const numbered = (index: number): string => index.toString(16).padStart(32, '0')

/**
 * With the members found before, in the middle of a record; undefined where `scanLine` leaves the line to a slower reader. A line that is refused
 * must have been refused without as well.
 */
function appendLocated(encoded: NativeBlockEncoder, bytes: Uint8Array, endpointId: string): boolean | undefined {
  const before = line('{"a":"\\\\"}\n')
  const end = before.length + bytes.length
  const record = new LineBytes(Buffer.concat([before, bytes, line('\n{"b":"\\n"}')]))
  const spans = new Int32Array(2 * spansStride)
  if (!scanLine(record, before.length, end, spans, spansStride)) return undefined
  return encoded.appendLocated({ record, spans, spansAt: spansStride }, bytes.length, endpointId)
}

/** Text that JSON must escape, that no UTF-8 has, and that SQL would trip over. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom(
    '',
    '\ud800',
    '\udfff\ud83d',
    'a\u0000b',
    "'; DROP",
    '\\"',
    '/\\u0041',
    'é\u{1f600}',
    'x'.repeat(200),
  ),
)
const shapeJson = fc.jsonValue({ maxDepth: 3 })
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.constantFrom(
    '',
    '::',
    '1.2.3',
    '256.1.1.1',
    '::ffff:1.2.3.4',
    'fe80::1%eth0',
    'no address',
    '1::2::3',
    '::1.2.3.4',
  ),
)
const count = fc.oneof(fc.nat(), fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER))
const absentOr = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined })

const fields = fc.record({
  flowIndex: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  // Of few days: each is a partition, and costs the engine a part a block.
  observedAtUs: fc
    .tuple(fc.constantFrom(0, 1_790_000_000_000_000, 3_999_999_999_000_000), fc.nat(1_000_000))
    .map(([fromUs, us]) => fromUs + us),
  timeToFirstByteUs: absentOr(count),
  durationUs: count,
  clientIp: address,
  clientPort: fc.integer({ min: 0, max: 65_535 }),
  vlanIds: absentOr(fc.array(fc.nat(4_095), { maxLength: 3 })),
  tunnels: absentOr(fc.array(fc.constantFrom('gre', 'vxlan'), { maxLength: 3 })),
  vni: absentOr(fc.nat(2 ** 24 - 1)),
  directionAssumed: absentOr(fc.boolean()),
  clientAddress: address,
  forwardedFor: absentOr(fc.array(text, { maxLength: 3 })),
  method: text,
  host: text,
  path: text,
  pathTokens: fc.array(text, { maxLength: 4 }),
  query: fc.array(fc.tuple(text, text), { maxLength: 3 }),
  userAgent: absentOr(text),
  requestContentBytes: absentOr(count),
  requestShape: absentOr(shapeJson),
  requestFields: absentOr(fc.dictionary(text, text, { maxKeys: 3 })),
  accessToken: absentOr(text),
  status: absentOr(fc.integer({ min: 0, max: 65_535 })),
  responseShape: absentOr(shapeJson),
  setCookieNames: absentOr(fc.array(text, { maxLength: 2 })),
  sensitive: absentOr(fc.array(fc.record({ type: text, name: text, count: fc.nat() }), { maxLength: 2 })),
  anomalies: absentOr(fc.array(fc.constantFrom('http.a', 'http.b', ''), { maxLength: 3 })),
  truncated: fc.boolean(),
  weight: fc.oneof(fc.constant(1), fc.integer({ min: 2, max: 1_000 }), fc.constantFrom(0.5, 2.25)),
  /** A newer sensor's. */
  laterField: absentOr(fc.jsonValue()),
})

describe.skipIf(missing !== undefined)(`lines as Native blocks on the embedded engine ${missing ?? ''}`, () => {
  const nativeTable = 'native_transactions' as TableName
  const columns = transactionColumns.map(({ column }) => column)
  let test: TestStore
  let run = 0
  beforeAll(async () => {
    test = await startTestStore()
    await test.store.command(`CREATE TABLE ${database}.${nativeTable} AS ${database}.${tableNames.transactions}`)
  }, 60_000)
  afterAll(() => test?.stop())

  /** Each column of both tables as one number that no order of rows changes. */
  async function expectEqualTables(): Promise<void> {
    const hashes = columns.map((column) => `sum(sipHash64(id, toString(${column}), ${column} IS NULL)) AS of_${column}`)
    const [json, native] = await Promise.all(
      [tableNames.transactions, nativeTable].map((table) =>
        test.store.query(`SELECT count() AS row_count, ${hashes.join(', ')} FROM ${database}.${table}`),
      ),
    )
    expect(native).toEqual(json)
  }

  /** Both ways, in blocks of an own; every line must be accepted. */
  async function insertBoth(lines: readonly string[], endpointIds: readonly string[]): Promise<void> {
    const encoded = new NativeBlockEncoder(transactionColumns)
    const located = new NativeBlockEncoder(transactionColumns)
    const spliced = lines.map((text, index) => text.replace(/}$/, `,"endpointId":"${endpointIds[index]}"}\n`))
    const refused = lines.filter((text, index) => !encoded.append(line(text), endpointIds[index]))
    expect(refused).toEqual([])
    for (const [index, text] of lines.entries()) {
      const endpointId = endpointIds[index] ?? ''
      expect(appendLocated(located, line(text), endpointId) ?? located.append(line(text), endpointId)).toBe(true)
    }
    const block = encoded.finish()
    // Too large to be printed.
    expect(Buffer.compare(located.finish().bytes, block.bytes)).toBe(0)
    const options = { deduplicationToken: `both-${run++}` }
    await test.store.insertNdjson(tableNames.transactions, line(spliced.join('')), options)
    await test.store.insertNative(nativeTable, block, options)
  }

  it('stores what JSONEachRow stores, column by column, whatever the values, the order of keys and the block', async () => {
    await insertBoth([golden({}), golden({ id: 'f'.repeat(32), status: null })], ['00000000000000e1', 'e2'])
    let next = 1
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fields, fc.infiniteStream(fc.nat()), absentOr(fc.constant('e7'))), {
          minLength: 120,
          maxLength: 240,
        }),
        async (rows) => {
          const lines = rows.map(([values, order]) => {
            const members = Object.entries({ ...goldenTransaction, ...values, id: numbered(next++) })
            const places = new Map(members.map((member) => [member, order.next().value]))
            members.sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0))
            return JSON.stringify(Object.fromEntries(members))
          })
          await insertBoth(
            lines,
            rows.map(([, , endpointId]) => endpointId ?? ''),
          )
        },
      ),
      { numRuns: 5, endOnFailure: true },
    )
    await expectEqualTables()
  })

  it('stores a block of more texts than a dictionary remembers, and of rows larger than a buffer', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) =>
      sparse({
        id: `d${numbered(index).slice(1)}`,
        host: `h${index % 19_000}`,
        path: index % 5_000 === 0 ? 'p'.repeat(90_000) : '/',
      }),
    )
    await insertBoth(
      lines,
      lines.map((_, index) => `${index % 300}`),
    )
    await expectEqualTables()
  })

  it.each<[string, string, string]>([
    ['status', '70000', 'beyond the column: JSONEachRow would store 4464'],
    ['status', '-1', 'below it'],
    ['status', '200.5', 'no whole number'],
    ['status', '1e2', 'an exponent'],
    ['status', '"200"', 'a text'],
    ['status', '007', 'no JSON'],
    ['flowIndex', '4294967296', 'beyond 32 bits'],
    ['durationUs', '18446744073709551616', 'beyond 64 bits'],
    ['observedAtUs', '9007199254740993', 'beyond what a time of ours may be'],
    ['method', '["GET"]', 'an array where a word stands'],
    ['path', '"/a\\x"', 'an escape that is none'],
    ['path', '"/a', 'a text without end'],
    ['pathTokens', '["a",]', 'an element missing'],
    ['pathTokens', '["a" "b"]', 'a comma missing'],
    ['pathTokens', '"a"', 'no array'],
    ['vlanIds', '[1,-2]', 'an element beyond the column, after one that is taken'],
    ['truncated', '1', 'no boolean'],
    ['truncated', 'trux', 'no word of JSON'],
    ['clientIp', '7', 'no text'],
    ['responseShape', '{"a":[}', 'brackets that do not match'],
    ['weight', '"1"', 'a text again'],
    ['id', '"a","id":"b"', 'a member twice'],
    ['weight', '1}{"weight":2', 'two values'],
  ])('refuses %s: %s (%s), and keeps its neighbors', async (key, value) => {
    const odd = golden({}).replace(new RegExp(`"${key}":("[^"]*"|\\[[^\\]]*\\]|{[^}]*}|[^,}]*)`), `"${key}":${value}`)
    expect(odd).toContain(`"${key}":${value}`)
    const [before, after] = [
      golden({ id: 'a'.repeat(32), host: 'before' }),
      golden({ id: 'b'.repeat(32), vlanIds: [1, 2] }),
    ]
    const whole = new NativeBlockEncoder(transactionColumns)
    const withOdd = new NativeBlockEncoder(transactionColumns)
    for (const text of [before, after]) expect(whole.append(line(text), 'e')).toBe(true)
    expect([before, odd, after].map((text) => withOdd.append(line(text), 'e'))).toEqual([true, false, true])
    const block = whole.finish()
    expect(withOdd.finish()).toEqual(block)
    const located = [before, odd, after].map((text) => appendLocated(withOdd, line(text), 'e'))
    expect(located).toEqual([true, located[1] === undefined ? undefined : false, true])
    expect(withOdd.finish()).toEqual(block)
  })

  it('stores an address as the engine reads it, and what is none as `::`', async () => {
    const broken = fc
      .tuple(fc.ipV6(), fc.nat(40), fc.constantFrom(':', '.', '0', 'g', ' ', '::'))
      .map(([ip, at, put]) => ip.slice(0, at) + put + ip.slice(at))
    const dotted = fc.array(fc.oneof(fc.nat(300).map(String), fc.constantFrom('00', '01', '')), { maxLength: 5 })
    const texts = fc.sample(
      fc.oneof(
        address,
        broken,
        fc.stringMatching(/^[0-9a-f:.]{0,20}$/),
        dotted.map((parts) => parts.join('.')),
      ),
      { numRuns: 3_000, seed: 7 },
    )
    const encoded = new NativeBlockEncoder(transactionColumns)
    const rows = texts.map((clientIp, index) => ({ clientIp, id: `c${numbered(index).slice(1)}` }))
    for (const row of rows) expect(encoded.append(line(sparse(row)))).toBe(true)
    const options = { deduplicationToken: 'addresses' }
    // What the engine takes for one and RFC 4291 does not is no address to us.
    const strict = rows.map((row) => (isIP(row.clientIp) > 0 ? row : { ...row, clientIp: '' }))
    await test.store.insertNdjson(
      tableNames.transactions,
      line(strict.map((row) => `${sparse(row)}\n`).join('')),
      options,
    )
    await test.store.insertNative(nativeTable, encoded.finish(), options)
    await expectEqualTables()
  })
})

describe('a block encoder', () => {
  it('never throws, and takes a line as a whole or not at all, wherever it is cut or broken', () => {
    const bytes = transactionTopic.encode(goldenTransaction as HttpTransaction)
    const whole = new NativeBlockEncoder(transactionColumns)
    whole.append(bytes, 'e')
    const block = whole.finish()
    const encoded = new NativeBlockEncoder(transactionColumns)
    for (let cut = 0; cut < bytes.length - 2; cut++) expect(encoded.append(bytes.subarray(0, cut), 'e')).toBe(false)
    encoded.append(bytes, 'e')
    const located = new NativeBlockEncoder(transactionColumns)
    // Keys of a dictionary that only refused lines had may stay; the golden line has no others.
    expect(encoded.finish()).toEqual(block)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, byte) => {
        const broken = Uint8Array.from(bytes)
        broken[at] = byte
        const isTaken = encoded.append(broken, 'e')
        const isLocatedTaken = appendLocated(located, broken, 'e')
        // Duplicates, blanks and escaped names are left to the reader of whole lines.
        if (isLocatedTaken === undefined) {
          if (isTaken) located.append(broken, 'e')
        } else expect(isLocatedTaken).toBe(isTaken)
      }),
      { numRuns: 2_000 },
    )
    expect(located.rowCount).toBeGreaterThan(0)
    expect(located.finish().rowCount).toBe(encoded.finish().rowCount)
  })
})
