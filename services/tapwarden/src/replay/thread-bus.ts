/**
 * The bus as the sensor's thread has it: records move to the stack's thread, whose bus takes them in the same order
 * (the other half is in captures-in-thread.ts).
 *
 *   publish ─► [less than `underWayMaxBytes` under way?] ─► message, memory and all ─► real bus ─► `taken`
 *                      └─ no: waits for `taken` ◄──────────────────────────────────────────────────────┘
 *
 * Some megabytes may be under way, so that the sensor works while the other thread does; beyond that it is held back as by the bus itself.
 */

import type { MessagePort } from 'node:worker_threads'
import { type Bus, BusUnavailable, type OutgoingRecord } from '@tapwarden/bus/bus'
import type { TopicName } from '@tapwarden/contracts/names'
import { bytesOf, type FromCaptureThread } from './capture-thread-messages.js'

const underWayMaxBytes = 8 * 1_048_576

export class ThreadBus implements Bus {
  readonly #port: Pick<MessagePort, 'postMessage'>
  #underWayBytes = 0
  #refusal: BusUnavailable | undefined
  #waiting: (() => void)[] = []

  constructor(port: Pick<MessagePort, 'postMessage'>) {
    this.#port = port
  }

  async publish(topic: TopicName, records: readonly OutgoingRecord[]): Promise<void> {
    await this.#until(() => this.#underWayBytes < underWayMaxBytes)
    const own = records.map((record) => ({ ...record, value: withOwnMemory(record.value) }))
    this.#underWayBytes += bytesOf(own)
    const message: FromCaptureThread = { kind: 'publish', topic, records: own }
    this.#port.postMessage(
      message,
      own.map(({ value }) => value.buffer),
    )
  }

  taken(bytes: number): void {
    this.#underWayBytes -= bytes
    this.#wake()
  }

  /** The real bus is gone: nothing that was not taken will be. */
  refused(reason: string): void {
    this.#refusal = new BusUnavailable(reason, { retryable: false })
    this.#wake()
  }

  /** Resolves when the real bus has taken everything. */
  async drained(): Promise<void> {
    await this.#until(() => this.#underWayBytes === 0)
  }

  subscribe(): never {
    throw new BusUnavailable('subscribe: the sensor only publishes', { retryable: false })
  }

  lag(): number {
    return 0
  }

  async close(): Promise<void> {}

  async #until(condition: () => boolean): Promise<void> {
    while (this.#refusal === undefined && !condition()) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    if (this.#refusal !== undefined) throw this.#refusal
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }
}

/** Memory that holds other things as well cannot be given away. */
function withOwnMemory(value: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = value
  return buffer instanceof ArrayBuffer && buffer.byteLength === value.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(value)
}
