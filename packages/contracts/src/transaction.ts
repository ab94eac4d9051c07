/**
 * HttpTransaction: one request seen on the wire with its response, redacted. What exactly is on `http.transactions.v1`.
 *
 * Flat on purpose: a line is read by ClickHouse, ksqlDB and jq without unnesting, and a column is the field's name in snake_case.
 * A pure function of the frames and the configuration (DESIGN "Decided" 1): no wall clock and no sensor id inside.
 * There is no field for an unredacted value; whatever may hold one is a token or a shape.
 */

import { z } from 'zod'
import { topicNames } from './names.js'
import { tokenPattern } from './token.js'
import { defineTopic } from './topic.js'

const token = z.string().regex(tokenPattern)
const count = z.int().nonnegative()
const shape = z.json()

export const clientAddressSources = ['tcp-peer', 'forwarded', 'x-forwarded-for', 'proxy-protocol'] as const
export const authSchemes = ['none', 'basic', 'bearer', 'api-key', 'cookie', 'digest', 'other'] as const
export const contentKinds = ['none', 'json', 'form', 'multipart', 'xml', 'html', 'text', 'binary', 'unparsed'] as const

const sensitiveSightingSchema = z.object({
  type: z.string(),
  /** Where it stood. */
  in: z.enum(['path', 'query', 'request-field', 'response-field', 'request-content', 'response-content']),
  /** Field, parameter or dotted property path; array positions as `[]`. Empty when the place has no name. */
  name: z.string(),
  count: count,
})
export type SensitiveSighting = z.infer<typeof sensitiveSightingSchema>

/** One direction of a WebSocket. A message is counted where its last frame starts, by the type of its first. RFC 6455 §5.2, §5.4, §5.5. */
const webSocketDirectionSchema = z.object({
  frameCount: count,
  textMessageCount: count,
  binaryMessageCount: count,
  closeCount: count,
  pingCount: count,
  pongCount: count,
  payloadBytes: count,
  /** Something was missing or no frame: what followed is not counted. */
  isPartial: z.boolean(),
})
export type WebSocketDirectionCounts = z.infer<typeof webSocketDirectionSchema>

const webSocketSchema = z.object({
  c2s: webSocketDirectionSchema,
  s2c: webSocketDirectionSchema,
  /** The connection went on when this was published: more followed than is counted. */
  isOpen: z.boolean(),
})

/** Messages of gRPC one way: counted where they start, sizes as sent (gRPC over HTTP2, "Length-Prefixed-Message"). */
const grpcDirectionSchema = z.object({
  messageCount: count,
  messageBytes: count,
  /** The largest one. */
  messageMaxBytes: count,
  /** Something was missing or no message: what followed is not counted. */
  isPartial: z.boolean(),
})

const grpcSchema = z.object({
  /** As the path names them: `package.Service`, `Method`. */
  service: z.string(),
  method: z.string(),
  c2s: grpcDirectionSchema,
  s2c: grpcDirectionSchema,
  /** `grpc-status` of the trailers; absent when none came. */
  status: count.optional(),
})

