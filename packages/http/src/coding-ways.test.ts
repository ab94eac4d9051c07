import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { looksLikeText, undoPart, undoPartPublicly, waysFor } from './coding-ways.js'

const packers = { gzip: zlib.gzipSync, deflate: zlib.deflateSync, br: zlib.brotliCompressSync } as const

describe('undoPart', () => {
  it('agrees with public calls on how a stream ends, and with the longest prefix that these undo', () => {
    const stream = fc.record({
      coding: fc.constantFrom('gzip', 'deflate', 'br'),
      plain: fc.uint8Array({ minLength: 1, maxLength: 600 }),
      repeatCount: fc.constantFrom(1, 9),
      cutBytes: fc.constantFrom(0, 0, 5, 40),
      flipAt: fc.option(fc.nat(700)),
      outputMaxBytes: fc.constantFrom(400, 200_000),
    })
    fc.assert(
      fc.property(stream, ({ coding, plain, repeatCount, cutBytes, flipAt, outputMaxBytes }) => {
        const packed = packers[coding as keyof typeof packers](Buffer.alloc(plain.length * repeatCount, plain))
        if (flipAt !== null && flipAt > 1 && flipAt < packed.length) packed[flipAt]! ^= 0x55
        const bytes = packed.subarray(0, Math.max(2, packed.length - cutBytes))
        const ways = waysFor(coding, bytes)
        const way = ways === 'unsupported' ? undefined : ways[0]
        if (way === undefined || way.from(bytes) !== 0) return
        const mine = undoPart(way, bytes, outputMaxBytes)
        const theirs = undoPartPublicly(way.format, bytes, outputMaxBytes)
        for (const part of [mine, theirs]) expect(part.workBytes).toBeLessThanOrEqual(2 * outputMaxBytes + 1)
        // The public way gives up where more than it may spend comes out.
        if (mine.output.length > outputMaxBytes / 24 && theirs.end !== 'whole') return
        if (theirs.end === 'too-large') return
        expect(mine.end).toBe(theirs.end)
        expect(Buffer.compare(mine.output, theirs.output)).toBe(0)
      }),
      { numRuns: 200 },
    )
  })
})

describe('looksLikeText', () => {
  it.each<[string | number[], boolean]>([
    ['{"a":"ü"}\r\n\t', true],
    ['', true],
    [[0x7b, 0xc3], true], // Cut within a character.
    [[0xff, 0x41], false],
    [[0x4b, 0x04, 0x00], false],
    ['\u007f', false],
  ])('%j: %s', (bytes, expected) => expect(looksLikeText(Buffer.from(bytes as string))).toBe(expected))

  it('is sure of long text whose sample ends within a character', () => {
    for (const shift of ['', 'a', 'ab', 'abc']) expect(looksLikeText(Buffer.from(shift + '😀'.repeat(100)))).toBe(true)
  })
})
