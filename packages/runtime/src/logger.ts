/** The log: JSON lines on stderr for machines, one short line for a person at a terminal. stdout belongs to results. */

import { pino, stdTimeFunctions } from 'pino'

export type LogFields = Readonly<Record<string, unknown>>

/** What services log with. Messages are constant sentences; whatever varies is a field. Never log values of a transaction. */
export interface Logger {
  debug(fields: LogFields, message: string): void
  info(fields: LogFields, message: string): void
  warn(fields: LogFields, message: string): void
  /** An `Error` goes in as `error`. */
  error(fields: LogFields, message: string): void
  child(bindings: LogFields): Logger
}

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

export interface LoggerOptions {
  readonly level: LogLevel
  /** JSON lines, or lines for a person. */
  readonly format: 'json' | 'line'
  /** Takes whole lines with their newline; default stderr. */
  readonly write?: (line: string) => void
}

/** Fields that never reach a log, at the top and one level down. Redaction works by name: a value under another name is not recognised. */
const redactedNames = ['password', 'secret', 'token', 'authorization', 'cookie', 'key', 'apiKey']
const redactPaths = redactedNames.flatMap((name) => [name, `*.${name}`])

export function createLogger(options: LoggerOptions): Logger {
  const write = options.write ?? ((line) => process.stderr.write(line))
  const destination = options.format === 'json' ? { write } : { write: (json: string) => write(forPerson(json)) }
  return pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      redact: { paths: redactPaths, censor: '[redacted]' },
      serializers: { error: describeError },
      formatters: { level: (level) => ({ level }) },
      messageKey: 'message',
    },
    destination,
  )
}

/** Keeps nothing: for tests and for callers that want no log. */
export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
}

interface ErrorDescription {
  readonly name: string
  readonly message: string
  readonly stack?: string
  readonly cause?: ErrorDescription
}

function describeError(error: unknown): ErrorDescription | unknown {
  if (!(error instanceof Error)) return error
  return {
    name: error.name,
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error.cause instanceof Error ? { cause: describeError(error.cause) } : {}),
  }
}

/** `12:04:31 warn  message  key=value …`, without the stack. */
function forPerson(json: string): string {
  const { time, level, message, ...fields } = JSON.parse(json) as Record<string, unknown>
  const shown = Object.entries(fields).map(([key, value]) => `${key}=${shortValue(value)}`)
  return `${String(time).slice(11, 19)} ${String(level).padEnd(5)} ${[String(message), ...shown].join('  ')}\n`
}

function shortValue(value: unknown): string {
  if (typeof value === 'string') return value
  if (typeof value === 'object' && value !== null && 'message' in value) return String(value.message)
  return JSON.stringify(value) ?? 'undefined'
}
