/** Reads the repository for the architecture test: its workspaces and every TypeScript file in them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { SourceFile, Workspace } from './rules.js'

interface PackageJson {
  readonly name: string
  readonly exports?: Record<string, unknown>
  readonly dependencies?: Record<string, string>
  readonly devDependencies?: Record<string, string>
}

/** The root of the checkout, from source as well as from `dist`. */
export function repositoryRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package-lock.json'))) folder = dirname(folder)
  return folder
}

export function readWorkspaces(root: string): Workspace[] {
  const rootTools = Object.keys(readJson<PackageJson>(join(root, 'package.json')).devDependencies ?? {})
  const folders = ['packages', 'services'].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => `${parent}/${name}`),
  )
  return [...folders, 'test'].map((folder) => {
    const manifest = readJson<PackageJson>(join(root, folder, 'package.json'))
    const tsconfig = readJson<{ references?: { path: string }[] }>(join(root, folder, 'tsconfig.json'))
    return {
      folder,
      name: manifest.name,
      exports: Object.keys(manifest.exports ?? {}).map((path) => path.replace('./', '')),
      dependencies: [...Object.keys(manifest.dependencies ?? {}), ...rootTools],
      references: (tsconfig.references ?? []).map(({ path }) => posix.join(folder, path)),
    }
  })
}

export function readSources(root: string, workspaces: readonly Workspace[]): SourceFile[] {
  return workspaces.flatMap(({ folder }) => {
    const start = folder === 'test' ? folder : `${folder}/src`
    return readdirSync(join(root, start), { recursive: true, encoding: 'utf8' })
      .map((path) => `${start}/${path.split('\\').join('/')}`)
      .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts') && !/\/(dist|node_modules)\//.test(path))
      .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
  })
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T
}
