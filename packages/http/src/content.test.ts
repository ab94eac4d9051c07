import zlib from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codingsOf, decodeContent } from './content.js'
import { type AnomalyName, defaultHttpLimits } from './http-limits.js'

const text = Buffer.from('{"user":"ann","items":[1,2,3]} '.repeat(40))

function decode(encoded: Uint8Array, field: string, isWhole = true, limits = defaultHttpLimits) {
  const anomalies: AnomalyName[] = []
  const out = decodeContent(encoded, codingsOf(field), isWhole, limits, (name) => anomalies.push(name))
  return { ...out, bytes: Buffer.from(out.bytes), anomalies }
}

describe('decodeContent', () => {
  const gz = zlib.gzipSync(text)
  it.each<[string, string, Uint8Array]>([
    ['gzip', 'gzip', gz],
    ['x-gzip', 'upper case and alias', gz],
    ['deflate', 'zlib, as RFC 9110 wants it', zlib.deflateSync(text)],
    ['deflate', 'raw, as some send it', zlib.deflateRawSync(text)],
    ['br', 'Brotli', zlib.brotliCompressSync(text)],
    ['deflate, gzip', 'two layers', zlib.gzipSync(zlib.deflateSync(text))],
    ['gzip, gzip', 'the same twice', zlib.gzipSync(gz)],
    ['deflate', 'gzip labelled deflate', gz],
    ['gzip', 'zlib labelled gzip', zlib.deflateSync(text)],
    ['gzip', 'not compressed at all', text],
    ['br', 'gzip labelled br', gz],
    ['deflate', 'Brotli is not guessed: what is no DEFLATE stays', text],
    ['br, gzip', 'Brotli inside gzip', zlib.gzipSync(zlib.brotliCompressSync(text))],
    ['identity', 'identity', text],
  ])('%s: %s', (field, _why, encoded) => {
    const { bytes, totalBytes, isTruncated } = decode(encoded, field)
    expect(bytes.equals(text)).toBe(true)
    expect([totalBytes, isTruncated]).toEqual([text.length, false])
  })

  it.each([
    ['gzip', zlib.gzipSync],
    ['deflate', zlib.deflateSync],
    ['deflate', zlib.deflateRawSync],
  ])('%s that was flushed and never ended is whole', (field, pack) => {
    const flushed = pack(text, { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    const { bytes, totalBytes, isTruncated, isHidden, anomalies } = decode(flushed, field)
    expect([bytes.equals(text), totalBytes, isTruncated, isHidden]).toEqual([true, text.length, false, false])
    expect(anomalies).toEqual(['http.content-coding-damaged'])
    expect(decode(flushed, field, false)).toMatchObject({ totalBytes: undefined, isTruncated: true })
  })

  it.each([
    ['gzip', 11],
    ['gzip', 3],
    ['br', 2],
  ])('%s cut to %i bytes is no content rather than its own first bytes', (field, length) => {
    const encoded = field === 'br' ? zlib.brotliCompressSync(text) : gz
    const { bytes, totalBytes, isTruncated, anomalies } = decode(encoded.subarray(0, length), field, false)
    expect([bytes.length, totalBytes, isTruncated, anomalies]).toEqual([0, undefined, true, []])
  })

  it('undoes zstd where Node can, else says that it did not', () => {
    const { zstdCompressSync } = zlib as { readonly zstdCompressSync?: (bytes: Uint8Array) => Buffer }
    const packed = zstdCompressSync?.(text) ?? Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0])
    for (const field of ['zstd', 'gzip']) {
      const { bytes, totalBytes, isTruncated, anomalies } = decode(packed, field)
      if (zstdCompressSync !== undefined)
        expect([bytes.equals(text), totalBytes, anomalies]).toEqual([true, text.length, []])
      else
        expect([bytes.length, totalBytes, isTruncated, anomalies]).toEqual([
          0,
          undefined,
          true,
          ['http.content-coding-unsupported'],
        ])
    }
  })

  it('decodes what there is of a stream that was cut short, without a size', () => {
    const { bytes, totalBytes, isTruncated, anomalies } = decode(gz.subarray(0, gz.length - 12), 'gzip', false)
    expect(text.subarray(0, bytes.length).equals(bytes)).toBe(true)
    expect(bytes.length).toBeGreaterThan(0)
    expect([totalBytes, isTruncated, anomalies]).toEqual([undefined, true, []])
  })

  it.each<[string, string, Uint8Array]>([
    ['gzip', 'no checksum', gz.subarray(0, gz.length - 8)],
    ['gzip', 'wrong checksum', Buffer.concat([gz.subarray(0, gz.length - 8), Buffer.alloc(8, 1)])],
    ['gzip', 'reserved flags', Buffer.concat([gz.subarray(0, 3), Buffer.from([0xe0]), gz.subarray(4)])],
    ['deflate', 'no checksum', zlib.deflateSync(text).subarray(0, -4)],
  ])('%s: %s, but a whole stream inside', (field, _why, encoded) => {
    const { bytes, totalBytes, anomalies } = decode(encoded, field)
    expect(bytes.equals(text)).toBe(true)
    expect([totalBytes, anomalies]).toEqual([text.length, ['http.content-coding-damaged']])
  })

  it.each([
    ['gzip', ['gzip']],
    ['GZIP , identity;q=1, br', ['gzip', 'br']],
    ['deflate;q=0.5', ['deflate']],
    ['gzip\x00', ['gzip']],
    ['', []],
  ])('codings of %j: %j', (field, codings) => expect(codingsOf(field)).toEqual(codings))

  it('keeps the bytes before damage', () => {
    const random = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff))
    const damaged = zlib.deflateSync(random, { level: 1 })
    damaged.fill(0xff, damaged.length >> 1, (damaged.length >> 1) + 40)
    const { bytes, totalBytes, anomalies } = decode(damaged, 'deflate')
    expect(bytes.length).toBeGreaterThan(1_000)
    expect(random.subarray(0, 1_000).equals(bytes.subarray(0, 1_000))).toBe(true)
    expect([totalBytes, anomalies]).toEqual([undefined, ['http.content-coding-damaged']])
  })

  it('stops bombs by size, by ratio and by layers', () => {
    const bomb = zlib.gzipSync(Buffer.alloc(4_000_000))
    const limits = { ...defaultHttpLimits, decodedMaxBytes: 1_000_000 }
    for (const result of [
      decode(bomb, 'gzip', true, limits),
      decode(bomb, 'gzip', true, { ...defaultHttpLimits, decodedMaxRatio: 100 }),
      decode(bomb, 'gzip, gzip, gzip', true, { ...defaultHttpLimits, codingLayersMax: 0 }),
    ]) {
      expect([result.bytes.length, result.totalBytes, result.anomalies]).toEqual([
        0,
        undefined,
        ['http.content-coding-limit'],
      ])
    }
  })

  it('spends no more on damage at every layer than on three contents of the largest size', () => {
    // Each layer is small, and puts out the next one and a great many zeros.
    let packed: Buffer = Buffer.alloc(0)
    for (let layer = 0; layer < 4; layer++) {
      packed = zlib.gzipSync(Buffer.concat([packed, Buffer.alloc(4_000_000)]))
      packed.fill(0xff, packed.length - 12)
    }
    const limits = { ...defaultHttpLimits, decodedMaxBytes: 4_194_304 }
    const { workBytes, isHidden, anomalies } = decode(packed, 'gzip, gzip, gzip, gzip', true, limits)
    expect(packed.length).toBeLessThan(10_000)
    expect([isHidden, anomalies[0]]).toEqual([true, 'http.content-coding-damaged'])
    expect(workBytes).toBeGreaterThan(4_194_304)
    expect(workBytes).toBeLessThanOrEqual(3 * 4_194_304)
  })

  it.each<[string, string]>([
    ['gzip', '{"p":"a"}'],
    ['deflate', '[3]'],
    ['br', ';abc'],
    ['gzip', '32'],
    ['deflate', 'hbo and what follows a zlib header by chance'],
    ['zstd', '{"zürich":1}'],
  ])('%s on plain text leaves it: %s', (field, plain) => {
    for (const isWhole of [true, false]) {
      const { bytes, isHidden, anomalies } = decode(Buffer.from(plain), field, isWhole)
      expect([bytes.toString(), isHidden, anomalies]).toEqual([plain, false, ['http.content-coding-wrong']])
    }
  })

  it('leaves any JSON as it is under every label, however it is cut', () => {
    fc.assert(
      fc.property(fc.json(), fc.constantFrom('gzip', 'deflate', 'zstd'), fc.nat(), (json, field, cut) => {
        const plain = Buffer.from(json)
        const part = plain.subarray(0, plain.length - (cut % plain.length))
        if (part.includes(0x7f)) return
        expect(decode(part, field, part.length === plain.length).bytes.equals(part)).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  it('packed once, labelled twice: once undone', () => {
    const { bytes, anomalies } = decode(zlib.gzipSync('{"a":1}'), 'gzip, gzip')
    expect([bytes.toString(), anomalies]).toEqual(['{"a":1}', ['http.content-coding-wrong']])
  })

  it.each([
    ['text comes out', text, true],
    ['no text comes out', Buffer.from(Array.from({ length: 900 }, (_, i) => (i * i) & 0xff)), false],
  ])('raw DEFLATE without an end, nothing missing: undone if %s', (_what, plain, isUndone) => {
    const packed = zlib.deflateRawSync(plain, { finishFlush: zlib.constants.Z_SYNC_FLUSH })
    const { bytes, isHidden } = decode(packed, 'deflate')
    expect([bytes.equals(isUndone ? plain : packed), isHidden]).toEqual([true, !isUndone])
    expect(decode(packed, 'deflate', false).bytes.equals(plain)).toBe(true)
    const trailed = Buffer.concat([zlib.deflateRawSync(plain), Buffer.alloc(9)])
    expect(decode(trailed, 'deflate').bytes.equals(isUndone ? plain : trailed)).toBe(true)
  })

  it('says what stayed hidden for other reasons than missing bytes', () => {
    const hidden = (encoded: Uint8Array, field: string, isWhole = true) => decode(encoded, field, isWhole).isHidden
    expect(hidden(gz, 'gzip')).toBe(false)
    expect(hidden(gz.subarray(0, 30), 'gzip', false)).toBe(false)
    expect(hidden(gz.subarray(0, gz.length - 8), 'gzip')).toBe(false)
    expect(hidden(gz.subarray(0, 30), 'gzip')).toBe(true)
    expect(hidden(zlib.gzipSync(Buffer.alloc(9_000_000)), 'gzip')).toBe(true)
    expect(hidden(gz, 'lzma')).toBe(true)
  })

  it('keeps so much and counts the rest', () => {
    const { bytes, totalBytes, isTruncated } = decode(gz, 'gzip', true, { ...defaultHttpLimits, contentMaxBytes: 100 })
    expect([bytes.length, totalBytes, isTruncated]).toEqual([100, text.length, true])
  })

  it('undoes what was done, and never throws on anything else', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.constantFrom('gzip', 'deflate', 'br', 'gzip,br', 'lzma'),
        (bytes, field) => {
          decode(bytes, field)
          decode(zlib.gzipSync(bytes).subarray(3), field)
          expect(decode(zlib.brotliCompressSync(bytes), 'br').bytes.equals(bytes)).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })
})
