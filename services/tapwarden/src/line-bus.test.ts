import { Writable } from 'node:stream'
import { topicNames } from '@tapwarden/contracts/names'
import { expect, it } from 'vitest'
import { LineBus } from './line-bus.js'

const record = (text: string) => ({ partition: 0, value: new TextEncoder().encode(text), messageCount: 1 })

it('transactions are written as they are, intervals are not, and a slow reader holds the sensor back', async () => {
  let written = ''
  let readOn: () => void = () => undefined
  const stream = new Writable({
    highWaterMark: 4,
    write: (chunk, _encoding, done) => {
      written += String(chunk)
      readOn = done
    },
  })
  const bus = new LineBus(stream)
  await bus.publish(topicNames.sensorIntervals, [record('an interval\n')])
  await bus.publish(topicNames.transactions, [record('a\n')])
  let isPublished = false
  const published = bus.publish(topicNames.transactions, [record('bcd\n')]).then(() => {
    isPublished = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  expect([written, isPublished]).toEqual(['a\n', false])
  readOn()
  readOn()
  await published
  expect(written).toBe('a\nbcd\n')
})

it('without a stream nothing waits', () =>
  expect(new LineBus(undefined).publish(topicNames.transactions, [record('a\n')])).resolves.toBeUndefined())
