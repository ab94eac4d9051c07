import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientAddresses, isCidr } from './client-address.js'

const addresses = new ClientAddresses(['10.0.0.0/8', '192.0.2.1', '2001:db8:1::/48'])

it.each<[string, string | undefined, string | undefined, string, string, boolean, string]>([
  ['203.0.113.9', undefined, undefined, '203.0.113.9', 'tcp-peer', false, 'no chain'],
  [
    '203.0.113.9',
    undefined,
    '198.51.100.1',
    '203.0.113.9',
    'tcp-peer',
    false,
    'a chain of a stranger counts for nothing',
  ],
  ['10.0.0.1', undefined, '198.51.100.1', '198.51.100.1', 'x-forwarded-for', false, 'a trusted peer names its client'],
  [
    '10.0.0.1',
    undefined,
    '6.6.6.6, 198.51.100.1',
    '198.51.100.1',
    'x-forwarded-for',
    false,
    'what the client said is left of its address',
  ],
  ['10.0.0.1', undefined, '198.51.100.1, 192.0.2.1', '198.51.100.1', 'x-forwarded-for', false, 'several trusted hops'],
  ['10.0.0.1', undefined, '10.0.0.9, 10.0.0.8', '10.0.0.9', 'x-forwarded-for', false, 'all trusted: the outermost'],
  ['10.0.0.1', undefined, '198.51.100.1, unknown', '10.0.0.1', 'tcp-peer', false, 'the nearest hop knows nothing'],
  [
    '10.0.0.1',
    undefined,
    '6.6.6.6, nonsense, 10.0.0.8',
    '10.0.0.8',
    'x-forwarded-for',
    false,
    'nothing is believed behind nonsense',
  ],
  ['10.0.0.1', undefined, '198.51.100.1:4711', '198.51.100.1', 'x-forwarded-for', false, 'a port'],
  ['2001:db8:1::5', undefined, '2001:DB8:0:0::9', '2001:db8::9', 'x-forwarded-for', false, 'IPv6, in its one form'],
  ['::ffff:10.0.0.1', undefined, '198.51.100.1', '198.51.100.1', 'x-forwarded-for', false, 'IPv4 inside IPv6'],
  ['10.0.0.1', 'for="[2001:db8::9]:80";proto=https', undefined, '2001:db8::9', 'forwarded', false, 'Forwarded'],
  [
    '10.0.0.1',
    'for=6.6.6.6, for=198.51.100.1;by=10.0.0.1',
    undefined,
    '198.51.100.1',
    'forwarded',
    false,
    'its nearest element',
  ],
  ['10.0.0.1', 'for=_hidden', undefined, '10.0.0.1', 'tcp-peer', false, 'an obfuscated node'],
  [
    '10.0.0.1',
    'for=6.6.6.6',
    '198.51.100.1',
    '198.51.100.1',
    'x-forwarded-for',
    true,
    'two fields that disagree: one is a lie',
  ],
  ['10.0.0.1', 'for=198.51.100.1', '198.51.100.1', '198.51.100.1', 'x-forwarded-for', false, 'two fields that agree'],
  ['10.0.0.1', undefined, '0x7f.1', '10.0.0.1', 'tcp-peer', false, 'hexadecimal is no address'],
])('peer %s, Forwarded %s, XFF %s: %s by %s, spoofable %s: %s', (peer, forwarded, xff, address, source, spoofable) => {
  expect(addresses.choose(peer, forwarded, xff)).toMatchObject({ address, source, spoofable })
})

describe('laws', () => {
  it('whatever a stranger writes, the client is the peer', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (forwarded, xff) => {
        return addresses.choose('203.0.113.9', forwarded, xff).address === '203.0.113.9'
      }),
    )
  })
  it('whatever a client writes in front, a trusted hop that appends is believed', () => {
    fc.assert(
      fc.property(
        fc.string(),
        (said) => addresses.choose('10.0.0.1', undefined, `${said}, 198.51.100.1`).address === '198.51.100.1',
      ),
    )
  })
  it('an address has one written form', () => {
    fc.assert(
      fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
        const normalized = addresses.normalize(text)
        return normalized !== undefined && addresses.normalize(normalized) === normalized
      }),
    )
  })
})

it.each([
  ['10.0.0.0/8', true],
  ['2001:db8::/32', true],
  ['10.0.0.1', true],
  ['10.0.0.0/33', false],
  ['example.org', false],
  ['', false],
])('%j is a range: %s', (text, valid) => expect(isCidr(text)).toBe(valid))
