import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openInflateHandle } from './inflate-handle.js'

describe('openInflateHandle', () => {
  const handle = openInflateHandle('gzip')

  it('is there on every Node this is tested with', () => expect(handle).toBeDefined())

  it('agrees with the public call on whole streams, and refuses all else, in any order', () => {
    const stream = fc.record({
      text: fc.uint8Array({ maxLength: 400 }),
      repeatCount: fc.constantFrom(1, 7, 900),
      cutBytes: fc.constantFrom(0, 0, 0, 1, 9),
      flipAt: fc.option(fc.nat(300)),
      isRewound: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(stream, { minLength: 1, maxLength: 6 }), (streams) => {
        const lent: [Uint8Array, Buffer][] = []
        for (const { text, repeatCount, cutBytes, flipAt, isRewound } of streams) {
          const packed = zlib.gzipSync(Buffer.alloc(text.length * repeatCount, text))
          if (flipAt !== null && flipAt < packed.length) packed[flipAt]! ^= 0x55
          const bytes = packed.subarray(0, packed.length - cutBytes)
          const expected = publicly(bytes, 200_000)
          const output = handle?.inflate(bytes, 200_000)
          expect(output === undefined).toBe(expected === undefined)
          if (output !== undefined && expected !== undefined) lent.push([output, expected])
          for (const [mine, theirs] of lent) expect(Buffer.compare(mine, theirs)).toBe(0)
          if (!isRewound) continue
          handle?.rewind()
          lent.length = 0
        }
      }),
      { numRuns: 100 },
    )
  })
})

function publicly(bytes: Uint8Array, maxOutputLength: number): Buffer | undefined {
  try {
    return zlib.gunzipSync(bytes, { maxOutputLength })
  } catch {
    return undefined
  }
}
