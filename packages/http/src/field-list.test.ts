import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FieldScan, needMore, scanFields } from './field-line.js'
import { FieldTable, nameHashOf } from './field-list.js'

function read(text: string, base = 0): FieldTable {
  const bytes = Buffer.from(`${'-'.repeat(base)}${text}\r\n`, 'latin1')
  const table = new FieldTable()
  const scan: FieldScan = { lineStart: 0, scannedTo: 0 }
  expect(scanFields(bytes, base, bytes.length, scan, table, () => undefined)).toBe(bytes.length)
  table.bytes = bytes
  table.base = base
  return table
}

describe('FieldTable', () => {
  it('finds by lower-case name, the first and the next', () => {
    const table = read('Set-Cookie: a=1\r\nHOST: x\r\nset-cookie: b=2\r\n', 7)
    expect([table.count, table.name(0), table.name(1)]).toEqual([3, 'set-cookie', 'host'])
    expect(table.first('set-cookie')).toBe('a=1')
    expect(table.value(table.indexOf('set-cookie', 1))).toBe('b=2')
    expect([table.first('cookie'), table.indexOf('host', 2)]).toEqual([undefined, -1])
  })

  it('tells names apart whose hashes collide', () => {
    const [one, two] = ['x-93vu', 'x-gtea'] // Found by search.
    expect(nameHashOf(one)).toBe(nameHashOf(two))
    const table = read(`${one}: 1\r\n${two}: 2\r\n`)
    expect([table.first(one), table.first(two), table.name(0), table.name(1)]).toEqual(['1', '2', one, two])
  })

  it('keeps each octet of a value, and hundreds of fields', () => {
    const lines = Array.from({ length: 400 }, (_value, i) => `f${i}: ${String.fromCharCode(0xa0 + (i % 90))}v${i}`)
    const table = read(`${lines.join('\r\n')}\r\n`)
    expect(Array.from({ length: 400 }, (_value, i) => `${table.name(i)}: ${table.value(i)}`)).toEqual(lines)
  })

  it('reads the same fields however the section is cut', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '',
        ' folded',
        '\tmore',
        'no colon',
        ': no name',
        'a:b',
        'X-Long-Name:   v  ',
        'y: \rz: 1',
        '\r',
        'q:\x00',
      ),
      fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\n', '')),
    )
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.array(fc.nat(60), { maxLength: 5 }), (lines, cuts) => {
        const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
        const whole = listed(bytes, [bytes.length])
        expect(
          listed(bytes, [...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length]),
        ).toEqual(whole)
      }),
      { numRuns: 500 },
    )
  })
})

function listed(bytes: Buffer, limits: readonly number[]) {
  const table = new FieldTable()
  const scan: FieldScan = { lineStart: 0, scannedTo: 0 }
  let end = needMore
  for (const limit of limits) {
    end = scanFields(bytes, 0, limit, scan, table, () => undefined)
    if (end !== needMore) break
  }
  table.bytes = bytes
  return { end, fields: Array.from({ length: table.count }, (_value, i) => [table.name(i), table.value(i)]) }
}
