import type { Proxied } from '@tapwarden/http/proxy-protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ClientAddresses, type HopClaim, hopClaims, isCidr } from './client-address.js'

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

interface Said {
  readonly peer?: string
  readonly forwarded?: string
  readonly xff?: string
  readonly proxied?: Proxied
  readonly hopsWrite?: readonly HopClaim[]
}

function by(address: string): Proxied {
  return { kind: 'address', address, port: 4_711 }
}

const client = '198.51.100.1'
const liar = '6.6.6.6'

it.each<[string, Said, string, string, boolean]>([
  // RFC 7239: how an element is written
  ['§4 names in either case', { forwarded: `FOR=${client};Proto=http` }, client, 'forwarded', false],
  ['§4 for is not the first pair', { forwarded: `by=10.0.0.1;for=${client}` }, client, 'forwarded', false],
  [
    '§4 a separator inside a quoted string',
    { forwarded: `for=${client};host="a,for=${liar};b"` },
    client,
    'forwarded',
    false,
  ],
  ['§4 an escaped quote inside it', { forwarded: `for=${client};host="a\\",for=${liar}"` }, client, 'forwarded', false],
  [
    '§4 for twice in one element says nothing',
    { forwarded: `for=${client};for=${liar}` },
    '10.0.0.1',
    'tcp-peer',
    false,
  ],
  [
    '§4 an element without for says nothing',
    { forwarded: `for=${client}, proto=https` },
    '10.0.0.1',
    'tcp-peer',
    false,
  ],
  ['§4 a quote that a client left open', { forwarded: `for="${liar}, for=${client}` }, client, 'forwarded', false],
  ['§4 no more behind a trusted hop', { forwarded: `for="${liar}, for=10.0.0.7` }, '10.0.0.7', 'forwarded', false],
  ['§4 only for is a node', { forwarded: `xfor=${liar};for=${client}` }, client, 'forwarded', false],
  ['§6 IPv4 with a port', { forwarded: `for="${client}:47011"` }, client, 'forwarded', false],
  ['§6 IPv6 in brackets', { forwarded: 'for="[2001:DB8::9]"' }, '2001:db8::9', 'forwarded', false],
  ['§6 IPv6 with an obfuscated port', { forwarded: 'for="[2001:db8::9]:_p1"' }, '2001:db8::9', 'forwarded', false],
  ['§6.2 unknown', { forwarded: `for=${liar}, for=unknown` }, '10.0.0.1', 'tcp-peer', false],
  ['§6.3 an obfuscated node', { forwarded: `for=${liar}, for="_gazonk"` }, '10.0.0.1', 'tcp-peer', false],
  [
    '§7.1 several lines are one list',
    { forwarded: `for=${liar},for=${client},for=192.0.2.1` },
    client,
    'forwarded',
    false,
  ],
  ['RFC 9110 §5.6.1 empty elements', { forwarded: `for=${client}, ,` }, client, 'forwarded', false],
  // X-Forwarded-For
  ['IPv6 in brackets, with a port', { xff: '[2001:db8::9]:443' }, '2001:db8::9', 'x-forwarded-for', false],
  ['IPv6 without brackets', { xff: '2001:db8::9' }, '2001:db8::9', 'x-forwarded-for', false],
  ['quoted by the hop', { xff: `"[2001:db8::9]:443"` }, '2001:db8::9', 'x-forwarded-for', false],
  ['IPv4 inside IPv6 is IPv4', { xff: `::ffff:${client}` }, client, 'x-forwarded-for', false],
  [
    'a trusted hop written as IPv4 inside IPv6',
    { xff: `${client}, ::ffff:10.0.0.3` },
    client,
    'x-forwarded-for',
    false,
  ],
  ['several fields, joined', { xff: `${liar},${client},10.0.0.3` }, client, 'x-forwarded-for', false],
  ['an empty field', { xff: '' }, '10.0.0.1', 'tcp-peer', false],
  ['a zone is no address', { xff: 'fe80::1%eth0' }, '10.0.0.1', 'tcp-peer', false],
  ['cut at an entry', { xff: `1${client}${' '.repeat(2_037)},10.0.0.3` }, '10.0.0.3', 'x-forwarded-for', false],
  // Both fields (RFC 7239 §7.4)
  ['agree', { forwarded: `for=${client}`, xff: `${liar}, ${client}` }, client, 'x-forwarded-for', false],
  ['disagree', { forwarded: `for=${client}`, xff: liar }, liar, 'x-forwarded-for', true],
  [
    'Forwarded hides its node: the other may be a lie',
    { forwarded: 'for=_x', xff: liar },
    liar,
    'x-forwarded-for',
    true,
  ],
  ['X-Forwarded-For is no address', { forwarded: `for=${liar}`, xff: 'unknown' }, liar, 'forwarded', true],
  [
    'our hops write Forwarded: the other is not believed',
    { forwarded: `for=${client}`, xff: liar, hopsWrite: ['forwarded'] },
    client,
    'forwarded',
    false,
  ],
  [
    'our hops write X-Forwarded-For: the other takes nothing away',
    { forwarded: `for=${liar}`, xff: client, hopsWrite: ['x-forwarded-for'] },
    client,
    'x-forwarded-for',
    false,
  ],
  // PROXY protocol
  ['PROXY by a trusted peer', { proxied: by(client) }, client, 'proxy-protocol', false],
  ['PROXY over IPv6, in its one form', { proxied: by('2001:db8:0:0:0:0:0:9') }, '2001:db8::9', 'proxy-protocol', false],
  ['PROXY by a stranger', { peer: '203.0.113.9', proxied: by(liar) }, '203.0.113.9', 'tcp-peer', false],
  ['PROXY: a client behind it said the field', { proxied: by(client), xff: liar }, client, 'proxy-protocol', false],
  [
    'PROXY names a trusted hop, which wrote the field',
    { proxied: by('10.0.0.2'), xff: client },
    client,
    'x-forwarded-for',
    false,
  ],
  ['PROXY names a trusted hop, without a field', { proxied: by('10.0.0.2') }, '10.0.0.2', 'proxy-protocol', false],
  [
    'PROXY UNKNOWN: the field is of nobody known',
    { proxied: { kind: 'unknown' }, xff: liar },
    '10.0.0.1',
    'tcp-peer',
    false,
  ],
  ['PROXY LOCAL: the hop itself speaks', { proxied: { kind: 'local' }, xff: client }, client, 'x-forwarded-for', false],
  ['PROXY LOCAL without a field', { proxied: { kind: 'local' } }, '10.0.0.1', 'tcp-peer', false],
  [
    'our hops write no PROXY header',
    { proxied: by(liar), xff: client, hopsWrite: ['x-forwarded-for'] },
    client,
    'x-forwarded-for',
    false,
  ],
])('%s', (_, { peer = '10.0.0.1', forwarded, xff, proxied, hopsWrite }, address, source, spoofable) => {
  const own = new ClientAddresses(['10.0.0.0/8', '192.0.2.1'], hopsWrite)
  expect(own.choose(peer, forwarded, xff, proxied)).toMatchObject({ address, source, spoofable })
})

