/** Every limit and every counter of this package: what hostile traffic can make it hold, and what is said when a limit bites. */

export interface HttpLimits {
  /** Start line and fields of one message, and separately its trailers. Longer heads are given up. */
  readonly headMaxBytes: number
  /** Requests of one flow that wait for their response. The oldest is published without one. */
  readonly pendingRequestsMax: number
  /** De-chunked, still encoded content kept of one message. */
  readonly contentMaxBytes: number
  /** Decoded content of one message: beyond it neither content nor its size is known. */
  readonly decodedMaxBytes: number
  /** Decoded bytes for each encoded byte. DEFLATE reaches 1,032; layers multiply. */
  readonly decodedMaxRatio: number
  /** Content codings of one message that are undone. */
  readonly codingLayersMax: number
  /** Heads, trailers and content kept by one flow in all, over its pending messages. Beyond it content is not kept, and the oldest requests are given up. */
  readonly flowBufferedMaxBytes: number
  /** The same of all flows, with what each waiting request costs beside. */
  readonly totalBufferedMaxBytes: number
  /** A WebSocket handshake is published when its connection ends, or with the first bytes so much later. */
  readonly webSocketHoldUs: number
  /** Handshakes held in all; more are published at once. */
  readonly webSocketHeldMax: number
  /** Bytes of a direction looked through for a first message before the flow counts as opaque. */
  readonly searchMaxBytes: number
}

export const defaultHttpLimits: HttpLimits = {
  headMaxBytes: 65_536,
  pendingRequestsMax: 1_000,
  contentMaxBytes: 1_048_576,
  decodedMaxBytes: 8_388_608,
  decodedMaxRatio: 2_048,
  codingLayersMax: 4,
  flowBufferedMaxBytes: 4_194_304,
  totalBufferedMaxBytes: 67_108_864,
  webSocketHoldUs: 30_000_000,
  webSocketHeldMax: 10_000,
  searchMaxBytes: 65_536,
}

/** Counted over all flows that share them. */
export class HttpCounters {
  transactionCount = 0
  /** Responses whose request was not seen; they are no transaction. */
  orphanResponseCount = 0
  interimResponseCount = 0
  unansweredRequestCount = 0
  headTooLongCount = 0
  /** Requests given up before their response, because too many waited or they held too much. */
  pendingOverflowCount = 0
  /** Messages whose content was not kept because a flow, or all flows, held too much. */
  bufferOverflowCount = 0
  /** Messages whose content, or part of it, stayed encoded: damage, a limit, a coding that cannot be undone. */
  undecodedContentCount = 0
  /** Flows given up as neither HTTP/1 nor HTTP/2, by what they are; `http2`: begun like it, and not gone on. */
  opaqueFlows = { tls: 0, http2: 0, other: 0, tunnel: 0 }
  /** Frames and messages behind WebSocket handshakes, whether or not these were still held. */
  webSocketFrameCount = 0
  webSocketMessageCount = 0
  /** Bytes on such flows. */
  opaqueBytes = 0
  /** Flows read as HTTP/2. */
  http2FlowCount = 0
  http2GoAwayCount = 0
  /** Frames of streams that were over, or whose start was not seen. */
  http2StrayFrameCount = 0
  /** Requests whose method or target stood in a table entry that was not seen; they are no transaction. */
  http2UnknownRequestCount = 0
  /** gRPC messages of transactions, both ways. */
  grpcMessageCount = 0
  readonly anomalies = new Map<AnomalyName, number>()

  anomaly(name: AnomalyName): void {
    this.anomalies.set(name, (this.anomalies.get(name) ?? 0) + 1)
  }
}

/** What the connection below told of a message's bytes: named, bounded and counted there. */
export type FlowAnomalyName = `tcp.${string}`

/** Protocol oddities, as published. A closed list, so that hostile input cannot make names. */
export type AnomalyName =
  | 'http.start-line-invalid'
  | 'http.resynchronized'
  | 'http.request-doubtful'
  | 'http.version-malformed'
  | 'http.version-0.9'
  | 'http.target-with-space'
  | 'http.head-too-long'
  | 'http.head-incomplete'
  | 'http.field-without-colon'
  | 'http.field-name-invalid'
  | 'http.field-folded'
  | 'http.bare-cr'
  | 'http.transfer-encoding-and-content-length'
  | 'http.transfer-encoding-unknown'
  | 'http.transfer-encoding-repeated'
  | 'http.transfer-encoding-in-1.0'
  | 'http.host-repeated'
  | 'http.content-length-invalid'
  | 'http.content-length-repeated'
  | 'http.content-length-conflict'
  | 'http.chunk-malformed'
  | 'http.chunk-size-odd'
  | 'http.chunk-line-end-odd'
  | 'http.content-incomplete'
  | 'http.content-not-kept'
  | 'http.content-coding-unknown'
  | 'http.content-coding-unsupported'
  | 'http.content-coding-unlabelled'
  | 'http.content-coding-wrong'
  | 'http.content-coding-damaged'
  | 'http.content-coding-limit'
  | 'http.directions-swapped'
  | 'http.response-without-head'
  | 'http.pipeline-overflow'
  | 'http2.preface-invalid'
  | 'http2.frame-malformed'
  | 'http2.frame-too-large'
  | 'http2.frame-unexpected'
  | 'http2.continuation-unexpected'
  | 'http2.continuation-flood'
  | 'http2.header-block-too-large'
  | 'http2.header-block-lost'
  | 'http2.hpack-malformed'
  | 'http2.huffman-end-odd'
  | 'http2.table-size-odd'
  | 'http2.table-not-kept'
  | 'http2.fields-unknown'
  | 'http2.request-unknown'
  | 'http2.status-unknown'
  | 'http2.field-invalid'
  | 'http2.pseudo-field-invalid'
  | 'http2.connection-specific-field'
  | 'http2.content-length-mismatch'
  | 'http2.stream-overflow'
  | 'http2.rapid-reset'
