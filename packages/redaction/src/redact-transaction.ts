/**
 * What leaves the host, and what never does: the only door out of the sensor. A raw transaction goes in; the line of `HttpTransaction` comes
 * out, with every value that could be a secret replaced by a token or a shape. A pure function of its input and the configuration.
 */

import { hash } from 'node:crypto'
import type { EpochUs } from '@tapwarden/base/units'
import { decisionFieldName } from '@tapwarden/contracts/names'
import { partitionOf } from '@tapwarden/contracts/partition-key'
import type { Token } from '@tapwarden/contracts/token'
import type { RawMessage, RawRequest, RawResponse, RawTransaction } from '@tapwarden/http/raw-transaction'
import { isSecretShape } from '@tapwarden/sensitive-data/secret-shape'
import { AuthReader } from './auth.js'
import { ByteWriter } from './byte-writer.js'
import { ClearTexts, contentTypeText } from './clear-text.js'
import { ClientAddresses } from './client-address.js'
import { ContentShaper } from './content-shape.js'
import { Fingerprints } from './fingerprint.js'
import { hostText } from './host.js'
import { MessageFields } from './message-fields.js'
import { Paths, urlText } from './path.js'
import { Sightings } from './sightings.js'
import { type AccessSubkey, Tokens } from './token.js'
import { TransactionEncoder } from './transaction-encoder.js'

/** What the sensor knows about the flow that a transaction came on. Addresses are of the innermost headers. */
export interface FlowContext {
  /** Community ID v1. */
  readonly flowId: string
  readonly clientIp: string
  readonly clientPort: number
  readonly serverIp: string
  readonly serverPort: number
  readonly vlanIds: readonly number[]
  /** Neither SYN was seen: the client is a guess. */
  readonly directionAssumed: boolean
  /** The flow was joined after its start. */
  readonly midStream: boolean
}

/** `none`: content is not looked at, not even for logins. */
export type ContentPolicy = (host: string) => 'none' | 'shape'

export interface RedactorOptions {
  /** 32 secret bytes, the same on every sensor. */
  readonly fleetKey: Uint8Array
  /** From 1; told by every token. */
  readonly keyNumber: number
  /** Default: the shape of everything. */
  readonly contentPolicy?: ContentPolicy
  /** Addresses and CIDR ranges of our own proxies, valid by `isCidr`. Default: none. */
  readonly trustedHops?: readonly string[]
  readonly limits?: {
    /** Content behind this many bytes is not read. Default 1 MiB. */
    readonly contentReadMaxBytes?: number
  }
}

export interface RedactedTransaction {
  /** 32 hex digits. */
  readonly id: string
  readonly partition: number
  readonly observedAtUs: EpochUs
  /** The record as one NDJSON line, newline included; the caller's to keep. */
  readonly line: Uint8Array
}

export interface Redactor {
  /** Never throws on what the wire sent. Borrows `raw` until it returns. */
  redact(flow: FlowContext, raw: RawTransaction): RedactedTransaction
  /** For enforcers: the subkey with which an edge computes access tokens. */
  accessSubkey(): AccessSubkey
}

const contentReadMaxBytes = 1_048_576
const methodPattern = /^[A-Za-z][A-Za-z_-]{0,23}$/
/** `http.duplicate-content-length`: what our parsers call things. */
const anomalyPattern = /^[a-z][a-z0-9-]{1,15}\.[a-z][a-z0-9.-]{1,47}$/
const versionPattern = /^[0-9](?:\.[0-9])?$/
const decisionPattern = /^d-[0-9a-f]{16}$/
const anomaliesMaxCount = 16

export function createRedactor(options: RedactorOptions): Redactor {
  return new TransactionRedactor(options)
}

class TransactionRedactor implements Redactor {
  readonly #tokens: Tokens
  readonly #policy: ContentPolicy
  readonly #contentReadMaxBytes: number
  readonly #writer = new ByteWriter()
  readonly #encoder = new TransactionEncoder(this.#writer)
  readonly #sightings = new Sightings()
  readonly #content: ContentShaper
  readonly #requestFields: MessageFields
  readonly #responseFields: MessageFields
  readonly #paths: Paths
  readonly #clearTexts: ClearTexts
  readonly #auth: AuthReader
  readonly #addresses: ClientAddresses
  readonly #fingerprints = new Fingerprints()
  readonly #anomalies: string[] = []

