import { createHmac } from 'node:crypto'
import { tokenPattern } from '@tapwarden/contracts/token'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteWriter } from './byte-writer.js'
import { ContentHasher } from './content-hasher.js'
import { sampleFleetKey } from './raw-transaction-fixture.js'
import { SipHasher } from './siphash.js'
import { Tokens } from './token.js'

describe('SipHash-2-4', () => {
  // Vectors of the reference implementation: key 00 … 0f, message 00 … n-1, hash as little-endian bytes.
  it.each([
    [0, '310e0edd47db6f72'],
    [1, 'fd67dc93c539f874'],
    [2, '5a4fa9d909806c0d'],
    [7, '37d1018bf50002ab'],
    [8, '6224939a79f5f593'],
    [9, 'b0e4a90bdf82009e'],
    [15, 'e545be4961ca29a1'],
    [16, 'db9bc2577fcc2a3f'],
    [63, '724506eb4c328a95'],
  ])('of %i bytes', (length, expected) => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i)
    const message = Uint8Array.from({ length: length + 4 }, (_, i) => i - 2)
    for (const hasher of [new SipHasher(key), new ContentHasher(key)]) {
      hasher.hash(message, 2, length + 2)
      const hash = Buffer.alloc(8)
      hash.writeInt32LE(hasher.low, 0)
      hash.writeInt32LE(hasher.high, 4)
      expect(hash.toString('hex')).toBe(expected)
    }
  })

  it('agrees with an obvious model in big integers', () => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i * 37 + 11)
    const ids = new SipHasher(key)
    const contents = new ContentHasher(key)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (message) => {
        // Contents twice: short values are remembered.
        return [ids, contents, contents].every((hasher) => {
          hasher.hash(message, 0, message.length)
          const got = (BigInt(hasher.high >>> 0) << 32n) | BigInt(hasher.low >>> 0)
          return got === sipModel(key, message)
        })
      }),
    )
  })

  it('is the same of contents of any length, wherever they stand in their buffer', () => {
    const key = Uint8Array.from({ length: 16 }, (_, i) => i)
    const ids = new SipHasher(key)
    const contents = new ContentHasher(key)
    const bytes = Uint8Array.from({ length: 10_000 }, (_, i) => i * i)
    for (const length of [0, 3, 7, 8, 200, 4_095, 4_096, 4_097, 9_000]) {
      for (const from of [0, 1, 6]) {
        const part = bytes.subarray(from)
        for (const hasher of [ids, contents]) hasher.hash(part, 1, 1 + length)
        expect([length, contents.high, contents.low]).toEqual([length, ids.high, ids.low])
      }
    }
  })
})

describe('tokens', () => {
  const tokens = new Tokens(sampleFleetKey, 7)

  it('have the form of their class', () => {
    const bytes = new TextEncoder().encode('abc')
    for (const token of [
      tokens.access('abc'),
      tokens.credential('abc'),
      tokens.userName('abc'),
      tokens.content(bytes, 0, 3),
    ]) {
      expect(token).toMatch(tokenPattern)
      expect(token.slice(1, 3)).toBe('7.')
    }
    const writer = new ByteWriter()
    tokens.writeContent(writer, bytes, 0, 3)
    expect(Buffer.from(writer.borrowed()).toString()).toBe(tokens.content(bytes, 0, 3))
  })

  it('of class access are what an edge computes from the exported subkey', () => {
    const { base64, keyNumber } = tokens.accessSubkey()
    const edge = createHmac('sha256', Buffer.from(base64, 'base64'))
      .update('ÿ key', 'latin1')
      .digest('hex')
      .slice(0, 32)
    expect(tokens.access('ÿ key')).toBe(`a${keyNumber}.${edge}`)
  })

  it('differ by class and by key, and are the same on every sensor', () => {
    expect(tokens.access('abc').slice(3)).not.toBe(tokens.credential('abc').slice(3))
    expect(new Tokens(sampleFleetKey, 7).access('abc')).toBe(tokens.access('abc'))
    expect(
      new Tokens(
        sampleFleetKey.map((byte) => byte ^ 1),
        7,
      ).access('abc'),
    ).not.toBe(tokens.access('abc'))
  })

  it.each([
    ['Jane@Example.org', ' jane@example.org\t'],
    [Buffer.from('JÖRG').toString('latin1'), Buffer.from('jörg').toString('latin1')],
  ])('of the user names %j and %j are equal', (one, other) => {
    expect(tokens.userName(one)).toBe(tokens.userName(other))
  })
})

function sipModel(key: Uint8Array, message: Uint8Array): bigint {
  const mask = 0xffffffffffffffffn
  const word = (bytes: Uint8Array, at: number) => Buffer.from(bytes).readBigUInt64LE(at)
  const rotate = (value: bigint, bits: bigint) => ((value << bits) | (value >> (64n - bits))) & mask
  const [k0, k1] = [word(key, 0), word(key, 8)]
  let v0 = k0 ^ 0x736f6d6570736575n
  let v1 = k1 ^ 0x646f72616e646f6dn
  let v2 = k0 ^ 0x6c7967656e657261n
  let v3 = k1 ^ 0x7465646279746573n
  const rounds = (count: number) => {
    for (let i = 0; i < count; i++) {
      v0 = (v0 + v1) & mask
      v1 = rotate(v1, 13n) ^ v0
      v0 = rotate(v0, 32n)
      v2 = (v2 + v3) & mask
      v3 = rotate(v3, 16n) ^ v2
      v0 = (v0 + v3) & mask
      v3 = rotate(v3, 21n) ^ v0
      v2 = (v2 + v1) & mask
      v1 = rotate(v1, 17n) ^ v2
      v2 = rotate(v2, 32n)
    }
  }
  const padded = new Uint8Array((Math.floor(message.length / 8) + 1) * 8)
  padded.set(message)
  padded[padded.length - 1] = message.length & 255
  for (let at = 0; at < padded.length; at += 8) {
    v3 ^= word(padded, at)
    rounds(2)
    v0 ^= word(padded, at)
  }
  v2 ^= 0xffn
  rounds(4)
  return v0 ^ v1 ^ v2 ^ v3
}
