/**
 * What leaves the host, and what never does: the only door out of the sensor. A raw transaction goes in; the line of `HttpTransaction` comes
 * out, with every value that could be a secret replaced by a token or a shape. A pure function of its input and the configuration.
 *
 * @long: one class writes the line from front to back, so that what leaves can be read in one place, in the order in which it leaves.
 */

import { assert } from '@tapwarden/base/assert'
import type { EpochUs } from '@tapwarden/base/units'
import { partitionOf } from '@tapwarden/contracts/partition-key'
import { contentKinds } from '@tapwarden/contracts/transaction'
import type { Http2Facts, RawMessage, RawRequest, RawResponse, RawTransaction } from '@tapwarden/http/raw-transaction'
import { isSecretShape } from '@tapwarden/sensitive-data/secret-shape'
import { type Auth, AuthReader, type SeenAuth } from './auth.js'
import { ByteWriter, jsonLiteral, Literal } from './byte-writer.js'
import { nameTextOf } from './clear-name.js'
import { ClearTexts, contentTypeText } from './clear-text.js'
import { ClientAddresses, type HopClaim } from './client-address.js'
import { type ContentKind, ContentShaper } from './content-shape.js'
import {
  ACCEPT,
  ACCEPT_ENCODING,
  ACCEPT_LANGUAGE,
  AUTHORITY,
  AUTHORIZATION,
  CONTENT_TYPE,
  DECISION,
  HOST,
  USER_AGENT,
} from './field-policy.js'
import { FingerprintMemo } from './fingerprint.js'
import { type FlowContext, type FlowText, FlowTexts } from './flow-texts.js'
import { hostText, type SeenHost } from './host.js'
import type { RawLogin } from './login.js'
import { MessageFields } from './message-fields.js'
import { Paths, urlText } from './path.js'
import { SeenValues } from './seen-values.js'
import { Sightings } from './sightings.js'
import { type AccessSubkey, Tokens } from './token.js'
import { memberKey, TransactionEncoder } from './transaction-encoder.js'

export type { FlowContext } from './flow-texts.js'

/**
 * What is looked at of the content of a host, given as it is published. `none`: nothing, not even logins. `shape`: everything. `sample`: every request; of
 * responses those to logins, errors, and one in `contentSampling` of the others.
 */
export type ContentPolicy = (host: string) => ContentTreatment
export type ContentTreatment = 'none' | 'sample' | 'shape'

/** What is read of one content: nothing, its content type alone, or all of it. */
type Reading = 'nothing' | 'declaration' | 'shape'

export interface RedactorOptions {
  /** 32 secret bytes, the same on every sensor. */
  readonly fleetKey: Uint8Array
  /** From 1; told by every token. */
  readonly keyNumber: number
  /** Default: the shape of everything. */
  readonly contentPolicy?: ContentPolicy
  /** Under `sample`, one response in so many, 2 to 1,000. Default 10. */
  readonly contentSampling?: number
  /** Addresses and CIDR ranges of our own proxies, valid by `isCidr`. Default: none. */
  readonly trustedHops?: readonly string[]
  /** What those proxies say the client's address in. Default: any of it. */
  readonly hopsWrite?: readonly HopClaim[]
  readonly limits?: {
    /** Content behind this many bytes is not read. Default 1 MiB. */
    readonly contentReadMaxBytes?: number
  }
}

export interface RedactedTransaction {
  readonly partition: number
  readonly observedAtUs: EpochUs
  /** The record as one NDJSON line, newline included. Borrowed until the next call: whoever keeps it copies it. */
  readonly line: Uint8Array
}

/** Of so many transactions one is kept, by id, and says for how many it stands: powers of two. */
export interface KeptShares {
  readonly ordinaryOneIn: number
  /** Of unsafe methods (RFC 9110 §9.2.1), logins among them, and of errors. */
  readonly foremostOneIn: number
}

export interface Redactor {
  /** Never throws on what the wire sent. Borrows `raw` until it returns. */
  redact(flow: FlowContext, raw: RawTransaction): RedactedTransaction
  /** The same of those that are kept under `shares`; undefined for the others, which cost next to nothing. */
  redactKept(flow: FlowContext, raw: RawTransaction, shares: KeptShares): RedactedTransaction | undefined
  /** For enforcers: the subkey with which an edge computes access tokens. */
  accessSubkey(): AccessSubkey
}