export const transactionSchema = z.object({
  // Identity
  /** 32 hex digits: hash of addresses, ports, SEQ and ACK of the request's first byte, HTTP/2 stream (DESIGN "Decided" 2). */
  id: z.string().regex(/^[0-9a-f]{32}$/),
  /** Community ID v1 of the innermost flow. */
  flowId: z.string(),
  /** 0-based position in its flow. */
  flowIndex: count,

  // Time, capture clock
  observedAtUs: count,
  /** First byte of the response after the first byte of the request; absent without a response. */
  timeToFirstByteUs: count.optional(),
  /** Last byte seen of either message after the first byte of the request. */
  durationUs: count,

  // Addresses
  clientIp: z.string(),
  clientPort: count,
  serverIp: z.string(),
  serverPort: count,
  vlanIds: z.array(count).optional(),
  /** Names of the tunnels around the packet that opened the flow, outermost first. Absent before 0.2 and where there was none. */
  tunnels: z.array(z.string()).optional(),
  /** Number of the innermost virtual network (VXLAN, GENEVE, NVGRE, backbone bridges). Absent before 0.2 and where none was named. */
  vni: count.optional(),
  /** True when neither SYN was seen and the client is a guess. */
  directionAssumed: z.boolean().optional(),

  // The TLS connection it came on, decrypted with given secrets; all absent without, and before 0.6
  /** Negotiated: `1.0` to `1.3`. */
  tlsVersion: z.string().optional(),
  /** Server Name Indication, lower case; what is no host is a token (RFC 6066 §3). */
  tlsServerName: z.string().optional(),
  /** Protocol that the server chose (RFC 7301); `other` for what is no registered name's form. */
  tlsAlpn: z.string().optional(),
  /** IANA's name of the cipher suite, or its number in hex. */
  tlsCipher: z.string().optional(),
  /** Fingerprints of the ClientHello, by salesforce/ja3 and FoxIO/ja4. */
  ja3: z
    .string()
    .regex(/^[0-9a-f]{32}$/)
    .optional(),
  ja4: z
    .string()
    .regex(/^[0-9a-zA-Z]{10}_[0-9a-f]{12}_[0-9a-f]{12}$/)
    .optional(),

  /** The client as the analysis uses it: the TCP peer, or what a trusted hop forwarded. */
  clientAddress: z.string(),
  /** Why it is that one. Anything but `tcp-peer` was said by a trusted hop; rules in the README of `redaction`. */
  clientAddressSource: z.enum(clientAddressSources),
  /** True when Forwarded and X-Forwarded-For do not name the same client: one of them may be the client's own. */
  clientAddressSpoofable: z.boolean(),
  /** Addresses of X-Forwarded-For, else of Forwarded, then that of a PROXY header; as far as they are addresses, nearest last. */
  forwardedFor: z.array(z.string()).optional(),

  // Request
  method: z.string(),
  scheme: z.enum(['http', 'https']),
  /** Host as addressed, lower case, with its port where one was given. Empty when the request names none. */
  host: z.string(),
  /** Path without query. Segments that could be secrets are tokens (DESIGN "Decided" 4). */
  path: z.string(),
  /** Content token of each path segment in order, to compare with tokens of leaves. */
  pathTokens: z.array(token),
  /** Query parameters in wire order: name, and the value's shape leaf (see content-shape.ts). */
  query: z.array(z.tuple([z.string(), z.string()])),
  httpVersion: z.string(),
  userAgent: z.string().optional(),
  /** 16 hex digits of the client fingerprint: ordered lower-case field names and value classes (DESIGN "Decided" 8). */
  fingerprint: z.string(),
  requestContentType: z.string().optional(),
  requestContentKind: z.enum(contentKinds),
  /** De-chunked, decoded size; absent when a gap or a limit hides it. */
  requestContentBytes: count.optional(),
  requestShape: shape.optional(),
  /** Kept request fields, lower-case names; values only of fields that cannot hold secrets. */
  requestFields: z.record(z.string(), z.string()).optional(),

  // Auth and credentials
  authScheme: z.enum(authSchemes),
  /** Access token (API key or bearer), class access. */
  accessToken: token.optional(),
  /** Name of the field or parameter that carried it. */
  accessTokenName: z.string().optional(),
  sessionToken: token.optional(),
  /** Subject of a JWT or user of Basic, class credential. */
  accountToken: token.optional(),
  /** Login attempts only: user name and password, class credential. */
  loginUserToken: token.optional(),
  loginPasswordToken: token.optional(),

  // Response; all absent when none was seen
  status: count.optional(),
  responseContentType: z.string().optional(),
  responseContentKind: z.enum(contentKinds).optional(),
  responseContentBytes: count.optional(),
  /**
   * Content like this was looked at once in so many transactions, by id: one with a shape stands for so many, one without was not
   * looked at (its kind is what was declared, its sensitive values were not sought). Absent: such content is always looked at. Absent before 0.5.
   */
  contentSampling: z.int().min(2).max(1_000).optional(),
  responseShape: shape.optional(),
  responseFields: z.record(z.string(), z.string()).optional(),
  /** Names of the cookies that the response sets. */
  setCookieNames: z.array(z.string()).optional(),
  /** Id of the decision under which an edge of ours answered itself (names.ts, `decisionFieldName`). */
  edgeDecisionId: z.string().optional(),
  /** Of a WebSocket handshake (RFC 6455 §4.2.2): what was spoken behind it, in numbers. Absent for anything else, and before 0.5. */
  webSocket: webSocketSchema.optional(),
  /**
   * Stream of an HTTP/2 connection that it was, or was answered on (RFC 9113 §5.1.1): of the identity, unless the request came by HTTP/1.1 with
   * `Upgrade: h2c`. Absent for HTTP/1, and before 0.5.
   */
  http2StreamId: count.optional(),
  /** The server sent the request as well, to answer it unasked: no client made it. RFC 9113 §8.4. */
  http2IsPushed: z.boolean().optional(),
  /** Error code with which either side reset the stream. RFC 9113 §7. */
  http2ResetCode: count.optional(),
  /** Of a gRPC call over HTTP/2. Absent for anything else, and before 0.5. */
  grpc: grpcSchema.optional(),

  // What was sensitive in it
  sensitive: z.array(sensitiveSightingSchema).optional(),

  // Visibility: what the sensor could not see
  missedBytes: count,
  truncated: z.boolean(),
  midStream: z.boolean(),
  anomalies: z.array(z.string()).optional(),
  /** How many transactions this one stands for; 1 unless the sensor sheds load. */
  weight: z.number().positive(),
})

