/**
 * The gate for people's SQL: one SELECT over our tables, with pure functions, and nothing else.
 *
 *   text ─► engine's formatter: one statement, no comments ─► engine's syntax tree ─► every node, name and function on a list?
 *                                     │                                                          │
 *                                     └──────────── second look at its words ─────────────────────┴─► the formatter's text runs
 *
 * `readonly = 1` is not enough: the scalar function file() and INTO OUTFILE pass it. What is checked is what runs: the engine's own
 * rendering of the statement, never the text that a person wrote. The decision is on the engine's tree, so comments, case, quoting and
 * unusual spelling decide nothing. Works with any ClickHouse from 25.8 on.
 *
 * Order matters. `EXPLAIN AST a; b` would run `b` in an engine that takes several statements, so only a normalized single
 * statement is ever put behind EXPLAIN AST; the formatter parses its argument as a value and runs nothing.
 */

import { database } from '@tapwarden/contracts/names'
import {
  aggregateCombinators,
  allowedAggregates,
  allowedFormats,
  allowedFunctions,
  allowedNodes,
  allowedTableFunctions,
  allowedTables,
} from './sql-gate-lists.js'
import { commonTableNames, functionWords, hasOddIdentifier, hasSettings, withoutFormat } from './sql-words.js'
import { QueryRefused } from './store.js'

/** The engine as a parser. Both reject, with the engine's message, a text that is no statement. */
export interface SyntaxReader {
  /** `formatQuerySingleLine` of the text, bound as a parameter. */
  normalized(sql: string): Promise<string>
  /** `EXPLAIN AST` of a normalized statement. */
  tree(normalizedSql: string): Promise<string>
}

export interface CheckedSql {
  readonly sql: string
  /** From the statement's own FORMAT clause, which is taken off. */
  readonly format?: string
}

export const userSqlMaxCharacters = 65_536

/** Of every statement of a person. */
export const readerLimits: ReadonlyMap<string, string> = new Map([
  ['max_execution_time', '30'],
  ['timeout_overflow_mode', 'throw'],
  ['max_result_rows', '1000000'],
  ['max_result_bytes', '268435456'],
  ['result_overflow_mode', 'throw'],
  ['max_memory_usage', '1073741824'],
  ['max_ast_depth', '500'],
  ['max_ast_elements', '20000'],
  ['max_subquery_depth', '20'],
])

