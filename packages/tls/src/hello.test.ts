import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseClientHello } from './client-hello.js'
import { HandshakeReader } from './handshake-reader.js'
import { parseEncryptedExtensions, parseServerHello, versionName } from './server-hello.js'
import { TlsMemory } from './tls-limits.js'

const uint16 = (value: number) => [value >> 8, value & 0xff]
const vector16 = (bytes: readonly number[]) => [...uint16(bytes.length), ...bytes]
const vector8 = (bytes: readonly number[]) => [bytes.length, ...bytes]
const text = (value: string) => [...Buffer.from(value, 'latin1')]
const extension = (type: number, data: readonly number[]) => [...uint16(type), ...vector16(data)]
const hostName = (name: string) => extension(0, vector16([0, ...vector16(text(name))]))

function clientHello(extensions: readonly number[][]): Uint8Array {
  return Uint8Array.from([
    3,
    3,
    ...Array.from({ length: 32 }, (_, i) => i),
    ...vector8([1, 2, 3]),
    ...vector16([0x13, 0x01, 0xc0, 0x2f]),
    ...vector8([0]),
    ...vector16(extensions.flat()),
  ])
}

describe('a ClientHello', () => {
  const whole = clientHello([
    hostName('Shop.Example'),
    extension(16, vector16([...vector8(text('h2')), ...vector8(text('http/1.1'))])),
    extension(10, vector16([0, 29, 0, 23])),
    extension(11, vector8([0])),
    extension(13, vector16([4, 3])),
    extension(43, vector8([3, 4, 3, 3])),
    extension(42, []),
  ])
  it('is read', () => {
    expect(parseClientHello(whole, 0, whole.length)).toEqual({
      version: 0x0303,
      random: Buffer.from(whole.subarray(2, 34)).toString('hex'),
      cipherSuites: [0x1301, 0xc02f],
      extensions: [0, 16, 10, 11, 13, 43, 42],
      serverName: 'shop.example',
      hasServerName: true,
      alpn: ['h2', 'http/1.1'],
      supportedVersions: [0x0304, 0x0303],
      supportedGroups: [29, 23],
      pointFormats: [0],
      signatureAlgorithms: [0x0403],
      offersEarlyData: true,
    })
  })

  it.each<readonly [string, string | undefined, string]>([
    ['bücher.example', undefined, 'no ASCII'],
    ['a b', undefined, 'no host'],
    ['<script>', undefined, 'no host'],
    [`${'a'.repeat(64)}.example`, undefined, 'a label too long'],
    ['10.0.0.1', '10.0.0.1', 'an address, which clients should not send, and do'],
  ])('names %j: %j: %s', (sent, name, _why) => {
    const hello = clientHello([hostName(sent)])
    const read = parseClientHello(hello, 0, hello.length)
    expect([read?.serverName, read?.hasServerName]).toEqual([name, true])
  })

  it('that ends too early is none, or one without extensions', () => {
    for (let to = 0; to < whole.length; to++) {
      const read = parseClientHello(whole, 0, to)
      expect(read === undefined || read.extensions.length === 0).toBe(true)
    }
  })

  it('and a ServerHello of any bytes throw nothing', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isLikely) => {
        if (isLikely && bytes.length > 1) bytes.set([3, 3])
        parseClientHello(bytes, 0, bytes.length)
        parseServerHello(bytes, 0, bytes.length)
        parseEncryptedExtensions(bytes, 0, bytes.length)
      }),
    )
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
        const damaged = Uint8Array.from(whole)
        damaged[at] = byte
        parseClientHello(damaged, 0, damaged.length)
      }),
    )
  })
})

describe('handshake messages', () => {
  const message = (type: number, bytes: number) => [
    type,
    0,
    ...uint16(bytes),
    ...Array.from({ length: bytes }, () => type),
  ]

  it('are put together over records cut anywhere, and certificates are passed over', () => {
    const all = Uint8Array.from([
      ...message(2, 70),
      ...message(11, 500),
      ...message(15, 3),
      ...message(20, 12),
      ...message(1, 40),
    ])
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 20 }), (places) => {
        const memory = new TlsMemory(10_000)
        const seen: [number, number][] = []
        const reader = new HandshakeReader((type, _bytes, from, to) => seen.push([type, to - from]), 65_536, memory)
        const bounds = [0, ...places.sort((a, b) => a - b), all.length]
        for (let i = 1; i < bounds.length; i++) reader.push(all, bounds[i - 1]!, bounds[i]!)
        expect(seen).toEqual([
          [2, 70],
          [20, 12],
          [1, 40],
        ])
        expect([memory.usedBytes, reader.isMalformed]).toEqual([0, false])
      }),
    )
  })

  it('that claim to be long cost what came of them, and end the reading where they are longer than is read', () => {
    const memory = new TlsMemory(100_000)
    const reader = new HandshakeReader(() => expect.unreachable(), 1_000, memory)
    reader.push(Uint8Array.from([1, 0, 3, 0, 1, 2, 3]), 0, 7)
    expect(memory.usedBytes).toBeLessThan(20)
    const long = new HandshakeReader(() => expect.unreachable(), 1_000, memory)
    long.push(Uint8Array.from([1, 1, 0, 0, 1, 2, 3]), 0, 7)
    expect(long.isMalformed).toBe(true)
  })
})

it.each([
  [0x0304, '1.3'],
  [0x0303, '1.2'],
  [0x0301, '1.0'],
  [0x0300, 'ssl3'],
  [0x7f17, '0x7f17'],
])('%i is called %s', (version, name) => expect(versionName(version)).toBe(name))
