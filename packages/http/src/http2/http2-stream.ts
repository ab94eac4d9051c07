/** One stream of an HTTP/2 connection: what is known of its request and its response until the transaction is published. */

import type { Message } from '../message.js'
import { WebSocketDirection, type WebSocketTraffic } from '../web-socket.js'
import { GrpcDirection, type GrpcTraffic, grpcNames, grpcStatusOf, isGrpcType } from './grpc.js'
import { announcedBytes } from './http2-head.js'

/** Bytes that one costs beside its messages, as they are counted. */
export const streamBytes = 512
const unknownBytes = -1

export class Http2Stream {
  readonly id: number
  /** Undefined where the request is not known: then what belongs to it is passed over. */
  request: Message | undefined
  response: Message | undefined
  isRequestEnded = false
  isResponseEnded = false
  /** That the request ended may have been missed. */
  isRequestEndDoubtful = false
  /** The transaction was handed on; frames that still come belong to nothing, or to a tunnel. */
  isPublished = false
  /** Behind a successful CONNECT. */
  isTunnel = false
  /** Promised by the server. */
  isPushed = false
  /** The request came by HTTP/1, with `Upgrade: h2c`. */
  isUpgraded = false
  scheme: 'http' | 'https' | undefined
  resetCode: number | undefined
  /** A final response came whose status is not known. */
  isStatusUnknown = false
  /** Octets of content that the fields announce, or -1. */
  requestAnnouncedBytes = unknownBytes
  responseAnnouncedBytes = unknownBytes
  clientFrames: WebSocketDirection | undefined
  serverFrames: WebSocketDirection | undefined
  /** A WebSocket's handshake that waits, and until when. */
  isHeld = false
  heldUntilUs = 0
  /** Something of it was lent in the call that runs. */
  isTouched = false
  isCountedWaiting = false
  /** What it holds, as its flow counted it. */
  countedBytes = 0
  #grpcNames: { readonly service: string; readonly method: string } | undefined
  #clientMessages: GrpcDirection | undefined
  #serverMessages: GrpcDirection | undefined

  constructor(id: number) {
    this.id = id
  }

  get heldBytes(): number {
    return streamBytes + (this.request?.bufferedBytes ?? 0) + (this.response?.bufferedBytes ?? 0)
  }

  get isOver(): boolean {
    return this.isRequestEnded && this.isResponseEnded
  }

  message(isRequest: boolean): Message | undefined {
    return isRequest ? this.request : this.response
  }

  isEnded(isRequest: boolean): boolean {
    return isRequest ? this.isRequestEnded : this.isResponseEnded
  }

  /** The request's head is there. */
  setRequest(request: Message): void {
    this.request = request
    this.requestAnnouncedBytes = announcedBytes(request)
    if (!isGrpcType(request.fields.first('content-type'))) return
    this.#grpcNames = grpcNames(request.target)
    if (this.#grpcNames === undefined) return
    this.#clientMessages = new GrpcDirection()
    this.#serverMessages = new GrpcDirection()
  }

  setResponse(response: Message): void {
    this.response = response
    const isWithout = this.request?.hasMethod('HEAD') === true || response.status === 304
    this.responseAnnouncedBytes = isWithout ? unknownBytes : announcedBytes(response)
  }

  content(isRequest: boolean, buffer: Uint8Array, from: number, to: number): void {
    const messages = isRequest ? this.#clientMessages : this.#serverMessages
    messages?.push(buffer, from, to)
  }

  contentMissed(isRequest: boolean, missedBytes: number): void {
    const messages = isRequest ? this.#clientMessages : this.#serverMessages
    messages?.gap(missedBytes)
  }

  openWebSocket(): void {
    this.clientFrames = new WebSocketDirection()
    this.serverFrames = new WebSocketDirection()
  }

  webSocketTraffic(isOpen: boolean): WebSocketTraffic | undefined {
    if (this.clientFrames === undefined || this.serverFrames === undefined) return undefined
    return { c2s: { ...this.clientFrames.counts }, s2c: { ...this.serverFrames.counts }, isOpen }
  }

  grpcTraffic(): GrpcTraffic | undefined {
    const names = this.#grpcNames
    if (names === undefined || this.#clientMessages === undefined || this.#serverMessages === undefined)
      return undefined
    this.#clientMessages.end()
    this.#serverMessages.end()
    const { response } = this
    const field = response?.trailers?.first('grpc-status') ?? response?.fields.first('grpc-status')
    return {
      ...names,
      c2s: this.#clientMessages.counts,
      s2c: this.#serverMessages.counts,
      status: grpcStatusOf(field) ?? this.#serverMessages.status,
    }
  }
}
