/**
 * For tests: real TLS connections over loopback, with the secrets that their ends log, recorded as the bytes of each direction, and as frames.
 */

import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type ConnectionOptions,
  createServer as createTlsServer,
  type TLSSocket,
  type TlsOptions,
  connect as tlsConnect,
} from 'node:tls'
import type { RawMessage, RawTransaction } from '@tapwarden/http/raw-transaction'
import { type BuiltFrame, buildConversation, type Turn } from '@tapwarden/net/frame-builder'
import { KeyLog } from '@tapwarden/tls/key-log'
import { TransactionReader, type TransactionReaderOptions } from '../transaction-reader.js'
import type { TlsFlowInfo } from './tls-flow.js'

export interface Identity {
  readonly key: string
  readonly cert: string
}

export interface Recording {
  /** As they went over the wire, in order. */
  readonly turns: readonly Turn[]
  readonly keyLog: string
}

export const serverName = 'shop.example'

/** A key and its self-signed certificate. */
export function makeIdentity(kind: 'rsa' | 'ec'): Identity {
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-tls-'))
  try {
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    const algorithm = kind === 'rsa' ? ['rsa:2048'] : ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    const subject = ['-subj', `/CN=${serverName}`, '-days', '2']
    execFileSync(
      'openssl',
      ['req', '-x509', '-nodes', '-newkey', ...algorithm, '-keyout', key, '-out', cert, ...subject],
      { stdio: 'ignore' },
    )
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Stands between a client and the server on `serverPort`, and keeps what goes by. */
export class Tee {
  readonly turns: Turn[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(serverPort: number) {
    this.#server = createServer((client) => {
      const server = connect(serverPort, '127.0.0.1')
      this.#join(client, server, 'c2s')
      this.#join(server, client, 's2c')
    })
  }

  static async open(serverPort: number): Promise<Tee> {
    const tee = new Tee(serverPort)
    await new Promise<void>((resolve) => tee.#server.listen(0, '127.0.0.1', resolve))
    return tee
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #join(from: Socket, to: Socket, direction: Turn['direction']): void {
    this.#sockets.add(from)
    from.on('data', (bytes) => {
      this.turns.push({ direction, bytes: Uint8Array.from(bytes) })
      to.write(bytes)
    })
    from.on('end', () => to.end())
    from.on('error', () => to.destroy())
  }
}

export interface ExchangeOptions {
  readonly identity: Identity
  readonly server?: TlsOptions
  readonly client?: ConnectionOptions
  readonly onClient?: (client: TLSSocket) => void
  /** Before the n-th turn is sent. */
  readonly beforeTurn?: (index: number, side: TLSSocket) => Promise<void>
}

/** What is said in clear, turn by turn, said over TLS: each side speaks when it has heard all that comes before. */
export async function recordExchange(turns: readonly Turn[], options: ExchangeOptions): Promise<Recording> {
  const keyLines: Buffer[] = []
  const server = createTlsServer({ ...options.identity, ...options.server })
  server.on('keylog', (line: Buffer) => keyLines.push(line))
  const serverSide = new Promise<TLSSocket>((resolve, reject) => {
    server.once('secureConnection', resolve)
    server.once('tlsClientError', reject)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tee = await Tee.open((server.address() as AddressInfo).port)
  try {
    const client = tlsConnect({
      port: tee.port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      servername: serverName,
      ...options.client,
    })
    options.onClient?.(client)
    await new Promise<void>((resolve, reject) => {
      client.once('secureConnect', resolve)
      client.once('error', reject)
    })
    const sides = { c2s: client, s2c: await serverSide }
    const heard = { c2s: 0, s2c: 0 }
    let wake = () => {}
    sides.c2s.on('data', (bytes: Buffer) => {
      heard.s2c += bytes.length
      wake()
    })
    sides.s2c.on('data', (bytes: Buffer) => {
      heard.c2s += bytes.length
      wake()
    })
    const said = { c2s: 0, s2c: 0 }
    for (const [index, { direction, bytes }] of turns.entries()) {
      await options.beforeTurn?.(index, sides[direction])
      sides[direction].write(bytes)
      said[direction] += bytes.length
      while (heard[direction] < said[direction]) await new Promise<void>((resolve) => (wake = resolve))
    }
    const isOver = new Promise<void>((resolve) => sides.s2c.once('close', () => resolve()))
    sides.c2s.end()
    sides.s2c.end()
    await isOver
    return { turns: [...tee.turns], keyLog: Buffer.concat(keyLines).toString('latin1') }
  } finally {
    tee.close()
    server.close()
  }
}

export const connection = { clientIp: '192.0.2.1', clientPort: 50_000, serverIp: '198.51.100.1', serverPort: 8_443 }
const startUs = 1_790_000_000_000_000

export function framesOf(turns: readonly Turn[], segmentMaxBytes = 1_460): BuiltFrame[] {
  return buildConversation({ ...connection, segmentMaxBytes }, turns, startUs, 0)
}

/** A transaction as far as it is the same in clear. */
export interface ReadTransaction {
  readonly method: string
  readonly target: string
  readonly requestContent: string
  readonly status: number | undefined
  readonly responseContent: string | undefined
  readonly contentBytes: readonly (number | undefined)[]
  readonly missedBytes: number
  readonly anomalies: readonly string[]
}

export interface ReadResult {
  readonly transactions: readonly ReadTransaction[]
  readonly flows: readonly TlsFlowInfo[]
  readonly reader: TransactionReader
}

export function keyLogOf(text: string): KeyLog {
  const keyLog = new KeyLog()
  keyLog.push(Buffer.from(text))
  keyLog.end()
  return keyLog
}

export function readFrames(frames: readonly BuiltFrame[], options: Partial<TransactionReaderOptions> = {}): ReadResult {
  const transactions: ReadTransaction[] = []
  const flows: TlsFlowInfo[] = []
  const reader = new TransactionReader({
    onTransaction: (flow, raw) => {
      flows.push(flow)
      transactions.push(plain(raw))
    },
    ...options,
  })
  for (const frame of frames) give(reader, frame)
  reader.end()
  return { transactions, flows, reader }
}

export function give(reader: TransactionReader, { bytes, timestampUs }: BuiltFrame): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  reader.frame({ buffer: bytes, view, offset: 0, end: bytes.length, timestampUs, linkType: 1 })
}

function plain({ request, response, missedBytes, anomalies }: RawTransaction): ReadTransaction {
  const text = (message: RawMessage) => Buffer.from(message.content).toString('latin1')
  return {
    method: request.method,
    target: request.target,
    requestContent: text(request),
    status: response?.status,
    responseContent: response === undefined ? undefined : text(response),
    contentBytes: [request.contentBytes, response?.contentBytes],
    missedBytes,
    anomalies: [...anomalies],
  }
}