const contentReadMaxBytes = 1_048_576
const standardSampling = 10
const samplingMax = 1_000
const errorStatusMin = 400
/** Members of the line, those of the two messages' content apart. */
const keys = {
  observedAtUs: memberKey('observedAtUs'),
  timeToFirstByteUs: memberKey('timeToFirstByteUs'),
  durationUs: memberKey('durationUs'),
  clientAddress: memberKey('clientAddress'),
  clientAddressSource: memberKey('clientAddressSource'),
  clientAddressSpoofable: memberKey('clientAddressSpoofable'),
  forwardedFor: memberKey('forwardedFor'),
  method: memberKey('method'),
  scheme: memberKey('scheme'),
  host: memberKey('host'),
  path: memberKey('path'),
  pathTokens: memberKey('pathTokens'),
  query: memberKey('query'),
  httpVersion: memberKey('httpVersion'),
  userAgent: memberKey('userAgent'),
  fingerprint: memberKey('fingerprint'),
  requestFields: memberKey('requestFields'),
  authScheme: memberKey('authScheme'),
  accessToken: memberKey('accessToken'),
  accessTokenName: memberKey('accessTokenName'),
  sessionToken: memberKey('sessionToken'),
  accountToken: memberKey('accountToken'),
  loginUserToken: memberKey('loginUserToken'),
  loginPasswordToken: memberKey('loginPasswordToken'),
  status: memberKey('status'),
  responseFields: memberKey('responseFields'),
  contentSampling: memberKey('contentSampling'),
  setCookieNames: memberKey('setCookieNames'),
  edgeDecisionId: memberKey('edgeDecisionId'),
  webSocket: memberKey('webSocket'),
  http2StreamId: memberKey('http2StreamId'),
  http2IsPushed: memberKey('http2IsPushed'),
  http2ResetCode: memberKey('http2ResetCode'),
  grpc: memberKey('grpc'),
  sensitive: memberKey('sensitive'),
  missedBytes: memberKey('missedBytes'),
  truncated: memberKey('truncated'),
  midStream: memberKey('midStream'),
  anomalies: memberKey('anomalies'),
  weight: memberKey('weight'),
}
const sides = {
  request: sideKeys('request'),
  response: sideKeys('response'),
}
/** The members of common methods in origin form, whole. */
const plainMethods: ReadonlyMap<string, Literal> = new Map(
  ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].map((method) => [
    method,
    new Literal(`,"method":"${method}","scheme":"http"`),
  ]),
)
const usualVersion = new Literal(',"httpVersion":"1.1"')
/** Nothing is missing, and nothing odd was seen. */
const flawless = new Literal(',"missedBytes":0,"truncated":false,"midStream":false,"weight":1')
const methodPattern = /^[A-Za-z][A-Za-z_-]{0,23}$/
/** `http.duplicate-content-length`: what our parsers call things. */
const anomalyPattern = /^[a-z][a-z0-9-]{1,15}\.[a-z][a-z0-9.-]{1,47}$/
const versionPattern = /^[0-9](?:\.[0-9])?$/
const decisionPattern = /^d-[0-9a-f]{16}$/
/** Our reading of a field may not be the hop's: it may have passed on as part of another what is one to us. */
const doubtfulFields: ReadonlySet<string> = new Set(['http.bare-cr', 'http.field-name-invalid'])
const anomaliesMaxCount = 16

export function createRedactor(options: RedactorOptions): Redactor {
  return new TransactionRedactor(options)
}

class TransactionRedactor implements Redactor {
  readonly #tokens: Tokens
  readonly #policy: ContentPolicy
  readonly #sampling: number
  readonly #contentReadMaxBytes: number
  readonly #writer = new ByteWriter()
  readonly #encoder = new TransactionEncoder(this.#writer)
  readonly #sightings = new Sightings()
  readonly #content: ContentShaper
  readonly #seen = new SeenValues()
  readonly #requestFields: MessageFields
  readonly #responseFields: MessageFields
  readonly #paths: Paths
  readonly #clearTexts: ClearTexts
  readonly #auth: AuthReader
  readonly #noAuth: SeenAuth
  readonly #addresses: ClientAddresses
  readonly #fingerprints = new FingerprintMemo()
  readonly #flows: FlowTexts
  readonly #idBytes = new Uint8Array(12)
  readonly #idView = new DataView(this.#idBytes.buffer)
  readonly #anomalies: string[] = []
  /** For how many transactions the one under way stands. */
  #weight = 1

