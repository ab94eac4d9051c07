import fc from 'fast-check'
import { expect, it } from 'vitest'
import { areEqual, mark } from './repeated-bytes.js'

const text = (value: string) => new TextEncoder().encode(value)

it('marks equal segments alike, wherever they stand', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(9), (bytes, from) => {
      const moved = new Uint8Array(from + bytes.length + 5).fill(0xee)
      moved.set(bytes, from)
      expect(mark(moved, from, from + bytes.length)).toBe(mark(bytes, 0, bytes.length))
      expect(areEqual(moved, from, from + bytes.length, bytes, 0)).toBe(true)
    }),
  )
})

it.each([
  ['HTTP/1.1 200 OK', 'HTTP/1.1 302 OK', 'the middle differs'],
  ['Abcdefghijklmno', 'abcdefghijklmno', 'the first byte differs'],
  ['abcdefghijklmnO', 'abcdefghijklmno', 'the last byte differs'],
  ['a', 'b', 'the only byte differs'],
])('tells %j from %j: %s', (one, other) => {
  expect(mark(text(one), 0, one.length)).not.toBe(mark(text(other), 0, other.length))
  expect(areEqual(text(one), 0, one.length, text(other), 0)).toBe(false)
})
