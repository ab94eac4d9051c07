/**
 * A capture of API traffic, made of nothing but a seed: several hosts, keep-alive connections side by side, JSON answers of about
 * 1.5 kB, ids in paths, API keys and sessions, some content chunked, some gzipped, some logins and errors.
 *
 * Written as it is made: memory does not grow with the number of transactions.
 */

import { closeSync, openSync, writeSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { type BuiltFrame, ConversationBuilder } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, pcapHeader, pcapRecord } from '@tapwarden/pcap/pcap-writer'
import { Random } from '../random.js'

export interface ApiCaptureOptions {
  readonly transactionCount: number
  readonly seed: number
  /** Connections open at once. Default 64. */
  readonly connectionCount?: number
}

const hosts = ['shop', 'accounts', 'billing', 'search', 'partner', 'mobile'].map((name) => `${name}.api.example`)
const resources = ['products', 'orders', 'customers', 'invoices', 'sessions', 'reviews', 'shipments', 'prices']
const words = ['steel', 'bottle', 'forest', 'copper', 'window', 'garden', 'signal', 'harbor', 'pepper', 'silver']
const agents = [
  'okhttp/4.12.0',
  'python-requests/2.32.3',
  'Dart/3.4 (dart:io)',
  'axios/1.7.2',
  'Mozilla/5.0 (X11) Firefox/131.0',
]
const requestsPerConnection = 40
const chunkedRatio = 0.15
const gzipRatio = 0.1
const writeBytes = 4_194_304

interface Connection {
  readonly builder: ConversationBuilder
  readonly host: string
  readonly agent: string
  readonly key: string
  readonly cookie: string
  requestCount: number
}

/** Event time advances 200 µs a transaction on average: 5,000 transactions a second on the wire. */
const stepUs = 200
const startUs = 1_790_000_000_000_000

export function writeApiCapture(path: string, options: ApiCaptureOptions): void {
  const random = new Random(options.seed)
  const file = new BlockFile(path)
  file.add(pcapHeader({ linkType: linkTypeEthernet }))
  const emit = (frames: readonly BuiltFrame[]) => {
    for (const frame of frames) file.add(pcapRecord(frame, { linkType: linkTypeEthernet }))
  }
  const connections: Connection[] = []
  let opened = 0
  let atUs = startUs
  try {
    for (let count = 0; count < options.transactionCount; count++) {
      atUs += 1 + random.below(2 * stepUs)
      const slot = random.below(options.connectionCount ?? 64)
      let connection = connections[slot]
      if (connection === undefined || connection.requestCount >= requestsPerConnection) {
        if (connection !== undefined) emit(closing(connection, atUs))
        connection = openConnection(random, opened++)
        connections[slot] = connection
        emit(connection.builder.open(atUs))
      }
      connection.requestCount++
      emit(connection.builder.data('c2s', requestBytes(random, connection), atUs))
      emit(connection.builder.data('s2c', responseBytes(random), atUs + 90))
    }
    for (const connection of connections) if (connection !== undefined) emit(closing(connection, atUs))
  } finally {
    file.close()
  }
}

function openConnection(random: Random, index: number): Connection {
  const host = random.below(hosts.length)
  const client = random.below(2_000)
  return {
    builder: new ConversationBuilder({
      clientIp: `198.51.${client >> 8}.${client & 255}`,
      clientPort: 1_024 + (index % 64_000),
      serverIp: `10.0.${host}.10`,
      serverPort: 8080,
      clientIsn: (index * 2_654_435_761) >>> 0,
      serverIsn: (index * 40_503 + 7) >>> 0,
    }),
    host: hosts[host]!, // In range by construction.
    agent: random.pick(agents),
    key: `ak_${((client * 2_654_435_761) >>> 0).toString(16).padStart(8, '0')}${'0f1e2d3c4b5a69788796a5b4'}`,
    cookie: `sid=${random.hex(32)}; theme=dark`,
    requestCount: 0,
  }
}

function closing({ builder }: Connection, atUs: number): BuiltFrame[] {
  return [...builder.finish('c2s', atUs), ...builder.finish('s2c', atUs)]
}

