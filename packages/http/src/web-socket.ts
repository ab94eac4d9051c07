/**
 * WebSocket behind its handshake: frames and messages of one connection counted by direction and type. RFC 6455 §5. No payload is
 * looked at or kept; resumable at any byte.
 *
 *     header (2 to 14 octets, RFC 6455 §5.2) ──► payload ──► header …        lost: behind a gap in a header, or no frame
 *
 * Payload may be compressed (RFC 7692) and is masked from the client: neither matters to counting.
 */

/** Counts of one direction. A message is counted where its last frame starts, by the type of its first. */
export interface WebSocketCounts {
  frameCount: number
  textMessageCount: number
  binaryMessageCount: number
  closeCount: number
  pingCount: number
  pongCount: number
  payloadBytes: number
  /** Something was missing or no frame: what follows is not counted. */
  isPartial: boolean
}

const continuation = 0
const text = 1
const binary = 2
const close = 8
const ping = 9
const pong = 10
/** Control frames are no longer than this. RFC 6455 §5.5. */
const controlMaxBytes = 125
const headerMaxBytes = 14

export class WebSocketDirection {
  readonly counts: WebSocketCounts = {
    frameCount: 0,
    textMessageCount: 0,
    binaryMessageCount: 0,
    closeCount: 0,
    pingCount: 0,
    pongCount: 0,
    payloadBytes: 0,
    isPartial: false,
  }
  readonly #header = new Uint8Array(headerMaxBytes)
  #headerBytes = 0
  /** Payload of the present frame that is to come. */
  #remainingBytes = 0
  /** Type of the message whose last frame is to come; `continuation` when none is. */
  #messageType = continuation

  /** Takes `buffer[from, to)`, borrowed. */
  push(buffer: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to && !this.counts.isPartial) {
      if (this.#remainingBytes > 0) {
        const bytes = Math.min(this.#remainingBytes, to - at)
        this.#remainingBytes -= bytes
        at += bytes
      } else {
        this.#header[this.#headerBytes++] = buffer[at++]!
        if (this.#headerBytes >= 2 && this.#headerBytes === this.#neededBytes()) this.#frame()
      }
    }
  }

  gap(missedBytes: number): void {
    if (missedBytes > this.#remainingBytes) this.counts.isPartial = true
    else this.#remainingBytes -= missedBytes
  }

  #neededBytes(): number {
    const length = this.#header[1]! & 0x7f
    const maskBytes = (this.#header[1]! & 0x80) === 0 ? 0 : 4
    return 2 + maskBytes + (length === 127 ? 8 : length === 126 ? 2 : 0)
  }

  #frame(): void {
    this.#headerBytes = 0
    const isLast = (this.#header[0]! & 0x80) !== 0
    const type = this.#header[0]! & 0x0f
    const bytes = this.#payloadBytes()
    if (!Number.isSafeInteger(bytes) || !this.#count(type, isLast, bytes)) {
      this.counts.isPartial = true
      return
    }
    this.counts.frameCount++
    this.counts.payloadBytes += bytes
    this.#remainingBytes = bytes
  }

  #payloadBytes(): number {
    const length = this.#header[1]! & 0x7f
    if (length < 126) return length
    let bytes = 0
    for (let i = 2; i < (length === 126 ? 4 : 10); i++) bytes = bytes * 256 + this.#header[i]!
    return bytes
  }

  /** False when such a frame cannot stand here. */
  #count(type: number, isLast: boolean, bytes: number): boolean {
    const { counts } = this
    if (type >= close) {
      if (!isLast || bytes > controlMaxBytes || type > pong) return false
      if (type === close) counts.closeCount++
      else if (type === ping) counts.pingCount++
      else counts.pongCount++
      return true
    }
    // RFC 6455 §5.4: continuations belong to a message that was started, and no other starts meanwhile.
    if (type > binary || (type === continuation) !== (this.#messageType !== continuation)) return false
    if (type !== continuation) this.#messageType = type
    if (!isLast) return true
    if (this.#messageType === text) counts.textMessageCount++
    else counts.binaryMessageCount++
    this.#messageType = continuation
    return true
  }
}

/** Both directions, as they are published. */
export interface WebSocketTraffic {
  readonly c2s: Readonly<WebSocketCounts>
  readonly s2c: Readonly<WebSocketCounts>
  /** The connection went on when this was published. */
  readonly isOpen: boolean
}
