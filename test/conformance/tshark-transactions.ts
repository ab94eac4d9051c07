/**
 * A capture → its HTTP/1 and HTTP/2 transactions as tshark sees them: what we are compared with. Requests and responses come from its JSON, message by
 * message; which response answers which request is tshark's own word where it has one (`http.request_in`, the number of the request's
 * frame; not for pipelined requests), else the order on the connection; in HTTP/2 the stream.
 */

import { spawnSync } from 'node:child_process'

/** What is compared of a transaction. */
export interface ComparedTransaction {
  readonly method: string
  readonly host: string | null
  readonly uri: string
  /** `null`: no response was seen. */
  readonly status: number | null
}

export type TsharkResult =
  | { readonly kind: 'read'; readonly transactions: readonly ComparedTransaction[] }
  | { readonly kind: 'failed'; readonly why: string }

const fileTimeoutMs = 60_000
const outputMaxBytes = 512 * 1_048_576

/** Undefined when it is not installed. */
export function tsharkVersion(): string | undefined {
  const { status, stdout } = spawnSync('tshark', ['--version'], { encoding: 'utf8', timeout: fileTimeoutMs })
  return status === 0 ? stdout.split('\n')[0] : undefined
}

export function tsharkTransactions(file: string): TsharkResult {
  const options = ['-o', 'tcp.reassemble_out_of_order:TRUE', '-Y', 'http or http2', '-T', 'json', '--no-duplicate-keys']
  const { stdout, stderr, error, signal } = spawnSync(
    'tshark',
    ['-n', '-r', file, ...options, '-J', 'frame tcp http http2'],
    {
      encoding: 'utf8',
      timeout: fileTimeoutMs,
      maxBuffer: outputMaxBytes,
    },
  )
  if (error !== undefined || signal !== null) return { kind: 'failed', why: error?.message ?? String(signal) }
  // A damaged file ends with an error, after the packets before the damage: they count, as ours do.
  try {
    return { kind: 'read', transactions: transactionsOf(JSON.parse(stdout === '' ? '[]' : stdout)) }
  } catch {
    return { kind: 'failed', why: `no JSON: ${stderr.trim().split('\n').at(-1) ?? ''}` }
  }
}

interface OpenRequest {
  readonly frame: string
  readonly stream: string
  /** Of HTTP/2. */
  readonly streamId?: string
  readonly transaction: ComparedTransaction
  status: number | null
}

/** `packets`: tshark's JSON. */
export function transactionsOf(packets: unknown): ComparedTransaction[] {
  const requests: OpenRequest[] = []
  for (const packet of members(packets)) {
    const layers = at(packet, '_source', 'layers')
    const frame = text(at(layers, 'frame', 'frame.number')) ?? ''
    const stream = text(at(members(at(layers, 'tcp')).at(-1), 'tcp.stream')) ?? ''
    for (const message of members(at(layers, 'http'))) {
      const line = startLine(message)
      if (line === undefined) continue
      const method = text(at(line, 'http.request.method'))
      const status = Number(text(at(line, 'http.response.code')) ?? Number.NaN)
      if (method !== undefined) {
        const host = text(at(message, 'http.host')) ?? null
        const uri = text(at(line, 'http.request.uri')) ?? ''
        requests.push({ frame, stream, transaction: { method, host, uri, status: null }, status: null })
      } else if (status === 101 || status < 100 || status >= 200) {
        const requestFrame = text(at(message, 'http.request_in'))
        const open = requests.filter(
          (each) => each.stream === stream && each.status === null && each.streamId === undefined,
        )
        const request = open.find((each) => each.frame === requestFrame) ?? open[0]
        if (request !== undefined) request.status = status
      }
    }
    for (const layer of members(at(layers, 'http2'))) {
      for (const part of members(at(layer, 'http2.stream'))) takeHttp2(part, frame, stream, requests)
    }
  }
  return requests.map(({ transaction, status }) => ({ ...transaction, status }))
}

/** A HEADERS or PUSH_PROMISE frame opens a request or answers one of the same stream. */
function takeHttp2(part: unknown, frame: string, stream: string, requests: OpenRequest[]): void {
  const fields = members(at(part, 'http2.header'))
  const field = (name: string) =>
    text(
      at(
        fields.find((each) => text(at(each, 'http2.header.name')) === name),
        'http2.header.value',
      ),
    )
  const streamId = text(at(part, 'http2.push_promise.promised_stream_id')) ?? text(at(part, 'http2.streamid')) ?? ''
  const method = field(':method')
  const status = Number(field(':status') ?? Number.NaN)
  if (method !== undefined) {
    const transaction = { method, host: field(':authority') ?? field('host') ?? null, uri: field(':path') ?? '' }
    requests.push({ frame, stream, streamId, transaction: { ...transaction, status: null }, status: null })
  } else if (status >= 200) {
    const request = requests.find(
      (each) => each.stream === stream && each.streamId === streamId && each.status === null,
    )
    if (request !== undefined) request.status = status
  }
}

/** Stands under its own text as the name. */
function startLine(message: unknown): unknown {
  if (typeof message !== 'object' || message === null) return undefined
  return Object.values(message).find(
    (value) => at(value, 'http.request.method') !== undefined || at(value, 'http.response.code') !== undefined,
  )
}

function members(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : value === undefined ? [] : [value]
}

function at(value: unknown, ...names: readonly string[]): unknown {
  let here = value
  for (const name of names) {
    if (typeof here !== 'object' || here === null) return undefined
    here = (here as Readonly<Record<string, unknown>>)[name]
  }
  return here
}

/** The first of several values: as for us, the first field of a name. */
function text(value: unknown): string | undefined {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}
