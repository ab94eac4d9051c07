/** What every command understands, and how it becomes configuration, folders and a logger. */

import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type ConfigFlag, loadConfig, printableConfig } from '@tapwarden/runtime/config'
import { createLogger, type Logger, type LogLevel } from '@tapwarden/runtime/logger'
import { fileReadError, UserError } from '@tapwarden/runtime/user-error'
import { type TapwardenConfig, tapwardenConfigSchema } from './config.js'
import { defaultKeyFile, defaultStoreFolder, type Environment } from './default-folders.js'
import type { Output } from './output.js'

export const version = '0.1.0'

export interface CommonFlags {
  readonly store?: string
  readonly config?: string
  readonly logLevel?: LogLevel
  readonly printConfig?: boolean
  /** Of commands that read traffic. */
  readonly tlsKeylog?: string
}

export interface Settings {
  readonly config: TapwardenConfig
  readonly storeFolder: string
  readonly logger: Logger
}

const environmentPrefix = 'TAPWARDEN_'
const configFileVariable = 'TAPWARDEN_CONFIG'

/** Undefined when `--print-config` was asked for and done. `quietLevel` is what a command logs unless told otherwise. */
export async function readSettings(
  flags: CommonFlags,
  output: Output,
  options: {
    readonly quietLevel: LogLevel
    readonly flags?: readonly ConfigFlag[]
    readonly environment?: Environment
  },
): Promise<Settings | undefined> {
  const environment = options.environment ?? process.env
  const configPath = flags.config ?? environment[configFileVariable]
  const config = loadConfig(tapwardenConfigSchema, {
    environmentPrefix,
    environment,
    environmentOthers: [configFileVariable],
    ...(configPath === undefined ? {} : { file: { path: configPath, text: await configText(configPath) } }),
    flags: [...(options.flags ?? []), ...commonConfigFlags(flags)],
  })
  const storeFolder = resolve(config.store.folder ?? defaultStoreFolder(environment))
  if (flags.printConfig === true) {
    const shown = {
      ...config,
      store: { ...config.store, folder: storeFolder },
      keyFile: keyFileOf(config, environment),
    }
    output.out(JSON.stringify(printableConfig(tapwardenConfigSchema, shown), undefined, 2))
    return undefined
  }
  const format = config.log.format === 'auto' ? (process.stderr.isTTY === true ? 'line' : 'json') : config.log.format
  return { config, storeFolder, logger: createLogger({ level: config.log.level ?? options.quietLevel, format }) }
}

export function keyFileOf(config: TapwardenConfig, environment: Environment = process.env): string {
  return resolve(config.keyFile ?? defaultKeyFile(environment))
}

function commonConfigFlags(flags: CommonFlags): ConfigFlag[] {
  const given: ConfigFlag[] = []
  if (flags.store !== undefined) given.push({ flag: '--store', path: ['store', 'folder'], value: flags.store })
  if (flags.tlsKeylog !== undefined) {
    given.push({ flag: '--tls-keylog', path: ['capture', 'tls', 'keyLogFile'], value: flags.tlsKeylog })
  }
  if (flags.logLevel !== undefined) given.push({ flag: '--log-level', path: ['log', 'level'], value: flags.logLevel })
  return given
}

const configMaxBytes = 1_048_576

async function configText(path: string): Promise<string> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw fileReadError(path, error) ?? error
  }
  if (text.length > configMaxBytes) throw new UserError('config', `${path}: larger than 1 MiB, so no configuration`)
  return text
}
