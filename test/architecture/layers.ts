/** The layers of LAYOUT as data: who may import whom. A row names every workspace package that its files may import. */

const runtimeLayer = ['base', 'contracts', 'runtime']

/** Folder → workspace packages that it may import (by folder name under `packages/`). */
export const allowedImports: Readonly<Record<string, readonly string[]>> = {
  'packages/base': [],
  'packages/contracts': ['base'],
  'packages/pcap': ['base'],
  'packages/net': ['base'],
  'packages/http': ['base'],
  'packages/tls': ['base'],
  'packages/sensitive-data': ['base'],
  'packages/catalog': ['base', 'contracts'],
  'packages/detection': ['base', 'contracts'],
  'packages/mitigation': ['base', 'contracts'],
  'packages/redaction': ['base', 'contracts', 'http', 'sensitive-data'],
  'packages/runtime': ['base'],
  'packages/bus': runtimeLayer,
  'packages/store': runtimeLayer,
  'packages/jobs': runtimeLayer,
  'packages/enforcers': runtimeLayer,
}

/** L0 to L3: bytes, records, time and limits in; values out. */
export const pureFolders: readonly string[] = [
  'packages/base',
  'packages/contracts',
  'packages/pcap',
  'packages/net',
  'packages/http',
  'packages/tls',
  'packages/sensitive-data',
  'packages/catalog',
  'packages/detection',
  'packages/mitigation',
  'packages/redaction',
]

/** Built-ins that only compute; everything else of Node is I/O, time or chance. */
export const pureBuiltins: readonly string[] = ['node:assert', 'node:buffer', 'node:crypto', 'node:zlib']

/** Client libraries whose types may not cross a port: package → the only folder that may import it. */
export const confinedLibraries: Readonly<Record<string, string>> = {
  kafkajs: 'packages/bus',
  bullmq: 'packages/jobs',
  ioredis: 'packages/jobs',
  '@clickhouse/client': 'packages/store',
  chdb: 'packages/store',
}
