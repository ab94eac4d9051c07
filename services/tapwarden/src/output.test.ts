import { expect, it } from 'vitest'
import { harmless, harmlessLines, type Output, printList, properties } from './output.js'

function memory(): Output & { readonly outs: string[]; readonly notes: string[] } {
  const outs: string[] = []
  const notes: string[] = []
  return {
    interactive: false,
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
