/** The words of one statement in the engine's own single-line rendering: no comments, one space, back-ticks where a name needs them. */

interface Word {
  readonly kind: 'name' | 'quoted-name' | 'string' | 'number' | 'sign'
  readonly text: string
  readonly at: number
}

const token = /\s+|'(?:[^'\\]|\\.|'')*'|`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*"|[A-Za-z_]\w*|\d[\w.]*|[^\s]/gu

function wordsOf(sql: string): Word[] {
  const words: Word[] = []
  for (const match of sql.matchAll(token)) {
    const text = match[0]
    const first = text.charAt(0)
    if (/\s/.test(first)) continue
    const kind =
      first === "'" && text.length > 1
        ? 'string'
        : (first === '`' || first === '"') && text.length > 1
          ? 'quoted-name'
          : /[A-Za-z_]/.test(first)
            ? 'name'
            : /\d/.test(first)
              ? 'number'
              : 'sign'
    words.push({ kind, text, at: match.index })
  }
  return words
}

/** Words that stand before a parenthesis without being called. */
const notCalled = new Set(
  'AS IN ON BY AND OR NOT FROM JOIN WHERE PREWHERE HAVING QUALIFY SELECT DISTINCT UNION ALL INTERSECT EXCEPT WHEN THEN ELSE CASE OVER USING LIMIT OFFSET SETS ROLLUP CUBE WITH IS LIKE ILIKE BETWEEN INTERPOLATE REPLACE FILL TO STEP STALENESS VALUES MATERIALIZED ORDER GROUP REGEXP ANY EXISTS ARRAY TIES ASC DESC FINAL SAMPLE COLUMNS DIV MOD INTERVAL GLOBAL'.split(
    ' ',
  ),
)

/** Every name that is followed by `(`, as the engine would call it; words of the language itself left out. */
export function functionWords(sql: string): string[] {
  const words = wordsOf(sql)
  const called: string[] = []
  for (const [index, word] of words.entries()) {
    if (words[index + 1]?.text !== '(') continue
    if (word.kind === 'name' && !notCalled.has(word.text)) called.push(word.text)
    // A table's column list or an alias never precedes a parenthesis; `name`(…) is a call, `name` AS (…) is not.
    else if (word.kind === 'quoted-name') called.push(unquoted(word.text))
  }
  return called
}

/** Names of `WITH name AS (SELECT …)`. A scope wider than the engine's own: outside it the name is one of our database's tables. */
export function commonTableNames(sql: string): Set<string> {
  const words = wordsOf(sql)
  const names = new Set<string>()
  for (let i = 0; i + 3 < words.length; i++) {
    const name = words[i]! // In range by the loop condition.
    if (name.kind !== 'name' && name.kind !== 'quoted-name') continue
    if (words[i + 1]?.text !== 'AS') continue
    const open = words[i + 2]?.text === 'MATERIALIZED' ? i + 3 : i + 2
    if (words[open]?.text !== '(' || !/^(SELECT|WITH|\()$/.test(words[open + 1]?.text ?? '')) continue
    const plain = unquoted(name.text)
    // A dot would make it look like a table of another database in the syntax tree.
    if (/^\w+$/.test(plain)) names.add(plain)
  }
  return names
}

/** True for quoted names that could forge a line of the syntax tree, for a semicolon, and for signs that no SELECT of ours needs. */
export function hasOddIdentifier(sql: string): boolean {
  return wordsOf(sql).some(
    (word) =>
      (word.kind === 'quoted-name' && !/^[`"][\p{L}\p{N} _.:\-/()%@#?!+*=,<>[\]$&|~^]*[`"]$/u.test(word.text)) ||
      (word.kind === 'sign' && /[;`"'\\@]/.test(word.text)),
  )
}

/** True for `SETTINGS name = …`. Behind EXPLAIN AST the engine would already apply them. */
export function hasSettings(sql: string): boolean {
  const words = wordsOf(sql)
  return words.some(
    (word, index) =>
      word.kind === 'name' &&
      word.text === 'SETTINGS' &&
      words[index + 1]?.kind === 'name' &&
      words[index + 2]?.text === '=',
  )
}

/** Takes a closing `FORMAT name` off. An alias is always written with AS here, so nothing else ends in these two words. */
export function withoutFormat(sql: string): { readonly statement: string; readonly format?: string } {
  const words = wordsOf(sql)
  const [keyword, name] = words.slice(-2)
  if (keyword?.kind !== 'name' || keyword.text !== 'FORMAT' || name === undefined) return { statement: sql }
  if (name.kind !== 'name' && name.kind !== 'quoted-name') return { statement: sql }
  return { statement: sql.slice(0, keyword.at).trimEnd(), format: unquoted(name.text) }
}

function unquoted(name: string): string {
  return /^[`"]/.test(name) ? name.slice(1, -1) : name
}
