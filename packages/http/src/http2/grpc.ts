/**
 * gRPC on one direction of an HTTP/2 stream: messages counted by their five-octet heads, resumable at any byte; nothing of what they say is
 * kept. "gRPC over HTTP2", section "Length-Prefixed-Message"; gRPC-Web ends with a frame of trailers instead of a header block.
 */

export interface GrpcCounts {
  messageCount: number
  /** Of the messages as sent, heads apart; compressed ones as they are. */
  messageBytes: number
  /** The largest one. */
  messageMaxBytes: number
  /** Something was missing, or no message: what follows is not counted. */
  isPartial: boolean
}

/** Both directions, as they are published. */
export interface GrpcTraffic {
  /** `package.Service`, as the path names it. */
  readonly service: string
  readonly method: string
  readonly c2s: Readonly<GrpcCounts>
  readonly s2c: Readonly<GrpcCounts>
  /** `grpc-status` from trailers, or from the head of an answer without content. */
  readonly status: number | undefined
}

const headBytes = 5
const trailersFlag = 0x80
/** Longer trailers of gRPC-Web are passed over. */
const trailersMaxBytes = 4_096

export class GrpcDirection {
  readonly counts: GrpcCounts = { messageCount: 0, messageBytes: 0, messageMaxBytes: 0, isPartial: false }
  /** From trailers that came as a frame of content. */
  status: number | undefined
  readonly #head = new Uint8Array(headBytes)
  #headCount = 0
  #remainingBytes = 0
  #isTrailers = false
  #trailers = ''

  /** Takes `buffer[from, to)` of the content, borrowed. */
  push(buffer: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to && !this.counts.isPartial) {
      if (this.#remainingBytes > 0) {
        const end = Math.min(to, at + this.#remainingBytes)
        if (this.#isTrailers) this.#gather(buffer, at, end)
        this.#remainingBytes -= end - at
        at = end
      } else {
        this.#head[this.#headCount++] = buffer[at++]!
        if (this.#headCount === headBytes) this.#message()
      }
    }
  }

  gap(missedBytes: number): void {
    if (missedBytes > this.#remainingBytes) this.counts.isPartial = true
    else this.#remainingBytes -= missedBytes
    this.#trailers = ''
  }

  /** The content is over; within a message it was cut short. */
  end(): void {
    if (this.#headCount > 0 || this.#remainingBytes > 0) this.counts.isPartial = true
  }

  /** Counted where it starts, as a message of a stream may be long in coming. */
  #message(): void {
    const [flags, a, b, c, d] = this.#head as unknown as [number, number, number, number, number]
    const bytes = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0
    this.#headCount = 0
    if ((flags & ~(trailersFlag | 1)) !== 0) {
      this.counts.isPartial = true
      return
    }
    this.#remainingBytes = bytes
    this.#isTrailers = (flags & trailersFlag) !== 0
    if (this.#isTrailers) return
    this.counts.messageCount++
    this.counts.messageBytes += bytes
    if (bytes > this.counts.messageMaxBytes) this.counts.messageMaxBytes = bytes
  }

  #gather(buffer: Uint8Array, from: number, to: number): void {
    const room = trailersMaxBytes - this.#trailers.length
    this.#trailers += Buffer.from(buffer.buffer, buffer.byteOffset + from, Math.min(to - from, room)).toString('latin1')
    if (to - from < this.#remainingBytes) return
    this.status = grpcStatusOf(/(?:^|\n)grpc-status:[ \t]*([0-9]+)/i.exec(this.#trailers)?.[1])
  }
}

/** `grpc-status` as a number; undefined when it is none, or none that fits. */
export function grpcStatusOf(value: string | undefined): number | undefined {
  return value !== undefined && /^[0-9]{1,5}$/.test(value) ? Number(value) : undefined
}

/** Content types of gRPC itself and of gRPC-Web in binary; not of its Base64 form, whose messages cannot be told without undoing it. */
export function isGrpcType(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:-web)?(?:\+[\w.-]+)?[ \t]*(?:;|$)/i.test(contentType)
}

/** `/package.Service/Method` → its two names; undefined where a path is none. */
export function grpcNames(target: string): { readonly service: string; readonly method: string } | undefined {
  const match = /^\/([A-Za-z_][\w.]{0,255})\/([A-Za-z_]\w{0,127})$/.exec(target)
  return match === null ? undefined : { service: match[1] ?? '', method: match[2] ?? '' }
}
