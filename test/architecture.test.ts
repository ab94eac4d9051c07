import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { queueNames, tableNames, topicNames } from '@tapwarden/contracts/names'
import { describe, expect, it } from 'vitest'
import { readSources, readWorkspaces, repositoryRoot } from './architecture/repository.js'
import { faultsOf, type ReservedNames, workspaceFaults } from './architecture/rules.js'

const root = repositoryRoot()
const workspaces = readWorkspaces(root)
const reserved: ReservedNames = {
  // `endpoints`, `findings` and `decisions` are everyday words as well as tables: SQL and commands may say them.
  names: [...Object.values(topicNames), ...Object.values(queueNames), ...Object.values(tableNames)].filter((name) =>
    /[._-]/.test(name),
  ),
  exempt: (path) => path === 'packages/contracts/src/names.ts',
}

describe('the repository', () => {
  it('has no fault in any source file', () => {
    const faults = readSources(root, workspaces).flatMap((file) => faultsOf(file, workspaces, reserved))
    expect(faults.map(({ path, rule, detail }) => `${path}: ${rule}: ${detail}`)).toEqual([])
  })

  it('has workspaces whose dependencies, references and layers agree', () => {
    expect(workspaces.flatMap((workspace) => workspaceFaults(workspace, workspaces))).toEqual([])
  })

  it('explains every package', () => {
    const silent = workspaces.filter(({ folder }) => folder !== 'test' && !existsSync(join(root, folder, 'README.md')))
    expect(silent.map(({ folder }) => folder)).toEqual([])
  })
})

const header = '/** A planted file. */\n'

describe('a planted fault is caught', () => {
  it.each([
    [
      'layer',
      'packages/net/src/planted.ts',
      "import { x } from '@tapwarden/http/http1-parser'",
      'L2 packages do not know each other',
    ],
    [
      'layer',
      'packages/base/src/planted.ts',
      "import { x } from '@tapwarden/contracts/names'",
      'nothing below imports what stands on it',
    ],
    [
      'layer',
      'packages/store/src/planted.ts',
      "import type { Bus } from '@tapwarden/bus/bus'",
      'ports do not know each other',
    ],
    [
      'layer',
      'services/detector/src/planted.ts',
      "import { x } from '@tapwarden/service-catalog/catalog-pipeline'",
      'services do not import services',
    ],
    ['layer', 'packages/http/src/planted.ts', "export { x } from '@tapwarden/net/frame'", 're-exports count'],
    [
      'layer',
      'packages/http/src/planted.ts',
      "const x = await import('@tapwarden/net/frame')",
      'dynamic imports count',
    ],
    [
      'deep-import',
      'packages/net/src/planted.ts',
      "import { x } from '../../base/src/assert.js'",
      'relative imports stay in the package',
    ],
    [
      'deep-import',
      'services/capture/src/planted.ts',
      "import { x } from '@tapwarden/base/src/assert'",
      'exports only',
    ],
    [
      'purity',
      'packages/detection/src/planted.ts',
      'export const now = (): number => Date.now()',
      'no clock in the core',
    ],
    ['purity', 'packages/catalog/src/planted.ts', "import { readFileSync } from 'node:fs'", 'no I/O in the core'],
    [
      'purity',
      'packages/http/src/planted.ts',
      'export const x = (): void => { setTimeout(() => undefined, 5) }',
      'no timers',
    ],
    ['purity', 'packages/http/src/planted.ts', 'export const x = Math.random()', 'no chance'],
    ['purity', 'packages/redaction/src/planted.ts', "export const x = process.env['HOME']", 'no environment'],
    [
      'port',
      'services/catalog/src/planted.ts',
      "import { createClient } from '@clickhouse/client'",
      'no ClickHouse type outside the store',
    ],
    ['port', 'services/capture/src/planted.ts', "import { Kafka } from 'kafkajs'", 'no kafkajs type outside the bus'],
    ['dependency', 'packages/net/src/planted.ts', "import { z } from 'zod'", 'undeclared packages resolve by accident'],
    [
      'spelling',
      'services/catalog/src/planted.ts',
      "export const topic = 'http.transactions.v1'",
      'names are spelled once',
    ],
    [
      'spelling',
      'services/catalog/src/planted.ts',
      "export const table = 'http_transactions'",
      'names are spelled once',
    ],
    ['file-name', 'packages/net/src/utils.ts', 'export const x = 1', 'utils names no idea'],
    ['file-name', 'packages/net/src/FlowTable.ts', 'export const x = 1', 'files are kebab-case'],
    ['export', 'packages/net/src/planted.ts', 'export default 1', 'named exports only'],
    ['export', 'packages/net/src/planted.ts', "export * from './frame.js'", 'no barrels'],
    ['extension', 'packages/net/src/planted.ts', "import { x } from './frame'", 'Node needs the extension'],
    ['test', 'packages/net/src/planted.test.ts', "it.skip('later', () => undefined)", 'no skipped tests'],
    ['size', 'packages/net/src/planted.ts', 'export const x = 1\n'.repeat(420), 'long files say why'],
  ])('%s in %s: %s', (rule, path, text) => {
    expect(faultsOf({ path, text: header + text }, workspaces, reserved).map((fault) => fault.rule)).toContain(rule)
  })

  it.each([
    ['packages/net/src/planted.ts', 'export const x = 1', 'header', 'a file says what it is for'],
    ['elsewhere/planted.ts', '/** Lost. */', 'workspace', 'every file belongs to a workspace'],
  ])('%s without its header or home: %s', (path, text, rule) => {
    expect(faultsOf({ path, text }, workspaces, reserved).map((fault) => fault.rule)).toContain(rule)
  })

  it('a workspace that depends on a layer above it, or forgets a reference', () => {
    const planted = { folder: 'packages/net', name: '@tapwarden/net', exports: [], references: [] }
    const above = { ...planted, dependencies: ['@tapwarden/redaction'] }
    expect(workspaceFaults(above, workspaces).map(({ rule }) => rule)).toEqual(['layer', 'reference'])
  })

  it.each([
    ['packages/net/src/planted.ts', '// Date.now() is not ours\nexport const text = "process.env"'],
    ['packages/net/src/planted.test.ts', 'const t = performance.now()'],
  ])('and what only looks like one is not: %s', (path, text) => {
    expect(faultsOf({ path, text: header + text }, workspaces, reserved)).toEqual([])
  })
})