  constructor(options: RedactorOptions) {
    this.#tokens = new Tokens(options.fleetKey, options.keyNumber)
    this.#policy = options.contentPolicy ?? (() => 'shape')
    this.#sampling = options.contentSampling ?? standardSampling
    const { isSafeInteger } = Number
    assert(isSafeInteger(this.#sampling) && this.#sampling > 1 && this.#sampling <= samplingMax, 'one in 2 to 1,000')
    this.#contentReadMaxBytes = options.limits?.contentReadMaxBytes ?? contentReadMaxBytes
    this.#content = new ContentShaper(this.#writer, this.#tokens, this.#sightings)
    this.#paths = new Paths(this.#tokens, this.#sightings, this.#seen)
    this.#clearTexts = new ClearTexts(this.#tokens)
    // URLs in fields are read by a reader of their own; what is sensitive in them is seen where fields are scanned.
    const fieldPaths = new Paths(this.#tokens, new Sightings(), this.#seen)
    const toUrlText = (url: string) => urlText(fieldPaths, url, (authority) => hostText(this.#tokens, authority))
    this.#requestFields = new MessageFields(this.#tokens, this.#clearTexts, this.#seen, this.#sightings, toUrlText)
    this.#responseFields = new MessageFields(this.#tokens, this.#clearTexts, this.#seen, this.#sightings, toUrlText)
    this.#auth = new AuthReader(this.#tokens)
    this.#noAuth = this.#seenAuth(this.#auth.read(undefined, undefined, undefined, undefined))
    this.#addresses = new ClientAddresses(options.trustedHops ?? [], options.hopsWrite)
    this.#flows = new FlowTexts(this.#addresses, this.#writer, this.#encoder, (host) => hostText(this.#tokens, host))
  }

  accessSubkey(): AccessSubkey {
    return this.#tokens.accessSubkey()
  }

  redactKept(flow: FlowContext, raw: RawTransaction, shares: KeptShares): RedactedTransaction | undefined {
    const oneIn = isForemost(raw) ? shares.foremostOneIn : shares.ordinaryOneIn
    if (oneIn > 1) {
      const flowText = this.#flows.of(flow)
      this.#hashId(flowText, raw)
      // Other bits than those by which content is sampled.
      if (((flowText.idHigh.low >>> 0) & (oneIn - 1)) !== 0) return undefined
    }
    this.#weight = oneIn
    try {
      return this.redact(flow, raw)
    } finally {
      this.#weight = 1
    }
  }

  redact(flow: FlowContext, raw: RawTransaction): RedactedTransaction {
    const { request, response } = raw
    const encoder = this.#encoder
    encoder.clear()
    const flowText = this.#flows.of(flow)
    this.#sightings.clear()
    this.#noteAnomalies(raw.anomalies)
    this.#requestFields.read(request.fields, request.trailers, 'request-field')
    this.#paths.read(request.target, request.method)

    this.#writeId(flowText, raw)
    encoder.rest(flowText.start)
    this.#writer.int(raw.flowIndex)
    this.#writeTimes(request, response)
    encoder.rest(flowText.addresses)
    const forwardedClient = this.#writeClientAddress(flowText, raw)
    const host = this.#writeRequestHead(request, flowText.scheme ?? raw.scheme)
    const policy = this.#policy(host)
    this.#writeContent(request, this.#requestFields, 'request', policy === 'none' ? 'nothing' : 'shape')
    this.#writeFields(keys.requestFields, this.#requestFields)
    const login = policy === 'none' ? undefined : this.#content.login
    const partition = this.#writeAuth(login, flowText, forwardedClient)
    if (response !== undefined) {
      const isSampled = policy === 'sample' && login === undefined && response.status < errorStatusMin
      const reading = policy === 'none' ? 'nothing' : isSampled && !this.#isPicked(flowText) ? 'declaration' : 'shape'
      this.#writeResponse(response, isSampled, reading)
    }
    encoder.webSocket(keys.webSocket, raw.webSocket)
    if (raw.http2 !== undefined) this.#writeHttp2(raw.http2, raw.grpc)
    this.#writeTail(raw, flow)
    return {
      partition,
      observedAtUs: request.firstByteAtUs as EpochUs,
      line: encoder.end(),
    }
  }

  /**
   * DESIGN "Decided" 2: an id follows from the canonical addresses, the ports, SEQ and ACK of the request's first byte. Each half is SipHash-2-4
   * over SEQ and ACK (little-endian), and the stream of HTTP/2 where the request came on one, its keys the halves of SHA-256 over addresses and
   * ports: no secret, and nobody can make two transactions share an id on purpose, and so hide one.
   */
  #writeId(flowText: FlowText, raw: RawTransaction): void {
    this.#hashId(flowText, raw)
    this.#encoder.begin(flowText.idHigh, flowText.idLow)
  }

  #hashId({ idHigh, idLow }: FlowText, { firstSeq, firstAck, http2 }: RawTransaction): void {
    this.#idView.setUint32(0, firstSeq, true)
    this.#idView.setUint32(4, firstAck, true)
    let length = 8
    if (http2 !== undefined && !http2.isUpgraded) {
      this.#idView.setUint32(8, http2.streamId, true)
      length = 12
    }
    idHigh.hash(this.#idBytes, 0, length)
    idLow.hash(this.#idBytes, 0, length)
  }

  #writeTimes(request: RawRequest, response: RawResponse | undefined): void {
    const startUs = request.firstByteAtUs
    this.#encoder.count(keys.observedAtUs, startUs)
    if (response !== undefined) this.#encoder.count(keys.timeToFirstByteUs, response.firstByteAtUs - startUs)
    this.#encoder.count(keys.durationUs, Math.max(request.lastByteAtUs, response?.lastByteAtUs ?? 0) - startUs)
  }

  /** Returns the client's address if it is not the TCP peer. */
  #writeClientAddress(flowText: FlowText, { proxied, anomalies }: RawTransaction): string | undefined {
    const { forwarded, xForwardedFor } = this.#requestFields
    if (forwarded === undefined && xForwardedFor === undefined && proxied === undefined) {
      this.#encoder.rest(flowText.directClient)
      return undefined
    }
    const isFieldDoubtful = anomalies.some((name) => doubtfulFields.has(name))
    const chosen = this.#addresses.choose(flowText.clientIp, forwarded, xForwardedFor, proxied, isFieldDoubtful)
    this.#encoder.text(keys.clientAddress, chosen.address)
    this.#encoder.text(keys.clientAddressSource, chosen.source)
    this.#encoder.flag(keys.clientAddressSpoofable, chosen.spoofable)
    this.#encoder.texts(keys.forwardedFor, chosen.forwardedFor)
    return chosen.address
  }

  /** Returns the host as it was published. */
  #writeRequestHead(request: RawRequest, scheme: RawTransaction['scheme']): string {
    const fields = this.#requestFields
    const encoder = this.#encoder
    const stated = this.#paths.scheme ?? scheme ?? 'http'
    const common = stated === 'http' ? plainMethods.get(request.method) : undefined
    if (common !== undefined) encoder.rest(common)
    else {
      encoder.text(keys.method, this.#methodText(request.method))
      encoder.text(keys.scheme, stated)
    }
    const host = this.#host()
    encoder.json(keys.host, host.json)
    encoder.text(keys.path, this.#paths.pathText())
    encoder.key(keys.pathTokens)
    this.#paths.writePathTokens(this.#writer)
    encoder.key(keys.query)
    this.#paths.writeQuery(this.#writer)
    if (this.#paths.cut) this.#anomalies.push('redaction.target-cut')
    if (request.httpVersion === '1.1') encoder.rest(usualVersion)
    else encoder.text(keys.httpVersion, versionText(request.httpVersion))
    const userAgent = fields.first(USER_AGENT)
    encoder.json(keys.userAgent, userAgent === undefined ? undefined : this.#clearTexts.jsonOf(userAgent))
    const hash = fields.stableHash ^ (userAgent?.hash ?? 0)
    const fingerprint = this.#fingerprints.of(fields.stableNames, fields.stableCount, hash, {
      accept: fields.first(ACCEPT)?.text,
      acceptLanguage: fields.first(ACCEPT_LANGUAGE)?.text,
      acceptEncoding: fields.first(ACCEPT_ENCODING)?.text,
      userAgent: userAgent?.text,
    })
    encoder.text(keys.fingerprint, fingerprint)
    return host.text
  }

  /** An absolute-form target overrides Host (RFC 9112 §3.2.2). */
  #host(): SeenHost {
    const { authority } = this.#paths
    if (authority !== undefined) return this.#seenHost(authority)
    const field = this.#requestFields.first(HOST) ?? this.#requestFields.first(AUTHORITY)
    if (field === undefined) return this.#seenHost('')
    field.host ??= this.#seenHost(field.text)
    return field.host
  }

  #seenHost(value: string): SeenHost {
    const text = hostText(this.#tokens, value)
    return { text, json: jsonLiteral(text) }
  }

  #writeFields(key: Literal, fields: MessageFields): void {
    if (fields.keptCount === 0) return
    this.#encoder.key(key)
    fields.writeKept(this.#writer)
  }

  #writeContent(message: RawMessage, fields: MessageFields, side: 'request' | 'response', reading: Reading): void {
    const encoder = this.#encoder
    const names = sides[side]
    const type = fields.first(CONTENT_TYPE)
    if (type !== undefined) {
      type.contentType ??= this.#contentType(type.text)
      if (type.contentType !== 'invalid') encoder.json(names.contentType, type.contentType)
      else this.#anomalies.push('redaction.content-type-invalid')
    }
    let kind: ContentKind = 'none'
    if (reading === 'declaration' && message.contentBytes !== 0) kind = this.#content.declaredKind(type?.text)
    else if (reading === 'shape') {
      const keyAt = this.#writer.length
      encoder.key(names.shape)
      const whole = message.content.length <= this.#contentReadMaxBytes
      const content = whole ? message.content : message.content.subarray(0, this.#contentReadMaxBytes)
      const truncated = !whole || message.contentTruncated
      kind = this.#content.shape(content, type?.text, names.place, truncated)
      if (kind === 'none') this.#writer.length = keyAt
    }
    encoder.rest(names.contentKinds[kind])
    encoder.count(names.contentBytes, message.contentBytes)
  }

  #contentType(value: string): Literal | 'invalid' {
    const text = contentTypeText(value)
    return text === undefined ? 'invalid' : jsonLiteral(this.#clearTexts.of(text))
  }

  /** Returns the partition of the transaction. */
  #writeAuth(login: RawLogin | undefined, flowText: FlowText, forwardedClient: string | undefined): number {
    const { auth, members, partition } = this.#readAuth()
    this.#encoder.rest(members)
    if (login !== undefined) {
      this.#encoder.text(keys.loginUserToken, this.#tokens.userName(login.user))
      this.#encoder.text(keys.loginPasswordToken, this.#tokens.credential(login.password))
    } else if (auth.basicPasswordToken !== undefined) {
      this.#encoder.text(keys.loginUserToken, auth.accountToken)
      this.#encoder.text(keys.loginPasswordToken, auth.basicPasswordToken)
    }
    if (partition !== undefined) return partition
    return forwardedClient === undefined ? flowText.directPartition : partitionOf({ clientAddress: forwardedClient })
  }

  /** What a client sends with every request is read once. */
  #readAuth(): SeenAuth {
    const { keyField, cookie } = this.#requestFields
    const authorization = this.#requestFields.first(AUTHORIZATION)
    const keyParameter = this.#paths.access
    if (keyField !== undefined || keyParameter !== undefined || (authorization !== undefined && cookie !== undefined)) {
      return this.#seenAuth(this.#auth.read(authorization?.text, keyField, keyParameter, cookie?.text))
    }
    if (authorization !== undefined) {
      authorization.authorization ??= this.#seenAuth(
        this.#auth.read(authorization.text, undefined, undefined, undefined),
      )
      return authorization.authorization
    }
    if (cookie === undefined) return this.#noAuth
    cookie.cookie ??= this.#seenAuth(this.#auth.read(undefined, undefined, undefined, cookie.text))
    return cookie.cookie
  }

