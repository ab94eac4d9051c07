import { describe, expect, it } from 'vitest'
import { plainTransaction } from './line-transaction.js'
import { goldenTransaction } from './transaction.js'
import { TransactionLines, transactionRecord } from './transaction-lines.js'

const record = (text: string) => new TextEncoder().encode(text)
const golden = JSON.stringify(goldenTransaction)

describe('TransactionLines', () => {
  it('decodes each line, and lends the bytes of it', () => {
    const odd = { ...goldenTransaction, id: 'f'.repeat(32), path: '/größe/日本/\u2028' }
    const lines = new TransactionLines().of(transactionRecord([goldenTransaction, odd]))
    expect(lines.map(({ transaction }) => transaction && plainTransaction(transaction))).toEqual([
      goldenTransaction,
      odd,
    ])
    expect(lines.map(({ bytes }) => JSON.parse(new TextDecoder().decode(bytes)))).toEqual([goldenTransaction, odd])
  })

  it.each<[string, boolean[], string]>([
    [`${golden}\n{"id":1}\n${golden}\n`, [true, false, true], 'a line that is none leaves the others'],
    [`${golden}`, [true], 'the last newline may be missing'],
    [`\n\n${golden}\n\n`, [true], 'empty lines are no lines'],
    [`${golden} \n`, [false], 'nothing can be added behind a blank'],
    ['null\n[]\n"x"\n{\n', [false, false, false, false], 'JSON that is no object, and what is no JSON'],
    ['\u00e9\u00e9\u00e9\n', [false], 'more bytes than characters'],
    ['', [], 'nothing'],
  ])('%j → %j: %s', (text, expected, _why) => {
    expect(new TransactionLines().of(record(text)).map(({ transaction }) => transaction !== undefined)).toEqual(
      expected,
    )
  })

  it('keeps lines and texts together behind bytes that are no UTF-8', () => {
    const value = new Uint8Array([0xff, 0xfe, 0x0a, ...record(`${golden}\n`)])
    expect(new TransactionLines().of(value).map(({ transaction }) => transaction?.id)).toEqual([
      undefined,
      goldenTransaction.id,
    ])
  })

  it('decodes once for as many readers as there are, then forgets', () => {
    const shared = new TransactionLines(2)
    const value = transactionRecord([goldenTransaction])
    const first = shared.of(value)
    expect(shared.of(value)).toBe(first)
    expect(shared.of(value)).not.toBe(first)
    expect(shared.of(value.slice())).not.toBe(first)
  })

  it('remembers a bounded number of lines: a reader that is far behind decodes for itself', () => {
    const shared = new TransactionLines(2)
    const line = transactionRecord([goldenTransaction])
    const record = Buffer.concat(Array<Uint8Array>(4_000).fill(line))
    const values = Array.from({ length: 5 }, () => Uint8Array.from(record))
    const first = values.map((value) => shared.of(value))
    const again = [4, 3, 2, 1, 0].map((i) => shared.of(values[i] ?? new Uint8Array(0)) === first[i])
    expect(again).toEqual([true, true, true, true, false])
  })
})
