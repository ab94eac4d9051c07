import type { BuiltFrame, Turn } from '@tapwarden/net/frame-builder'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  framesOf,
  keyLogOf,
  makeIdentity,
  type ReadTransaction,
  type Recording,
  readFrames,
  recordExchange,
} from './tls-recording.js'

/** Some of one record, some of several, some requests pipelined. */
const turns: readonly Turn[] = Array.from({ length: 8 }, (_, index) => {
  const content = `${index}`.repeat(index % 3 === 2 ? 40_000 : 300)
  const request = `POST /items/${index} HTTP/1.1\r\nHost: shop.example\r\nContent-Length: ${content.length}\r\n\r\n${content}`
  const response = `HTTP/1.1 20${index} Fine\r\nContent-Length: ${content.length}\r\n\r\n${content}`
  return [
    { direction: 'c2s' as const, bytes: Buffer.from(request) },
    { direction: 's2c' as const, bytes: Buffer.from(response) },
  ]
}).flat()

const recordings: Record<string, Recording> = {}
beforeAll(async () => {
  const identity = makeIdentity('ec')
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const limits = { minVersion: version, maxVersion: version }
    recordings[version] = await recordExchange(turns, { identity, server: limits, client: limits })
  }
})

/** Frames with payload behind the handshake: one turn of application data each, in segments. */
function dataFrameIndexes(frames: readonly BuiltFrame[], handshakeTurnsBytes: number): number[] {
  let seenBytes = 0
  return frames.flatMap(({ bytes }, index) => {
    const payloadBytes = bytes.length - 54
    if (payloadBytes <= 0) return []
    seenBytes += payloadBytes
    return seenBytes - payloadBytes >= handshakeTurnsBytes ? [index] : []
  })
}

describe.each(['TLSv1.2', 'TLSv1.3'])('%s, a segment is lost', (version) => {
  it('and one transaction is harmed, the others are as they are in clear, and none is paired wrongly', () => {
    const recording = recordings[version]!
    const clear = readFrames(framesOf(turns)).transactions
    const frames = framesOf(recording.turns)
    const keyLog = keyLogOf(recording.keyLog)
    expect(readFrames(frames, { tls: { keyLog } }).transactions).toEqual(clear)
    const targets = dataFrameIndexes(
      frames,
      recording.turns.slice(0, 4).reduce((sum, { bytes }) => sum + bytes.length, 0),
    )
    const harmed = targets
      .filter((_, index) => index % 5 < 2)
      .map((lost) => {
        const { transactions, reader } = readFrames(
          frames.filter((_, index) => index !== lost),
          { tls: { keyLog } },
        )
        for (const { target, status } of transactions) {
          if (status !== undefined) expect(String(status)).toBe(`20${target.at(-1)}`)
        }
        expect(reader.statistics().http.opaqueFlows.tls).toBe(0)
        const told = new Set(transactions.map(withoutAnomalies))
        return clear.filter((transaction) => !told.has(withoutAnomalies(transaction))).length
      })
    expect(harmed.length).toBeGreaterThan(50)
    expect(Math.max(...harmed)).toBe(1)
  })
})

/** That it was read behind a gap, the transaction says itself. */
function withoutAnomalies(transaction: ReadTransaction): string {
  return JSON.stringify({ ...transaction, anomalies: [] })
}
