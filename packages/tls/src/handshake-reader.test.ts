/** What a handshake reader holds is let go for good when its session gives up, even from within a message. */

import { expect, it } from 'vitest'
import { clientHelloType, HandshakeReader } from './handshake-reader.js'
import { TlsMemory } from './tls-limits.js'

it.each([
  [[clientHelloType, 0, 0, 1, 9, clientHelloType, 0], 'the beginning of another stands behind the message'],
  [[clientHelloType, 0, 0, 1, 9, clientHelloType, 0, 0, 5, 1], 'and its header is whole'],
  [[clientHelloType, 0, 0, 1, 9], 'nothing does'],
])('closed by the message %j, it holds nothing: %s', (bytes) => {
  const memory = new TlsMemory(1_000)
  let messageCount = 0
  const sink = () => {
    messageCount++
    reader.close()
  }
  const reader: HandshakeReader = new HandshakeReader(sink, 100, memory)
  reader.push(Uint8Array.from(bytes), 0, bytes.length)
  reader.push(Uint8Array.of(clientHelloType, 0), 0, 2)
  expect([messageCount, memory.usedBytes]).toEqual([1, 0])
})
