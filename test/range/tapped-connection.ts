/** A client's connection whose bytes are seen by a tap on their way: how the Node edge stands in for a mirror port. */

import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** Receives a connection's bytes in the order the edge reads and writes them. */
export interface ConnectionTap {
  fromClient(bytes: Uint8Array): void
  toClient(bytes: Uint8Array): void
  closed(): void
}

/** Has the address members that `node:http` and its users look for on a socket. */
export class TappedConnection extends Duplex {
  readonly #socket: Socket
  readonly #tap: ConnectionTap
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined

  constructor(socket: Socket, tap: ConnectionTap) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    this.#tap = tap
    this.remoteAddress = socket.remoteAddress
    this.remotePort = socket.remotePort
    socket.on('data', (bytes: Buffer) => {
      tap.fromClient(bytes)
      if (!this.push(bytes)) socket.pause()
    })
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => {
      tap.closed()
      this.destroy()
    })
  }

  override _read(): void {
    this.#socket.resume()
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#tap.toClient(bytes)
    if (this.#socket.write(bytes)) done()
    else this.#socket.once('drain', () => done())
  }

  override _final(done: () => void): void {
    this.#socket.end(() => done())
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy()
    done(error)
  }
}
