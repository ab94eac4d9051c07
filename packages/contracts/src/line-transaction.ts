/**
 * A transaction read from its line: fields are decoded when they are asked for, from bytes that stay as they are. To whoever reads it, it
 * is an `HttpTransaction`; it is not one to spread or to compare member by member, since its fields are accessors (`plainTransaction` makes
 * one that is).
 *
 * Keeps the whole record's bytes alive: who keeps one for long keeps it `detached`.
 *
 * @long: one accessor a field of the contract, and nothing else.
 */

import type { TextMemo } from './bytes-memo.js'
import { LineBytes, memberNames } from './line-scanner.js'
import type { HttpTransaction } from './transaction.js'

/** Place of each member in the spans of `scanLine`. */
const at = Object.fromEntries(memberNames.map((name, index) => [name, index * 2])) as Record<
  (typeof memberNames)[number],
  number
>
const quote = 0x22
const openBracket = 0x5b
const closeBracket = 0x5d
const comma = 0x2c
/** Digits that may be a safe integer. */
const safeDigitsMaxCount = 16

export class LineTransaction implements HttpTransaction {
  readonly id: string
  readonly observedAtUs: number
  readonly status: HttpTransaction['status']
  readonly #line: LineBytes
  readonly #spans: Int32Array
  readonly #at: number
  readonly #texts: TextMemo
  #host: string | undefined
  #method: string | undefined
  #path: string | undefined
  #accessToken: string | undefined
  #pathTokens: HttpTransaction['pathTokens'] | undefined
  #query: HttpTransaction['query'] | undefined
  #requestShape: HttpTransaction['requestShape']
  #responseShape: HttpTransaction['responseShape']

  private constructor(line: LineBytes, spans: Int32Array, spansAt: number, texts: TextMemo, observedAtUs: number) {
    this.#line = line
    this.#spans = spans
    this.#at = spansAt
    this.#texts = texts
    // Never interned: no two lines have the same.
    this.id = line.buffer.toString('latin1', spans[spansAt + at.id]! + 1, spans[spansAt + at.id + 1]! - 1) // One stride a line.
    this.observedAtUs = observedAtUs
    this.status = this.#count(at.status)
  }

  /** Of what `scanLine` found; undefined when a field that every reader relies on is missing or of another type than it should be. */
  static of(line: LineBytes, spans: Int32Array, spansAt: number, texts: TextMemo): LineTransaction | undefined {
    const { bytes } = line
    const firstByte = (member: number): number | undefined => {
      const from = spans[spansAt + member]! // One stride a line.
      return from === 0 ? undefined : bytes[from]
    }
    const idFrom = spans[spansAt + at.id]! // Here and below: one stride a line.
    const idTo = spans[spansAt + at.id + 1]!
    const isTransaction =
      firstByte(at.id) === quote &&
      idTo - idFrom === 34 &&
      firstByte(at.method) === quote &&
      firstByte(at.host) === quote &&
      firstByte(at.path) === quote &&
      firstByte(at.pathTokens) === openBracket &&
      firstByte(at.query) === openBracket
    if (!isTransaction) return undefined
    const observedFrom = spans[spansAt + at.observedAtUs]!
    const observedAtUs = numberOf(line, observedFrom, spans[spansAt + at.observedAtUs + 1]!)
    if (observedFrom === 0 || !Number.isSafeInteger(observedAtUs)) return undefined
    return new LineTransaction(line, spans, spansAt, texts, observedAtUs)
  }

  /** The record that the line is part of: what the spans below count in. */
  get record(): LineBytes {
    return this.#line
  }

  /** What `scanLine` wrote of the line, at `spansAt`: for who takes its values as bytes. */
  get spans(): Int32Array {
    return this.#spans
  }

  get spansAt(): number {
    return this.#at
  }

  /** Where the array begins in the record. */
  get queryFrom(): number {
    return this.#spans[this.#at + at.query]!
  }

  get pathTokensFrom(): number {
    return this.#spans[this.#at + at.pathTokens]!
  }

  /** Where the shape stands in the record; 0 when there is none. */
  get requestShapeFrom(): number {
    return this.#spans[this.#at + at.requestShape]!
  }

