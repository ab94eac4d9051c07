/** Every migration, in order, and the one function that applies those a store lacks. */

import { createHash } from 'node:crypto'
import { database, tableNames } from '@tapwarden/contracts/names'
import type { HttpStore } from '../http-store.js'
import { tables } from './0001-tables.js'
import { views } from './0002-views.js'
import { samplingAndWebSockets } from './0003-sampling-and-web-sockets.js'
import { tunnels } from './0004-tunnels.js'
import { http2AndGrpc } from './0005-http2-and-grpc.js'
import { tls } from './0006-tls.js'
import { overload } from './0007-overload.js'
import { type Migration, renderStatement, type StoreLayout } from './migration.js'

export const migrations: readonly Migration[] = [
  tables,
  views,
  samplingAndWebSockets,
  tunnels,
  http2AndGrpc,
  tls,
  overload,
]

/** The store was made by another text of a migration: an edited one, or another version of this program. */
export class MigrationMismatch extends Error {
  override readonly name = 'MigrationMismatch'
  constructor(id: string, detail: string) {
    super(`migration ${id} ${detail}`)
  }
}

const ledger = `${database}.${tableNames.migrations}`

/**
 * Applies what the ledger lacks and returns its ids; running it twice changes nothing. Run by one process: the one that owns the
 * embedded engine, or the migrate command. Throws `MigrationMismatch`, `StoreUnavailable` or `QueryRefused`; what was applied stays.
 */
export async function applyMigrations(store: HttpStore, layout: StoreLayout = { kind: 'single' }): Promise<string[]> {
  await store.createDatabase(renderStatement('{{on_cluster}}', layout))
  await store.command(
    renderStatement(
      `CREATE TABLE IF NOT EXISTS ${ledger}{{on_cluster}} (
  id String, name String, checksum String, applied_at DateTime64(3, 'UTC') DEFAULT now64(3)
) ENGINE = {{engine:ReplacingMergeTree}} ORDER BY id SETTINGS {{table_settings}}`,
      layout,
    ),
  )
  const rows = await store.query<{ id: string; checksum: string }>(`SELECT id, checksum FROM ${ledger} FINAL`)
  const applied = new Map(rows.map((row) => [row.id, row.checksum]))
  const known = new Set(migrations.map((migration) => migration.id))
  for (const id of applied.keys()) {
    if (!known.has(id)) throw new MigrationMismatch(id, 'was applied by a newer version of this program')
  }
  const fresh: string[] = []
  for (const migration of migrations) {
    const checksum = checksumOf(migration)
    const stored = applied.get(migration.id)
    if (stored === checksum) continue
    if (stored !== undefined) throw new MigrationMismatch(migration.id, 'was applied with another text')
    for (const statement of migration.statements) await store.command(renderStatement(statement, layout))
    await store.insertRows(tableNames.migrations, [{ id: migration.id, name: migration.name, checksum }], {
      deduplicationToken: `migration-${migration.id}-${checksum}`,
    })
    fresh.push(migration.id)
  }
  return fresh
}

function checksumOf(migration: Migration): string {
  return createHash('sha256').update(migration.statements.join(';\n')).digest('hex')
}
