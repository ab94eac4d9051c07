/** What TLS connections may hold, alone and together, and what is counted of them. */

export interface TlsLimits {
  /** One handshake message that is read (hellos, a few small ones); longer ones end the reading of the connection. */
  readonly handshakeMaxBytes: number
  /** Records of one connection that wait for keys. Beyond it the connection is given up as undecryptable. */
  readonly pendingMaxBytes: number
  /** Everything held by all connections together: records waiting for keys, incomplete records and messages. */
  readonly totalMaxBytes: number
  /** Sequence numbers tried for one record behind a gap. */
  readonly resyncMaxTries: number
  /** Bytes deciphered in vain for one record behind a gap, over all tries. */
  readonly resyncMaxBytes: number
  /** Records in a row that no key opens before a connection is given up. */
  readonly failedRecordsMax: number
}

export const defaultTlsLimits: TlsLimits = {
  handshakeMaxBytes: 65_536,
  pendingMaxBytes: 262_144,
  totalMaxBytes: 67_108_864,
  resyncMaxTries: 1_024,
  resyncMaxBytes: 4_194_304,
  failedRecordsMax: 32,
}

/** Why a connection, or the rest of it, stays closed to us. A closed list: hostile input cannot make names. */
export type TlsBlindness =
  /** Joined after its hellos, or one of them was not captured. */
  | 'tls.hello-missing'
  /** Nobody gave the secrets of this connection. */
  | 'tls.keys-missing'
  /** A cipher suite, version or compression that is not decrypted here. */
  | 'tls.suite-unsupported'
  /** Too much waited for secrets. */
  | 'tls.pending-overflow'
  /** No key opens what comes: wrong secrets, damage, or more was lost than is tried. */
  | 'tls.records-unauthenticated'
  /** No record where one must start, or a hello that is none. */
  | 'tls.malformed'

export type TlsAnomaly = TlsBlindness | 'tls.record-lost' | 'tls.resynchronized' | 'tls.early-data-rejected'

/** Shared by all connections of a sensor. */
export class TlsCounters {
  /** Connections in which a ClientHello or ServerHello was read. */
  helloCount = 0
  recordCount = 0
  decryptedRecordCount = 0
  /** Content of application-data records. */
  decryptedBytes = 0
  readonly anomalies = new Map<TlsAnomaly, number>()

  anomaly(name: TlsAnomaly, count = 1): void {
    this.anomalies.set(name, (this.anomalies.get(name) ?? 0) + count)
  }
}

/** The one budget of all connections. */
export class TlsMemory {
  readonly maxBytes: number
  usedBytes = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** False when it would be too much; nothing is taken then. */
  take(bytes: number): boolean {
    if (this.usedBytes + bytes > this.maxBytes) return false
    this.usedBytes += bytes
    return true
  }

  give(bytes: number): void {
    this.usedBytes -= bytes
  }
}
