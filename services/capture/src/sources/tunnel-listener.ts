/**
 * A cloud mirror as a frame source: VXLAN and GENEVE datagrams taken from UDP sockets, without any privilege.
 *
 *   datagram ─► sender allowed? ─► header of its kind? ─► copied into one reused packet ─► sink
 *      │             └──────────────────┴─ no: counted
 *      └─ nobody took it in time: counted by the kernel, per socket
 *
 * Invariant: sent to a socket of ours = frames handed on + datagrams refused + datagrams the kernel dropped (and, until it is read, what
 * waits in the socket). A datagram carries no time: event time is the wall clock when it is taken.
 */

import { createSocket, type Socket } from 'node:dgram'
import { BlockList, isIPv6 } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { FrameView } from '@tapwarden/pcap/pcap-reader'
import { type FrameSink, type FrameSource, FrameSourceError, type FrameSourceStatistics } from './frame-source.js'
import { type ListenPlace, listenPlaceText } from './listen-place.js'
import {
  datagramFault,
  networkNumber,
  packetHeaderBytes,
  packetLinkType,
  packetMaxBytes,
  setPacketBytes,
  startPacket,
  type TunnelKind,
} from './tunnel-datagram.js'
import { udpDrops } from './udp-drops.js'
import { WallClock } from './wall-clock.js'

export interface TunnelListenerOptions {
  readonly places: readonly ListenPlace[]
  /** Of each socket, as far as the kernel grants it. Default 32 MiB. */
  readonly receiveBufferBytes?: number
  /** Addresses and CIDR ranges whose datagrams are taken; all when absent or empty. */
  readonly senders?: readonly string[]
  /** How often drops are asked for. Default 1,000. */
  readonly pollMs?: number
}

const receiveBufferDefaultBytes = 33_554_432
const pollDefaultMs = 1_000
const networksMaxCount = 4_096
const sendersMaxCount = 4_096
const drainStepMs = 25
const drainMaxMs = 500

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class TunnelListenerSource implements FrameSource {
  readonly #options: TunnelListenerOptions
  readonly #allowed: BlockList | undefined
  readonly #sendersSeen = new Map<string, boolean>()
  readonly #clock = new WallClock()
  readonly #oddities = new Map<string, number>()
  readonly #warnings: string[] = []
  #receivers: Receiver[] = []
  #sink: FrameSink | undefined
  #frameCount = 0
  #bytesRead = 0
  #hasNews = false
  #isAfterBlock = false
  #end: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | undefined
  #running: Promise<void> | undefined
  #isStopped = false
  #onCapturing: () => void = () => undefined
  /** Resolves when every socket is bound; stays pending when one cannot be (`frames` rejects then). */
  readonly capturing: Promise<void>
  /** Frames by the number of their network; beyond `networksMaxCount` networks, those of all others under -1. */
  readonly frameCountByNetwork = new Map<number, number>()

  constructor(options: TunnelListenerOptions) {
    this.#options = options
    this.#allowed = blockListOf(options.senders ?? [])
    this.capturing = new Promise((resolve) => {
      this.#onCapturing = resolve
    })
  }

  /** Where it listens, once it does: a place with port 0 gets any free one. */
  get ports(): readonly number[] {
    return this.#receivers.map(({ port }) => port)
  }

  frames(sink: FrameSink): Promise<void> {
    this.#running ??= this.#listen(sink)
    return this.#running
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#quiet()
    this.#end?.resolve()
    await this.#running?.catch(() => undefined) // Whoever called `frames` hears of it.
  }

  statistics(): FrameSourceStatistics {
    return {
      frameCount: this.#frameCount,
      bytesRead: this.#bytesRead,
      totalBytes: undefined,
      kernelDroppedCount: this.#receivers.reduce((sum, { dropCount }) => sum + dropCount, 0),
      restartCount: 0,
      warnings: [...this.#warnings],
      oddities: this.#oddities,
    }
  }

  async #listen(sink: FrameSink): Promise<void> {
    this.#sink = sink
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = { resolve, reject }
    })
    ended.catch(() => undefined) // Awaited below, once all listen.
    const poll = setInterval(() => void this.#askDrops(), this.#options.pollMs ?? pollDefaultMs)
    try {
      for (const place of this.#options.places) {
        this.#receivers.push(await this.#bound(place))
      }
      this.#onCapturing()
      if (!this.#isStopped) await ended
      await this.#askDrops()
      await this.#sink?.afterBlock?.()
    } finally {
      clearInterval(poll)
      await Promise.all(this.#receivers.map(({ socket }) => closed(socket)))
    }
  }

  async #bound(place: ListenPlace): Promise<Receiver> {
    const socket = createSocket({ type: isIPv6(place.host) ? 'udp6' : 'udp4' })
    const packet = new Packet(place.kind)
    socket.on('message', (datagram, { address }) => this.#take(packet, datagram, address))
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once('error', reject)
        socket.bind({ address: place.host, port: place.port }, resolve)
      })
    } catch (cause) {
      await closed(socket)
      throw listenError(place, cause)
    }
    socket.on('error', (cause) => this.#end?.reject(listenError(place, cause)))
    this.#askRoom(socket, place)
    const { address, port } = socket.address()
    return { socket, address, port, dropCount: 0 }
  }

  /** Of the size that it tells, the kernel keeps half for its own notes: man 7 socket, SO_RCVBUF. */
  #askRoom(socket: Socket, place: ListenPlace): void {
    const wantedBytes = this.#options.receiveBufferBytes ?? receiveBufferDefaultBytes
    socket.setRecvBufferSize(wantedBytes)
    const grantedBytes = Math.trunc(socket.getRecvBufferSize() / 2)
    if (grantedBytes >= wantedBytes) return
    this.#warnings.push(
      `${listenPlaceText(place)}: the kernel grants ${mebibytes(grantedBytes)} of the ${mebibytes(wantedBytes)} asked for as receive buffer; for more: sysctl -w net.core.rmem_max=${wantedBytes}`,
    )
  }

  #take(packet: Packet, datagram: Uint8Array, sender: string): void {
    this.#bytesRead += datagram.length
    this.#hasNews = true
    if (!this.#isAfterBlock) {
      this.#isAfterBlock = true
      setImmediate(() => void this.#afterBlock())
    }
    if (this.#allowed !== undefined && !this.#isAllowed(sender)) {
      this.#count('source.datagram-sender')
      return
    }
    const fault = datagramFault(packet.kind, datagram, 0, datagram.length)
    if (fault !== undefined) {
      this.#count(`source.datagram-${fault}`)
      return
    }
    const network = networkNumber(datagram, 0)
    const known = this.frameCountByNetwork.get(network)
    if (known !== undefined || this.frameCountByNetwork.size < networksMaxCount) {
      this.frameCountByNetwork.set(network, (known ?? 0) + 1)
    } else this.frameCountByNetwork.set(-1, (this.frameCountByNetwork.get(-1) ?? 0) + 1)
    this.#frameCount++
    try {
      this.#sink?.frame(packet.around(datagram, this.#clock.nowUs()))
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Once a turn of the event loop, however many datagrams it brought; never two at a time. */
  async #afterBlock(): Promise<void> {
    try {
      while (this.#hasNews) {
        this.#hasNews = false
        await this.#sink?.afterBlock?.()
      }
    } catch (error) {
      this.#fail(error)
    }
    this.#isAfterBlock = false
  }

  /** What the sink throws ends the source: it is not asked again. */
  #fail(error: unknown): void {
    this.#sink = undefined
    this.#end?.reject(error)
  }

  #isAllowed(sender: string): boolean {
    const known = this.#sendersSeen.get(sender)
    if (known !== undefined) return known
    const isAllowed = this.#allowed?.check(sender, isIPv6(sender) ? 'ipv6' : 'ipv4') === true
    if (this.#sendersSeen.size >= sendersMaxCount) this.#sendersSeen.clear()
    this.#sendersSeen.set(sender, isAllowed)
    return isAllowed
  }

  #count(oddity: string): void {
    this.#oddities.set(oddity, (this.#oddities.get(oddity) ?? 0) + 1)
  }

  async #askDrops(): Promise<void> {
    for (const receiver of this.#receivers) {
      const drops = await udpDrops(receiver.address, receiver.port)
      if (drops !== undefined) receiver.dropCount = drops
    }
  }

  /** What waits in the sockets is taken first, for a bounded time: closing them would drop it, uncounted. */
  async #quiet(): Promise<void> {
    for (let waitedMs = 0; waitedMs < drainMaxMs && this.#receivers.length > 0; waitedMs += drainStepMs) {
      const before = this.#bytesRead
      await delay(drainStepMs)
      if (this.#bytesRead === before) return
    }
  }
}

