import fc from 'fast-check'
import { expect, it } from 'vitest'
import { harmless, harmlessLines, type Output, printList, properties, table, wrapped } from './output.js'

function memory(interactive = false): Output & { readonly outs: string[]; readonly notes: string[] } {
  const outs: string[] = []
  const notes: string[] = []
  return {
    interactive,
    columns: 80,
    outs,
    notes,
    out: (text) => outs.push(text),
    note: (text) => notes.push(text),
  }
}

it.each([
  ['a\u001b[2Jb', 'a\\u{1b}[2Jb', 'a terminal would clear its screen'],
  ['a\rb\n', 'a\\u{d}b\\u{a}', 'a line could be overwritten'],
  ['a\u202eb', 'a\\u{202e}b', 'text could be reversed'],
  ['a\u0085b\u009bc', 'a\\u{85}b\\u{9b}c', 'eight-bit controls are controls too'],
  ['Zürich 東京 🦊', 'Zürich 東京 🦊', 'letters stay'],
])('%j is shown as %s: %s', (text, shown, _why) => {
  expect(harmless(text)).toBe(shown)
})

it('whole lines keep their line feeds and tabs', () => {
  expect(harmlessLines('a\tb\nc\u001b[0m')).toBe('a\tb\nc\\u{1b}[0m')
})

const columns = [
  { head: 'NAME', cell: (row: { name: string; n: number }) => row.name, maxCharacters: 5 },
  { head: 'COUNT', cell: (row: { name: string; n: number }) => row.n, align: 'right' as const },
]

it('a table has no colours and no frames where nobody looks at it', () => {
  const output = memory()
  printList(output, {
    rows: [
      { name: 'abcdefgh', n: 1 },
      { name: 'b', n: 20 },
    ],
    columns,
    json: false,
    whenEmpty: '',
  })
  expect(output.outs).toEqual(['NAME   COUNT\nabcd…      1\nb         20'])
})

it('JSON is one object a line, whole; empty is empty', () => {
  const output = memory()
  printList(output, { rows: [{ name: 'abcdefgh', n: 1 }], columns, json: true, whenEmpty: 'x' })
  printList(output, { rows: [], columns, json: true, whenEmpty: 'x' })
  expect([output.outs, output.notes]).toEqual([['{"name":"abcdefgh","n":1}'], []])
})

it('an empty list says what to do', () => {
  const output = memory()
  printList(output, { rows: [], columns, json: false, whenEmpty: 'replay a capture first' })
  expect([output.outs, output.notes]).toEqual([[], ['replay a capture first']])
})

it('properties line up', () => {
  expect(
    properties(memory(), [
      ['a', 1],
      ['long', 'x'],
    ]),
  ).toBe('a     1\nlong  x')
})

const long = `What could not be seen: ${'word '.repeat(60)}end`

it('what has no limit is whole in a pipe, and wrapped on a terminal', () => {
  expect(properties(memory(), [['name', long]])).toBe(`name  ${long}`)
  const lines = properties(memory(true), [['name', long]]).split('\n')
  expect(lines.every((line) => line.length <= 80)).toBe(true)
  expect(lines.map((line) => line.slice(6)).join(' ')).toBe(long)
  const rows = table(memory(), [long], [{ head: 'TEXT', cell: (text) => text }])
  expect(rows).toBe(`TEXT\n${long}`)
})

it('a wrap loses nothing and keeps to the width', () => {
  const text = fc
    .array(fc.constantFrom('a', 'bb', ' ', 'é', '🦊', '-'), { maxLength: 60 })
    .map((parts) => parts.join(''))
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 12 }), (whole, width) => {
      const lines = wrapped(whole, width).split('\n')
      const bare = (each: string): string => each.replaceAll(' ', '')
      return lines.every((line) => [...line].length <= width) && bare(lines.join('')) === bare(whole)
    }),
  )
})
