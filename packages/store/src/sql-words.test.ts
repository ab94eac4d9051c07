import { describe, expect, it } from 'vitest'
import { commonTableNames, functionWords, hasOddIdentifier, hasSettings, withoutFormat } from './sql-words.js'

describe('the words of a rendered statement', () => {
  it.each<[string, string[]]>([
    ["SELECT sum(a), `file`('x') FROM numbers(3) WHERE a IN (1) AND (b)", ['sum', 'file', 'numbers']],
    ["SELECT 'file(1)', `count()` FROM t", []],
    ["SELECT 'it''s', 'a\\'b', url(1)", ['url']],
    ['WITH x AS (SELECT 1) SELECT * FROM x WINDOW w AS (ORDER BY a)', []],
  ])('%s calls %j', (sql, called) => expect(functionWords(sql)).toEqual(called))

  it.each<[string, string[]]>([
    ['WITH a AS (SELECT 1), b AS (SELECT 2) SELECT * FROM a', ['a', 'b']],
    ['WITH `a` AS MATERIALIZED (WITH c AS (SELECT 1) SELECT 2) SELECT 3', ['a', 'c']],
    ['WITH 1 AS a, (SELECT 2) AS b SELECT * FROM t AS c WINDOW w AS (ORDER BY a)', []],
    ['WITH `system.one` AS (SELECT 1) SELECT * FROM system.one', []],
  ])('%s names the tables %j', (sql, names) => expect([...commonTableNames(sql)]).toEqual(names))

  it.each<[string, boolean]>([
    ['SELECT 1 AS `a b (c)`', false],
    ['SELECT 1 AS `a\\n b`', true],
    ['SELECT 1 AS `a``b`', true],
    ["SELECT 'a;b'", false],
    ['SELECT 1; SELECT 2', true],
    ["SELECT 'open", true],
  ])('%s is odd: %s', (sql, odd) => expect(hasOddIdentifier(sql)).toBe(odd))

  it.each<[string, string, string | undefined]>([
    ['SELECT 1 FORMAT JSON', 'SELECT 1', 'JSON'],
    ['SELECT 1 FORMAT `Null`', 'SELECT 1', 'Null'],
    ["SELECT ' FORMAT JSON'", "SELECT ' FORMAT JSON'", undefined],
    ['SELECT 1 AS FORMAT', 'SELECT 1 AS FORMAT', undefined],
    ['SELECT FORMAT FROM t', 'SELECT FORMAT FROM t', undefined],
  ])('%s is %s in %s', (sql, statement, format) => {
    expect(withoutFormat(sql)).toEqual(format === undefined ? { statement } : { statement, format })
  })

  it.each<[string, boolean]>([
    ['SELECT 1 SETTINGS max_threads = 1', true],
    ["SELECT ' SETTINGS x = 1'", false],
    ['SELECT SETTINGS FROM t', false],
  ])('%s has settings: %s', (sql, has) => expect(hasSettings(sql)).toBe(has))
})