/**
 * Among the anomalies: some fields of a message stand in an HTTP/2 table whose entries the sensor did not see (RFC 7541 §2.3.2), and are left
 * out. What is not there proves nothing.
 */
export const fieldsUnknownAnomaly = 'http2.fields-unknown'

export type HttpTransaction = z.infer<typeof transactionSchema>

export const transactionTopic = defineTopic<HttpTransaction>(topicNames.transactions, transactionSchema)

/** One transaction with every field filled: the reference for codecs, columns and documentation. */
export const goldenTransaction: HttpTransaction = {
  id: '0123456789abcdef0123456789abcdef',
  flowId: '1:wCb3OG7yAFWelaUydu0D+125CLM=',
  flowIndex: 0,
  observedAtUs: 1_790_000_000_123_456,
  timeToFirstByteUs: 2_100,
  durationUs: 2_900,
  clientIp: '203.0.113.9',
  clientPort: 51_034,
  serverIp: '198.51.100.7',
  serverPort: 8_080,
  vlanIds: [120],
  tunnels: ['vxlan'],
  vni: 5_001,
  directionAssumed: false,
  tlsVersion: '1.3',
  tlsServerName: 'shop.example',
  tlsAlpn: 'http/1.1',
  tlsCipher: 'TLS_AES_128_GCM_SHA256',
  ja3: 'ada70206e40642a3e4461f35503241d5',
  ja4: 't13d1516h2_8daaf6152771_e5627efa2ab1',
  clientAddress: '203.0.113.9',
  clientAddressSource: 'tcp-peer',
  clientAddressSpoofable: false,
  forwardedFor: ['192.0.2.60'],
  method: 'POST',
  scheme: 'https',
  host: 'shop.example',
  path: '/api/v1/login',
  pathTokens: ['v1.00000000000000a1', 'v1.00000000000000a2', 'v1.00000000000000a3'],
  query: [['locale', 'str n=3 k=v1.00000000000000b1']],
  httpVersion: '1.1',
  userAgent: 'ExampleShop/4.2 (iPhone; iOS 19)',
  fingerprint: 'c3a1b2d4e5f60718',
  requestContentType: 'application/json',
  requestContentKind: 'json',
  requestContentBytes: 57,
  requestShape: { username: 'str f=email n=5 s=email', password: 'str n=4 s=password' },
  requestFields: { accept: 'application/json' },
  authScheme: 'api-key',
  accessToken: 'a1.9f86d081884c7d659a2feaa0c55ad015',
  accessTokenName: 'x-api-key',
  sessionToken: 'a1.60303ae22b998861bce3b28f33eec1be',
  accountToken: 'c1.fd61a03af4f77d870fc21e05e7e80678',
  loginUserToken: 'c1.fd61a03af4f77d870fc21e05e7e80678',
  loginPasswordToken: 'c1.1f3870be274f6c49b3e31a0c6728957f',
  status: 401,
  responseContentType: 'application/json',
  responseContentKind: 'json',
  responseContentBytes: 29,
  contentSampling: 10,
  responseShape: { error: 'str n=5 k=v1.00000000000000c1' },
  responseFields: { 'cache-control': 'no-store' },
  setCookieNames: ['sid'],
  edgeDecisionId: 'd-0123456789abcdef',
  webSocket: {
    c2s: {
      frameCount: 4,
      textMessageCount: 1,
      binaryMessageCount: 0,
      closeCount: 1,
      pingCount: 1,
      pongCount: 0,
      payloadBytes: 5,
      isPartial: false,
    },
    s2c: {
      frameCount: 3,
      textMessageCount: 0,
      binaryMessageCount: 1,
      closeCount: 1,
      pingCount: 0,
      pongCount: 1,
      payloadBytes: 258,
      isPartial: false,
    },
    isOpen: false,
  },
  http2StreamId: 7,
  http2IsPushed: false,
  http2ResetCode: 8,
  grpc: {
    service: 'shop.v1.Orders',
    method: 'List',
    c2s: { messageCount: 1, messageBytes: 12, messageMaxBytes: 12, isPartial: false },
    s2c: { messageCount: 3, messageBytes: 300, messageMaxBytes: 200, isPartial: false },
    status: 0,
  },
  sensitive: [{ type: 'email', in: 'request-content', name: 'username', count: 1 }],
  missedBytes: 0,
  truncated: false,
  midStream: false,
  anomalies: ['http.duplicate-content-length'],
  weight: 1,
}
