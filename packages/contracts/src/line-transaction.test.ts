import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textMemo } from './bytes-memo.js'
import { LineBytes, memberNames, scanLine, spansStride } from './line-scanner.js'
import { LineTransaction, plainTransaction } from './line-transaction.js'
import { goldenTransaction, type HttpTransaction } from './transaction.js'
import { TransactionLines } from './transaction-lines.js'

const encode = (text: string) => new TextEncoder().encode(text)
const golden = encode(JSON.stringify(goldenTransaction))

function scans(text: string): boolean {
  const line = encode(text)
  return scanLine(new LineBytes(line), 0, line.length, new Int32Array(spansStride), 0)
}

/** What the line's text says, read the obvious way. */
function obvious(line: Uint8Array): Partial<HttpTransaction> | undefined {
  try {
    const parsed = JSON.parse(
      new TextDecoder('utf-8', { ignoreBOM: true }).decode(line),
    ) as Partial<HttpTransaction> | null
    const isTransaction =
      line.at(-1) === 0x7d &&
      typeof parsed?.id === 'string' &&
      parsed.id.length === 32 &&
      Number.isSafeInteger(parsed.observedAtUs) &&
      [parsed.method, parsed.host, parsed.path].every((text) => typeof text === 'string') &&
      [parsed.pathTokens, parsed.query].every(Array.isArray)
    return isTransaction ? parsed : undefined
  } catch {
    return undefined
  }
}

/** Every field through its accessor. */
function fields(transaction: HttpTransaction): Partial<HttpTransaction> {
  return Object.fromEntries(
    memberNames.map((name) => [name, transaction[name]]).filter(([, value]) => value !== undefined),
  ) as Partial<HttpTransaction>
}

function expectSame(line: Uint8Array): void {
  const read = new TransactionLines().of(line)[0]?.transaction
  const expected = obvious(line)
  expect(read === undefined ? undefined : fields(read)).toEqual(expected && fields(expected as HttpTransaction))
  expect(read === undefined ? undefined : fields(plainTransaction(read))).toEqual(
    expected && fields(expected as HttpTransaction),
  )
}

const member = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc.constantFrom(
    '-0',
    '1e3',
    '1.50',
    '9007199254740993',
    '9999999999999999',
    '12345678901234567890',
    '""',
    '[]',
    '{}',
  ),
  fc.string({ unit: 'grapheme', maxLength: 80 }).map((text) => JSON.stringify(text)),
  fc.array(fc.string({ maxLength: 12 })).map((texts) => JSON.stringify(texts)),
)
const changedMembers = fc.dictionary(fc.constantFrom(...memberNames), member, { maxKeys: 6 })

