import fc from 'fast-check'
import { it } from 'vitest'
import { timestampScale } from './timestamp-scale.js'

it('agrees with exact integer arithmetic for any resolution', () => {
  const resolution = fc.oneof(fc.constantFrom(0, 3, 6, 9, 12, 0x80 + 20), fc.nat(255))
  const word = fc.nat(0xffff_ffff)
  fc.assert(
    fc.property(resolution, word, word, fc.integer({ min: -100, max: 100 }), (code, high, low, offsetSeconds) => {
      const perSecond = code >= 0x80 ? 2n ** BigInt(code - 0x80) : 10n ** BigInt(code)
      const exactUs =
        (((BigInt(high) << 32n) | BigInt(low)) * 1_000_000n) / perSecond + BigInt(offsetSeconds * 1_000_000)
      const limit = BigInt(Number.MAX_SAFE_INTEGER)
      const clampedUs = exactUs < 0n ? 0n : exactUs > limit ? limit : exactUs
      const got = BigInt(timestampScale(code, offsetSeconds)(high, low))
      return got === clampedUs
    }),
  )
})
