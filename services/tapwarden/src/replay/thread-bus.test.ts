import { BusUnavailable } from '@tapwarden/bus/bus'
import { topicNames } from '@tapwarden/contracts/names'
import { describe, expect, it } from 'vitest'
import { bytesOf, type FromCaptureThread } from './capture-thread-messages.js'
import { ThreadBus } from './thread-bus.js'

const megabyte = 1_048_576

function linked() {
  const sent: FromCaptureThread[] = []
  const moved: unknown[] = []
  const bus = new ThreadBus({
    postMessage: (message: unknown, transfer: unknown) => {
      sent.push(message as FromCaptureThread)
      moved.push(...(transfer as unknown[]))
    },
  })
  const publish = (bytes: number) =>
    bus.publish(topicNames.transactions, [{ partition: 3, value: new Uint8Array(bytes), messageCount: 1 }])
  return { bus, sent, moved, publish }
}

/** Whether it has settled once every task under way had its turn. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false
  promise.then(
    () => {
      settled = true
    },
    () => {
      settled = true
    },
  )
  await new Promise((resolve) => setImmediate(resolve))
  return settled
}

describe('ThreadBus', () => {
  it('lets some megabytes be under way, then waits until the other side has taken enough', async () => {
    const { bus, sent, publish } = linked()
    for (let i = 0; i < 8; i++) await publish(megabyte)
    const ninth = publish(megabyte)
    expect(await isSettled(ninth)).toBe(false)
    expect(sent.length).toBe(8)
    bus.taken(megabyte)
    await ninth
    expect(sent.length).toBe(9)
  })

  it('is drained when all was taken, and not before', async () => {
    const { bus, publish } = linked()
    await publish(10)
    await publish(20)
    const drained = bus.drained()
    bus.taken(10)
    expect(await isSettled(drained)).toBe(false)
    bus.taken(20)
    await drained
  })

  it('moves memory that holds nothing else, and copies what is part of more', async () => {
    const { bus, sent, moved } = linked()
    const whole = new Uint8Array([1, 2, 3])
    const part = new Uint8Array([9, 4, 5, 9]).subarray(1, 3)
    await bus.publish(topicNames.transactions, [
      { partition: 0, value: whole, messageCount: 1 },
      { partition: 1, value: part, messageCount: 2 },
    ])
    expect(moved[0]).toBe(whole.buffer)
    expect(moved[1]).not.toBe(part.buffer)
    const [message] = sent
    if (message?.kind !== 'publish') throw new Error('nothing was published')
    expect(message.records.map(({ value }) => [...value])).toEqual([
      [1, 2, 3],
      [4, 5],
    ])
    expect(bytesOf(message.records)).toBe(5)
  })

  it('rejects whoever waits, and everybody after, once the real bus refused', async () => {
    const { bus, publish } = linked()
    await publish(9 * megabyte)
    const waiting = publish(1)
    const drained = bus.drained()
    bus.refused('closed')
    await expect(waiting).rejects.toBeInstanceOf(BusUnavailable)
    await expect(drained).rejects.toMatchObject({ retryable: false })
    await expect(publish(1)).rejects.toBeInstanceOf(BusUnavailable)
  })
})
