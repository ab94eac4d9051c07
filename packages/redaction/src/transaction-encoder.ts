/**
 * Members of the transaction's line, written as JSON bytes one after the other: the whole record never exists as an object. The order of
 * members is fixed, so that readers of bytes may predict the next key.
 */

import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import { type ByteWriter, Literal } from './byte-writer.js'
import type { SipHasher } from './siphash.js'

/** `,"key":`, ready to be written. */
export function memberKey(key: string): Literal {
  return new Literal(`,"${key}":`)
}

const lineStart = new Literal('{"id":"')
const lineEnd = new Literal('}\n')
const trueText = new Literal('true')
const falseText = new Literal('false')

type WebSocketTraffic = RawTransaction['webSocket']
type Counts = NonNullable<WebSocketTraffic>['c2s']
const countNames = [
  'frameCount',
  'textMessageCount',
  'binaryMessageCount',
  'closeCount',
  'pingCount',
  'pongCount',
  'payloadBytes',
] as const satisfies readonly (keyof Counts)[]
const countKeys = keysOf(countNames)
type GrpcCounts = NonNullable<RawTransaction['grpc']>['c2s']
const grpcCountKeys = keysOf(['messageCount', 'messageBytes', 'messageMaxBytes'] as const)
const serviceKey = new Literal('{"service":')
const methodKey = memberKey('method')
const grpcClientKey = memberKey('c2s')
const statusKey = memberKey('status')
const clientKey = new Literal('{"c2s":')
const serverKey = memberKey('s2c')
const isPartialKey = memberKey('isPartial')
const isOpenKey = memberKey('isOpen')
const closeBrace = 0x7d

/** The members that open an object. */
function keysOf<Name extends string>(
  names: readonly Name[],
): readonly { readonly name: Name; readonly key: Literal }[] {
  return names.map((name, index) => ({ name, key: new Literal(`${index === 0 ? '{' : ','}"${name}":`) }))
}

export class TransactionEncoder {
  readonly #writer: ByteWriter

  constructor(writer: ByteWriter) {
    this.#writer = writer
  }

  clear(): void {
    this.#writer.clear()
  }

  /** Begins the line with its id, given by its halves. */
  begin(high: SipHasher, low: SipHasher): void {
    const writer = this.#writer
    writer.literal(lineStart)
    writer.hex64(high.high, high.low)
    writer.hex64(low.high, low.low)
    writer.byte(0x22)
  }

  /** Members that are encoded already, each behind its comma. */
  rest(members: Literal): void {
    this.#writer.literal(members)
  }

  /** The caller writes the value. */
  key(key: Literal): void {
    this.#writer.literal(key)
  }

  /** A value that is JSON already; absent when undefined. */
  json(key: Literal, value: Literal | undefined): void {
    if (value === undefined) return
    this.key(key)
    this.#writer.literal(value)
  }

  /** Any text; absent when undefined. */
  text(key: Literal, value: string | undefined): void {
    if (value === undefined) return
    this.key(key)
    this.#writer.jsonText(value)
  }

  /** A number that the schema takes as a count; anything else the wire made of it becomes 0. Absent when undefined. */
  count(key: Literal, value: number | undefined): void {
    if (value === undefined) return
    this.key(key)
    this.#writer.int(Number.isSafeInteger(value) && value >= 0 ? value : 0)
  }

  flag(key: Literal, value: boolean): void {
    this.key(key)
    this.#writer.literal(value ? trueText : falseText)
  }

  /** Absent when empty. */
  texts(key: Literal, values: readonly string[]): void {
    if (values.length === 0) return
    this.key(key)
    for (const [index, value] of values.entries()) {
      this.#writer.byte(index === 0 ? 0x5b : 0x2c)
      this.#writer.jsonText(value)
    }
    this.#writer.byte(0x5d)
  }

  /** Absent when empty. */
  counts(key: Literal, values: readonly number[]): void {
    if (values.length === 0) return
    this.key(key)
    for (const [index, value] of values.entries()) {
      this.#writer.byte(index === 0 ? 0x5b : 0x2c)
      this.#writer.int(value)
    }
    this.#writer.byte(0x5d)
  }

  /** Numbers of frames and messages, nothing of what they said; absent when undefined. */
  webSocket(key: Literal, traffic: WebSocketTraffic): void {
    if (traffic === undefined) return
    this.key(key)
    this.key(clientKey)
    this.#webSocketCounts(traffic.c2s)
    this.key(serverKey)
    this.#webSocketCounts(traffic.s2c)
    this.flag(isOpenKey, traffic.isOpen)
    this.#writer.byte(closeBrace)
  }

  /** Numbers of messages and their sizes; the names are given as they are published. Absent when undefined. */
  grpc(key: Literal, traffic: RawTransaction['grpc'], service: string, method: string): void {
    if (traffic === undefined) return
    this.key(key)
    this.text(serviceKey, service)
    this.text(methodKey, method)
    this.key(grpcClientKey)
    this.#grpcCounts(traffic.c2s)
    this.key(serverKey)
    this.#grpcCounts(traffic.s2c)
    this.count(statusKey, traffic.status)
    this.#writer.byte(closeBrace)
  }

  #grpcCounts(counts: GrpcCounts): void {
    for (const { name, key } of grpcCountKeys) this.count(key, counts[name])
    this.flag(isPartialKey, counts.isPartial)
    this.#writer.byte(closeBrace)
  }

  #webSocketCounts(counts: Counts): void {
    for (const { name, key } of countKeys) this.count(key, counts[name])
    this.flag(isPartialKey, counts.isPartial)
    this.#writer.byte(closeBrace)
  }

  /** Ends the line; the bytes are borrowed until the next one begins. */
  end(): Uint8Array {
    this.#writer.literal(lineEnd)
    return this.#writer.borrowed()
  }
}
