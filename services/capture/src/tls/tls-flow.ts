/**
 * One connection whose first bytes look like TLS: a session that reads it, and an `HttpFlow` for what it decrypts. The consumer of such flows only;
 * all others never get here.
 *
 *   undecided ──six bytes──► TLS ──content──► HttpFlow, told what is known of the connection
 *       └──no record after all──► HttpFlow of the bytes as they are
 */

import type { HttpFlow } from '@tapwarden/http/http-flow'
import type { HttpCounters } from '@tapwarden/http/http-limits'
import type { FlowInfo } from '@tapwarden/net/flow-table'
import type { Direction, EndReason, FlowAnomaly, StreamConsumer } from '@tapwarden/net/stream-consumer'
import { cipherSuiteName } from '@tapwarden/tls/cipher-suites'
import { ja3, ja4 } from '@tapwarden/tls/fingerprint'
import type { KeyLog } from '@tapwarden/tls/key-log'
import { looksLikeTls, streamStartBytes } from '@tapwarden/tls/record'
import { versionName } from '@tapwarden/tls/server-hello'
import { defaultTlsLimits, TlsCounters, type TlsLimits, TlsMemory } from '@tapwarden/tls/tls-limits'
import { TlsSession } from '@tapwarden/tls/tls-session'
import { type TlsServerRow, TlsServers } from './tls-servers.js'

/** What a transaction tells of the TLS connection that it came on. */
export interface TlsFacts {
  /** `1.2`, `1.3`. */
  readonly version: string
  readonly serverName?: string
  readonly alpn?: string
  /** IANA's name. */
  readonly cipher: string
  readonly ja3?: string
  readonly ja4?: string
}

export interface TlsFlowInfo extends FlowInfo {
  readonly tls?: TlsFacts
}

export interface TlsTrafficOptions {
  readonly keyLog?: KeyLog | undefined
  /** The key log may still grow. */
  readonly waitsForKeys?: boolean
  readonly limits?: Partial<TlsLimits>
}

/** Connections that wait for keys at once; the longest waiting are given up. */
const waitingMaxCount = 10_000
/** Of event time, for keys. */
const keyWaitUs = 10_000_000

/** What all TLS connections of a reader share. */
export class TlsTraffic {
  readonly keyLog: KeyLog | undefined
  readonly waitsForKeys: boolean
  readonly limits: TlsLimits
  readonly counters = new TlsCounters()
  readonly memory: TlsMemory
  readonly servers = new TlsServers()
  /** In the order in which they began to wait. */
  readonly #waiting = new Map<TlsFlow, number>()

  constructor(options: TlsTrafficOptions) {
    this.keyLog = options.keyLog
    this.waitsForKeys = options.waitsForKeys === true
    this.limits = { ...defaultTlsLimits, ...options.limits }
    this.memory = new TlsMemory(this.limits.totalMaxBytes)
  }

  get waitingCount(): number {
    return this.#waiting.size
  }

