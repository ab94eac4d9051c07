import fc from 'fast-check'
import { expect, it } from 'vitest'
import { seqAdd, seqDistance } from './sequence.js'

const uint32 = fc.nat(0xffff_ffff)
const span = fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff })

it('distance undoes add, across the wrap', () => {
  fc.assert(fc.property(uint32, span, (seq, bytes) => seqDistance(seq, seqAdd(seq, bytes)) === bytes))
})

it('add stays on the circle, and in steps goes as far as at once', () => {
  fc.assert(
    fc.property(uint32, uint32, uint32, (seq, a, b) => {
      const result = seqAdd(seqAdd(seq, a), b)
      return result >= 0 && result <= 0xffff_ffff && result === seqAdd(seq, a + b)
    }),
  )
})

it.each([
  [0xffff_ffff, 0, 1, 'one step over the wrap'],
  [0, 0xffff_ffff, -1, 'one step back over it'],
  [5, 5, 0, 'nowhere'],
  [0, 0x8000_0000, -0x8000_0000, 'exactly half the circle counts as behind'],
])('from %i to %i is %i: %s', (from, to, bytes) => expect(seqDistance(from, to)).toBe(bytes))
