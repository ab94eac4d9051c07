/** A bus without consumers, for a sensor that runs alone: transactions go to a stream as lines, or nowhere; intervals go nowhere. */

import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { type Bus, BusUnavailable, type OutgoingRecord } from '@tapwarden/bus/bus'
import { type TopicName, topicNames } from '@tapwarden/contracts/names'

export class LineBus implements Bus {
  readonly #stream: Pick<Writable, 'write' | 'once'> | undefined

  /** Undefined: what is published is dropped. */
  constructor(stream: Writable | undefined) {
    this.#stream = stream
  }

  /** Resolves when the stream has room again: this is the back-pressure. */
  async publish(topic: TopicName, records: readonly OutgoingRecord[]): Promise<void> {
    const stream = this.#stream
    if (stream === undefined || topic !== topicNames.transactions) return
    let hasRoom = true
    for (const { value } of records) hasRoom = stream.write(value)
    if (!hasRoom) await once(stream as Writable, 'drain')
  }

  subscribe(): never {
    throw new BusUnavailable('subscribe: a sensor alone has no consumers', { retryable: false })
  }

  lag(): number {
    return 0
  }

  async drained(): Promise<void> {}

  async close(): Promise<void> {}
}