  constructor(options: RedactorOptions) {
    this.#tokens = new Tokens(options.fleetKey, options.keyNumber)
    this.#policy = options.contentPolicy ?? (() => 'shape')
    this.#contentReadMaxBytes = options.limits?.contentReadMaxBytes ?? contentReadMaxBytes
    this.#content = new ContentShaper(this.#writer, this.#tokens, this.#sightings)
    this.#paths = new Paths(this.#tokens, this.#sightings)
    this.#clearTexts = new ClearTexts(this.#tokens)
    // URLs in fields are read by a reader of their own; what is sensitive in them is seen where fields are scanned.
    const fieldPaths = new Paths(this.#tokens, new Sightings())
    const toUrlText = (url: string) => urlText(fieldPaths, url, (authority) => hostText(this.#tokens, authority))
    this.#requestFields = new MessageFields(this.#tokens, this.#clearTexts, this.#sightings, toUrlText)
    this.#responseFields = new MessageFields(this.#tokens, this.#clearTexts, this.#sightings, toUrlText)
    this.#auth = new AuthReader(this.#tokens)
    this.#addresses = new ClientAddresses(options.trustedHops ?? [])
  }

  accessSubkey(): AccessSubkey {
    return this.#tokens.accessSubkey()
  }

  redact(flow: FlowContext, raw: RawTransaction): RedactedTransaction {
    const { request, response } = raw
    const { clientIp, serverIp } = this.#normalizedAddresses(flow)
    const id = transactionId(clientIp, serverIp, flow, raw)
    this.#sightings.clear()
    this.#noteAnomalies(raw.anomalies)
    this.#requestFields.read(request.fields, request.trailers, 'request-field')
    this.#paths.read(request.target, request.method)

    const encoder = this.#encoder
    encoder.begin('id', id)
    encoder.text('flowId', flow.flowId)
    encoder.count('flowIndex', raw.flowIndex)
    this.#writeTimes(request, response)
    encoder.text('clientIp', clientIp)
    encoder.count('clientPort', flow.clientPort)
    encoder.text('serverIp', serverIp)
    encoder.count('serverPort', flow.serverPort)
    encoder.counts('vlanIds', flow.vlanIds)
    if (flow.directionAssumed) encoder.flag('directionAssumed', true)
    const clientAddress = this.#writeClientAddress(clientIp)
    const host = this.#writeRequestHead(request)
    const policy = this.#policy(host)
    this.#writeContent(request, this.#requestFields, 'request', policy)
    encoder.members('requestFields', this.#requestFields.kept)
    const keys = this.#writeAuth(policy === 'none' ? undefined : this.#content.login)
    if (response !== undefined) this.#writeResponse(response, policy)
    this.#writeTail(raw, flow)
    return {
      id,
      partition: partitionOf({ ...keys, clientAddress }),
      observedAtUs: request.firstByteAtUs as EpochUs,
      line: encoder.end(),
    }
  }

  #normalizedAddresses(flow: FlowContext): { clientIp: string; serverIp: string } {
    return {
      clientIp: this.#addresses.normalize(flow.clientIp) ?? flow.clientIp,
      serverIp: this.#addresses.normalize(flow.serverIp) ?? flow.serverIp,
    }
  }

  #writeTimes(request: RawRequest, response: RawResponse | undefined): void {
    const startUs = request.firstByteAtUs
    this.#encoder.count('observedAtUs', startUs)
    if (response !== undefined) this.#encoder.count('timeToFirstByteUs', response.firstByteAtUs - startUs)
    this.#encoder.count('durationUs', Math.max(request.lastByteAtUs, response?.lastByteAtUs ?? 0) - startUs)
  }

  #writeClientAddress(peer: string): string {
    const chosen = this.#addresses.choose(peer, this.#requestFields.forwarded, this.#requestFields.xForwardedFor)
    this.#encoder.text('clientAddress', chosen.address)
    this.#encoder.text('clientAddressSource', chosen.source)
    this.#encoder.flag('clientAddressSpoofable', chosen.spoofable)
    this.#encoder.texts('forwardedFor', chosen.forwardedFor)
    return chosen.address
  }

  /** Returns the host as it was published. */
  #writeRequestHead(request: RawRequest): string {
    const { first, stableNames } = this.#requestFields
    const encoder = this.#encoder
    encoder.text('method', this.#methodText(request.method))
    encoder.text('scheme', this.#paths.scheme ?? 'http')
    // An absolute-form target overrides Host (RFC 9112 §3.2.2).
    const host = hostText(this.#tokens, this.#paths.authority ?? first.get('host') ?? first.get(':authority') ?? '')
    encoder.text('host', host)
    encoder.text('path', this.#paths.pathText())
    encoder.key('pathTokens')
    this.#paths.writePathTokens(this.#writer)
    encoder.key('query')
    this.#paths.writeQuery(this.#writer)
    if (this.#paths.cut) this.#anomalies.push('redaction.target-cut')
    encoder.text('httpVersion', versionText(request.httpVersion))
    const userAgent = first.get('user-agent')
    if (userAgent !== undefined) encoder.text('userAgent', this.#clearTexts.of(userAgent))
    const fingerprint = this.#fingerprints.of(stableNames, {
      httpVersion: versionText(request.httpVersion),
      accept: first.get('accept'),
      acceptLanguage: first.get('accept-language'),
      acceptEncoding: first.get('accept-encoding'),
      userAgent,
    })
    encoder.text('fingerprint', fingerprint)
    return host
  }

  #writeContent(
    message: RawMessage,
    fields: MessageFields,
    side: 'request' | 'response',
    policy: 'none' | 'shape',
  ): void {
    const encoder = this.#encoder
    const type = fields.first.get('content-type')
    const typeText = type === undefined ? undefined : contentTypeText(type)
    if (type !== undefined && typeText === undefined) this.#anomalies.push('redaction.content-type-invalid')
    encoder.text(`${side}ContentType`, typeText === undefined ? undefined : this.#clearTexts.of(typeText))
    let kind: string = 'none'
    if (policy === 'shape' || side === 'request') {
      const keyAt = this.#writer.length
      encoder.key(`${side}Shape`)
      const readMaxBytes = policy === 'none' ? 0 : this.#contentReadMaxBytes
      const whole = message.content.length <= readMaxBytes
      const content = whole ? message.content : message.content.subarray(0, readMaxBytes)
      const truncated = !whole || message.contentTruncated
      kind = this.#content.shape(content, type, `${side}-content`, truncated)
      if (kind === 'none') this.#writer.length = keyAt
    }
    encoder.text(`${side}ContentKind`, kind)
    encoder.count(`${side}ContentBytes`, message.contentBytes)
  }

  #writeAuth(login: { readonly user: string; readonly password: string } | undefined): {
    sessionToken?: Token
    accessToken?: Token
    accountToken?: Token
  } {
    const { first, keyField, cookie } = this.#requestFields
    const auth = this.#auth.read(first.get('authorization'), keyField, this.#paths.access, cookie)
    const encoder = this.#encoder
    encoder.text('authScheme', auth.scheme)
    encoder.text('accessToken', auth.accessToken)
    encoder.text('accessTokenName', auth.accessTokenName)
    encoder.text('sessionToken', auth.sessionToken)
    encoder.text('accountToken', auth.accountToken)
    if (login !== undefined) {
      encoder.text('loginUserToken', this.#tokens.userName(login.user))
      encoder.text('loginPasswordToken', this.#tokens.credential(login.password))
    } else if (auth.basicPasswordToken !== undefined) {
      encoder.text('loginUserToken', auth.accountToken)
      encoder.text('loginPasswordToken', auth.basicPasswordToken)
    }
    return {
      ...(auth.sessionToken === undefined ? {} : { sessionToken: auth.sessionToken }),
      ...(auth.accessToken === undefined ? {} : { accessToken: auth.accessToken }),
      ...(auth.accountToken === undefined ? {} : { accountToken: auth.accountToken }),
    }
  }

  #writeResponse(response: RawResponse, policy: 'none' | 'shape'): void {
    const fields = this.#responseFields
    fields.read(response.fields, response.trailers, 'response-field')
    this.#encoder.count('status', response.status)
    this.#writeContent(response, fields, 'response', policy)
    this.#encoder.members('responseFields', fields.kept)
    this.#encoder.texts('setCookieNames', fields.setCookieNames)
    const decisionId = fields.first.get(decisionFieldName)
    if (decisionId !== undefined && decisionPattern.test(decisionId)) this.#encoder.text('edgeDecisionId', decisionId)
  }

  #writeTail(raw: RawTransaction, flow: FlowContext): void {
    const encoder = this.#encoder
    if (this.#sightings.count > 0) {
      encoder.key('sensitive')
      this.#sightings.write(this.#writer)
    }
    encoder.count('missedBytes', raw.missedBytes)
    encoder.flag('truncated', raw.request.contentTruncated || raw.response?.contentTruncated === true)
    encoder.flag('midStream', raw.midStream || flow.midStream)
    encoder.texts('anomalies', this.#anomalies)
    encoder.count('weight', 1)
  }

  /** Methods are words (RFC 9110 §9.1); what is none is not published. */
  #methodText(method: string): string {
    const bytes = Buffer.from(method, 'latin1')
    if (methodPattern.test(method) && !isSecretShape(bytes, 0, bytes.length)) return method
    this.#anomalies.push('redaction.method-invalid')
    return 'INVALID'
  }

  #noteAnomalies(anomalies: readonly string[]): void {
    this.#anomalies.length = 0
    for (const name of anomalies) {
      if (this.#anomalies.length < anomaliesMaxCount && anomalyPattern.test(name)) this.#anomalies.push(name)
    }
  }
}

/**
 * DESIGN "Decided" 2: first 16 bytes of SHA-256 over the canonical addresses, ports, SEQ and ACK of the request's first byte. Nobody can make two
 * transactions share an id on purpose, and so hide one.
 */
function transactionId(clientIp: string, serverIp: string, flow: FlowContext, raw: RawTransaction): string {
  const text = `${clientIp}|${flow.clientPort}|${serverIp}|${flow.serverPort}|${raw.firstSeq}|${raw.firstAck}`
  return hash('sha256', text, 'hex').slice(0, 32)
}

function versionText(version: string): string {
  return versionPattern.test(version) ? version : ''
}
