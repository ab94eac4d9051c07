/** A capture's bytes → its transactions in the corpus's fields (see the corpus's README.md), by the service's own steps. */

import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import type { FlowInfo } from '@tapwarden/net/flow-table'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { keyLogOf } from '@tapwarden/service-capture/key-log-file'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'

export interface TransactionLine {
  readonly conn: string
  readonly method: string
  readonly host: string | null
  readonly uri: string
  readonly req_version: string | null
  readonly status: number | null
  readonly req_body_len: number | null
  readonly resp_body_len: number | null
  readonly user_agent: string | null
  readonly req_content_type: string | null
  readonly resp_content_type: string | null
  /** Not of the corpus: what to look at when a case fails. */
  readonly anomalies: readonly string[]
}

export interface CaptureLines {
  readonly lines: TransactionLine[]
  readonly fault: string | undefined
}

/** `keyLog`: secrets of its TLS connections, beside those that the capture brings along. */
export function transactionLines(capture: Uint8Array, keyLog: Uint8Array = new Uint8Array(0)): CaptureLines {
  const lines: TransactionLine[] = []
  const secrets = keyLogOf(keyLog)
  const transactions = new TransactionReader({
    onTransaction: (flow, transaction) => lines.push(lineOf(flow, transaction)),
    tls: { keyLog: secrets },
  })
  const frames = new PcapReader({
    onFrame: (frame) => transactions.frame(frame),
    onTlsSecrets: (bytes, from, to) => secrets.pushAside(bytes.subarray(from, to)),
  })
  const fault = frames.push(capture) ?? frames.end()
  transactions.end()
  return { lines, fault: fault === undefined ? undefined : `${fault.code}: ${fault.detail}` }
}

export function lineOf(flow: FlowInfo, { request, response, anomalies }: RawTransaction): TransactionLine {
  const client = peer(flow.clientIp, flow.clientPort)
  const server = peer(flow.serverIp, flow.serverPort)
  return {
    conn: `${client}->${server}`,
    method: request.method,
    host: request.fields.first('host') ?? null,
    uri: request.target,
    req_version: request.httpVersion === '0.9' ? null : `HTTP/${request.httpVersion}`,
    status: response?.status ?? null,
    req_body_len: request.contentBytes ?? null,
    resp_body_len: response?.contentBytes ?? null,
    user_agent: request.fields.first('user-agent') ?? null,
    req_content_type: request.fields.first('content-type') ?? null,
    resp_content_type: response?.fields.first('content-type') ?? null,
    anomalies,
  }
}

function peer(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}
