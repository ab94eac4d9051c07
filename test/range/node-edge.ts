/**
 * An edge in Node for where HAProxy is not installed: a reverse proxy that asks the forward-auth endpoint before each request,
 * fails open when it does not answer, and lets a tap see its clients' connections.
 */

import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import type { Edge } from './edge.js'
import { type ConnectionTap, TappedConnection } from './tapped-connection.js'

export interface NodeEdgeOptions {
  readonly originPort: number
  /** URL of the forward-auth endpoint. */
  readonly forwardAuthUrl: string
  readonly decisionFieldName: string
  /** Called for each connection; without it nothing is tapped. */
  readonly tap?: (client: { readonly address: string; readonly port: number }) => ConnectionTap
}

const forwardAuthTimeoutMs = 1_000

export async function startNodeEdge(options: NodeEdgeOptions): Promise<Edge> {
  const toOrigin = new Agent({ keepAlive: true })
  const toAuth = new Agent({ keepAlive: true })
  const http = createServer((incoming, outgoing) => {
    void judge(incoming, toAuth, options).then((verdict) => {
      if (verdict.allowed) forward(incoming, outgoing, toOrigin, options.originPort)
      else refuse(incoming, outgoing, verdict, options.decisionFieldName)
    })
  })
  http.keepAliveTimeout = 60_000
  const open = new Set<Socket>()
  const front = createTcpServer({ noDelay: true }, (socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    const tap = options.tap?.({ address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 })
    if (tap === undefined) socket.on('error', () => socket.destroy())
    http.emit('connection', tap === undefined ? socket : new TappedConnection(socket, tap))
  })
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve))
  return {
    name: 'Node edge',
    port: (front.address() as AddressInfo).port,
    close: async () => {
      for (const socket of open) socket.destroy()
      await new Promise<void>((resolve) => front.close(() => resolve()))
      toOrigin.destroy()
      toAuth.destroy()
    },
  }
}

interface Verdict {
  readonly allowed: boolean
  readonly status: number
  readonly decisionId: string
}
const allowed: Verdict = { allowed: true, status: 200, decisionId: '' }

function judge(incoming: IncomingMessage, agent: Agent, options: NodeEdgeOptions): Promise<Verdict> {
  return new Promise((resolve) => {
    const headers: Record<string, string> = {
      'x-forwarded-for': clientOf(incoming),
      'x-forwarded-method': incoming.method ?? '',
      'x-forwarded-host': incoming.headers.host ?? '',
      'x-forwarded-uri': incoming.url ?? '',
    }
    for (const name of ['authorization', 'x-api-key', 'cookie']) {
      const value = incoming.headers[name]
      if (typeof value === 'string') headers[name] = value
    }
    const asked = request(options.forwardAuthUrl, { agent, headers, timeout: forwardAuthTimeoutMs }, (answer) => {
      answer.resume()
      const decisionId = String(answer.headers[options.decisionFieldName] ?? '')
      const status = answer.statusCode ?? 500
      // Only a refusal under a decision counts: an endpoint that fails must not take the shop down.
      resolve(status < 400 || status >= 500 || decisionId === '' ? allowed : { allowed: false, status, decisionId })
    })
    asked.on('timeout', () => asked.destroy())
    asked.on('error', () => resolve(allowed))
    asked.end()
  })
}

function refuse(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  verdict: Verdict,
  decisionFieldName: string,
): void {
  incoming.resume()
  outgoing.writeHead(verdict.status, { [decisionFieldName]: verdict.decisionId, 'Content-Length': 0 })
  outgoing.end()
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, agent: Agent, originPort: number): void {
  const proxied = request({
    agent,
    host: '127.0.0.1',
    port: originPort,
    method: incoming.method ?? 'GET',
    path: incoming.url ?? '/',
    headers: { ...incoming.headers, 'x-forwarded-for': clientOf(incoming) },
  })
  proxied.on('response', (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(outgoing)
  })
  proxied.on('error', () => {
    if (!outgoing.headersSent) outgoing.writeHead(502, { 'Content-Length': 0 })
    outgoing.end()
  })
  incoming.pipe(proxied)
}

function clientOf(incoming: IncomingMessage): string {
  return (incoming.socket.remoteAddress ?? '').replace(/^::ffff:/, '')
}
