import { describe, expect, it } from 'vitest'
import type { ClientHello } from './client-hello.js'
import { ja3, ja3Text, ja4, ja4Text } from './fingerprint.js'

const none: ClientHello = {
  version: 0x0303,
  random: '00'.repeat(32),
  cipherSuites: [],
  extensions: [],
  serverName: undefined,
  hasServerName: false,
  alpn: [],
  supportedVersions: [],
  supportedGroups: [],
  pointFormats: [],
  signatureAlgorithms: [],
  offersEarlyData: false,
}
const grease = 0x3a3a

function decimal(list: string): number[] {
  return list === '' ? [] : list.split('-').map(Number)
}

function hex(list: string): number[] {
  return list.split(',').map((value) => Number.parseInt(value, 16))
}

describe('JA3', () => {
  it.each([
    // The two examples of the README of github.com/salesforce/ja3.
    [
      '769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0',
      'ada70206e40642a3e4461f35503241d5',
      'with extensions',
    ],
    ['769,4-5-10-9-100-98-3-6-19-18-99,,,', 'de350869b8c85de67a350c8d186f11e6', 'without extensions'],
  ])('%s → %s: %s', (text, fingerprint) => {
    const [version, suites, extensions, groups, formats] = text.split(',') as [string, string, string, string, string]
    const hello: ClientHello = {
      ...none,
      version: Number(version),
      cipherSuites: [grease, ...decimal(suites)],
      extensions: extensions === '' ? [] : [...decimal(extensions), grease],
      supportedGroups: groups === '' ? [] : [grease, ...decimal(groups)],
      pointFormats: decimal(formats),
    }
    expect(ja3Text(hello)).toBe(text)
    expect(ja3(hello)).toBe(fingerprint)
  })
})

describe('JA4', () => {
  const chrome: ClientHello = {
    ...none,
    hasServerName: true,
    cipherSuites: [grease, ...hex('1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035')],
    extensions: [
      grease,
      ...hex('001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015'),
      grease,
    ],
    alpn: ['h2', 'http/1.1'],
    supportedVersions: [grease, 0x0304, 0x0303],
    signatureAlgorithms: hex('0403,0804,0401,0503,0805,0501,0806,0601'),
  }
  it.each([
    // The example of technical_details/JA4.md of github.com/FoxIO-LLC/ja4.
    [
      chrome,
      't13d1516h2_002f,0035,009c,009d,1301,1302,1303,c013,c014,c02b,c02c,c02f,c030,cca8,cca9_' +
        '0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01_0403,0804,0401,0503,0805,0501,0806,0601',
      't13d1516h2_8daaf6152771_e5627efa2ab1',
      'GREASE left out, lists sorted, algorithms in order',
    ],
    // What shigshag.com/tools/ja4 shows of a client, both ways.
    [
      {
        ...none,
        hasServerName: true,
        cipherSuites: hex('1302,1303,1301,c02c,cca9,c02b,c030,cca8,c02f,00ff'),
        extensions: hex('0000,0005,000a,000b,000d,0010,0017,0023,002b,002d,0033'),
        alpn: ['h2'],
        supportedVersions: [0x0304, 0x0303],
        signatureAlgorithms: hex('0503,0403,0807,0806,0805,0804,0601,0501,0401'),
      },
      't13d1011h2_00ff,1301,1302,1303,c02b,c02c,c02f,c030,cca8,cca9_0005,000a,000b,000d,0017,0023,002b,002d,0033_' +
        '0503,0403,0807,0806,0805,0804,0601,0501,0401',
      't13d1011h2_61a7ad8aa9b6_3fcd1a44f3e3',
      'the renegotiation SCSV counts',
    ],
  ])('%j → %s', (hello, text, fingerprint) => {
    expect(ja4Text(hello)).toBe(text)
    expect(ja4(hello)).toBe(fingerprint)
  })

  it.each<readonly [Partial<ClientHello>, string, string]>([
    [{ hasServerName: false }, 't13i1516h2', 'an address rather than a domain'],
    [{ alpn: [] }, 't13d151600', 'no ALPN'],
    [{ alpn: ['http/1.1'] }, 't13d1516h1', 'first and last character'],
    [{ alpn: ['x'] }, 't13d1516xx', 'one character is both'],
    [{ alpn: ['\xab\xcd'] }, 't13d1516ad', 'of hex digits, where one is no letter or digit'],
    [{ alpn: ['a/'] }, 't13d15166f', 'the same, when only one is'],
    [{ supportedVersions: [] }, 't12d1516h2', 'before supported_versions'],
    [{ supportedVersions: [], version: 0x0300 }, 'ts3d1516h2', 'SSL 3'],
    [{ supportedVersions: [0x7f1c] }, 't00d1516h2', 'a draft'],
  ])('%j → %s: %s', (change, head, _why) => expect(ja4({ ...chrome, ...change }).split('_')[0]).toBe(head))

  it('of a hello without suites and extensions is zeros', () => {
    expect(ja4(none)).toBe('t12i000000_000000000000_000000000000')
    expect(ja4({ ...none, cipherSuites: Array.from({ length: 120 }, (_, i) => i) })).toMatch(/^t12i990000_/)
  })
})