  #seenAuth(auth: Auth): SeenAuth {
    const from = this.#writer.length
    const encoder = this.#encoder
    encoder.text(keys.authScheme, auth.scheme)
    encoder.text(keys.accessToken, auth.accessToken)
    encoder.text(keys.accessTokenName, auth.accessTokenName)
    encoder.text(keys.sessionToken, auth.sessionToken)
    encoder.text(keys.accountToken, auth.accountToken)
    return { auth, members: this.#writer.taken(from), partition: partitionByToken(auth) }
  }

  /** Whether this transaction, whose id was written last, is one of those that stand for the others: by the last 32 bits of the id. */
  #isPicked({ idLow }: FlowText): boolean {
    return (idLow.low >>> 0) % this.#sampling === 0
  }

  #writeResponse(response: RawResponse, isSampled: boolean, reading: Reading): void {
    const fields = this.#responseFields
    fields.read(response.fields, response.trailers, 'response-field')
    this.#encoder.count(keys.status, response.status)
    this.#writeContent(response, fields, 'response', reading)
    if (isSampled && response.contentBytes !== 0) this.#encoder.count(keys.contentSampling, this.#sampling)
    this.#writeFields(keys.responseFields, fields)
    this.#encoder.texts(keys.setCookieNames, fields.setCookieNames)
    const decisionId = fields.first(DECISION)?.text
    if (decisionId !== undefined && decisionPattern.test(decisionId))
      this.#encoder.text(keys.edgeDecisionId, decisionId)
  }

  /** Service and method are names like those of properties. */
  #writeHttp2({ streamId, isPushed, resetCode }: Http2Facts, grpc: RawTransaction['grpc']): void {
    const encoder = this.#encoder
    encoder.count(keys.http2StreamId, streamId)
    if (isPushed) encoder.flag(keys.http2IsPushed, true)
    encoder.count(keys.http2ResetCode, resetCode)
    if (grpc === undefined) return
    const service = nameTextOf(this.#tokens, grpc.service)
    encoder.grpc(keys.grpc, grpc, service, nameTextOf(this.#tokens, grpc.method))
  }

  #writeTail(raw: RawTransaction, flow: FlowContext): void {
    const encoder = this.#encoder
    if (this.#sightings.count > 0) {
      encoder.key(keys.sensitive)
      this.#sightings.write(this.#writer)
    }
    const truncated = raw.request.contentTruncated || raw.response?.contentTruncated === true
    const midStream = raw.midStream || flow.midStream
    if (raw.missedBytes === 0 && !truncated && !midStream && this.#anomalies.length === 0 && this.#weight === 1) {
      encoder.rest(flawless)
      return
    }
    encoder.count(keys.missedBytes, raw.missedBytes)
    encoder.flag(keys.truncated, truncated)
    encoder.flag(keys.midStream, midStream)
    encoder.texts(keys.anomalies, this.#anomalies)
    encoder.count(keys.weight, this.#weight)
  }

  /** Methods are words (RFC 9110 §9.1); what is none is not published. */
  #methodText(method: string): string {
    if (plainMethods.has(method)) return method
    const bytes = Buffer.from(method, 'latin1')
    if (methodPattern.test(method) && !isSecretShape(bytes, 0, bytes.length)) return method
    this.#anomalies.push('redaction.method-invalid')
    return 'INVALID'
  }

  #noteAnomalies(anomalies: readonly string[]): void {
    if (this.#anomalies.length > 0) this.#anomalies.length = 0
    for (const name of anomalies) {
      if (this.#anomalies.length < anomaliesMaxCount && anomalyPattern.test(name)) this.#anomalies.push(name)
    }
  }
}

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

function isForemost({ request, response }: RawTransaction): boolean {
  return (response !== undefined && response.status >= errorStatusMin) || !safeMethods.has(request.method)
}

function partitionByToken({ sessionToken, accessToken, accountToken }: Auth): number | undefined {
  if (sessionToken === undefined && accessToken === undefined && accountToken === undefined) return undefined
  return partitionOf({
    ...(sessionToken === undefined ? {} : { sessionToken }),
    ...(accessToken === undefined ? {} : { accessToken }),
    ...(accountToken === undefined ? {} : { accountToken }),
    clientAddress: '',
  })
}

function sideKeys(side: 'request' | 'response') {
  return {
    contentType: memberKey(`${side}ContentType`),
    shape: memberKey(`${side}Shape`),
    contentKinds: Object.fromEntries(
      contentKinds.map((kind) => [kind, new Literal(`,"${side}ContentKind":"${kind}"`)]),
    ) as Record<ContentKind, Literal>,
    contentBytes: memberKey(`${side}ContentBytes`),
    place: `${side}-content`,
  } as const
}

function versionText(version: string): string {
  return versionPattern.test(version) ? version : ''
}
