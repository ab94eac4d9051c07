/**
 * The steps from frames to transactions, before redaction: link, IP and fragments → flows → HTTP. Synchronous and pure of I/O, so
 * that the conformance program runs exactly what the service runs.
 */

import { randomInt } from 'node:crypto'
import { HttpFlow, type HttpFlowOptions } from '@tapwarden/http/http-flow'
import { type AnomalyName, defaultHttpLimits, HttpCounters, type HttpLimits } from '@tapwarden/http/http-limits'
import { MessagePool } from '@tapwarden/http/message'
import type { Proxied } from '@tapwarden/http/proxy-protocol'
import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import type { FlowShare } from '@tapwarden/net/flow-share'
import { type FlowInfo, type FlowLimits, type FlowStatistics, FlowTable } from '@tapwarden/net/flow-table'
import type { CapturedFrame } from '@tapwarden/net/frame'
import { SegmentReader, type SegmentReaderOptions, type SegmentReaderStatistics } from '@tapwarden/net/segment-reader'
import { looksLikeTls, mayStartRecord } from '@tapwarden/tls/record'
import type { TlsCounters } from '@tapwarden/tls/tls-limits'
import { GuardedFlow } from './guarded-flow.js'
import { TlsFlow, type TlsFlowInfo, TlsTraffic, type TlsTrafficOptions } from './tls/tls-flow.js'
import type { TlsServers } from './tls/tls-servers.js'

export interface TransactionReaderOptions {
  /** Both arguments are borrowed until it returns. `flow` names the client as the requests show it. */
  readonly onTransaction: (flow: TlsFlowInfo, transaction: RawTransaction) => void
  readonly flowLimits?: Partial<FlowLimits>
  readonly httpLimits?: Partial<HttpLimits>
  /** Which tunnels are read, and whether the networks in them are told apart. */
  readonly tunnels?: Pick<SegmentReaderOptions, 'tunnels' | 'networks'>
  /** Secrets of TLS connections, and whether more may come. */
  readonly tls?: TlsTrafficOptions
  /** The flows to read, where several workers share a capture. Default: all. */
  readonly share?: FlowShare | undefined
  /**
   * Hears of each connection that is given up because reading it, or `onTransaction`, threw: a fault of ours. Without it such a fault ends the
   * reader, as whoever tests it wants.
   */
  readonly onFlowFault?: (error: unknown) => void
}

export interface ReaderStatistics {
  readonly frames: SegmentReaderStatistics
  readonly flows: FlowStatistics
  readonly http: HttpCounters
  /** `heldBytes`: of incomplete records and messages, and of what waits for secrets. */
  readonly tls: { readonly counters: TlsCounters; readonly servers: TlsServers; readonly heldBytes: number }
  /** Connections given up because of a fault of ours. */
  readonly flowFaultCount: number
}

const relievePatience = 1_000

export class TransactionReader {
  readonly #segments: SegmentReader
  readonly #flows: FlowTable
  readonly #http = new HttpCounters()
  readonly #pool: MessagePool
  readonly #isScarce = (): boolean => !this.#pool.isRelieved
  readonly #tls: TlsTraffic
  readonly #onFlowFault: ((error: unknown) => void) | undefined
  #flowFaultCount = 0
  /** Frames to come before flows are asked to leave again. */
  #patience = 0

