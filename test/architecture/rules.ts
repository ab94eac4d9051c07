/**
 * The shape of the repository as pure functions: a source file in, what is wrong with it out.
 * Works on text: comments and strings are blanked where a rule is about code, so that prose about `Date.now` is no fault.
 */

import { allowedImports, confinedLibraries, pureBuiltins, pureFolders } from './layers.js'

export interface SourceFile {
  /** Path from the root of the repository, with slashes. */
  readonly path: string
  readonly text: string
}

export interface Workspace {
  /** `packages/net`, `services/capture`, `test`. */
  readonly folder: string
  readonly name: string
  /** Sub-paths of the `exports` map, without `./`. */
  readonly exports: readonly string[]
  /** Names in dependencies, of the workspace and of the root's devDependencies for tests. */
  readonly dependencies: readonly string[]
  /** Folders that its tsconfig references. */
  readonly references: readonly string[]
}

export interface Fault {
  readonly path: string
  readonly rule: string
  readonly detail: string
}

/** Names that must be spelled in contracts/names.ts only. */
export interface ReservedNames {
  readonly names: readonly string[]
  /** Files that may spell them all the same: the owner, and SQL that cannot be anything but literal. */
  readonly exempt: (path: string) => boolean
}

const isTest = (path: string): boolean => /\.(test|bench)\.ts$/.test(path) || path.startsWith('test/')

export function faultsOf(file: SourceFile, workspaces: readonly Workspace[], reserved: ReservedNames): Fault[] {
  const faults: Fault[] = []
  const fault = (rule: string, detail: string) => faults.push({ path: file.path, rule, detail })
  const own = workspaces.find((workspace) => file.path.startsWith(`${workspace.folder}/`))
  if (own === undefined) return [{ path: file.path, rule: 'workspace', detail: 'belongs to no workspace' }]
  const code = blankComments(file.text)

  for (const specifier of importSpecifiers(code)) {
    if (specifier.startsWith('.')) checkRelative(file, own, specifier, fault)
    else if (specifier.startsWith('node:')) checkBuiltin(file, own, specifier, fault)
    else checkPackage(own, specifier, workspaces, fault)
  }
  if (pureFolders.includes(own.folder) && !isTest(file.path)) {
    for (const name of impureUses(blankStrings(code))) fault('purity', `${name} in a pure layer`)
  }
  checkNames(file, fault)
  checkForm(file, code, fault)
  if (!isTest(file.path) && !reserved.exempt(file.path)) {
    for (const name of reserved.names)
      if (new RegExp(`['"\`]${name.replaceAll('.', '\\.')}['"\`]`).test(code))
        fault('spelling', `'${name}' is spelled in contracts/names.ts only`)
  }
  return faults
}

/** Dependencies, references and exports of a workspace that disagree with one another or with the layers. */
export function workspaceFaults(workspace: Workspace, workspaces: readonly Workspace[]): Fault[] {
  const faults: Fault[] = []
  const fault = (rule: string, detail: string) => faults.push({ path: workspace.folder, rule, detail })
  for (const dependency of workspace.dependencies) {
    const target = workspaces.find((other) => other.name === dependency)
    if (target === undefined || workspace.folder === 'test') continue
    const refusal = layerRefusal(workspace.folder, target.folder)
    if (refusal !== undefined) fault('layer', refusal)
    if (!workspace.references.includes(target.folder))
      fault('reference', `tsconfig does not reference ${target.folder}`)
  }
  return faults
}

type Report = (rule: string, detail: string) => void

function checkRelative(file: SourceFile, own: Workspace, specifier: string, fault: Report): void {
  const parts = file.path.split('/').slice(0, -1)
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '.') parts.push(part)
  }
  if (!parts.join('/').startsWith(`${own.folder}/`)) fault('deep-import', `${specifier} leaves ${own.folder}`)
  if (!/\.(js|json)$/.test(specifier)) fault('extension', `${specifier} has no extension`)
}

function checkBuiltin(file: SourceFile, own: Workspace, specifier: string, fault: Report): void {
  if (pureFolders.includes(own.folder) && !isTest(file.path) && !pureBuiltins.includes(specifier))
    fault('purity', `${specifier} in a pure layer`)
}

