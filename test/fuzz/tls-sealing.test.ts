/** Sealed conversations are ones that the sensor opens, each with the secrets of the one key log: else the fuzzer would only ever meet closed doors. */

import { ConversationBuilder } from '@tapwarden/net/frame-builder'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'
import { KeyLog } from '@tapwarden/tls/key-log'
import { expect, it } from 'vitest'
import { Random } from '../random.js'
import type { Said } from './fuzz-frame.js'
import { seedConversations } from './seed-conversations.js'
import { fuzzKeyLog, sealed } from './tls-sealing.js'

const { turns } = seedConversations()[0]!

function read(said: readonly Said[], keyLogText: string): { targets: string[]; protocols: Set<string> } {
  const keyLog = new KeyLog()
  keyLog.push(Buffer.from(keyLogText))
  const targets: string[] = []
  const protocols = new Set<string>()
  const reader = new TransactionReader({
    tls: { keyLog },
    onTransaction: ({ tls }, { request, response }) => {
      targets.push(`${request.target} ${response?.status}`)
      if (tls !== undefined) protocols.add(`${tls.version} ${tls.cipher}`)
    },
  })
  const peers = { clientIp: '10.0.0.1', clientPort: 40_000, serverIp: '10.0.1.80', serverPort: 443 }
  const builder = new ConversationBuilder(peers)
  const frames = [
    ...builder.open(0),
    ...said.flatMap(({ direction, bytes }) => builder.data(direction, bytes, 0)),
    ...builder.finish('c2s', 0),
    ...builder.finish('s2c', 0),
  ]
  for (const { bytes } of frames) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    reader.frame({ buffer: bytes, view, offset: 0, end: bytes.length, timestampUs: 0, linkType: 1 })
  }
  reader.end()
  return { targets, protocols }
}

it('a sealed conversation gives the transactions that it gives in clear, under every suite', () => {
  const inClear = read(turns, '').targets
  expect(inClear.length).toBeGreaterThan(4)
  const seen = new Set<string>()
  for (let seed = 0; seed < 80; seed++) {
    const { targets, protocols } = read(sealed(turns, new Random(seed)), fuzzKeyLog)
    expect(targets, `seed ${seed}`).toEqual(inClear)
    for (const protocol of protocols) seen.add(protocol)
  }
  expect([...seen].sort()).toHaveLength(10)
})

it('without its secrets it stays closed', () => {
  expect(read(sealed(turns, new Random(1)), '').targets).toEqual([])
})

it('is a function of what is said and of chance alone', () => {
  expect(sealed(turns, new Random(7))).toEqual(sealed(turns, new Random(7)))
})
