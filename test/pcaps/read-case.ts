/** A capture → one line a transaction: what `expected.jsonl` of a case holds, by the sensor's own steps before redaction. */

import { type HttpTransaction, transactionTopic } from '@tapwarden/contracts/transaction'
import type { RawMessage } from '@tapwarden/http/raw-transaction'
import type { FlowShare } from '@tapwarden/net/flow-share'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { createRedactor } from '@tapwarden/redaction/redact-transaction'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'

const textMaxCharacters = 60

/** `share`: what one of several workers reads. */
export function linesOf(capture: Uint8Array, share?: FlowShare): string[] {
  const lines: string[] = []
  const reader = new TransactionReader({
    share,
    onTransaction: (flow, transaction) => {
      const { request, response, missedBytes, midStream, proxied, webSocket, http2, grpc, anomalies } = transaction
      const vlans = flow.vlanIds.length > 0 ? { vlans: flow.vlanIds } : {}
      lines.push(
        JSON.stringify({
          flow: `${flow.clientIp} ${flow.clientPort} > ${flow.serverIp} ${flow.serverPort}`,
          ...vlans,
          ...(flow.tunnel === undefined ? {} : { tunnel: flow.tunnel }),
          ...(proxied === undefined ? {} : { proxied }),
          atUs: request.firstByteAtUs,
          request: `${request.method} ${request.target} ${request.httpVersion}`,
          ...(request.contentBytes === 0 ? {} : { requestContent: contentOf(request) }),
          status: response?.status ?? null,
          ...(response === undefined ? {} : { responseContent: contentOf(response) }),
          ...(missedBytes > 0 ? { missedBytes } : {}),
          ...(midStream ? { midStream } : {}),
          ...(webSocket === undefined ? {} : { webSocket }),
          ...(http2 === undefined ? {} : { http2 }),
          ...(grpc === undefined ? {} : { grpc }),
          ...(anomalies.length > 0 ? { anomalies: [...anomalies].sort() } : {}),
        }),
      )
    },
  })
  const frames = new PcapReader({ onFrame: (frame) => reader.frame(frame) })
  const fault = frames.push(capture) ?? frames.end()
  reader.end()
  if (fault !== undefined) lines.push(JSON.stringify({ fault: fault.code }))
  return lines
}

/** The records as they are published, redaction included, each valid by its schema. */
export function publishedOf(capture: Uint8Array): HttpTransaction[] {
  const redactor = createRedactor({ fleetKey: new Uint8Array(32).fill(7), keyNumber: 1 })
  const transactions: HttpTransaction[] = []
  const reader = new TransactionReader({
    onTransaction: (flow, raw) => {
      for (const record of transactionTopic.decode(redactor.redact(flow, raw).line)) {
        transactions.push(transactionTopic.parse(record))
      }
    },
  })
  const frames = new PcapReader({ onFrame: (frame) => reader.frame(frame) })
  frames.push(capture)
  frames.end()
  reader.end()
  return transactions
}

function contentOf(message: RawMessage): string {
  const text = Buffer.from(message.content).toString('latin1')
  const bytes = message.contentBytes === undefined ? 'unknown' : String(message.contentBytes)
  const shown = text.length > textMaxCharacters ? `${text.slice(0, textMaxCharacters)}…` : text
  return `${bytes} bytes: ${shown}${message.contentTruncated ? ' (truncated)' : ''}`
}
