/** services/capture/LIMITS.md and the code tell the same limits. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { captureConfigSchema } from '@tapwarden/service-capture/config'
import { expect, it } from 'vitest'
import { repositoryRoot } from '../architecture/repository.js'

interface Row {
  readonly limit: string
  readonly value: number
  /** Of the configuration, or undefined. */
  readonly key: string | undefined
  /** Where a fixed one stands. */
  readonly file: string
  readonly constant: string
  readonly toldBy: readonly string[]
}

const root = repositoryRoot()
const rows = rowsOf(readFileSync(join(root, 'services/capture/LIMITS.md'), 'utf8'))
const config = captureConfigSchema.parse({})

function rowsOf(text: string): Row[] {
  return text.split('\n').flatMap((line) => {
    const cells = line.split('|').map((cell) => cell.trim())
    const [, limit = '', standard = '', where = '', , told = ''] = cells
    if (!/^\d+$/.test(standard)) return []
    const [, path = '', constant = ''] = /^`([^`]+)`\s*(\w*)$/.exec(where) ?? []
    const toldBy = [...told.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
    return [{ limit, value: Number(standard), key: constant === '' ? path : undefined, file: path, constant, toldBy }]
  })
}

/** The number that `constant` is given first, in a declaration or in the object of defaults. */
function numberOf({ file, constant }: Row): number {
  const found = new RegExp(`\\b${constant}(?: =|:) ([\\d_]+)`).exec(readFileSync(join(root, file), 'utf8'))
  return Number((found?.[1] ?? 'NaN').replaceAll('_', ''))
}

function atPath(path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], config)
}

it.each(rows.map((row) => [row.limit, row] as const))('%s', (_limit, row) => {
  expect(row.key === undefined ? numberOf(row) : atPath(row.key)).toBe(row.value)
})

it('every number of the configuration that bounds what traffic can do is in the table', () => {
  const sections = ['flows', 'http', 'batch'] as const
  const keys = sections.flatMap((section) => Object.keys(config[section]).map((name) => `${section}.${name}`))
  const listed = new Set(rows.map(({ key }) => key))
  expect(
    [...keys, 'tunnels.maxCount', 'tls.pendingMaxBytes', 'tls.totalMaxBytes', 'queueMaxRecords'].filter(
      (key) => !listed.has(key),
    ),
  ).toEqual([])
})

it.each([
  ['packages/net/src/flow-limits.ts', 'flowDefaultLimits'],
  ['packages/net/src/ip-fragments.ts', 'fragmentDefaultLimits'],
  ['packages/http/src/http-limits.ts', 'defaultHttpLimits'],
  ['packages/tls/src/tls-limits.ts', 'defaultTlsLimits'],
])('every default of %s is in the table, by itself or by a key of the same value', (file, object) => {
  const [, body = ''] = new RegExp(`${object}[^{]*\\{([^}]*)\\}`).exec(readFileSync(join(root, file), 'utf8')) ?? []
  const members = [...body.matchAll(/(\w+): ([\d_]+)/g)].map(([, name = '', value = '']) => ({
    name,
    value: Number(value.replaceAll('_', '')),
  }))
  expect(members.length).toBeGreaterThan(2)
  const isListed = ({ name, value }: (typeof members)[number]) =>
    rows.some(
      (row) => (row.file === file && row.constant === name) || (row.key !== undefined && isKeyOf(row, name, value)),
    )
  expect(members.filter((member) => !isListed(member))).toEqual([])
})

/** `flows.maxCount` is `flowMaxCount`; milliseconds are microseconds there. */
function isKeyOf(row: Row, name: string, value: number): boolean {
  const own = row.key?.split('.').at(-1) ?? ''
  const stem = (text: string) =>
    text
      .replace(/^flow(?=M)/, '')
      .replace(/(Us|Ms)$/, '')
      .toLowerCase()
  return stem(own) === stem(name) && (row.value === value || row.value * 1_000 === value)
}

it('what tells of a limit is spelled in the code', () => {
  const sources = ['packages', 'services'].flatMap((parent) =>
    readdirSync(join(root, parent), { recursive: true, encoding: 'utf8' })
      .filter((path) => /^[\w-]+\/src\/.*(?<!\.test)\.ts$/.test(path))
      .map((path) => readFileSync(join(root, parent, path), 'utf8')),
  )
  const code = sources.join('\n')
  const names = [...new Set(rows.flatMap(({ toldBy }) => toldBy))]
  expect(
    names.filter(
      (name) => !new RegExp(name.includes('.') || name.includes('-') ? `'${name}'` : `\\b${name}\\b`).test(code),
    ),
  ).toEqual([])
})