  get requestShapeTo(): number {
    return Math.abs(this.#spans[this.#at + at.requestShape + 1]!)
  }

  get responseShapeFrom(): number {
    return this.#spans[this.#at + at.responseShape]!
  }

  get responseShapeTo(): number {
    return Math.abs(this.#spans[this.#at + at.responseShape + 1]!)
  }

  get grpc(): HttpTransaction['grpc'] {
    return this.#value(at.grpc) as HttpTransaction['grpc']
  }

  get http2IsPushed(): HttpTransaction['http2IsPushed'] {
    return this.#flag(at.http2IsPushed) as HttpTransaction['http2IsPushed']
  }

  get http2ResetCode(): HttpTransaction['http2ResetCode'] {
    return this.#count(at.http2ResetCode) as HttpTransaction['http2ResetCode']
  }

  get http2StreamId(): HttpTransaction['http2StreamId'] {
    return this.#count(at.http2StreamId) as HttpTransaction['http2StreamId']
  }

  get host(): string {
    this.#host ??= this.#text(at.host) as string
    return this.#host
  }

  get method(): string {
    this.#method ??= this.#text(at.method) as string
    return this.#method
  }

  /** Never interned: most hold an id. */
  get path(): string {
    this.#path ??= this.#ownText(at.path)
    return this.#path
  }

  get accessToken(): HttpTransaction['accessToken'] {
    this.#accessToken ??= this.#text(at.accessToken)
    return this.#accessToken
  }

  get pathTokens(): HttpTransaction['pathTokens'] {
    this.#pathTokens ??= (this.#plainTexts(at.pathTokens) ??
      this.#value(at.pathTokens)) as HttpTransaction['pathTokens']
    return this.#pathTokens
  }

  get query(): HttpTransaction['query'] {
    this.#query ??= this.#value(at.query) as HttpTransaction['query']
    return this.#query
  }

  get requestShape(): HttpTransaction['requestShape'] {
    this.#requestShape ??= this.#value(at.requestShape) as HttpTransaction['requestShape']
    return this.#requestShape
  }

  get responseShape(): HttpTransaction['responseShape'] {
    this.#responseShape ??= this.#value(at.responseShape) as HttpTransaction['responseShape']
    return this.#responseShape
  }

  get accessTokenName(): HttpTransaction['accessTokenName'] {
    return this.#text(at.accessTokenName) as HttpTransaction['accessTokenName']
  }

  get accountToken(): HttpTransaction['accountToken'] {
    return this.#text(at.accountToken) as HttpTransaction['accountToken']
  }

  get anomalies(): HttpTransaction['anomalies'] {
    return this.#value(at.anomalies) as HttpTransaction['anomalies']
  }

  get authScheme(): HttpTransaction['authScheme'] {
    return this.#text(at.authScheme) as HttpTransaction['authScheme']
  }

  get clientAddress(): HttpTransaction['clientAddress'] {
    return this.#text(at.clientAddress) as HttpTransaction['clientAddress']
  }

  get clientAddressSource(): HttpTransaction['clientAddressSource'] {
    return this.#text(at.clientAddressSource) as HttpTransaction['clientAddressSource']
  }

  get clientAddressSpoofable(): HttpTransaction['clientAddressSpoofable'] {
    return this.#flag(at.clientAddressSpoofable) as HttpTransaction['clientAddressSpoofable']
  }

  get clientIp(): HttpTransaction['clientIp'] {
    return this.#text(at.clientIp) as HttpTransaction['clientIp']
  }

  get clientPort(): HttpTransaction['clientPort'] {
    return this.#count(at.clientPort) as HttpTransaction['clientPort']
  }

  get directionAssumed(): HttpTransaction['directionAssumed'] {
    return this.#flag(at.directionAssumed) as HttpTransaction['directionAssumed']
  }

  get durationUs(): HttpTransaction['durationUs'] {
    return this.#count(at.durationUs) as HttpTransaction['durationUs']
  }

  get edgeDecisionId(): HttpTransaction['edgeDecisionId'] {
    return this.#text(at.edgeDecisionId) as HttpTransaction['edgeDecisionId']
  }

  get fingerprint(): HttpTransaction['fingerprint'] {
    return this.#text(at.fingerprint) as HttpTransaction['fingerprint']
  }

  get flowId(): HttpTransaction['flowId'] {
    return this.#text(at.flowId) as HttpTransaction['flowId']
  }

  get flowIndex(): HttpTransaction['flowIndex'] {
    return this.#count(at.flowIndex) as HttpTransaction['flowIndex']
  }

  get forwardedFor(): HttpTransaction['forwardedFor'] {
    return this.#value(at.forwardedFor) as HttpTransaction['forwardedFor']
  }

  get httpVersion(): HttpTransaction['httpVersion'] {
    return this.#text(at.httpVersion) as HttpTransaction['httpVersion']
  }

  get loginPasswordToken(): HttpTransaction['loginPasswordToken'] {
    return this.#text(at.loginPasswordToken) as HttpTransaction['loginPasswordToken']
  }

  get loginUserToken(): HttpTransaction['loginUserToken'] {
    return this.#text(at.loginUserToken) as HttpTransaction['loginUserToken']
  }

  get midStream(): HttpTransaction['midStream'] {
    return this.#flag(at.midStream) as HttpTransaction['midStream']
  }

  get missedBytes(): HttpTransaction['missedBytes'] {
    return this.#count(at.missedBytes) as HttpTransaction['missedBytes']
  }

  get requestContentBytes(): HttpTransaction['requestContentBytes'] {
    return this.#count(at.requestContentBytes) as HttpTransaction['requestContentBytes']
  }

  get requestContentKind(): HttpTransaction['requestContentKind'] {
    return this.#text(at.requestContentKind) as HttpTransaction['requestContentKind']
  }

  get requestContentType(): HttpTransaction['requestContentType'] {
    return this.#text(at.requestContentType) as HttpTransaction['requestContentType']
  }

  get requestFields(): HttpTransaction['requestFields'] {
    return this.#value(at.requestFields) as HttpTransaction['requestFields']
  }

  get contentSampling(): HttpTransaction['contentSampling'] {
    return this.#count(at.contentSampling) as HttpTransaction['contentSampling']
  }

  get responseContentBytes(): HttpTransaction['responseContentBytes'] {
    return this.#count(at.responseContentBytes) as HttpTransaction['responseContentBytes']
  }

  get responseContentKind(): HttpTransaction['responseContentKind'] {
    return this.#text(at.responseContentKind) as HttpTransaction['responseContentKind']
  }

  get responseContentType(): HttpTransaction['responseContentType'] {
    return this.#text(at.responseContentType) as HttpTransaction['responseContentType']
  }

  get responseFields(): HttpTransaction['responseFields'] {
    return this.#value(at.responseFields) as HttpTransaction['responseFields']
  }

  get scheme(): HttpTransaction['scheme'] {
    return this.#text(at.scheme) as HttpTransaction['scheme']
  }

  get sensitive(): HttpTransaction['sensitive'] {
    return this.#value(at.sensitive) as HttpTransaction['sensitive']
  }

  get serverIp(): HttpTransaction['serverIp'] {
    return this.#text(at.serverIp) as HttpTransaction['serverIp']
  }

  get serverPort(): HttpTransaction['serverPort'] {
    return this.#count(at.serverPort) as HttpTransaction['serverPort']
  }

  get sessionToken(): HttpTransaction['sessionToken'] {
    return this.#text(at.sessionToken) as HttpTransaction['sessionToken']
  }

  get setCookieNames(): HttpTransaction['setCookieNames'] {
    return this.#value(at.setCookieNames) as HttpTransaction['setCookieNames']
  }

  get timeToFirstByteUs(): HttpTransaction['timeToFirstByteUs'] {
    return this.#count(at.timeToFirstByteUs) as HttpTransaction['timeToFirstByteUs']
  }

  get ja3(): HttpTransaction['ja3'] {
    return this.#text(at.ja3) as HttpTransaction['ja3']
  }

  get ja4(): HttpTransaction['ja4'] {
    return this.#text(at.ja4) as HttpTransaction['ja4']
  }

  get tlsAlpn(): HttpTransaction['tlsAlpn'] {
    return this.#text(at.tlsAlpn) as HttpTransaction['tlsAlpn']
  }

  get tlsCipher(): HttpTransaction['tlsCipher'] {
    return this.#text(at.tlsCipher) as HttpTransaction['tlsCipher']
  }

  get tlsServerName(): HttpTransaction['tlsServerName'] {
    return this.#text(at.tlsServerName) as HttpTransaction['tlsServerName']
  }

  get tlsVersion(): HttpTransaction['tlsVersion'] {
    return this.#text(at.tlsVersion) as HttpTransaction['tlsVersion']
  }

  get truncated(): HttpTransaction['truncated'] {
    return this.#flag(at.truncated) as HttpTransaction['truncated']
  }

  get tunnels(): HttpTransaction['tunnels'] {
    return this.#value(at.tunnels) as HttpTransaction['tunnels']
  }

  get userAgent(): HttpTransaction['userAgent'] {
    return this.#text(at.userAgent) as HttpTransaction['userAgent']
  }

  get vlanIds(): HttpTransaction['vlanIds'] {
    return this.#value(at.vlanIds) as HttpTransaction['vlanIds']
  }

  get vni(): HttpTransaction['vni'] {
    return this.#count(at.vni) as HttpTransaction['vni']
  }

  get webSocket(): HttpTransaction['webSocket'] {
    return this.#value(at.webSocket) as HttpTransaction['webSocket']
  }

  get weight(): HttpTransaction['weight'] {
    return this.#count(at.weight) as HttpTransaction['weight']
  }

  /** All of it as a plain object, which shares nothing with the line. */
  toJSON(): HttpTransaction {
    const plain: Record<string, unknown> = {}
    for (const name of memberNames) if (this.#spans[this.#at + at[name]] !== 0) plain[name] = this.#value(at[name])
    return plain as HttpTransaction
  }

  /** The same, with memory of its own: to keep beyond the record. */
  detached(): LineTransaction {
    const spans = this.#spans.slice(this.#at, this.#at + memberNames.length * 2)
    let from = Number.POSITIVE_INFINITY
    let to = 0
    for (let i = 0; i < spans.length; i += 2) {
      if (spans[i] === 0) continue
      from = Math.min(from, spans[i]!) // Here and below: in range by the loop condition.
      to = Math.max(to, Math.abs(spans[i + 1]!))
    }
    // One byte in front: a value at 0 would be none.
    const start = from - 1
    for (let i = 0; i < spans.length; i += 2) {
      if (spans[i] === 0) continue
      spans[i]! -= start
      spans[i + 1]! += spans[i + 1]! < 0 ? start : -start
    }
    return new LineTransaction(
      new LineBytes(this.#line.bytes.slice(start, to)),
      spans,
      0,
      this.#texts,
      this.observedAtUs,
    )
  }

  #text(member: number): string | undefined {
    const from = this.#spans[this.#at + member]!
    if (from === 0) return undefined
    const to = this.#spans[this.#at + member + 1]!
    if (to < 0 || this.#line.bytes[from] !== quote) return this.#value(member) as string
    return this.#texts.of(this.#line, from + 1, to - 1)
  }

  #ownText(member: number): string {
    const from = this.#spans[this.#at + member]!
    const to = this.#spans[this.#at + member + 1]!
    return to < 0 ? (this.#value(member) as string) : this.#line.buffer.toString('latin1', from + 1, to - 1)
  }

  #count(member: number): number | undefined {
    const from = this.#spans[this.#at + member]!
    if (from === 0) return undefined
    const to = this.#spans[this.#at + member + 1]!
    const value = numberOf(this.#line, from, to)
    return Number.isNaN(value) ? (this.#value(member) as number) : value
  }

  #flag(member: number): boolean | undefined {
    const from = this.#spans[this.#at + member]!
    if (from === 0) return undefined
    const first = this.#line.bytes[from]
    return first === 0x74 ? true : first === 0x66 ? false : (this.#value(member) as boolean)
  }

  #value(member: number): unknown {
    const from = this.#spans[this.#at + member]!
    if (from === 0) return undefined
    return JSON.parse(this.#line.buffer.toString('utf8', from, Math.abs(this.#spans[this.#at + member + 1]!)))
  }

  /** An array of texts without escapes, in ASCII; undefined for any other. */
  #plainTexts(member: number): string[] | undefined {
    const { bytes } = this.#line
    const texts: string[] = []
    let i = this.#spans[this.#at + member]! + 1
    if (bytes[i] === closeBracket) return texts
    for (;;) {
      if (bytes[i] !== quote) return undefined
      const from = ++i
      for (let byte = bytes[i]!; byte !== quote; byte = bytes[++i]!) if (byte === 0x5c || byte > 0x7e) return undefined
      texts.push(this.#texts.of(this.#line, from, i))
      const behind = bytes[i + 1]
      if (behind === closeBracket) return texts
      if (behind !== comma) return undefined
      i += 2
    }
  }
}

/** A plain object of whichever kind: to spread, to compare, to keep without the record that it came in. */
export function plainTransaction(transaction: HttpTransaction): HttpTransaction {
  return transaction instanceof LineTransaction ? transaction.toJSON() : transaction
}

/** NaN when it is no number; a span that ends negative is a text. */
function numberOf({ bytes, buffer }: LineBytes, from: number, to: number): number {
  if (to < 0) return Number.NaN
  if (to - from > safeDigitsMaxCount) return jsonNumber(buffer.toString('latin1', from, to))
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - 0x30 // In range: a span of the record.
    if (digit < 0 || digit > 9) return jsonNumber(buffer.toString('latin1', from, to))
    value = value * 10 + digit
  }
  // Exact as long as it is safe: each step before was.
  return value <= Number.MAX_SAFE_INTEGER ? value : Number(buffer.toString('latin1', from, to))
}

/** Texts, `null`, `true` and what has structure are no numbers. */
function jsonNumber(text: string): number {
  return /^[-0-9]/.test(text) ? Number(text) : Number.NaN
}