  constructor({ onTransaction, flowLimits, httpLimits, tunnels, tls, share, onFlowFault }: TransactionReaderOptions) {
    const pool = new MessagePool({ ...defaultHttpLimits, ...httpLimits }, this.#http)
    this.#pool = pool
    const openHttp = (flow: TlsFlowInfo, extras?: HttpFlowExtras): HttpFlow => {
      let reversed: TlsFlowInfo | undefined
      return new HttpFlow({
        pool,
        midStream: flow.midStream,
        proxied: extras?.proxied,
        openInner: extras?.openInner,
        sink: (transaction) => {
          if (transaction.reversed === true) reversed ??= withSidesSwapped(flow)
          onTransaction(reversed ?? flow, transaction)
        },
      })
    }
    const openTls = (flow: FlowInfo, isTunnel: boolean, proxied?: Proxied): TlsFlow =>
      new TlsFlow({
        flow,
        traffic: this.#tls,
        http: this.#http,
        openHttp: (inner) => openHttp(inner, { proxied }),
        isTunnel,
      })
    // What is decrypted is not looked into for more of the same.
    const openerOf =
      (flow: FlowInfo): OpenInner =>
      (kind, proxied) =>
        openTls(flow, kind === 'tunnel', proxied)
    this.#onFlowFault = onFlowFault
    this.#tls = new TlsTraffic(tls ?? {})
    this.#flows = new FlowTable({
      hashSeed: [randomInt(2 ** 32), randomInt(2 ** 32)], // Nothing that is published depends on it.
      ...(flowLimits === undefined ? {} : { limits: flowLimits }),
      consumerOf: (flow, buffer, from, to) => {
        const isTls = from < to && mayStartRecord(buffer[from]!) && looksLikeTls(buffer, from, to) // In range: `from < to`.
        const openInner = mayCarryTls(buffer, from, to) ? openerOf(flow) : undefined
        const consumer = isTls ? openTls(flow, false) : openHttp(flow, { openInner })
        if (onFlowFault === undefined) return consumer
        return new GuardedFlow(consumer, (error) => this.#countFault(error, onFlowFault))
      },
    })
    this.#segments = new SegmentReader({
      ...tunnels,
      onSegment: (segment) => {
        if (share === undefined || share.owns(segment)) this.#flows.segment(segment)
      },
    })
  }

  /** Takes one frame, borrowed until the call returns. */
  frame(frame: CapturedFrame): void {
    this.#segments.readFrame(frame)
    if (this.#pool.isCrowded && --this.#patience < 0) this.#relieve()
  }

  /** Flows leave until there is room. Where that did not help, it is not tried again with each frame. */
  #relieve(): void {
    this.#flows.relieve(this.#isScarce)
    this.#patience = this.#isScarce() ? relievePatience : 0
  }

  /** Event time goes on without frames. */
  advance(nowUs: number): void {
    this.#flows.advance(nowUs)
  }

  /**
   * The key log may have grown: connections that wait for it are read as far as they can be, and those that have waited for long at event time `nowUs` are
   * given up.
   */
  keysMayHaveCome(nowUs: number): void {
    const { all, due } = this.#tls.waiting(nowUs)
    for (const flow of all) this.#guard(flow, () => flow.keysMayHaveCome(nowUs))
    for (const flow of due) if (this.#tls.isWaiting(flow)) this.#guard(flow, () => flow.stopWaiting())
  }

  /** The capture is over: what still waits is handed on as it is. */
  end(): void {
    this.#flows.end()
    for (const flow of this.#tls.waiting(0).all) this.#guard(flow, () => flow.stopWaiting())
  }

  /** Of connections that go on without a segment of theirs. */
  #guard(flow: TlsFlow, run: () => void): void {
    const onFlowFault = this.#onFlowFault
    try {
      run()
    } catch (error) {
      if (onFlowFault === undefined) throw error
      flow.abandon()
      this.#countFault(error, onFlowFault)
    }
  }

  #countFault(error: unknown, onFlowFault: (error: unknown) => void): void {
    this.#flowFaultCount++
    onFlowFault(error)
  }

  statistics(): ReaderStatistics {
    return {
      frames: this.#segments.statistics(),
      flows: this.#flows.statistics(),
      http: this.#http,
      tls: { counters: this.#tls.counters, servers: this.#tls.servers, heldBytes: this.#tls.memory.usedBytes },
      flowFaultCount: this.#flowFaultCount,
    }
  }

  /** How often each oddity was seen, all layers together. */
  anomalies(): Map<string, number> {
    const counts = new Map<string, number>(this.#http.anomalies satisfies Map<AnomalyName, number>)
    for (const [name, count] of this.#tls.counters.anomalies) counts.set(name, count)
    if (this.#flowFaultCount > 0) counts.set('sensor.flow-fault', this.#flowFaultCount)
    for (const part of [this.#segments.anomalies, this.#flows.anomalies]) {
      for (const [name, count] of Object.entries(part.snapshot())) counts.set(name, (counts.get(name) ?? 0) + count)
    }
    return counts
  }
}

type OpenInner = NonNullable<HttpFlowOptions['openInner']>
type HttpFlowExtras = Partial<Pick<HttpFlowOptions, 'proxied' | 'openInner'>>

/**
 * A connection that may turn to TLS within: one that begins with CONNECT or a PROXY header, or was not seen from its first byte. Others are spared
 * what it takes to be ready for it.
 */
function mayCarryTls(buffer: Uint8Array, from: number, to: number): boolean {
  if (from === to) return true
  const byte = buffer[from]
  return byte === 0x43 || byte === 0x0d || (byte === 0x50 && (from + 1 === to || buffer[from + 1] === 0x52))
}

function withSidesSwapped(flow: TlsFlowInfo): TlsFlowInfo {
  const { clientIp, clientPort, serverIp, serverPort } = flow
  return { ...flow, clientIp: serverIp, clientPort: serverPort, serverIp: clientIp, serverPort: clientPort }
}