/** Throws `QueryRefused`, whose message says what is not allowed. */
export async function checkUserSql(sql: string, syntax: SyntaxReader): Promise<CheckedSql> {
  if (sql.length > userSqlMaxCharacters)
    throw new QueryRefused(`a statement has at most ${userSqlMaxCharacters} characters`)
  if (sql.includes('\0')) throw new QueryRefused('a statement holds no NUL')
  const normalized = await syntax.normalized(sql)
  if (/^SHOW TABLES$/.test(normalized)) return { sql: showTables }
  const described = /^DESCRIBE TABLE (?:(\w+)\.)?(\w+)$/.exec(normalized)
  if (described !== null) {
    checkTable(described[1] === undefined ? (described[2] ?? '') : `${described[1]}.${described[2]}`, new Set())
    return { sql: normalized }
  }
  const explained = /^EXPLAIN (?=SELECT\b|WITH\b|\()/.test(normalized)
  const whole = explained ? normalized.slice('EXPLAIN '.length) : normalized
  if (!/^(SELECT|WITH)\b|^\(/.test(whole)) {
    throw new QueryRefused('only SELECT, EXPLAIN SELECT, SHOW TABLES and DESCRIBE are allowed')
  }
  if (hasSettings(whole)) throw new QueryRefused('a SETTINGS clause is not allowed')
  const { statement, format } = withoutFormat(whole)
  if (format !== undefined && !allowedFormats.has(format)) throw new QueryRefused(`FORMAT ${format} is not allowed`)
  checkWords(statement)
  checkTree(parseTree(await syntax.tree(statement)), commonTableNames(statement))
  return { sql: explained ? `EXPLAIN ${statement}` : statement, ...(format === undefined ? {} : { format }) }
}

const showTables = `SELECT arrayJoin([${[...allowedTables]
  .sort()
  .map((name) => `'${name}'`)
  .join(', ')}]) AS name`

/** A look at the words themselves, for whatever a future syntax tree might not show: calls, semicolons, odd names. */
function checkWords(select: string): void {
  if (hasOddIdentifier(select))
    throw new QueryRefused('names with control characters, quotes or backslashes are not allowed')
  for (const name of functionWords(select)) checkFunction(name, 'anywhere')
}

interface Node {
  readonly depth: number
  readonly kind: string
  /** What follows the kind, without alias and child count. */
  readonly name: string
}

function parseTree(text: string): Node[] {
  const nodes: Node[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const match = /^( *)(\S+)(?: (.*?))?(?: \(alias .*?\))?(?: \(children \d+\))?$/.exec(line)
    if (match === null) throw new QueryRefused('the statement has a form that the gate does not know')
    nodes.push({ depth: (match[1] ?? '').length, kind: match[2] ?? '', name: match[3] ?? '' })
  }
  return nodes
}

function checkTree(nodes: readonly Node[], commonTables: ReadonlySet<string>): void {
  for (const [index, node] of nodes.entries()) {
    if (!allowedNodes.has(node.kind)) throw new QueryRefused(`${spelled(node.kind)} is not allowed`)
    if (index === 0 && node.kind !== 'SelectWithUnionQuery') throw new QueryRefused('only SELECT is allowed')
    if (node.depth === 0 && index > 0) throw new QueryRefused('only one statement is allowed')
    // Beside its list of SELECTs the root holds OUTFILE (a literal), FORMAT (an identifier) and SETTINGS.
    if (node.depth === 1 && (node.kind !== 'ExpressionList' || index !== 1)) {
      throw new QueryRefused('INTO OUTFILE, FORMAT and SETTINGS are not allowed here')
    }
    if (node.kind === 'TableIdentifier') checkTable(node.name, commonTables)
    else if (node.kind === 'Function') {
      checkFunction(node.name, parentOf(nodes, index)?.kind === 'TableExpression' ? 'table' : 'scalar')
      if (/^(global)?(not)?(null)?in(ignoreset)?$/i.test(node.name)) checkRightOfIn(nodes, index, commonTables)
    } else if (node.kind === 'Identifier' && /(^|\.)_(file|path|size|time|headers|table|database)$/.test(node.name)) {
      throw new QueryRefused(`the virtual column ${node.name} is not allowed`)
    }
  }
}

function parentOf(nodes: readonly Node[], index: number): Node | undefined {
  const depth = nodes[index]?.depth ?? 0
  for (let i = index - 1; i >= 0; i--) {
    const node = nodes[i]! // In range by the loop condition.
    if (node.depth < depth) return node
  }
  return undefined
}

/** `x IN name` reads the table `name`, though the tree calls it an identifier. Unqualified, it is a column, an alias or a table of ours. */
function checkRightOfIn(nodes: readonly Node[], index: number, commonTables: ReadonlySet<string>): void {
  const depth = nodes[index]?.depth ?? 0
  for (let i = index + 1, position = 0; i < nodes.length; i++) {
    const node = nodes[i]! // In range by the loop condition.
    if (node.depth <= depth) return
    if (node.depth === depth + 2 && position++ === 1 && node.kind === 'Identifier' && node.name.includes('.')) {
      checkTable(node.name, commonTables)
    }
  }
}

function checkTable(name: string, commonTables: ReadonlySet<string>): void {
  if (commonTables.has(name)) return
  const own = name.startsWith(`${database}.`) ? name.slice(database.length + 1) : name
  if (!allowedTables.has(own))
    throw new QueryRefused(`the table ${name} is not allowed; SHOW TABLES lists those that are`)
}

function checkFunction(name: string, place: 'table' | 'scalar' | 'anywhere'): void {
  const lower = name.toLowerCase()
  if (place !== 'scalar' && allowedTableFunctions.has(lower)) return
  if (place !== 'table' && (allowedFunctions.has(lower) || isAllowedAggregate(lower))) return
  throw new QueryRefused(`the ${place === 'table' ? 'table function' : 'function'} ${name} is not allowed`)
}

function isAllowedAggregate(lower: string): boolean {
  if (allowedAggregates.has(lower)) return true
  return aggregateCombinators.some(
    (ending) => lower.endsWith(ending) && isAllowedAggregate(lower.slice(0, -ending.length)),
  )
}

function spelled(kind: string): string {
  return kind === 'Set' ? 'a SETTINGS clause' : kind === 'QueryParameter' ? 'a {parameter}' : kind
}

/** Settings that a person's tool may send with a statement: how results are written, and limits below ours. */
const allowedSettings =
  /^(output_format_(json|csv|tsv|pretty|markdown|values|native|binary|decimal|xml)_\w+|date_time_output_format|bool_true_representation|bool_false_representation|session_timezone|extremes|max_threads|max_block_size|log_comment)$/

/** Throws `QueryRefused` for a setting or format that is not allowed; lowers what exceeds our limits. */
export function readerSettings(given: ReadonlyMap<string, string>, format: string): Map<string, string> {
  if (!allowedFormats.has(format)) throw new QueryRefused(`FORMAT ${format} is not allowed`)
  const settings = new Map<string, string>()
  for (const [name, value] of given) {
    const limit = readerLimits.get(name)
    if (limit !== undefined && /^\d+$/.test(limit)) {
      const asked = Number(value)
      // 0 asks for no limit.
      if (Number.isInteger(asked) && asked > 0 && asked < Number(limit)) settings.set(name, value)
    } else if (allowedSettings.test(name)) settings.set(name, value)
    else if (limit === undefined && name !== 'readonly') throw new QueryRefused(`the setting ${name} is not allowed`)
  }
  return settings
}
