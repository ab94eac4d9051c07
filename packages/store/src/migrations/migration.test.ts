import { describe, expect, it } from 'vitest'
import { renderStatement, type StoreLayout } from './migration.js'
import { migrations } from './migrations.js'

const single: StoreLayout = { kind: 'single' }
const cluster: StoreLayout = { kind: 'cluster', cluster: 'main' }

describe('renderStatement', () => {
  it.each<[string, StoreLayout, string]>([
    ['CREATE TABLE t{{on_cluster}} (', single, 'CREATE TABLE t ('],
    ['CREATE TABLE t{{on_cluster}} (', cluster, "CREATE TABLE t ON CLUSTER 'main' ("],
    ['{{engine:MergeTree}}', single, 'MergeTree()'],
    ['{{engine:ReplacingMergeTree(version)}}', single, 'ReplacingMergeTree(version)'],
    [
      '{{engine:MergeTree}}',
      cluster,
      "ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')",
    ],
    [
      '{{engine:ReplacingMergeTree(version)}}',
      cluster,
      "ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)",
    ],
  ])('%s for %j', (statement, layout, rendered) => expect(renderStatement(statement, layout)).toBe(rendered))

  it('leaves no placeholder in any migration, and numbers them in order', () => {
    for (const { statements } of migrations) {
      for (const layout of [single, cluster]) {
        for (const statement of statements) expect(renderStatement(statement, layout)).not.toContain('{{')
      }
    }
    const ids = migrations.map(({ id }) => id)
    expect(ids).toEqual([...new Set(ids)].sort())
  })
})
