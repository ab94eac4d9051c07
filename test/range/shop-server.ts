/** The shop on a loopback port: HTTP around `Shop.handle`. What stands behind the edge. */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Shop } from './shop.js'

const contentMaxBytes = 65_536

export interface RunningShop {
  readonly port: number
  close(): Promise<void>
}

export async function startShop(shop: Shop): Promise<RunningShop> {
  const server: Server = createServer((request, response) => {
    const pieces: Buffer[] = []
    let bytes = 0
    request.on('data', (piece: Buffer) => {
      bytes += piece.length
      if (bytes <= contentMaxBytes) pieces.push(piece)
    })
    request.on('end', () => {
      const fields: Record<string, string> = {}
      for (const [name, value] of Object.entries(request.headers)) if (typeof value === 'string') fields[name] = value
      const content = Buffer.concat(pieces).toString('utf8')
      const answer = shop.handle({ method: request.method ?? 'GET', target: request.url ?? '/', fields, content })
      response.writeHead(answer.status, [
        ...answer.fields.flat(),
        'Content-Length',
        String(Buffer.byteLength(answer.content)),
      ])
      response.end(answer.content)
    })
  })
  server.keepAliveTimeout = 30_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
