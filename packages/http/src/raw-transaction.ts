/**
 * A transaction as read from the wire, before redaction. Exists inside the sensor only: `redaction` is the one package that may
 * read it. Everything in it is borrowed: valid until the sink that receives it returns.
 */

import type { FieldList } from './field-list.js'
import type { GrpcTraffic } from './http2/grpc.js'
import type { Proxied } from './proxy-protocol.js'
import type { WebSocketTraffic } from './web-socket.js'

export interface RawMessage {
  /** `0.9`, `1.0`, `1.1`, `2`. */
  readonly httpVersion: string
  readonly fields: FieldList
  readonly trailers: FieldList | undefined
  /** De-chunked, decoded content, as much of it as the limits keep. Empty when there is none. */
  readonly content: Uint8Array
  /** Whole decoded size; undefined when a gap, a limit or damage hides it. 0 when there is none. */
  readonly contentBytes: number | undefined
  /** `content` holds less than the message did. */
  readonly contentTruncated: boolean
  readonly firstByteAtUs: number
  readonly lastByteAtUs: number
}

export interface RawRequest extends RawMessage {
  readonly method: string
  /** Request target exactly as sent, Latin-1. */
  readonly target: string
}

export interface RawResponse extends RawMessage {
  readonly status: number
}

/** Which stream of an HTTP/2 connection it was, and how that ended. */
export interface Http2Facts {
  readonly streamId: number
  /** The request came by HTTP/1, with `Upgrade: h2c`; the stream is not of its identity. RFC 7540 §3.2. */
  readonly isUpgraded: boolean
  /** The server sent the request as well, to answer it unasked. RFC 9113 §8.4. */
  readonly isPushed: boolean
  /** Error code of the RST_STREAM that ended it, whoever sent that. RFC 9113 §7. */
  readonly resetCode: number | undefined
}

export interface RawTransaction {
  /** 0-based position in its flow. */
  readonly flowIndex: number
  /** TCP sequence and acknowledgement number of the segment byte that the request starts at; of the identity. */
  readonly firstSeq: number
  readonly firstAck: number
  readonly request: RawRequest
  readonly response: RawResponse | undefined
  /** Bytes of either message that the sensor never saw. */
  readonly missedBytes: number
  /** The flow was joined after its start. */
  readonly midStream: boolean
  /** The peer taken for the server sent the requests: whoever knows addresses swaps them. */
  readonly reversed?: boolean
  /** What a PROXY header in front of the client's bytes says about whom they are for; undefined without one. */
  readonly proxied?: Proxied | undefined
  /** Of a WebSocket handshake: what followed it. */
  readonly webSocket?: WebSocketTraffic | undefined
  /** As `:scheme` names it. Undefined: as the target says, or whether the bytes were decrypted. */
  readonly scheme?: 'http' | 'https' | undefined
  readonly http2?: Http2Facts | undefined
  readonly grpc?: GrpcTraffic | undefined
  /** Names of protocol oddities, deduplicated. */
  readonly anomalies: readonly string[]
}

export type RawTransactionSink = (transaction: RawTransaction) => void