function checkPackage(own: Workspace, specifier: string, workspaces: readonly Workspace[], fault: Report): void {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  const target = workspaces.find((workspace) => workspace.name === name)
  if (target !== undefined) {
    const refusal = layerRefusal(own.folder, target.folder)
    if (refusal !== undefined) fault('layer', refusal)
    const subPath = specifier.slice(name.length + 1)
    if (!target.exports.includes(subPath))
      fault('deep-import', `${specifier} is not in the exports of ${target.folder}`)
  }
  const home = confinedLibraries[name]
  if (home !== undefined && own.folder !== home && own.folder !== 'test') fault('port', `${name} belongs to ${home}`)
  if (!own.dependencies.includes(name) && name !== own.name) fault('dependency', `${name} is not in package.json`)
}

function layerRefusal(from: string, to: string): string | undefined {
  if (from === to || from === 'test' || from === 'services/tapwarden') return undefined
  if (to.startsWith('services/')) return `${from} imports a service, ${to}`
  if (from.startsWith('services/')) return undefined
  const allowed = allowedImports[from]
  if (allowed === undefined) return `${from} is in no layer: add it to test/architecture/layers.ts`
  return allowed.includes(to.replace('packages/', '')) ? undefined : `${from} may not import ${to}`
}

function checkNames(file: SourceFile, fault: Report): void {
  const fileName = file.path.slice(file.path.lastIndexOf('/') + 1)
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench))?\.ts$/.test(fileName))
    fault('file-name', `${fileName} is not kebab-case`)
  if (/^(utils?|helpers?|types|common|misc)\.ts$/.test(fileName) || /manager/.test(fileName))
    fault('file-name', `${fileName} names no idea`)
}

function checkForm(file: SourceFile, code: string, fault: Report): void {
  if (/^export default /m.test(code)) fault('export', 'default export')
  if (/^export \* from/m.test(code)) fault('export', 'barrel re-export')
  if (/\b(it|test|describe)\.(only|skip|todo|fails)\b/.test(blankStrings(code)) && /\.test\.ts$/.test(file.path))
    fault('test', 'skipped or exclusive test')
  const lineCount = file.text.split('\n').length - 1
  if (lineCount > 400 && !file.text.slice(0, 2_000).includes('@long:'))
    fault('size', `${lineCount} lines without @long:`)
  if (!isTest(file.path) && !/^(#![^\n]*\n)?\s*\/\*\*/.test(file.text)) fault('header', 'does not say what it is for')
}

const impure: readonly (readonly [string, RegExp])[] = [
  ['Date.now', /\bDate\.now\b/],
  ['new Date()', /\bnew Date\(\s*\)/],
  ['performance', /\bperformance\.now\b/],
  ['timer', /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\s*\(/],
  ['Math.random', /\bMath\.random\b/],
  ['random bytes', /\b(randomBytes|randomUUID|randomInt|getRandomValues)\s*\(/],
  ['process', /(?<![\w.'-])process\.\w/],
  ['fetch', /(?<![\w.])fetch\s*\(/],
  ['console', /(?<![\w.])console\./],
  ['await', /(?<![\w.])await\s/],
]

function impureUses(code: string): string[] {
  return impure.filter(([, pattern]) => pattern.test(code)).map(([name]) => name)
}

/** Static imports, re-exports and dynamic imports of string literals. */
export function importSpecifiers(code: string): string[] {
  const found: string[] = []
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]|(?:^|\n)\s*import\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/g
  for (const match of code.matchAll(pattern)) found.push(match[1] ?? match[2] ?? match[3] ?? '')
  return found
}

/** Replaces comments by blanks, leaving strings and line structure as they are. */
export function blankComments(text: string): string {
  return text.replace(
    /('(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g,
    (whole: string, literal: string | undefined) => literal ?? whole.replace(/[^\n]/g, ' '),
  )
}

function blankStrings(code: string): string {
  return code.replace(/'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`/g, (whole) =>
    whole.replace(/[^\n]/g, ' '),
  )
}
