/** Traffic that is made to knock a sensor over, packet by packet; each kind in a file of its own idea, all listed in `attacks.ts`. */

import { tcpAck } from '@tapwarden/net/frame'
import { buildFrame } from '@tapwarden/net/frame-builder'
import { seqAdd } from '@tapwarden/net/sequence'
import type { TransactionReaderOptions } from '@tapwarden/service-capture/transaction-reader'

export interface Attack {
  readonly name: string
  /** What a step is, for the table: `SYNs`, `requests`. */
  readonly unit: string
  /** Steps of the whole attack, and of the one among the tests. */
  readonly fullCount: number
  readonly shortCount: number
  /** Limits for the short one, small enough to be reached by it. */
  readonly shortLimits?: Pick<TransactionReaderOptions, 'flowLimits' | 'httpLimits' | 'tls'>
  /** Made anew for each run. Ethernet frames of a step. */
  readonly start: () => (step: number) => readonly Uint8Array[]
  /** Event time of a step, µs after the start. Default: 20 µs a step. */
  readonly clock?: (step: number) => number
  /** Of the short one, where its small tables must not be filled anew within the second that a flow's age is good to. */
  readonly shortClock?: (step: number) => number
  /** Anomalies or counters, by name, one of which at least must tell that a limit was reached; none where nothing is kept at all. */
  readonly toldBy: readonly string[]
}

export const victimIp = '198.51.100.7'

export function addressOf(index: number): string {
  return `10.${(index >>> 16) & 255}.${(index >>> 8) & 255}.${index & 255}`
}

/** Segments of one endless connection without a handshake of its own: SYN and SYN-ACK are not needed to be read. */
export class EndlessStream {
  readonly #clientIp: string
  readonly #clientPort: number
  readonly #isFromServer: boolean
  #seq = 1_000
  ack = 5_000

  constructor(index: number, isFromServer = false) {
    this.#clientIp = addressOf(index)
    this.#clientPort = 1_024 + (index % 60_000)
    this.#isFromServer = isFromServer
  }

  /** Leaves `holeBytes` out in front of it. */
  segment(payload: Uint8Array, flags = tcpAck, holeBytes = 0): Uint8Array {
    const seq = seqAdd(this.#seq, holeBytes)
    this.#seq = seqAdd(seq, payload.length)
    return this.#frame(this.#isFromServer, seq, this.ack, flags, payload)
  }

  /** From the other side, acknowledging everything. */
  answer(payload: Uint8Array): Uint8Array {
    const frame = this.#frame(!this.#isFromServer, this.ack, this.#seq, tcpAck, payload)
    this.ack = seqAdd(this.ack, payload.length)
    return frame
  }

  #frame(isFromServer: boolean, seq: number, ack: number, flags: number, payload: Uint8Array): Uint8Array {
    return buildFrame({
      sourceIp: isFromServer ? victimIp : this.#clientIp,
      sourcePort: isFromServer ? 80 : this.#clientPort,
      destinationIp: isFromServer ? this.#clientIp : victimIp,
      destinationPort: isFromServer ? this.#clientPort : 80,
      seq,
      ack,
      flags,
      payload,
    })
  }
}

export const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

/** `bytes` in segments of at most 1,460. */
export function inSegments(stream: EndlessStream, bytes: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += 1_460) frames.push(stream.segment(bytes.subarray(at, at + 1_460)))
  return frames
}
