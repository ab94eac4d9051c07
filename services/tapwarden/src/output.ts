/**
 * What a command prints: results on stdout, everything else on stderr. Text from traffic may hold terminal escape sequences, so whatever a
 * person reads is made harmless first; JSON escapes them by itself.
 */

import Table from 'cli-table3'

export interface Output {
  /** stdout is a terminal. */
  readonly interactive: boolean
  readonly columns: number
  /** Results. */
  out(text: string): void
  /** Remarks, progress, errors. */
  note(text: string): void
}

export function processOutput(): Output {
  return {
    interactive: process.stdout.isTTY === true,
    columns: process.stdout.columns ?? 120,
    out: (text) => {
      process.stdout.write(`${text}\n`)
    },
    note: (text) => {
      process.stderr.write(`${text}\n`)
    },
  }
}

/** Control and formatting characters as `\u{…}`: they could move the cursor, hide text or reverse it. */
export function harmless(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escaped)
}

/** The same for whole lines: keeps line feeds and tabs. */
export function harmlessLines(text: string): string {
  return text.replaceAll(/[^\P{Cc}\n\t]|[\p{Cf}\u2028\u2029]/gu, escaped)
}

function escaped(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

export interface Column<Row> {
  readonly head: string
  readonly cell: (row: Row) => string | number
  readonly align?: 'left' | 'right'
  /** A longer cell is cut in a table, so that a row stays a line; JSON has it whole. Without it a cell is wrapped on a terminal, whole in a pipe. */
  readonly maxCharacters?: number
  /** Where a terminal's line ends. Default 80. */
  readonly wrapCharacters?: number
}

export interface ListOptions<Row> {
  readonly rows: readonly Row[]
  readonly columns: readonly Column<Row>[]
  /** One JSON object a line instead of a table. */
  readonly json: boolean
  /** What to do when there are none. */
  readonly whenEmpty: string
}

export function printList<Row>(output: Output, options: ListOptions<Row>): void {
  if (options.json) {
    for (const row of options.rows) output.out(JSON.stringify(row))
    return
  }
  if (options.rows.length === 0) output.note(options.whenEmpty)
  else output.out(table(output, options.rows, options.columns))
}

const bareCharacters = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}
const middleCharacters = 2

export function table<Row>(output: Output, rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const head = output.interactive ? ['bold'] : []
  const grid = new Table({
    head: columns.map((column) => column.head),
    colAligns: columns.map((column) => column.align ?? 'left'),
    chars: bareCharacters,
    style: { head, border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const row of rows) grid.push(columns.map((column) => cellText(output, column, row)))
  return grid
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}

/** Two columns without a head: what a single thing is made of. */
export function properties(output: Output, pairs: readonly (readonly [string, string | number])[]): string {
  const nameCharacters = Math.max(0, ...pairs.map(([name]) => name.length))
  const columns: Column<readonly [string, string | number]>[] = [
    { head: '', cell: ([name]) => name },
    { head: '', cell: ([, value]) => value, wrapCharacters: output.columns - nameCharacters - middleCharacters },
  ]
  return table(output, pairs, columns).split('\n').slice(1).join('\n')
}

function cellText<Row>(output: Output, column: Column<Row>, row: Row): string {
  const text = harmless(String(column.cell(row)))
  const { maxCharacters, wrapCharacters = wrapDefaultCharacters } = column
  if (maxCharacters !== undefined && text.length > maxCharacters) return `${text.slice(0, maxCharacters - 1)}…`
  return output.interactive ? wrapped(text, Math.max(wrapCharacters, wrapMinCharacters)) : text
}

const wrapDefaultCharacters = 80
/** On a terminal narrower than that nothing reads well. */
const wrapMinCharacters = 20

/** Lines of at most so many characters, cut at blanks where there are some; nothing but those blanks is lost. */
export function wrapped(text: string, lineMaxCharacters: number): string {
  const lines: string[] = []
  let rest = [...text]
  while (rest.length > lineMaxCharacters) {
    const blank = rest.lastIndexOf(' ', lineMaxCharacters)
    const end = blank > 0 ? blank : lineMaxCharacters
    lines.push(rest.slice(0, end).join(''))
    rest = rest.slice(blank > 0 ? end + 1 : end)
  }
  return [...lines, rest.join('')].join('\n')
}

export function count(value: number | string): string {
  return Number(value).toLocaleString('en-US')
}

/** `1 finding`, `2 findings`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}
