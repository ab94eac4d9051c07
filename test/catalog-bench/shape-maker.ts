/**
 * Benchmark traffic → HttpTransactions, directly: the shapes of contracts/content-shape.ts without the redaction package in between,
 * so that the catalog is scored by itself. Token = a plain hash; nothing secret is in generated traffic.
 */

import { createHash } from 'node:crypto'
import { type ContentShape, shapeDepthMaxCount, shapeItemsMaxCount } from '@tapwarden/contracts/content-shape'
import { goldenTransaction, type HttpTransaction } from '@tapwarden/contracts/transaction'

export interface BenchTransaction {
  readonly id: number
  readonly ts: number
  readonly method: string
  readonly scheme: 'http' | 'https'
  readonly host: string
  readonly path: string
  readonly reqHeaders: Readonly<Record<string, string>>
  readonly reqBody: string | null
  readonly status: number
  readonly respHeaders: Readonly<Record<string, string>>
  readonly respBody: string | null
}

type ContentKind = HttpTransaction['requestContentKind']
type Published = NonNullable<HttpTransaction['requestShape']>

export function benchTransaction(line: BenchTransaction): HttpTransaction {
  const question = line.path.indexOf('?')
  const path = question < 0 ? line.path : line.path.slice(0, question)
  const query = question < 0 ? [] : queryPairs(line.path.slice(question + 1))
  const auth = authOf(line, query)
  const requestKind = contentKind(line.reqHeaders['content-type'], line.reqBody)
  const responseKind = contentKind(line.respHeaders['content-type'], line.respBody)
  const requestShape = contentShape(requestKind, line.reqBody)
  const responseShape = contentShape(responseKind, line.respBody)
  return {
    id: line.id.toString(16).padStart(32, '0'),
    flowId: goldenTransaction.flowId,
    flowIndex: 0,
    observedAtUs: line.ts * 1_000,
    durationUs: 1_000,
    clientIp: '192.0.2.1',
    clientPort: 40_000,
    serverIp: '198.51.100.7',
    serverPort: 443,
    clientAddress: '192.0.2.1',
    clientAddressSource: 'tcp-peer',
    clientAddressSpoofable: false,
    method: line.method,
    scheme: line.scheme,
    host: line.host,
    path,
    pathTokens: path
      .split('/')
      .filter((segment) => segment !== '')
      .map((segment) => token(decode(segment))),
    query: query.map(([name, value]): [string, string] => [name, stringLeaf(value)]),
    httpVersion: '1.1',
    fingerprint: goldenTransaction.fingerprint,
    ...(line.reqHeaders['content-type'] === undefined ? {} : { requestContentType: line.reqHeaders['content-type'] }),
    requestContentKind: requestKind,
    requestContentBytes: line.reqBody?.length ?? 0,
    ...(requestShape === undefined ? {} : { requestShape: requestShape as Published }),
    ...auth,
    status: line.status,
    ...(line.respHeaders['content-type'] === undefined
      ? {}
      : { responseContentType: line.respHeaders['content-type'] }),
    responseContentKind: responseKind,
    responseContentBytes: line.respBody?.length ?? 0,
    ...(responseShape === undefined ? {} : { responseShape: responseShape as Published }),
    missedBytes: 0,
    truncated: false,
    midStream: false,
    weight: 1,
  }
}

function authOf(
  line: BenchTransaction,
  query: readonly (readonly [string, string])[],
): Pick<HttpTransaction, 'authScheme' | 'accessTokenName'> {
  const authorization = line.reqHeaders['authorization']
  if (authorization !== undefined) {
    return { authScheme: authorization.startsWith('Basic ') ? 'basic' : 'bearer', accessTokenName: 'authorization' }
  }
  const field = Object.keys(line.reqHeaders).find((name) => name.includes('key') || name.includes('token'))
  if (field !== undefined && !field.startsWith('access-control'))
    return { authScheme: 'api-key', accessTokenName: field }
  const parameter = query.find(([name]) => /^(api[-_]?key|key|access_token|token|apikey)$/i.test(name))
  if (parameter !== undefined) return { authScheme: 'api-key', accessTokenName: parameter[0] }
  return { authScheme: line.reqHeaders['cookie'] === undefined ? 'none' : 'cookie' }
}

function contentKind(type: string | undefined, content: string | null): ContentKind {
  if (content === null || content === '') return 'none'
  if (type === undefined) return 'unparsed'
  if (type.includes('json')) return 'json'
  if (type.includes('urlencoded')) return 'form'
  if (type.includes('multipart')) return 'multipart'
  if (type.includes('html')) return 'html'
  if (type.includes('xml')) return 'xml'
  return type.startsWith('text/') ? 'text' : 'binary'
}

function contentShape(kind: ContentKind, content: string | null): ContentShape | undefined {
  if (content === null) return undefined
  if (kind === 'form') {
    return Object.fromEntries(queryPairs(content).map(([name, value]) => [name, stringLeaf(value)]))
  }
  if (kind !== 'json') return undefined
  try {
    return valueShape(JSON.parse(content), 0)
  } catch {
    return undefined
  }
}

function valueShape(value: unknown, depth: number): ContentShape {
  if (depth > shapeDepthMaxCount) return 'cut'
  if (value === null) return 'null'
  if (typeof value === 'boolean') return 'bool'
  if (typeof value === 'number') {
    const text = String(value)
    return `${Number.isInteger(value) ? 'int' : 'num'} n=${text.length} k=${token(text)}`
  }
  if (typeof value === 'string') return stringLeaf(value)
  if (Array.isArray(value)) {
    return [value.length, ...value.slice(0, shapeItemsMaxCount).map((item) => valueShape(item, depth + 1))]
  }
  return Object.fromEntries(
    Object.entries(value as object).map(([name, inner]) => [name, valueShape(inner, depth + 1)]),
  )
}

function stringLeaf(value: string): string {
  const format = formatOf(value)
  const lengthClass = value.length === 0 ? 0 : Math.floor(Math.log2(value.length)) + 1
  return `str${format === undefined ? '' : ` f=${format}`} n=${lengthClass} k=${token(value)}`
}

function formatOf(value: string): string | undefined {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value)) return 'uuid'
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value)) return 'date-time'
  if (/^\d{4}-\d\d-\d\d$/.test(value)) return 'date'
  if (/^[^@\s]+@[^@\s]+\.[a-z]+$/i.test(value)) return 'email'
  if (/^https?:\/\//.test(value)) return 'uri'
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(value)) return 'ipv4'
  if (/^[0-9a-f:]+:[0-9a-f:]+:[0-9a-f:]+$/i.test(value)) return 'ipv6'
  if (/^\d+$/.test(value)) return 'digits'
  return undefined
}

function queryPairs(text: string): [string, string][] {
  return text
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
    })
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

const tokens = new Map<string, string>()

function token(value: string): string {
  let known = tokens.get(value)
  if (known === undefined) {
    known = `v1.${createHash('sha1').update(value).digest('hex').slice(0, 16)}`
    if (tokens.size < 500_000) tokens.set(value, known)
  }
  return known
}
