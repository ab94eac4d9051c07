/** Raw transactions for tests, from the few things that a test is about. */

import { FieldTable, nameHashOf } from '@tapwarden/http/field-list'
import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import type { FlowContext } from './redact-transaction.js'

export const sampleFlow: FlowContext = {
  flowId: '1:wCb3OG7yAFWelaUydu0D+125CLM=',
  clientIp: '203.0.113.9',
  clientPort: 51_034,
  serverIp: '198.51.100.7',
  serverPort: 8_080,
  vlanIds: [],
  directionAssumed: false,
  midStream: false,
}

export const sampleFleetKey: Uint8Array = Uint8Array.from({ length: 32 }, (_, i) => i)

type Fields = readonly (readonly [string, string])[]

export interface RawSketch {
  readonly method?: string
  readonly target?: string
  readonly httpVersion?: string
  readonly fields?: Fields
  readonly trailers?: Fields
  readonly content?: string | Uint8Array
  readonly truncated?: boolean
  readonly response?: {
    readonly status?: number
    readonly fields?: Fields
    readonly content?: string | Uint8Array
    readonly truncated?: boolean
  }
  readonly anomalies?: readonly string[]
  readonly firstSeq?: number
  readonly proxied?: RawTransaction['proxied']
  readonly webSocket?: RawTransaction['webSocket']
  readonly scheme?: RawTransaction['scheme']
  readonly http2?: RawTransaction['http2']
  readonly grpc?: RawTransaction['grpc']
}

/** Text content is UTF-8; fields and target are byte strings. */
export function rawTransaction(sketch: RawSketch): RawTransaction {
  const atUs = 1_790_000_000_123_456
  const content = bytesOf(sketch.content)
  const answer = bytesOf(sketch.response?.content)
  return {
    flowIndex: 0,
    firstSeq: sketch.firstSeq ?? 1_000,
    firstAck: 2_000,
    request: {
      method: sketch.method ?? 'GET',
      target: sketch.target ?? '/',
      httpVersion: sketch.httpVersion ?? '1.1',
      fields: fieldTable(sketch.fields ?? [['host', 'shop.example']]),
      trailers: sketch.trailers === undefined ? undefined : fieldTable(sketch.trailers),
      content,
      contentBytes: sketch.truncated === true ? undefined : content.length,
      contentTruncated: sketch.truncated ?? false,
      firstByteAtUs: atUs,
      lastByteAtUs: atUs + 100,
    },
    response:
      sketch.response === undefined
        ? undefined
        : {
            status: sketch.response.status ?? 200,
            httpVersion: '1.1',
            fields: fieldTable(sketch.response.fields ?? []),
            trailers: undefined,
            content: answer,
            contentBytes: sketch.response.truncated === true ? undefined : answer.length,
            contentTruncated: sketch.response.truncated ?? false,
            firstByteAtUs: atUs + 2_100,
            lastByteAtUs: atUs + 2_900,
          },
    missedBytes: 0,
    midStream: false,
    proxied: sketch.proxied,
    webSocket: sketch.webSocket,
    scheme: sketch.scheme,
    http2: sketch.http2,
    grpc: sketch.grpc,
    anomalies: sketch.anomalies ?? [],
  }
}

function bytesOf(content: string | Uint8Array | undefined): Uint8Array {
  if (content === undefined) return new Uint8Array(0)
  return typeof content === 'string' ? new TextEncoder().encode(content) : content
}

/** Fields as the parser lends them: offsets into the bytes of a head. */
function fieldTable(fields: Fields): FieldTable {
  const table = new FieldTable()
  let text = ''
  for (const [name, sent] of fields) {
    const value = sent.trim()
    const valueFrom = text.length + name.length + 2
    const hash = nameHashOf(name.toLowerCase())
    table.add(text.length, text.length + name.length, valueFrom, valueFrom + value.length, hash)
    text += `${name}: ${value}\r\n`
  }
  table.bytes = Buffer.from(text, 'latin1')
  return table
}
