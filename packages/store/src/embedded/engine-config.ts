/** The engine's server configuration: what it may use, and where relative names of files start. */

import { join } from 'node:path'

export interface EngineLimits {
  /** All queries and inserts together. The engine's own default is nine tenths of the machine. */
  readonly memoryMaxBytes: number
  readonly markCacheBytes: number
  readonly uncompressedCacheBytes: number
  /** Rows of one insert, as bytes of its body. */
  readonly bodyMaxBytes: number
}

export const defaultEngineLimits: EngineLimits = {
  memoryMaxBytes: 2 * 1024 ** 3,
  markCacheBytes: 64 * 1024 ** 2,
  uncompressedCacheBytes: 0,
  bodyMaxBytes: 512 * 1024 ** 2,
}

/** Where the engine of a store folder reads files by their names: nothing is in it but a block of rows while it is inserted. */
export function blockFolderOf(storeDir: string): string {
  return join(storeDir, 'engine-files')
}

/** `emptyFolder`: see `blockFolderOf`. An absolute name still reads whatever the process may read: chdb checks no path (SQL gate). */
export function engineConfigXml(limits: EngineLimits, emptyFolder: string): string {
  const folder = xml(emptyFolder)
  return `<clickhouse>
  <max_server_memory_usage>${limits.memoryMaxBytes}</max_server_memory_usage>
  <mark_cache_size>${limits.markCacheBytes}</mark_cache_size>
  <uncompressed_cache_size>${limits.uncompressedCacheBytes}</uncompressed_cache_size>
  <user_files_path>${folder}</user_files_path>
  <format_schema_path>${folder}</format_schema_path>
  <user_scripts_path>${folder}</user_scripts_path>
</clickhouse>
`
}

function xml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}
