/**
 * Secrets by connection, from an NSS key log ("SSLKEYLOGFILE", draft-ietf-tls-keylogfile): lines of `label random secret`, the last two in hex.
 * Bounded: the oldest connections leave. Nothing in here is ever printed, logged or thrown.
 */

import { BoundedMap } from '@tapwarden/base/bounded-map'

/** Of one connection; which ones are there depends on its version, and on what was logged so far. */
export interface TlsSecrets {
  /** TLS 1.2 and before, 48 bytes. */
  master?: Uint8Array
  clientHandshake?: Uint8Array
  serverHandshake?: Uint8Array
  clientTraffic?: Uint8Array
  serverTraffic?: Uint8Array
  clientEarly?: Uint8Array
}

const labels: ReadonlyMap<string, keyof TlsSecrets> = new Map([
  ['CLIENT_RANDOM', 'master'],
  ['CLIENT_HANDSHAKE_TRAFFIC_SECRET', 'clientHandshake'],
  ['SERVER_HANDSHAKE_TRAFFIC_SECRET', 'serverHandshake'],
  ['CLIENT_TRAFFIC_SECRET_0', 'clientTraffic'],
  ['SERVER_TRAFFIC_SECRET_0', 'serverTraffic'],
  ['CLIENT_EARLY_TRAFFIC_SECRET', 'clientEarly'],
])
/** Well formed, and of no use here: exporters, QUIC, ECH, key exchange secrets of RSA by its own index. */
const otherLine = /^[A-Z][A-Z0-9_]{2,63} [0-9a-fA-F]{2,256} [0-9a-fA-F]{2,1024}$/
const randomPattern = /^[0-9a-fA-F]{64}$/
const hexPattern = /^(?:[0-9a-fA-F]{2}){16,64}$/
const masterHexCharacters = 96
const lineMaxBytes = 4_096
const lf = 0x0a

export interface KeyLogCounts {
  /** Lines that gave a secret, repetitions included. */
  readonly secretCount: number
  /** Lines of a known form that no decryption here needs. */
  readonly otherCount: number
  readonly malformedCount: number
  /** Connections whose secrets are held, and those whose secrets had to leave. */
  readonly connectionCount: number
  readonly evictedCount: number
}

export class KeyLog {
  readonly #secrets: BoundedMap<string, TlsSecrets>
  #line: number[] = []
  #isLineTooLong = false
  #secretCount = 0
  #otherCount = 0
  #malformedCount = 0
  /** Grows with each secret: whoever waits compares. */
  generation = 0

  /** `maxConnections`: about 1 KiB each. */
  constructor(maxConnections = 100_000) {
    this.#secrets = new BoundedMap({ maxEntries: maxConnections, onFull: 'evict-oldest' })
  }

  /** Of the connection whose client said `random` (64 lower-case hex digits). The object grows as lines come. */
  of(random: string): TlsSecrets | undefined {
    return this.#secrets.peek(random)
  }

  /** Bytes of the file in order, cut anywhere. A line counts once its end is there. */
  push(bytes: Uint8Array): void {
    let from = 0
    for (let end = bytes.indexOf(lf); end >= 0; end = bytes.indexOf(lf, from)) {
      this.#gather(bytes, from, end)
      this.#takeLine()
      from = end + 1
    }
    this.#gather(bytes, from, bytes.length)
  }

  /** Lines that another place than the file brought, whole; what is read of the file's own last line stays. */
  pushAside(bytes: Uint8Array): void {
    const [line, isTooLong] = [this.#line, this.#isLineTooLong]
    this.restart()
    this.push(bytes)
    this.end()
    this.#line = line
    this.#isLineTooLong = isTooLong
  }

  /** The file is complete: a last line without its end counts, too. */
  end(): void {
    this.#takeLine()
  }

  /** The file was replaced: what was read of a line that never ended belongs to none. */
  restart(): void {
    this.#line = []
    this.#isLineTooLong = false
  }

  counts(): KeyLogCounts {
    return {
      secretCount: this.#secretCount,
      otherCount: this.#otherCount,
      malformedCount: this.#malformedCount,
      connectionCount: this.#secrets.size,
      evictedCount: this.#secrets.overflowCount,
    }
  }

  #gather(bytes: Uint8Array, from: number, to: number): void {
    if (this.#isLineTooLong || this.#line.length + to - from > lineMaxBytes) {
      this.#isLineTooLong = true
      this.#line = []
    } else for (let i = from; i < to; i++) this.#line.push(bytes[i]!) // In range by the loop condition.
  }

  #takeLine(): void {
    const text = Buffer.from(this.#line).toString('latin1').trim()
    const isTooLong = this.#isLineTooLong
    this.restart()
    if (isTooLong) this.#malformedCount++
    else if (text !== '' && !text.startsWith('#')) this.#takeText(text)
  }

  #takeText(text: string): void {
    const [label = '', random = '', secret = '', rest] = text.split(/[ \t]+/)
    const kind = labels.get(label)
    if (kind === undefined) {
      if (otherLine.test(text)) this.#otherCount++
      else this.#malformedCount++
      return
    }
    const isSecret = hexPattern.test(secret) && (kind !== 'master' || secret.length === masterHexCharacters)
    if (rest !== undefined || !isSecret || !randomPattern.test(random)) {
      this.#malformedCount++
      return
    }
    const key = random.toLowerCase()
    const known = this.#secrets.peek(key)
    const secrets = known ?? {}
    secrets[kind] = Uint8Array.from(Buffer.from(secret, 'hex'))
    if (known === undefined) this.#secrets.set(key, secrets)
    this.#secretCount++
    this.generation++
  }
}
