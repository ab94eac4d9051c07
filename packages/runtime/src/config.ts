/**
 * Configuration: defaults ← one YAML or JSON file ← environment ← flags, through one zod schema.
 *
 * The environment names a key as PREFIX + its path in upper snake case, levels joined by two underscores:
 * `capture.flowMaxCount` is `TAPWARDEN_CAPTURE__FLOW_MAX_COUNT`. Lists and maps are given as JSON, lists of words also with commas.
 * Unknown keys and wrong types are errors that name the key, where it came from, and the nearest key there is. No message holds a value.
 */

import { parseDocument } from 'yaml'
import type { z } from 'zod'
import {
  type ConfigNode,
  childOf,
  coerceText,
  configNode,
  environmentName,
  formatPath,
  knownPaths,
  nearestKey,
} from './config-schema.js'
import { UserError } from './user-error.js'

export interface ConfigFile {
  /** As the person named it. */
  readonly path: string
  readonly text: string
}

export interface ConfigFlag {
  /** `--filter`. */
  readonly flag: string
  readonly path: readonly string[]
  readonly value: unknown
}

export interface ConfigSources {
  readonly file?: ConfigFile
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** `TAPWARDEN_`; only variables that begin with it are looked at. */
  readonly environmentPrefix: string
  /** Full names that begin with the prefix but are no configuration. */
  readonly environmentOthers?: readonly string[]
  readonly flags?: readonly ConfigFlag[]
}

/** Marks a value that `printableConfig` must not show. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ secret: true })
}

/** Throws one `UserError` (exit code 78) that lists everything that is wrong. */
export function loadConfig<Schema extends z.ZodObject>(schema: Schema, sources: ConfigSources): z.output<Schema> {
  const root = configNode(schema)
  const problems: string[] = []
  const draft = new ConfigDraft(root, problems)
  if (sources.file !== undefined) draft.addTree(parseFile(sources.file), `in ${sources.file.path}`)
  addEnvironment(draft, sources)
  for (const each of sources.flags ?? []) draft.set(each.path, each.value, `from ${each.flag}`)
  const result = schema.safeParse(draft.tree)
  if (problems.length === 0 && result.success) return result.data
  for (const issue of result.error?.issues ?? []) {
    const path = issue.path.map(String)
    const source = draft.sourceOf(path)
    problems.push(`${formatPath(path)}${source === undefined ? '' : ` ${source}`}: ${issue.message}`)
  }
  throw new UserError('config', ['wrong configuration', ...problems].join(problems.length === 1 ? ': ' : '\n  '))
}

/** The whole configuration with secrets replaced: what `--print-config` shows. */
export function printableConfig(schema: z.ZodObject, config: unknown): unknown {
  return redacted(configNode(schema), config)
}

function redacted(node: ConfigNode, value: unknown): unknown {
  if (value === undefined || value === null) return value
  if (node.secret) return '[redacted]'
  if (Array.isArray(value)) {
    const items = childOf(node, '0')
    return items === undefined ? value : value.map((item) => redacted(items, item))
  }
  if (typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => {
      const child = childOf(node, key)
      return [key, child === undefined ? each : redacted(child, each)]
    }),
  )
}

type Tree = { [key: string]: unknown }

/** What the sources say, known keys only, with the source of each. */
class ConfigDraft {
  readonly tree: Tree = {}
  readonly #sources = new Map<string, string>()
  readonly #root: ConfigNode
  readonly #problems: string[]

  constructor(root: ConfigNode, problems: string[]) {
    this.#root = root
    this.#problems = problems
  }

  get root(): ConfigNode {
    return this.#root
  }

  addProblem(problem: string): void {
    this.#problems.push(problem)
  }

  /** Adds a whole tree; objects are merged key by key, everything else replaces what was there. */
  addTree(value: unknown, source: string): void {
    if (value === null || value === undefined) return
    if (!isTree(value)) this.addProblem(`the configuration ${source} is not a map of keys`)
    else this.#addKeys(this.#root, [], value, source)
  }

