/** Raw transactions for tests, from the few things that a test is about. */

import type { FieldList } from '@tapwarden/http/field-list'
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
      fields: new SketchedFields(sketch.fields ?? [['host', 'shop.example']]),
      trailers: sketch.trailers === undefined ? undefined : new SketchedFields(sketch.trailers),
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
            fields: new SketchedFields(sketch.response.fields ?? []),
            trailers: undefined,
            content: answer,
            contentBytes: sketch.response.truncated === true ? undefined : answer.length,
            contentTruncated: sketch.response.truncated ?? false,
            firstByteAtUs: atUs + 2_100,
            lastByteAtUs: atUs + 2_900,
          },
    missedBytes: 0,
    midStream: false,
    anomalies: sketch.anomalies ?? [],
  }
}

function bytesOf(content: string | Uint8Array | undefined): Uint8Array {
  if (content === undefined) return new Uint8Array(0)
  return typeof content === 'string' ? new TextEncoder().encode(content) : content
}

/** Fields as the parser lends them: lower-case names, values without blanks around. */
class SketchedFields implements FieldList {
  readonly #lines: Fields

  constructor(fields: Fields) {
    this.#lines = fields.map(([name, value]) => [name.toLowerCase(), value.trim()])
  }

  get count(): number {
    return this.#lines.length
  }

  name(index: number): string {
    return this.#lines[index]?.[0] ?? ''
  }

  value(index: number): string {
    return this.#lines[index]?.[1] ?? ''
  }

  first(lowerCaseName: string): string | undefined {
    return this.#lines[this.indexOf(lowerCaseName)]?.[1]
  }

  indexOf(lowerCaseName: string, from = 0): number {
    return this.#lines.findIndex(([name], index) => index >= from && name === lowerCaseName)
  }
}