function requestBytes(random: Random, { host, agent, key, cookie }: Connection): Uint8Array {
  const common = `Host: ${host}\r\nUser-Agent: ${agent}\r\nAccept: application/json\r\nAccept-Encoding: gzip\r\n`
  if (random.below(50) === 0) {
    const content = JSON.stringify({ username: `user${random.below(5_000)}@mail.example`, password: random.hex(12) })
    return Buffer.from(
      `POST /v1/login HTTP/1.1\r\n${common}Content-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
    )
  }
  const path = pathOf(random)
  const auth = `Authorization: Bearer ${key}\r\nCookie: ${cookie}\r\nX-Request-Id: ${random.hex(32)}\r\n`
  if (random.below(4) !== 0) return Buffer.from(`GET ${path} HTTP/1.1\r\n${common}${auth}\r\n`)
  const content = JSON.stringify(item(random))
  return Buffer.from(
    `PUT ${path} HTTP/1.1\r\n${common}${auth}Content-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n${content}`,
  )
}

function pathOf(random: Random): string {
  const resource = random.pick(resources)
  const id = 1_000 + random.below(90_000)
  switch (random.below(4)) {
    case 0:
      return `/v1/${resource}?page=${random.below(40)}&sort=created`
    case 1:
      return `/v1/${resource}/${id}/${random.pick(resources)}`
    case 2:
      return `/v1/${resource}/${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-a${random.hex(3)}-${random.hex(12)}`
    default:
      return `/v1/${resource}/${id}`
  }
}

function item(random: Random) {
  return {
    id: 1_000 + random.below(90_000),
    name: `${random.pick(words)} ${random.pick(words)}`,
    sku: `SKU-${random.below(100_000)}`,
    price: { amount: random.below(100_000) / 100, currency: 'EUR' },
    available: random.below(3) !== 0,
    tags: [random.pick(words), random.pick(words)],
    updatedAt: '2026-11-20T10:30:00Z',
  }
}

function responseBytes(random: Random): Uint8Array {
  const status = random.below(40) === 0 ? '404 Not Found' : '200 OK'
  const content = Buffer.from(
    JSON.stringify({
      page: random.below(40),
      total: random.below(5_000),
      owner: { email: `${random.pick(words)}${random.below(900)}@mail.example`, since: '2024-01-02' },
      items: Array.from({ length: 5 + random.below(7) }, () => item(random)),
    }),
  )
  const head = `HTTP/1.1 ${status}\r\nServer: nginx\r\nContent-Type: application/json; charset=utf-8\r\nCache-Control: private\r\n`
  const kind = random.below(1_000) / 1_000
  if (kind < gzipRatio) return answer(`${head}Content-Encoding: gzip\r\n`, gzipSync(content, { level: 6 }))
  if (kind >= gzipRatio + chunkedRatio) return answer(head, content)
  const half = content.length >> 1
  return Buffer.concat([
    Buffer.from(`${head}Transfer-Encoding: chunked\r\n\r\n${half.toString(16)}\r\n`),
    content.subarray(0, half),
    Buffer.from(`\r\n${(content.length - half).toString(16)}\r\n`),
    content.subarray(half),
    Buffer.from('\r\n0\r\n\r\n'),
  ])
}

function answer(head: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${head}Content-Length: ${content.length}\r\n\r\n`), content])
}

/** Records gathered to blocks: a write a record would cost more than making it. */
class BlockFile {
  readonly #file: number
  readonly #block = Buffer.allocUnsafe(writeBytes)
  #used = 0

  constructor(path: string) {
    this.#file = openSync(path, 'w')
  }

  /** `record` is smaller than a block. */
  add(record: Uint8Array): void {
    if (this.#used + record.length > writeBytes) this.#flush()
    this.#block.set(record, this.#used)
    this.#used += record.length
  }

  close(): void {
    this.#flush()
    closeSync(this.#file)
  }

  #flush(): void {
    writeSync(this.#file, this.#block, 0, this.#used)
    this.#used = 0
  }
}
