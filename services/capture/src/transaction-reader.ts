/**
 * The steps from frames to transactions, before redaction: link, IP and fragments → flows → HTTP. Synchronous and pure of I/O, so
 * that the conformance program runs exactly what the service runs.
 */

import { HttpFlow } from '@tapwarden/http/http-flow'
import { type AnomalyName, defaultHttpLimits, HttpCounters, type HttpLimits } from '@tapwarden/http/http-limits'
import { MessagePool } from '@tapwarden/http/message'
import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import type { FlowShare } from '@tapwarden/net/flow-share'
import { type FlowInfo, type FlowLimits, type FlowStatistics, FlowTable } from '@tapwarden/net/flow-table'
import type { CapturedFrame } from '@tapwarden/net/frame'
import { SegmentReader, type SegmentReaderStatistics } from '@tapwarden/net/segment-reader'
import { GuardedFlow } from './guarded-flow.js'

export interface TransactionReaderOptions {
  /** Both arguments are borrowed until it returns. `flow` names the client as the requests show it. */
  readonly onTransaction: (flow: FlowInfo, transaction: RawTransaction) => void
  readonly flowLimits?: Partial<FlowLimits>
  readonly httpLimits?: Partial<HttpLimits>
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
  /** Connections given up because of a fault of ours. */
  readonly flowFaultCount: number
}

export class TransactionReader {
  readonly #segments: SegmentReader
  readonly #flows: FlowTable
  readonly #http = new HttpCounters()
  #flowFaultCount = 0

  constructor({ onTransaction, flowLimits, httpLimits, share, onFlowFault }: TransactionReaderOptions) {
    const pool = new MessagePool({ ...defaultHttpLimits, ...httpLimits }, this.#http)
    this.#flows = new FlowTable({
      ...(flowLimits === undefined ? {} : { limits: flowLimits }),
      consumerOf: (flow) => {
        let reversed: FlowInfo | undefined
        const http = new HttpFlow({
          pool,
          midStream: flow.midStream,
          sink: (transaction) => {
            if (transaction.reversed === true) reversed ??= withSidesSwapped(flow)
            onTransaction(reversed ?? flow, transaction)
          },
        })
        if (onFlowFault === undefined) return http
        return new GuardedFlow(http, (error) => {
          this.#flowFaultCount++
          onFlowFault(error)
        })
      },
    })
    this.#segments = new SegmentReader({
      onSegment: (segment) => {
        if (share === undefined || share.owns(segment)) this.#flows.segment(segment)
      },
    })
  }

  /** Takes one frame, borrowed until the call returns. */
  frame(frame: CapturedFrame): void {
    this.#segments.readFrame(frame)
  }

  /** Event time goes on without frames. */
  advance(nowUs: number): void {
    this.#flows.advance(nowUs)
  }

  /** The capture is over: what still waits is handed on as it is. */
  end(): void {
    this.#flows.end()
  }

  statistics(): ReaderStatistics {
    return {
      frames: this.#segments.statistics(),
      flows: this.#flows.statistics(),
      http: this.#http,
      flowFaultCount: this.#flowFaultCount,
    }
  }

  /** How often each oddity was seen, all layers together. */
  anomalies(): Map<string, number> {
    const counts = new Map<string, number>(this.#http.anomalies satisfies Map<AnomalyName, number>)
    if (this.#flowFaultCount > 0) counts.set('sensor.flow-fault', this.#flowFaultCount)
    for (const part of [this.#segments.anomalies, this.#flows.anomalies]) {
      for (const [name, count] of Object.entries(part.snapshot())) counts.set(name, (counts.get(name) ?? 0) + count)
    }
    return counts
  }
}

function withSidesSwapped(flow: FlowInfo): FlowInfo {
  const { clientIp, clientPort, serverIp, serverPort } = flow
  return { ...flow, clientIp: serverIp, clientPort: serverPort, serverIp: clientIp, serverPort: clientPort }
}
