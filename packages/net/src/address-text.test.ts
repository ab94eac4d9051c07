import { isIP } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { addressBytes, addressText } from './address-text.js'

it.each([
  ['2001:db8::1', 'zeros are shortened'],
  ['2001:db8:0:1:1:1:1:1', 'but a single zero group is not'],
  ['2001:0:0:1::1', 'the longer run wins'],
  ['2001:db8::1:0:0:1', 'the first of equal runs wins'],
  ['::', 'all zeros'],
  ['::1', 'loopback'],
  ['1::', 'zeros at the end'],
  ['::ffff:192.0.2.1', 'mapped IPv4 stays readable'],
  ['192.0.2.255', 'IPv4'],
])('%s comes back as it is: %s', (text) => {
  const bytes = addressBytes(text)!
  expect(addressText(bytes, 0, bytes.length === 4 ? 4 : 16)).toBe(text)
})

it.each([
  '',
  '1.2.3',
  '1.2.3.256',
  '1.2.3.x',
  ':::',
  '1::2::3',
  '1:2:3:4:5:6:7',
  '12345::',
  'g::',
])('%s is no address', (text) => expect(addressBytes(text)).toBeUndefined())

it('text is an address, and bytes come back', () => {
  const zeroish = fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 })
  fc.assert(
    fc.property(zeroish, (numbers) => {
      const text = addressText(Uint8Array.from(numbers), 0, 16)
      expect(isIP(text)).toBe(6)
      expect([...addressBytes(text)!]).toEqual(numbers)
    }),
  )
})
