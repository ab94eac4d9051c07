/**
 * The engine inside this process: chdb, opened once on a folder, and sessions on it.
 *
 * Traps that this file keeps from everyone else (measured, README "Decisions"):
 * - settings leak from query to query on one session → a session serves one request and is closed (0.3 ms);
 * - a session runs one query at a time, on a libuv thread → the caller bounds how many run at once;
 * - chdb's own bound parameters are serialized over the whole process → parameters are `SET param_…` of the session;
 * - `INSERT … SELECT … FROM input(…)` with in-line data stores nothing and says nothing → refused here;
 * - in-line data ends at the first empty line, wherever binary bytes happen to hold one → Native blocks go in through a file.
 */

import { closeSync, openSync, rmSync, writeSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Session } from 'chdb'

/** chdb exports no way to insert bytes under an arbitrary INSERT prefix; its loader has it. The version is pinned exactly. */
interface NativeBinding {
  InsertRawAsyncConnection(
    connection: unknown,
    prefix: string,
    bytes: Buffer,
    countLines: boolean,
  ): Promise<{ readonly rowsWritten: number; readonly elapsed: number }>
}

export interface EngineResult {
  readonly bytes: Uint8Array
  readonly rowsRead: number
  readonly rowsWritten: number
  readonly elapsedSeconds: number
}

/** What a request sets before its statement; values are texts as they came in the URL. */
export interface SessionScope {
  readonly database: string
  readonly settings: ReadonlyMap<string, string>
  /** Values in the escaped form that ClickHouse's HTTP interface takes. */
  readonly params: ReadonlyMap<string, string>
  /** Set last, after which nothing can be set any more. 0: may write. */
  readonly readonly: 0 | 1
}

const requireHere = createRequire(import.meta.url)
const settingName = /^[a-z][a-z0-9_]*$/
const paramName = /^\w+$/

export class NativeEngine {
  readonly #folder: string
  /** Keeps the engine open; runs nothing itself. */
  readonly #anchor: Session
  readonly #native: NativeBinding
  readonly #filesFolder: string
  #fileCount = 0

  /** `filesFolder`: where relative names of files start (engine-config.ts). Throws what chdb throws: most often that another process holds `folder`. */
  constructor(folder: string, configPath: string, filesFolder: string) {
    this.#folder = folder
    this.#filesFolder = filesFolder
    this.#anchor = new Session(folder, { connectionArgs: [`--config-file=${configPath}`] })
    const requireChdb = createRequire(requireHere.resolve('chdb'))
    this.#native = requireChdb('./dist/loader.js').loadNative() as NativeBinding
  }

  async query(sql: string, format: string, scope: SessionScope): Promise<EngineResult> {
    return this.#inSession(scope, async (session) => {
      const result = await session.queryAsync(sql, { format })
      return { bytes: result.bytes(), rowsRead: result.rowsRead, rowsWritten: 0, elapsedSeconds: result.elapsed }
    })
  }

  /** `prefix` is the INSERT up to and with its FORMAT; `pieces` are its rows, one behind the other. */
  async insert(prefix: string, pieces: readonly Buffer[], scope: SessionScope): Promise<EngineResult> {
    if (/\binput\s*\(/i.test(prefix)) {
      throw new Error('Code: 48. DB::Exception: input() takes no rows in the embedded engine. (NOT_IMPLEMENTED)')
    }
    const native = /^(.*)\sFORMAT\s+Native\s*$/is.exec(prefix)?.[1]
    if (native !== undefined) return this.#insertFile(native, pieces, scope)
    const bytes = Buffer.concat(pieces)
    return this.#inSession(scope, async (session) => {
      const result = await this.#native.InsertRawAsyncConnection(session.connection, prefix, bytes, false)
      return { bytes: new Uint8Array(0), rowsRead: 0, rowsWritten: result.rowsWritten, elapsedSeconds: result.elapsed }
    })
  }

  /**
   * Through the page cache: the file is gone before its pages are due on the disk. Native names its columns, but they are taken by their
   * place, which is the statement's.
   */
  async #insertFile(statement: string, pieces: readonly Buffer[], scope: SessionScope): Promise<EngineResult> {
    const name = `insert-${this.#fileCount++}.native`
    const path = join(this.#filesFolder, name)
    const settings = new Map([...scope.settings, ['deduplicate_insert_select', 'force_enable']])
    try {
      writePieces(path, pieces)
      return await this.#inSession({ ...scope, settings }, async (session) => {
        const result = await session.queryAsync(`${statement} SELECT * FROM file('${name}', 'Native')`)
        return { bytes: new Uint8Array(0), rowsRead: 0, rowsWritten: result.rowsRead, elapsedSeconds: result.elapsed }
      })
    } finally {
      rmSync(path, { force: true })
    }
  }

  close(): void {
    this.#anchor.close()
  }

  async #inSession<Result>(scope: SessionScope, run: (session: Session) => Promise<Result>): Promise<Result> {
    const session = new Session(this.#folder)
    try {
      await session.queryAsync(preamble(scope))
      return await run(session)
    } finally {
      session.close()
    }
  }
}

/** Not joined first: that would be one copy of the block more. One block at a time, and short: an await is a turn of the event loop more. */
function writePieces(path: string, pieces: readonly Buffer[]): void {
  const file = openSync(path, 'w', 0o600)
  try {
    for (const piece of pieces) {
      // A write may be short.
      for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at, piece.length - at)
    }
  } finally {
    closeSync(file)
  }
}

/** Several statements in one call, each of ours; values are quoted, names are checked. */
function preamble(scope: SessionScope): string {
  const assignments = ['async_insert = 0', 'output_format_json_quote_64bit_integers = 1', 'http_max_tries = 1']
  for (const [name, value] of scope.settings) {
    if (!settingName.test(name)) throw unknownSetting(name)
    assignments.push(`${name} = ${quoted(value)}`)
  }
  for (const [name, value] of scope.params) {
    if (!paramName.test(name)) throw unknownSetting(`param_${name}`)
    assignments.push(`param_${name} = ${quoted(value)}`)
  }
  const lock = scope.readonly === 0 ? '' : `; SET readonly = ${scope.readonly}`
  return `USE ${quotedName(scope.database)}; SET ${assignments.join(', ')}${lock}`
}

function unknownSetting(name: string): Error {
  return new Error(`Code: 115. DB::Exception: Unknown setting ${quoted(name)}. (UNKNOWN_SETTING)`)
}

function quoted(text: string): string {
  return `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'")}'`
}

function quotedName(name: string): string {
  return `\`${name.replace(/\\/g, '\\\\').replace(/`/g, '\\`')}\``
}