it('all that was said is published, nearest last', () => {
  const chosen = addresses.choose('203.0.113.9', 'for=192.0.2.7', `${liar}, unknown, ${client}`, by('10.0.0.2'))
  expect(chosen.forwardedFor).toEqual([liar, client, '10.0.0.2'])
  expect(addresses.choose('203.0.113.9', 'for=192.0.2.7', undefined).forwardedFor).toEqual(['192.0.2.7'])
})

function joined(list: string | undefined, entry: string): string {
  return list === undefined ? entry : `${list}, ${entry}`
}

/** The client, or a hop of ours that hides it. */
function isTrue(chosen: { readonly address: string; readonly spoofable: boolean }): boolean {
  return chosen.spoofable || chosen.address === client || /^10\.0\.0\.[1-4]$/.test(chosen.address)
}

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
  it('an address claimed beyond the first untrusted hop is never chosen as not spoofable', () => {
    const garbage = fc.string({
      unit: fc.constantFrom('6.6.6.6', '"', '\\', ',', ';', 'for=', ' ', '10.0.0.5', '[', '_x'),
      maxLength: 12,
    })
    const hopsCount = fc.integer({ min: 1, max: 4 })
    const writes = fc.subarray<HopClaim>(['forwarded', 'x-forwarded-for'], { minLength: 1 })
    const claims = fc.tuple(garbage, garbage, fc.boolean(), fc.boolean(), fc.boolean())
    fc.assert(
      fc.property(hopsCount, writes, claims, fc.boolean(), fc.boolean(), (count, fields, said, isProxied, isTold) => {
        let forwarded = said[2] ? said[0] : undefined
        let xff = said[3] ? said[1] : undefined
        let peer = client
        // Each hop of ours notes from whom it took the request; the last one by a PROXY header, perhaps.
        for (let hop = 1; hop <= count; hop++) {
          const isLast = hop === count && isProxied
          if (!isLast && fields.includes('forwarded'))
            forwarded = joined(forwarded, said[4] ? 'for=_hidden' : `for=${peer}`)
          if (!isLast && fields.includes('x-forwarded-for')) xff = joined(xff, peer)
          if (isLast) {
            const hopsWrite = isTold ? [...fields, 'proxy-protocol' as const] : hopClaims
            return isTrue(
              new ClientAddresses(['10.0.0.0/8'], hopsWrite).choose(`10.0.0.${hop}`, forwarded, xff, by(peer)),
            )
          }
          peer = `10.0.0.${hop}`
        }
        return isTrue(new ClientAddresses(['10.0.0.0/8'], isTold ? fields : hopClaims).choose(peer, forwarded, xff))
      }),
      { numRuns: 2_000 },
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
