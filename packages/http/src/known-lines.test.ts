import fc from 'fast-check'
import { expect, it } from 'vitest'
import { needMore, scanFields } from './field-line.js'
import { FieldTable } from './field-list.js'

interface Line {
  readonly text: string
  readonly id: number
}

/** The lines of a head as they are read, with what each says and its number. */
function linesOf(head: string, offset: number): Line[] {
  const bytes = Buffer.alloc(head.length + offset + 5, 0x61)
  bytes.write(head, offset, 'latin1')
  const table = new FieldTable()
  table.bytes = bytes
  table.base = offset
  const end = scanFields(bytes, offset, offset + head.length, { lineStart: 0, scannedTo: 0 }, table, () => undefined)
  expect(end === needMore ? end : end - offset).toBe(head.length)
  return Array.from({ length: table.count }, (_, i) => ({
    text: `${table.name(i)}=${table.value(i)}=${table.nameHash(i)}`,
    id: table.lineId(i),
  }))
}

const few = (...values: string[]) => fc.constantFrom(...values)
/** Few enough names and values to come again, blanks and ends as they vary. */
const line = fc
  .tuple(few('A', 'a', 'Host'), few('', ' '), few('1', '11', 'x y'), few('', ' '), few('\r\n', '\n'))
  .map(([name, blank, value, tail, end]) => ({
    wire: `${name}:${blank}${value}${tail}${end}`,
    value: value.trim(),
    name: name.toLowerCase(),
  }))

it('a line that came before says what it says read anew, whatever stands in the table', () => {
  const lineById = new Map<number, string>()
  let knownCount = 0
  fc.assert(
    fc.property(fc.array(line, { maxLength: 12 }), fc.nat(3), (lines, offset) => {
      const got = linesOf(`${lines.map(({ wire }) => wire).join('')}\r\n`, offset)
      expect(got.map(({ text }) => text.split('=').slice(0, 2))).toEqual(lines.map(({ name, value }) => [name, value]))
      got.forEach(({ id, text }, i) => {
        if (id === 0) return
        knownCount++
        const wire = `${lines[i]?.wire}|${text}`
        expect(lineById.get(id) ?? wire).toBe(wire)
        lineById.set(id, wire)
      })
    }),
    { numRuns: 2_000 },
  )
  expect(knownCount).toBeGreaterThan(300)
})

it('a line is not taken for one of which it is the beginning, nor beyond what is there', () => {
  const head = 'First: a\r\nSecond: value\r\n\r\n'
  for (let round = 0; round < 3; round++) linesOf(head, 0)
  const bytes = Buffer.from(head)
  for (let to = 0; to < bytes.length; to++) {
    const table = new FieldTable()
    table.bytes = bytes
    expect(scanFields(bytes, 0, to, { lineStart: 0, scannedTo: 0 }, table, () => undefined)).toBe(needMore)
    expect(table.count).toBe(to < 10 ? 0 : to < 25 ? 1 : 2)
  }
})
