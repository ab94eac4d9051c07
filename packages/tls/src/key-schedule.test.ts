import { describe, expect, it } from 'vitest'
import { cipherSuite, cipherSuiteName } from './cipher-suites.js'
import { prf, trafficKeys } from './key-schedule.js'
import { recordOpener } from './record-opener.js'

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex')
const hexOf = (from: Uint8Array) => Buffer.from(from).toString('hex')
const suite = cipherSuite(0x1301)!

describe('RFC 8448 §3, Simple 1-RTT Handshake', () => {
  it.each([
    [
      'b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38',
      '3fce516009c21727d0f2e4e86ee403bc',
      '5d313eb2671276ee13000b30',
      'server handshake',
    ],
    [
      'b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21',
      'dbfaa693d1762c5b666af5d950258d01',
      '5bd3c71b836e0b76bb73265f',
      'client handshake',
    ],
    [
      '9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5',
      '17422dda596ed5d9acd890e3c63f5051',
      '5b78923dee08579033e523d9',
      'client application data',
    ],
  ])('%s → key %s, iv %s: %s', (secret, key, iv) => {
    const keys = trafficKeys(bytes(secret), suite)
    expect([hexOf(keys.key), hexOf(keys.iv)]).toEqual([key, iv])
  })

  it('opens the client record of application data under its number, and under no other', () => {
    const secret = bytes('9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5')
    const opener = recordOpener(suite, 0x0304, trafficKeys(secret, suite), false)
    const record = bytes(
      '17 03 03 00 43 a2 3f 70 54 b6 2c 94 d0 af fa fe 82 28 ba 55 cb ef ac ea 42 f9 14 aa 66 bc ab 3f 2b 98 19 a8 a5 b4 6b' +
        ' 39 5b d5 4a 9a 20 44 1e 2b 62 97 4e 1f 5a 62 92 a2 97 70 14 bd 1e 3d ea e6 3a ee bb 21 69 49 15 e4',
    )
    const opened = opener.open(0, record, 0, record.length)
    expect(opened?.type).toBe(23)
    expect([...(opened?.content ?? [])]).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(opener.open(1, record, 0, record.length)).toBeUndefined()
    for (let to = 0; to < record.length; to++) expect(opener.open(0, record, 0, to)).toBeUndefined()
  })
})

it('the PRF of TLS 1.2 gives the test vector of the TLS working group, P_SHA256', () => {
  const out = prf(
    bytes('9bbe436ba940f017b17652849a71db35'),
    'test label',
    bytes('a0ba9f936cda311827a6f796ffd5198c'),
    100,
    'sha256',
    0x0303,
  )
  expect(hexOf(out)).toBe(
    'e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd' +
      '3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff70187347b66',
  )
})

it.each([
  [0x1301, 'TLS_AES_128_GCM_SHA256'],
  [0xc02f, 'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256'],
  [0xcca9, 'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256'],
  [0xc0a0, 'TLS_RSA_WITH_AES_128_CCM_8'],
  [0x0035, 'TLS_RSA_WITH_AES_256_CBC_SHA'],
  [0x0005, '0x0005'],
  [0x0a0a, '0x0a0a'],
])('%i is %s', (number, name) => expect(cipherSuiteName(number)).toBe(name))
