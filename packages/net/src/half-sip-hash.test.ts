import { expect, it } from 'vitest'
import { halfSipHash } from './half-sip-hash.js'

/** The first bytes of 0, 1, 2 …, as little-endian words; so is the key. */
const words = new Uint32Array(Uint8Array.from({ length: 36 }, (_, index) => index).buffer)

it.each([
  [1, 0x7e059ea6],
  [2, 0x577999b1],
  [3, 0x6b28096c],
  [9, 0x7c46fb7f],
])('gives the vectors that the Linux kernel tests its 32-bit hsiphash with: %i words', (count, expected) => {
  expect(halfSipHash(words, count, 1, 0x03020100, 0x07060504) >>> 0).toBe(expected)
})

it('reads every step-th word', () => {
  const spread = new Uint32Array(9)
  for (let index = 0; index < 3; index++) spread[index * 4] = words[index]!
  expect(halfSipHash(spread, 3, 4, 0x03020100, 0x07060504) >>> 0).toBe(0x6b28096c)
})
