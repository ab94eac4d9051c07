/**
 * A migration: numbered, forward only, one statement an entry, safe to run again from the start.
 * One text serves one server and a named cluster; `renderStatement` fills in what differs.
 */

export interface Migration {
  /** Four digits; the order in which they run. */
  readonly id: string
  readonly name: string
  readonly statements: readonly string[]
}

/** `single` is one server, the embedded engine included; `cluster` replicates every table over the cluster's hosts. */
export type StoreLayout = { readonly kind: 'single' } | { readonly kind: 'cluster'; readonly cluster: string }

const placeholder = /\{\{(on_cluster|engine:([A-Za-z]*MergeTree)(?:\(([^)]*)\))?|table_settings)\}\}/g

/**
 * Placeholders: `{{on_cluster}}`, `{{engine:ReplacingMergeTree(version)}}`, and `{{table_settings}}` for what every table needs:
 * a window of deduplication tokens, and on one server an fsync before an insert is acknowledged (ecosystem: costs nothing measurable).
 */
export function renderStatement(statement: string, layout: StoreLayout): string {
  return statement.replace(placeholder, (whole, kind: string, engine?: string, args?: string) => {
    if (kind === 'on_cluster') return layout.kind === 'cluster' ? ` ON CLUSTER '${layout.cluster}'` : ''
    if (kind === 'table_settings') {
      return layout.kind === 'cluster'
        ? 'replicated_deduplication_window = 1000'
        : 'non_replicated_deduplication_window = 1000, fsync_after_insert = 1, fsync_part_directory = 1'
    }
    if (engine === undefined) return whole
    if (layout.kind === 'single') return `${engine}(${args ?? ''})`
    const path = `'/clickhouse/tables/{shard}/{database}/{table}', '{replica}'`
    return `Replicated${engine}(${path}${args === undefined || args === '' ? '' : `, ${args}`})`
  })
}
