/**
 * A TCP proxy on loopback that writes down what passes it, in the order in which it passes: real bytes of real programs, without the right to
 * capture packets. What it wrote is made into frames, and those into a capture.
 */

import { connect, createServer, type Server, type Socket } from 'node:net'
import { buildConversation, type Turn } from '@tapwarden/net/frame-builder'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'

/** What one connection said, in turn. */
export type Recording = Turn[]

export class RecordingProxy {
  readonly recordings: Recording[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  port = 0

  private constructor(toPort: number) {
    this.#server = createServer((client) => this.#relay(client, toPort))
  }

  static async open(toPort: number): Promise<RecordingProxy> {
    const proxy = new RecordingProxy(toPort)
    proxy.port = await listening(proxy.#server)
    return proxy
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #relay(client: Socket, toPort: number): void {
    const recording: Recording = []
    this.recordings.push(recording)
    const server = connect(toPort, '127.0.0.1')
    for (const [from, to, direction] of [
      [client, server, 'c2s'],
      [server, client, 's2c'],
    ] as const) {
      this.#sockets.add(from)
      from.setNoDelay(true)
      from.on('data', (bytes) => {
        recording.push({ direction, bytes: Buffer.from(bytes) })
        to.write(bytes)
      })
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}

/** The port it got. */
export function listening(server: {
  listen(port: number, host: string, done: () => void): unknown
  address(): unknown
}): Promise<number> {
  return new Promise((resolve, reject) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      if (typeof address === 'object' && address !== null && 'port' in address) resolve(Number(address.port))
      else reject(new Error('no port'))
    })
  })
}

const startUs = 1_790_000_000_000_000

/** The connections one after the other, each whole. */
export function captureOf(recordings: readonly (readonly Turn[])[]): Uint8Array {
  const frames = recordings.flatMap((turns, index) =>
    buildConversation(
      { clientIp: '192.0.2.10', clientPort: 40_000 + index, serverIp: '198.51.100.20', serverPort: 8_080 },
      turns,
      startUs + index * 1_000_000,
    ),
  )
  return writePcap(frames, { linkType: linkTypeEthernet })
}

/** Of one connection, without its first `droppedCount` frames: as it is to a sensor that joined then. */
export function captureFrom(turns: readonly Turn[], droppedCount: number): Uint8Array {
  const frames = buildConversation(
    { clientIp: '192.0.2.10', clientPort: 40_000, serverIp: '198.51.100.20', serverPort: 8_080 },
    turns,
    startUs,
  )
  return writePcap(frames.slice(droppedCount), { linkType: linkTypeEthernet })
}
