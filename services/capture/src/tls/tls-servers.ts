/** How much of each server's TLS can be read: one row a server address and server name, bounded; the longest untouched leave into the rest. */

import { BoundedMap } from '@tapwarden/base/bounded-map'
import { isSecretShape } from '@tapwarden/sensitive-data/secret-shape'

export interface TlsServerShare {
  /** `192.0.2.7:443`; IPv6 in brackets. Empty: all servers that have no row of their own. */
  readonly server: string
  /** As the clients named it; empty where they did not, or their hello was not seen. */
  readonly serverName: string
  readonly flowCount: number
  /** Connections of which nothing, or no longer everything, could be read. */
  readonly undecryptedFlowCount: number
  readonly bytes: number
  readonly undecryptedBytes: number
}

/** A row that grows. */
export interface TlsServerRow extends TlsServerShare {
  flowCount: number
  undecryptedFlowCount: number
  bytes: number
  undecryptedBytes: number
}

const serversMaxCount = 4_096

export class TlsServers {
  readonly #rest = row('', '')
  readonly #rows = new BoundedMap<string, TlsServerRow>({
    maxEntries: serversMaxCount,
    onFull: 'evict-least-recent',
    onEvict: (_key, gone) => add(this.#rest, gone),
  })

  /** The row of a server; whoever has it counts in it. */
  of(ip: string, port: number, serverName: string | undefined): TlsServerRow {
    const server = ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`
    const name = serverName === undefined ? '' : shownName(serverName)
    const key = `${server} ${name}`
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    const made = row(server, name)
    this.#rows.set(key, made)
    return made
  }

  /** Those with most bytes that could not be read come first; the rest, where there is one, comes last. */
  top(maxCount: number): TlsServerShare[] {
    const rows = [...this.#rows.values()].sort(
      (a, b) => b.undecryptedBytes - a.undecryptedBytes || b.bytes - a.bytes || (a.server < b.server ? -1 : 1),
    )
    const rest = { ...this.#rest }
    for (const further of rows.slice(maxCount)) add(rest, further)
    const shown: TlsServerShare[] = rows.slice(0, maxCount).map((known) => ({ ...known }))
    return rest.flowCount === 0 ? shown : [...shown, rest]
  }

  total(): TlsServerShare {
    const total = { ...this.#rest }
    for (const known of this.#rows.values()) add(total, known)
    return total
  }
}

/** Names are people's to read: a label that could be a secret is none. */
function shownName(name: string): string {
  return name
    .split('.')
    .map((label) => (isSecretShape(Buffer.from(label, 'latin1'), 0, label.length) ? '*' : label))
    .join('.')
}

function row(server: string, serverName: string): TlsServerRow {
  return { server, serverName, flowCount: 0, undecryptedFlowCount: 0, bytes: 0, undecryptedBytes: 0 }
}

function add(sum: TlsServerRow, other: TlsServerShare): void {
  sum.flowCount += other.flowCount
  sum.undecryptedFlowCount += other.undecryptedFlowCount
  sum.bytes += other.bytes
  sum.undecryptedBytes += other.undecryptedBytes
}