  wait(flow: TlsFlow, atUs: number): void {
    if (this.#waiting.has(flow)) return
    this.#waiting.set(flow, atUs)
    if (this.#waiting.size > waitingMaxCount) this.#waiting.keys().next().value?.stopWaiting()
  }

  isWaiting(flow: TlsFlow): boolean {
    return this.#waiting.has(flow)
  }

  forget(flow: TlsFlow): void {
    this.#waiting.delete(flow)
  }

  /** The flows that wait, and those of them that have waited long enough at `nowUs`. */
  waiting(nowUs: number): { readonly all: TlsFlow[]; readonly due: TlsFlow[] } {
    const due: TlsFlow[] = []
    for (const [flow, sinceUs] of this.#waiting) {
      if (sinceUs > nowUs - keyWaitUs) break
      due.push(flow)
    }
    return { all: [...this.#waiting.keys()], due }
  }
}

export interface TlsFlowOptions {
  readonly flow: FlowInfo
  readonly traffic: TlsTraffic
  readonly http: HttpCounters
  /** Makes the reader of what is HTTP, if anything is. */
  readonly openHttp: (flow: TlsFlowInfo) => HttpFlow
  /** The inside of a tunnel: if it is no TLS, it stays closed. */
  readonly isTunnel?: boolean
}

interface HeldStart {
  readonly direction: Direction
  readonly bytes: Uint8Array
  readonly atUs: number
  readonly seq: number
  readonly ack: number
}

export class TlsFlow implements StreamConsumer {
  readonly #options: TlsFlowOptions
  /** Undefined once it is blind: most connections are, and what is known of them is counted. */
  #session: TlsSession | undefined
  #isDecided = false
  #held: HeldStart | undefined
  /** Of what was decrypted or, where there is no session after all, of the bytes as they are. */
  #http: HttpFlow | undefined
  #isPlain = false
  #row: TlsServerRow | undefined
  #bytes = 0
  /** Bytes that came blind, by direction. */
  readonly #blindBytes = { c2s: 0, s2c: 0 }
  readonly #ends: { readonly direction: Direction; readonly reason: EndReason; readonly atUs: number }[] = []

  constructor(options: TlsFlowOptions) {
    const { traffic } = options
    this.#options = options
    this.#session = new TlsSession({
      keyLog: traffic.keyLog,
      waitsForKeys: traffic.waitsForKeys,
      limits: traffic.limits,
      counters: traffic.counters,
      memory: traffic.memory,
      consumer: {
        bytes: (direction, buffer, from, to, atUs, seq, ack) =>
          this.#content().bytes(direction, buffer, from, to, atUs, seq, ack),
        gap: (direction, missedBytes, atUs) => this.#content().gap(direction, missedBytes, atUs),
        end: (direction, reason, atUs) => this.#http?.end(direction, reason, atUs),
      },
    })
  }

  bytes(
    direction: Direction,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    if (this.#isPlain) {
      if (this.#options.isTunnel === true) this.#options.http.opaqueBytes += to - from
      else this.#content().bytes(direction, buffer, from, to, atUs, seq, ack)
    } else if (this.#isDecided) this.#read(direction, buffer, from, to, atUs, seq, ack)
    else this.#decide(direction, buffer, from, to, atUs, seq, ack)
  }

  gap(direction: Direction, missedBytes: number, atUs: number): void {
    if (!this.#isDecided) this.#goPlain()
    if (this.#isPlain) {
      if (this.#options.isTunnel !== true) this.#content().gap(direction, missedBytes, atUs)
    } else if (this.#session === undefined) this.#blindBytes[direction] += missedBytes
    else this.#session?.gap(direction, missedBytes, atUs)
  }

  anomaly(direction: Direction, name: FlowAnomaly): void {
    this.#http?.anomaly(direction, name)
  }

  end(direction: Direction, reason: EndReason, atUs: number): void {
    if (!this.#isDecided && (this.#held !== undefined || this.#options.isTunnel === true)) this.#goPlain()
    if (this.#isPlain) {
      this.#http?.end(direction, reason, atUs)
      return
    }
    this.#ends.push({ direction, reason, atUs })
    this.#session?.end(direction, reason, atUs)
    this.#settle(atUs)
    const session = this.#session
    if (session === undefined) this.#endBlind()
    else if (this.#ends.length === 2 && session.openedBytes === 0 && session.waitsFor === undefined)
      this.#countUnread(0)
  }

  /** The key log grew. */
  keysMayHaveCome(atUs: number): void {
    this.#session?.keysMayHaveCome()
    this.#settle(atUs)
  }

  /** Keys did not come in time. */
  stopWaiting(): void {
    this.#session?.giveUp('tls.keys-missing')
    this.#settle(0)
    this.#endBlind()
  }

  /** After a fault of ours: nothing of the flow is published any more. */
  abandon(): void {
    this.#session?.giveUp('tls.malformed')
    this.#options.traffic.forget(this)
    this.#http?.abandon()
  }

  #decide(
    direction: Direction,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    const held = this.#held
    if (held === undefined || held.direction !== direction) {
      if (held !== undefined || !looksLikeTls(buffer, from, to)) this.#goPlain()
      else if (to - from < streamStartBytes) {
        this.#held = { direction, bytes: buffer.slice(from, to), atUs, seq, ack }
        return
      } else this.#isDecided = true
      this.bytes(direction, buffer, from, to, atUs, seq, ack)
      return
    }
    this.#held = { ...held, bytes: Buffer.concat([held.bytes, buffer.subarray(from, to)]) }
    const { bytes } = this.#held
    if (!looksLikeTls(bytes, 0, bytes.length)) this.#goPlain()
    else if (bytes.length >= streamStartBytes) {
      this.#isDecided = true
      this.#giveHeld()
    }
  }

  #goPlain(): void {
    this.#isDecided = true
    this.#isPlain = true
    if (this.#options.isTunnel === true) this.#options.http.opaqueFlows.tunnel++
    this.#giveHeld()
  }

  #giveHeld(): void {
    const held = this.#held
    this.#held = undefined
    if (held !== undefined) {
      this.bytes(held.direction, held.bytes, 0, held.bytes.length, held.atUs, held.seq, held.ack)
    }
  }

  #read(
    direction: Direction,
    buffer: Uint8Array,
    from: number,
    to: number,
    atUs: number,
    seq: number,
    ack: number,
  ): void {
    const count = to - from
    this.#bytes += count
    if (this.#row !== undefined) this.#row.bytes += count
    if (this.#session === undefined) {
      this.#options.http.opaqueBytes += count
      this.#blindBytes[direction] += count
      if (this.#row !== undefined) this.#row.undecryptedBytes += count
      return
    }
    this.#session?.bytes(direction, buffer, from, to, atUs, seq, ack)
    this.#settle(atUs)
  }

  /** Notes what the session has found out. */
  #settle(atUs: number): void {
    const session = this.#session
    if (session === undefined) return
    if (this.#row === undefined && (session.clientHello !== undefined || session.blindness !== undefined)) {
      const { serverIp, serverPort } = this.#options.flow
      this.#row = this.#options.traffic.servers.of(serverIp, serverPort, session.clientHello?.serverName)
      this.#row.flowCount++
      this.#row.bytes += this.#bytes
    }
    if (session.blindness !== undefined) this.#goBlind(session.openedBytes)
    else if (session.waitsFor !== undefined) this.#options.traffic.wait(this, atUs)
    else if (this.#options.traffic.waitingCount > 0) this.#options.traffic.forget(this)
  }

  #goBlind(openedBytes: number): void {
    this.#session = undefined
    this.#options.traffic.forget(this)
    const unreadBytes = this.#countUnread(openedBytes)
    if (this.#row === undefined) return
    this.#row.undecryptedFlowCount++
    this.#row.undecryptedBytes += unreadBytes
  }

  /** Returns how many bytes of the flow were not read. */
  #countUnread(openedBytes: number): number {
    const unreadBytes = this.#bytes - openedBytes
    if (openedBytes === 0) this.#options.http.opaqueFlows.tls++
    this.#options.http.opaqueBytes += unreadBytes
    return unreadBytes
  }

  /** What was read before is over where the connection is, behind bytes that nobody could read. */
  #endBlind(): void {
    for (const { direction, reason, atUs } of this.#ends.splice(0)) {
      if (this.#blindBytes[direction] > 0) this.#http?.gap(direction, this.#blindBytes[direction], atUs)
      this.#http?.end(direction, reason, atUs)
    }
  }

  #content(): HttpFlow {
    this.#http ??= this.#options.openHttp(this.#isPlain ? this.#options.flow : this.#withFacts())
    return this.#http
  }

  #withFacts(): TlsFlowInfo {
    const { clientHello, serverHello, alpn } = this.#session ?? {}
    const serverName = clientHello?.serverName
    const tls: TlsFacts = {
      version: versionName(serverHello?.version ?? 0),
      cipher: cipherSuiteName(serverHello?.cipherSuite ?? 0),
      ...(serverName === undefined ? {} : { serverName }),
      ...(alpn === undefined ? {} : { alpn }),
      ...(clientHello === undefined ? {} : { ja3: ja3(clientHello), ja4: ja4(clientHello) }),
    }
    return { ...this.#options.flow, tls }
  }
}
