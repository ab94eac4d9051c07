import type { BuiltFrame, Turn } from '@tapwarden/net/frame-builder'
import { KeyLog } from '@tapwarden/tls/key-log'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { TransactionReader } from '../transaction-reader.js'
import { framesOf, give, keyLogOf, makeIdentity, type Recording, recordExchange } from './tls-recording.js'

const turns: readonly Turn[] = ['/one', '/two', '/three'].flatMap((path) => [
  { direction: 'c2s' as const, bytes: Buffer.from(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`) },
  { direction: 's2c' as const, bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') },
])

let recordings: Recording[] = []
beforeAll(async () => {
  const identity = makeIdentity('ec')
  const limits = ['TLSv1.2', 'TLSv1.3'].map((version) => ({
    minVersion: version as 'TLSv1.2',
    maxVersion: version as 'TLSv1.2',
  }))
  const cbc = { ...limits[0], ciphers: 'ECDHE-ECDSA-AES128-SHA' }
  recordings = await Promise.all(
    [...limits, cbc].map((each) => recordExchange(turns, { identity, server: each, client: each })),
  )
})

/** Bytes changed, turns lost, repeated and swapped. */
const damage = fc.record({
  recording: fc.nat(2),
  changes: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
  moves: fc.array(fc.tuple(fc.constantFrom('drop', 'repeat', 'swap'), fc.nat()), { maxLength: 3 }),
  segmentMaxBytes: fc.constantFrom(1, 13, 200, 1_460),
  lostFrame: fc.option(fc.nat()),
})

it('whatever is damaged: nothing is thrown, nothing stays held, and what is told of a request was said', () => {
  fc.assert(
    fc.property(damage, fc.boolean(), ({ recording, changes, moves, segmentMaxBytes, lostFrame }, isLate) => {
      const { turns: said, keyLog } = recordings[recording]!
      let damaged: Turn[] = said.map(({ direction, bytes }) => ({ direction, bytes: Uint8Array.from(bytes) }))
      for (const [turn, at, byte] of changes) {
        const bytes = damaged[turn % damaged.length]!.bytes
        bytes[at % bytes.length] = byte
      }
      for (const [move, at] of moves) damaged = moved(damaged, move, at % damaged.length)
      const frames: BuiltFrame[] = framesOf(damaged, segmentMaxBytes)
      const targets: string[] = []
      const secrets = isLate ? new KeyLog() : keyLogOf(keyLog)
      const reader = new TransactionReader({
        onTransaction: (_flow, { request }) => targets.push(request.target),
        tls: { keyLog: secrets, waitsForKeys: isLate },
      })
      const lost = lostFrame === null ? -1 : lostFrame % frames.length
      for (const [index, frame] of frames.entries()) if (index !== lost) give(reader, frame)
      if (isLate) {
        secrets.push(Buffer.from(keyLog))
        reader.keysMayHaveCome(0)
      }
      reader.end()
      expect(targets.every((target) => ['/one', '/two', '/three'].includes(target))).toBe(true)
      expect(reader.statistics().tls.heldBytes).toBe(0)
    }),
    { numRuns: 300 },
  )
})

function moved(turns: readonly Turn[], move: string, at: number): Turn[] {
  const [before, turn, behind] = [turns.slice(0, at), turns.slice(at, at + 1), turns.slice(at + 1)]
  if (move === 'drop') return turns.length > 1 ? [...before, ...behind] : [...turns]
  return move === 'repeat' ? [...before, ...turn, ...turn, ...behind] : [...behind, ...turn, ...before]
}