interface Receiver {
  readonly socket: Socket
  readonly address: string
  readonly port: number
  dropCount: number
}

/** One packet that every datagram of a socket is put into in turn, and the one view of it. */
class Packet {
  readonly kind: TunnelKind
  readonly #view: DataView
  readonly #frame: Mutable<FrameView>

  constructor(kind: TunnelKind) {
    const buffer = new Uint8Array(packetMaxBytes)
    this.kind = kind
    this.#view = new DataView(buffer.buffer)
    startPacket(this.#view, kind)
    this.#frame = {
      buffer,
      view: this.#view,
      offset: 0,
      end: 0,
      capturedBytes: 0,
      originalBytes: 0,
      timestampUs: 0,
      linkType: packetLinkType,
      interfaceIndex: 0,
    }
  }

  around(datagram: Uint8Array, atUs: number): FrameView {
    const frame = this.#frame
    frame.buffer.set(datagram, packetHeaderBytes)
    frame.end = setPacketBytes(this.#view, datagram.length)
    frame.capturedBytes = frame.end
    frame.originalBytes = frame.end
    frame.timestampUs = atUs
    return frame
  }
}

function blockListOf(senders: readonly string[]): BlockList | undefined {
  if (senders.length === 0) return undefined
  const list = new BlockList()
  for (const sender of senders) {
    const [address = '', prefix] = sender.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

function listenError(place: ListenPlace, cause: unknown): FrameSourceError {
  const text = listenPlaceText(place)
  switch (cause instanceof Error && 'code' in cause ? cause.code : undefined) {
    case 'EADDRINUSE':
      return new FrameSourceError('listen-failed', `${text} is in use: end who listens there, or name another port`, {
        cause,
      })
    case 'EACCES':
      return new FrameSourceError('not-permitted', `${text} is not permitted: use a port above 1023`, { cause })
    case 'EADDRNOTAVAIL':
      return new FrameSourceError('listen-failed', `${text}: that is no address of this machine; 0.0.0.0 is all`, {
        cause,
      })
    default:
      return new FrameSourceError('listen-failed', `${text} cannot be listened on: ${String(cause)}`, { cause })
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    try {
      socket.close(resolve)
    } catch {
      resolve() // It never opened.
    }
  })
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1_048_576).toFixed(1)} MiB`
}
