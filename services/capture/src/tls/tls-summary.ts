/** What a run read of TLS, and what it could not: plain values. */

import type { KeyLog, KeyLogCounts } from '@tapwarden/tls/key-log'
import type { TlsCounters } from '@tapwarden/tls/tls-limits'
import type { TlsServerShare, TlsServers } from './tls-servers.js'

export interface TlsSummary {
  /** Connections in which a hello was read. */
  readonly helloCount: number
  readonly bytes: number
  readonly undecryptedBytes: number
  /** Content that was decrypted. */
  readonly decryptedBytes: number
  /** Those with most bytes that could not be read first; the rest, where there is more, in the last row. */
  readonly servers: readonly TlsServerShare[]
  /** Absent without a key log. */
  readonly keyLog?: KeyLogCounts
}

const serversMaxCount = 20

export function tlsSummary(counters: TlsCounters, servers: TlsServers, keyLog: KeyLog | undefined): TlsSummary {
  const { bytes, undecryptedBytes } = servers.total()
  return {
    helloCount: counters.helloCount,
    bytes,
    undecryptedBytes,
    decryptedBytes: counters.decryptedBytes,
    servers: servers.top(serversMaxCount),
    ...(keyLog === undefined ? {} : { keyLog: keyLog.counts() }),
  }
}

/** Of several captures, read one after the other. */
export function addTlsSummaries(one: TlsSummary | undefined, other: TlsSummary): TlsSummary {
  if (one === undefined) return other
  const rows = new Map(one.servers.map((row) => [`${row.server} ${row.serverName}`, row]))
  for (const row of other.servers) {
    const key = `${row.server} ${row.serverName}`
    const known = rows.get(key)
    rows.set(key, known === undefined ? row : added(known, row))
  }
  const { keyLog } = other
  return {
    helloCount: one.helloCount + other.helloCount,
    bytes: one.bytes + other.bytes,
    undecryptedBytes: one.undecryptedBytes + other.undecryptedBytes,
    decryptedBytes: one.decryptedBytes + other.decryptedBytes,
    servers: [...rows.values()].sort((a, b) => b.undecryptedBytes - a.undecryptedBytes).slice(0, serversMaxCount),
    ...(keyLog === undefined ? {} : { keyLog }),
  }
}

function added(one: TlsServerShare, other: TlsServerShare): TlsServerShare {
  return {
    server: one.server,
    serverName: one.serverName,
    flowCount: one.flowCount + other.flowCount,
    undecryptedFlowCount: one.undecryptedFlowCount + other.undecryptedFlowCount,
    bytes: one.bytes + other.bytes,
    undecryptedBytes: one.undecryptedBytes + other.undecryptedBytes,
  }
}
