/** What connections cost while they are open and silent, and that those which are over cost nothing. */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type BuiltFrame, ConversationBuilder } from '@tapwarden/net/frame-builder'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'
import { expect, it } from 'vitest'

const idleFlowMaxBytes = 2_048
const request = Buffer.from(
  'GET /items/1 HTTP/1.1\r\nHost: shop.example\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n',
)
const response = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"id":1,"name":"ab"}')

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

function usedBytes(): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function feed(reader: TransactionReader, frames: readonly BuiltFrame[]): void {
  for (const { bytes, timestampUs } of frames) {
    const view = new DataView(bytes.buffer)
    reader.frame({ buffer: bytes, view, offset: 0, end: bytes.length, timestampUs, linkType: 1 })
  }
}

/** One transaction of flow `index`; numbers all over the circle, as real ones are. */
function conversation(index: number, isClosed: boolean): BuiltFrame[] {
  const builder = new ConversationBuilder({
    clientIp: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
    clientPort: 1_024 + (index % 60_000),
    serverIp: '192.0.2.1',
    serverPort: 80,
    clientIsn: Math.imul(index, 0x9e3779b1) >>> 0,
    serverIsn: Math.imul(index, 0x85ebca6b) >>> 0,
  })
  const atUs = 1_790_000_000_000_000 + index * 500
  const frames = [
    ...builder.open(atUs),
    ...builder.data('c2s', request, atUs + 10),
    ...builder.data('s2c', response, atUs + 20),
  ]
  return isClosed ? [...frames, ...builder.finish('c2s', atUs + 30), ...builder.finish('s2c', atUs + 40)] : frames
}

it('an idle open flow costs at most 2 KiB, its HTTP parsers included', () => {
  let count = 0
  const reader = new TransactionReader({ onTransaction: () => count++ })
  const flowCount = 30_000
  for (let index = 0; index < 1_000; index++) feed(reader, conversation(index, false))
  const before = usedBytes()
  for (let index = 1_000; index < 1_000 + flowCount; index++) feed(reader, conversation(index, false))
  const bytes = (usedBytes() - before) / flowCount
  expect(count).toBe(1_000 + flowCount)
  expect(reader.statistics().flows.flowCount).toBe(1_000 + flowCount)
  expect(bytes).toBeLessThanOrEqual(idleFlowMaxBytes)
})

it('flows that are over cost nothing, however many there were', () => {
  const reader = new TransactionReader({ onTransaction: () => undefined })
  const used = [0, 1, 2, 3].map((part) => {
    // 5 s of traffic a part: about as long as a closed flow is remembered.
    for (let index = 0; index < 10_000; index++) feed(reader, conversation(part * 10_000 + index, true))
    return usedBytes()
  })
  expect(reader.statistics().flows.flowCount).toBeLessThan(12_000)
  expect(used[3]! - used[1]!).toBeLessThan(0.1 * used[1]!)
})