describe('LineTransaction', () => {
  it('reads every field of the golden line, in place and from the encoder’s order as from any other', () => {
    const spans = new Int32Array(spansStride)
    const line = new LineBytes(golden)
    expect(scanLine(line, 0, golden.length, spans, 0)).toBe(true)
    const transaction = LineTransaction.of(line, spans, 0, textMemo(64))
    expect(transaction && fields(transaction)).toEqual(goldenTransaction)
    expectSame(encode(JSON.stringify(Object.fromEntries(Object.entries(goldenTransaction).reverse()))))
    expectSame(golden)
  })

  it('reads any members as JSON.parse does, whatever their type', () => {
    fc.assert(
      fc.property(changedMembers, fc.boolean(), (members, reversed) => {
        const texts = Object.entries({
          ...Object.fromEntries(Object.entries(goldenTransaction).map(([k, v]) => [k, JSON.stringify(v)])),
          ...members,
        }).map(([name, text]) => `"${name}":${text}`)
        expectSame(encode(`{${(reversed ? texts.reverse() : texts).join(',')}}`))
      }),
      { numRuns: 200 },
    )
  })

  it('takes no line for a transaction that JSON.parse does not, whichever byte is damaged', () => {
    const damage = fc.tuple(
      fc.nat(golden.length - 1),
      fc.oneof(
        fc.constantFrom(0x22, 0x5c, 0x2c, 0x3a, 0x7b, 0x7d, 0x5b, 0x5d, 0x30, 0x2e, 0x1f, 0x20, 0x80),
        fc.nat(255),
      ),
    )
    fc.assert(
      fc.property(fc.array(damage, { minLength: 1, maxLength: 2 }), fc.boolean(), (damages, cut) => {
        let line = golden.slice()
        for (const [at, byte] of damages) if (byte !== 0x0a) line[at] = byte
        if (cut)
          line = new Uint8Array([...line.subarray(0, damages[0]?.[0]), ...line.subarray((damages[0]?.[0] ?? 0) + 1)])
        expectSame(line)
      }),
      { numRuns: 1_500 },
    )
  })

  it.each<[string, boolean, string]>([
    ['{}', false, 'no members: a transaction has some'],
    ['{"x":[1,-2.5e+3,{"a":null,"b":[true,false]}]}', true, 'values of every kind'],
    ['{"x":"\\u00e9\\n\\"\\\\"}', true, 'escapes in values'],
    ['{"\\u0069d":1}', false, 'escapes in names: whose name is it'],
    ['{"id":"a","id":"b"}', false, 'a member twice: the last one counts, which the slow reader knows'],
    ['{"x": 1}', false, 'blanks'],
    ['{"x":01}', false, 'no number begins with 0'],
    ['{"x":1.}', false, 'a fraction has digits'],
    ['{"x":-}', false, 'a sign alone'],
    ['{"x":"\\x"}', false, 'no such escape'],
    ['{"x":"\\u12g4"}', false, 'no hex digit'],
    ['{"x":"a\tb"}', false, 'a control character'],
    ['{"x":tru}', false, 'half a literal'],
    ['{"x":[1,]}', false, 'a comma too many'],
    ['{"x":{"a":1,}}', false, 'here too'],
    ['{"x":1,}', false, 'and here'],
    ['{"x":"}', false, 'a string without end'],
    ['{"x":{"a"}', false, 'a name without value'],
    ['{"x":1}}', false, 'a brace too many'],
    [`{"x":${'['.repeat(23)}${']'.repeat(23)}}`, true, 'as deep as is read'],
    [`{"x":${'['.repeat(24)}${']'.repeat(24)}}`, false, 'deeper'],
    [`{"x":${'['.repeat(99_999)}}`, false, 'deeper than any stack'],
  ])('scans %j: %j, %s', (text, expected, _why) => {
    expect(scans(text)).toBe(expected)
  })

  it('keeps every field when its record is gone', () => {
    const record = encode(`{"x":1}\n${JSON.stringify({ ...goldenTransaction, path: '/größe/"' })}\n`)
    const read = new TransactionLines().of(record)[1]?.transaction
    const kept = read instanceof LineTransaction ? read.detached() : undefined
    record.fill(0)
    expect(kept && fields(kept)).toEqual({ ...goldenTransaction, path: '/größe/"' })
    expect(kept && fields(kept.detached())).toEqual({ ...goldenTransaction, path: '/größe/"' })
  })

  it('takes absent fields for absent, though the record begins with a quote', () => {
    const [, second] = new TransactionLines().of(
      encode('"x"\n{"id":"0123456789abcdef0123456789abcdef","observedAtUs":1}\n'),
    )
    expect(second?.transaction).toBeUndefined()
  })
})

describe('BytesMemo', () => {
  it('gives the text of the bytes, however many texts fall on one place', () => {
    const texts = textMemo(64)
    const text = fc.string({ unit: 'binary-ascii', maxLength: 70 })
    fc.assert(
      fc.property(fc.array(text, { maxLength: 40 }), fc.nat(5), (all, pad) => {
        const record = new LineBytes(encode(`${all.join('')}${' '.repeat(pad)}`))
        let from = 0
        for (const each of all) {
          expect(texts.of(record, from, from + each.length)).toBe(each)
          from += each.length
        }
      }),
    )
  })
})
