/** A capture → what its transactions say, as plain values, by the sensor's own steps before redaction. */

import type { GrpcTraffic } from '@tapwarden/http/grpc'
import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { type ReaderStatistics, TransactionReader } from '@tapwarden/service-capture/transaction-reader'

export interface SeenTransaction {
  readonly streamId: number | undefined
  readonly request: string
  readonly host: string | undefined
  readonly requestText: string
  readonly status: number | undefined
  readonly text: string | undefined
  /** Of the response's content. */
  readonly contentBytes: number | undefined
  readonly trailers: readonly string[]
  readonly isPushed: boolean
  readonly isUpgraded: boolean
  readonly resetCode: number | undefined
  readonly scheme: string | undefined
  readonly grpc: GrpcTraffic | undefined
  readonly webSocket: RawTransaction['webSocket']
  readonly anomalies: readonly string[]
}

export interface SeenCapture {
  readonly transactions: readonly SeenTransaction[]
  readonly statistics: ReaderStatistics
}

export function readCapture(capture: Uint8Array): SeenCapture {
  const transactions: SeenTransaction[] = []
  const reader = new TransactionReader({
    onTransaction: (_flow, { request, response, http2, grpc, webSocket, scheme, anomalies }) => {
      const { trailers } = response ?? {}
      transactions.push({
        streamId: http2?.streamId,
        request: `${request.method} ${request.target} ${request.httpVersion}`,
        host: request.fields.first('host'),
        requestText: Buffer.from(request.content).toString('latin1'),
        status: response?.status,
        text: response === undefined ? undefined : Buffer.from(response.content).toString('latin1'),
        contentBytes: response?.contentBytes,
        trailers: Array.from({ length: trailers?.count ?? 0 }, (_, i) => `${trailers?.name(i)}: ${trailers?.value(i)}`),
        isPushed: http2?.isPushed === true,
        isUpgraded: http2?.isUpgraded === true,
        resetCode: http2?.resetCode,
        scheme,
        grpc: grpc === undefined ? undefined : structuredClone(grpc),
        webSocket: webSocket === undefined ? undefined : structuredClone(webSocket),
        anomalies: [...anomalies].sort(),
      })
    },
  })
  const frames = new PcapReader({ onFrame: (frame) => reader.frame(frame) })
  frames.push(capture)
  frames.end()
  reader.end()
  return { transactions, statistics: reader.statistics() }
}
