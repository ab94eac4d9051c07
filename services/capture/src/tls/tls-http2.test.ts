import { connect, createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { framesOf, keyLogOf, makeIdentity, readFrames, Tee } from './tls-recording.js'

it('HTTP/2 inside is read: streams side by side, of a client and a server that chose it by ALPN', async () => {
  const keyLines: Buffer[] = []
  const server = createSecureServer(makeIdentity('ec'), (request, response) => {
    response.setHeader('content-type', 'text/plain')
    response.end(`${request.method} ${request.url} `.repeat(2_000))
  })
  server.on('keylog', (line: Buffer) => keyLines.push(line))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const tee = await Tee.open((server.address() as AddressInfo).port)
  const client = connect(`https://127.0.0.1:${tee.port}`, { rejectUnauthorized: false, servername: 'shop.example' })
  try {
    const paths = Array.from({ length: 20 }, (_, index) => `/items/${index}`)
    await Promise.all(
      paths.map(
        (path) =>
          new Promise<void>((resolve, reject) => {
            const stream = client.request({ ':path': path, ':method': 'POST' })
            stream.on('error', reject)
            stream.on('end', () => resolve())
            stream.resume()
            stream.end('x'.repeat(3_000))
          }),
      ),
    )
    await new Promise<void>((resolve) => client.close(() => resolve()))
    const keyLog = keyLogOf(Buffer.concat(keyLines).toString('latin1'))
    const { transactions, flows, reader } = readFrames(framesOf(tee.turns), { tls: { keyLog } })
    const seen = transactions.map(({ target, status, contentBytes }) => [target, status, ...contentBytes]).sort()
    expect(seen).toEqual(paths.map((path) => [path, 200, 3_000, `POST ${path} `.length * 2_000]).sort())
    expect(new Set(flows.map(({ tls }) => tls?.alpn))).toEqual(new Set(['h2']))
    expect(reader.statistics().http.opaqueFlows).toEqual({ tls: 0, http2: 0, other: 0, tunnel: 0 })
  } finally {
    client.destroy()
    tee.close()
    server.close()
  }
})