  set(path: readonly string[], value: unknown, source: string): void {
    let place = this.tree
    for (const key of path.slice(0, -1)) {
      const next = Object.hasOwn(place, key) ? place[key] : undefined
      place = isTree(next) ? next : assign(place, key, {})
    }
    assign(place, path.at(-1) ?? '', value)
    this.#sources.set(path.join('\0'), source)
  }

  /** The source of the nearest key at or above `path`. */
  sourceOf(path: readonly string[]): string | undefined {
    for (let depth = path.length; depth > 0; depth--) {
      const source = this.#sources.get(path.slice(0, depth).join('\0'))
      if (source !== undefined) return source
    }
    return undefined
  }

  #addKeys(node: ConfigNode, at: readonly string[], value: Tree, source: string): void {
    for (const [key, each] of Object.entries(value)) {
      const path = [...at, key]
      const child = childOf(node, key)
      if (child === undefined) this.addProblem(unknownKey(this.#root, path, source))
      else if (each === null && child.keys !== undefined)
        continue // `capture:` with nothing below it.
      else if (isTree(each) && child.keys !== undefined) this.#addKeys(child, path, each, source)
      else {
        this.#checkInside(child, path, each, source)
        this.set(path, each, source)
      }
    }
  }

  /** Unknown keys inside lists and maps. */
  #checkInside(node: ConfigNode, path: readonly string[], value: unknown, source: string): void {
    if (!Array.isArray(value) && !isTree(value)) return
    for (const [key, each] of Object.entries(value)) {
      const child = childOf(node, key)
      if (child !== undefined) this.#checkInside(child, [...path, key], each, source)
      else if (node.keys !== undefined) this.addProblem(unknownKey(this.#root, [...path, key], source, node))
    }
  }
}

/** Defines rather than assigns, so that a key such as `__proto__` is a key like any other. */
function assign<Value>(place: Tree, key: string, value: Value): Value {
  Object.defineProperty(place, key, { value, enumerable: true, configurable: true, writable: true })
  return value
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownKey(root: ConfigNode, path: readonly string[], source: string, parent?: ConfigNode): string {
  const near = nearestKey(root, path, parent)
  return `unknown key ${formatPath(path)} ${source}${near === undefined ? '' : `; did you mean ${near}?`}`
}

function parseFile(file: ConfigFile): unknown {
  const document = parseDocument(file.text, { prettyErrors: true, uniqueKeys: true })
  const [error] = document.errors
  if (error !== undefined) {
    const line = error.linePos?.[0].line
    const place = line === undefined ? '' : ` line ${line}`
    throw new UserError('config', `${file.path}:${place} is neither YAML nor JSON (${error.code.toLowerCase()})`)
  }
  try {
    return document.toJS({ maxAliasCount: 100 })
  } catch (cause) {
    throw new UserError('config', `${file.path}: too many aliases`, { cause })
  }
}

function addEnvironment(draft: ConfigDraft, sources: ConfigSources): void {
  const prefix = sources.environmentPrefix
  const known = new Map(knownPaths(draft.root).map((each) => [environmentName(prefix, each.path), each]))
  for (const [name, text] of Object.entries(sources.environment ?? {})) {
    if (!name.startsWith(prefix) || text === undefined || sources.environmentOthers?.includes(name)) continue
    const target = known.get(name)
    if (target === undefined) {
      const path = name
        .slice(prefix.length)
        .split('__')
        .map((part) => part.toLowerCase().replaceAll(/_(.)/g, (_all, letter: string) => letter.toUpperCase()))
      const near = nearestKey(draft.root, path)
      const hint = near === undefined ? '' : `; did you mean ${environmentName(prefix, near.split('.'))}?`
      draft.addProblem(`unknown variable ${name} in the environment${hint}`)
      continue
    }
    const value = coerceText(target.node, text)
    if (isTree(value) && target.node.keys !== undefined) {
      draft.addProblem(`${name} in the environment: set its keys one by one`)
    } else draft.set(target.path, value, `from ${name}`)
  }
}
