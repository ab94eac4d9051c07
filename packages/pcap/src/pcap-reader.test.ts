import { Readable } from 'node:stream'
import fc from 'fast-check'
import { parse } from 'pcap-parser'
import { describe, expect, it } from 'vitest'
import { type PcapFault, PcapReader } from './pcap-reader.js'
import {
  concatBytes,
  type PcapOptions,
  pcapHeader,
  pcapngBlock,
  pcapngPacket,
  pcapngSection,
  type WrittenFrame,
  writePcap,
  writePcapng,
} from './pcap-writer.js'

interface ReadFrame {
  readonly bytes: string
  readonly originalBytes: number
  readonly timestampUs: number
  readonly linkType: number
  readonly interfaceIndex: number
}

function read(pieces: readonly Uint8Array[]): { frames: ReadFrame[]; fault: PcapFault | undefined } {
  const frames: ReadFrame[] = []
  const reader = new PcapReader({
    onFrame: ({ buffer, view, offset, end, capturedBytes, originalBytes, timestampUs, linkType, interfaceIndex }) => {
      expect(capturedBytes).toBe(end - offset)
      expect(view.byteOffset).toBe(buffer.byteOffset)
      const bytes = Buffer.from(buffer.subarray(offset, end)).toString('hex')
      frames.push({ bytes, originalBytes, timestampUs, linkType, interfaceIndex })
    },
  })
  for (const piece of pieces) reader.push(piece)
  return { frames, fault: reader.end() }
}

function cut(bytes: Uint8Array, at: readonly number[]): Uint8Array[] {
  const places = [...at.map((place) => place % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b)
  return places.slice(1).map((to, index) => bytes.slice(places[index], to))
}

function expected(frames: readonly WrittenFrame[], linkType: number): ReadFrame[] {
  return frames.map(({ bytes, originalBytes, timestampUs, interfaceIndex }) => ({
    bytes: Buffer.from(bytes).toString('hex'),
    originalBytes: originalBytes ?? bytes.length,
    timestampUs,
    linkType,
    interfaceIndex: interfaceIndex ?? 0,
  }))
}

const anyFrame: fc.Arbitrary<WrittenFrame> = fc.record({
  timestampUs: fc.integer({ min: 0, max: 4_294_967_295_999_999 }),
  bytes: fc.uint8Array({ maxLength: 80 }),
  originalBytes: fc.integer({ min: 0, max: 0xffff_ffff }),
})
const anyFrames = fc.array(anyFrame, { maxLength: 12 })
const anyCuts = fc.array(fc.nat(), { maxLength: 20 })
const anyPcap: fc.Arbitrary<PcapOptions> = fc.record({
  linkType: fc.constantFrom(0, 1, 101, 113, 276),
  littleEndian: fc.boolean(),
  nanoseconds: fc.boolean(),
})

describe('PcapReader', () => {
  it('gives back what was written to pcap, however the bytes are cut', () => {
    fc.assert(
      fc.property(anyFrames, anyPcap, anyCuts, (frames, options, cuts) => {
        const { frames: got, fault } = read(cut(writePcap(frames, options), cuts))
        expect(fault).toBeUndefined()
        expect(got).toEqual(expected(frames, options.linkType))
      }),
    )
  })

  it('gives back what was written to pcapng, however the bytes are cut', () => {
    const clock = fc.record({
      linkType: fc.constant(1),
      resolution: fc.constantFrom<6 | 9>(6, 9),
      offsetSeconds: fc.integer({ min: -1_000, max: 0 }),
    })
    fc.assert(
      fc.property(anyFrames, fc.tuple(clock, clock), fc.boolean(), anyCuts, (made, interfaces, littleEndian, cuts) => {
        const frames = made.map((frame, index) => ({ ...frame, interfaceIndex: index % 2 }))
        const { frames: got, fault } = read(cut(writePcapng(frames, { interfaces, littleEndian }), cuts))
        expect(fault).toBeUndefined()
        expect(got).toEqual(expected(frames, 1))
      }),
    )
  })

  it('reads sections of either byte order in one file, and skips blocks that it does not know', () => {
    const frame = { timestampUs: 7, bytes: Uint8Array.of(1, 2, 3) }
    const big = { interfaces: [{ linkType: 101 }], littleEndian: false }
    const little = { interfaces: [{ linkType: 1 }], littleEndian: true }
    const bytes = concatBytes([
      writePcapng([frame], big),
      pcapngBlock(0x0bad, new Uint8Array(5_000), false),
      writePcapng([frame], little),
      pcapngBlock(5, new Uint8Array(12)),
    ])
    for (const pieces of [[bytes], cut(bytes, [...Array(bytes.length).keys()])]) {
      const { frames, fault } = read(pieces)
      expect(fault).toBeUndefined()
      expect(frames.map(({ linkType }) => linkType)).toEqual([101, 1])
    }
  })

  it('reads Simple Packet Blocks and obsolete Packet Blocks', () => {
    const options = { interfaces: [{ linkType: 1 }] }
    const obsolete = Buffer.alloc(24)
    obsolete.writeUInt32LE(9, 8)
    obsolete.writeUInt32LE(3, 12)
    obsolete.writeUInt32LE(60, 16)
    obsolete.set([7, 8, 9], 20)
    const simple = Buffer.from([2, 0, 0, 0, 5, 6])
    const { frames, fault } = read([pcapngSection(options), pcapngBlock(2, obsolete), pcapngBlock(3, simple)])
    expect(fault).toBeUndefined()
    expect(frames).toEqual([
      { bytes: '070809', originalBytes: 60, timestampUs: 9, linkType: 1, interfaceIndex: 0 },
      { bytes: '0506', originalBytes: 2, timestampUs: 9, linkType: 1, interfaceIndex: 0 },
    ])
  })

  it('leaves out frames of interfaces that were never described', () => {
    const options = { interfaces: [{ linkType: 1 }] }
    const stray = pcapngPacket({ timestampUs: 0, bytes: Uint8Array.of(1), interfaceIndex: 4 }, options)
    expect(read([pcapngSection(options), stray])).toEqual({ frames: [], fault: undefined })
  })

  const ethernet = { linkType: 1 }
  const oneFrame = writePcap([{ timestampUs: 0, bytes: Uint8Array.of(1, 2, 3, 4) }], ethernet)
  const statingBytes = (capturedBytes: number) => {
    const record = Buffer.alloc(16)
    record.writeUInt32LE(capturedBytes, 8)
    return concatBytes([oneFrame, record])
  }
  const block = (type: number, blockBytes: number) => {
    const header = Buffer.alloc(64)
    header.writeUInt32LE(type, 0)
    header.writeUInt32LE(blockBytes, 4)
    return concatBytes([pcapngSection({ interfaces: [ethernet] }), header])
  }
  it.each<[string, Uint8Array, number, string]>([
    ['no bytes', new Uint8Array(0), 0, 'empty'],
    ['three bytes', Uint8Array.of(0xd4, 0xc3, 0xb2), 0, 'not-a-capture'],
    ['a file header cut short', oneFrame.slice(0, 20), 0, 'not-a-capture'],
    ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 0, 'not-a-capture'],
    ['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0), 0, 'not-a-capture'],
    ['pcapng without a byte order', Buffer.from('0a0d0d0a1c00000000000000', 'hex'), 0, 'not-a-capture'],
    ['pcap version 9', concatBytes([Buffer.from('d4c3b2a109000000', 'hex'), new Uint8Array(16)]), 0, 'not-a-capture'],
    ['a record header cut short', concatBytes([oneFrame, new Uint8Array(3)]), 1, 'truncated'],
    ['a frame cut short', oneFrame.slice(0, -1), 0, 'truncated'],
    ['a record of 4 GiB', statingBytes(0xffff_ffff), 1, 'record-too-large'],
    ['a record one byte over the limit', statingBytes(262_145), 1, 'record-too-large'],
    ['a record at the limit that never comes', statingBytes(262_144), 1, 'truncated'],
    ['a packet block of 4 GiB', block(6, 0xffff_fffc), 0, 'record-too-large'],
    ['an unknown block of 4 GiB', block(0x99, 0xffff_fffc), 0, 'record-too-large'],
    ['an unknown block that never ends', block(0x99, 16_777_216), 0, 'truncated'],
    ['a block of no bytes', block(6, 0), 0, 'malformed-record'],
    ['a block of odd size', block(6, 33), 0, 'malformed-record'],
    ['a block without its trailing length', block(6, 32), 0, 'malformed-record'],
  ])('%s: a fault, not an exception', (_name, bytes, frameCount, code) => {
    for (const pieces of [[bytes], [...bytes].map((byte) => Uint8Array.of(byte))]) {
      const { frames, fault } = read(pieces)
      expect(frames).toHaveLength(frameCount)
      expect(fault?.code).toBe(code)
    }
  })

  it.each([
    [[0x1f, 0x8b, 8, 0], 'it is compressed with gzip; gunzip it first'],
    [[0x28, 0xb5, 0x2f, 0xfd], 'it is compressed with zstd; unzstd it first'],
    [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'it is compressed with xz; unxz it first'],
    [[0x42, 0x5a, 0x68, 0x39], 'it is compressed with bzip2; bunzip2 it first'],
    [[0x1f, 0x9d, 8, 0], 'unknown magic number 0x1f9d0800'],
  ])('%j: %s', (start, detail) => {
    expect(read(start.map((byte) => Uint8Array.of(byte))).fault?.detail).toBe(detail)
  })

  it('never throws and keeps times safe, whatever follows a good start', () => {
    const starts = [pcapHeader(ethernet), pcapngSection({ interfaces: [ethernet] })]
    fc.assert(
      fc.property(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 300 }), anyCuts, (start, noise, cuts) => {
        const pieces = cut(concatBytes([start, noise]), cuts)
        const { frames } = read(pieces)
        return frames.every(({ timestampUs }) => Number.isSafeInteger(timestampUs) && timestampUs >= 0)
      }),
    )
  })

  it('agrees with pcap-parser on classic microsecond pcap', async () => {
    const frames = fc.sample(anyFrame, { numRuns: 200, seed: 7 })
    for (const littleEndian of [true, false]) {
      const bytes = writePcap(frames, { linkType: 1, littleEndian })
      const theirs: ReadFrame[] = []
      await new Promise<void>((resolve, reject) => {
        parse(Readable.from(cut(bytes, [100, 1_000, 5_000]).map((piece) => Buffer.from(piece))))
          .on('packet', ({ header, data }) => {
            theirs.push({
              bytes: Buffer.from(data).toString('hex'),
              originalBytes: header.originalLength,
              timestampUs: header.timestampSeconds * 1_000_000 + header.timestampMicroseconds,
              linkType: 1,
              interfaceIndex: 0,
            })
          })
          .on('end', resolve)
          .on('error', reject)
      })
      expect(read([bytes]).frames).toEqual(theirs)
    }
  })
})

describe('TLS secrets in a capture', () => {
  const secretsBlock = (type: number, text: string) => {
    const body = new Uint8Array(8 + text.length)
    const view = new DataView(body.buffer)
    view.setUint32(0, type, true)
    view.setUint32(4, text.length, true)
    body.set(Buffer.from(text), 8)
    return pcapngBlock(10, body)
  }
  const capture = concatBytes([
    pcapngSection({ interfaces: [{ linkType: 1 }] }),
    secretsBlock(0x544c534b, 'CLIENT_RANDOM ab cd\n'),
    secretsBlock(0x57474b4c, 'of WireGuard\n'),
    secretsBlock(0x544c534b, 'x'),
    secretsBlock(0x544c534b, 'y'.repeat(2_000_000)),
  ])

  it.each([
    1,
    7,
    4_096,
    capture.length,
  ])('are handed on in pieces of %i bytes, those of other protocols and large ones skipped', (count) => {
    const seen: string[] = []
    const reader = new PcapReader({
      onFrame: () => undefined,
      onTlsSecrets: (bytes, from, to) => seen.push(Buffer.from(bytes.subarray(from, to)).toString()),
    })
    for (let at = 0; at < capture.length; at += count) reader.push(capture, at, Math.min(at + count, capture.length))
    expect(reader.end()).toBeUndefined()
    expect(seen).toEqual(['CLIENT_RANDOM ab cd\n', 'x'])
    expect(reader.skippedBlockCount).toBe(1)
  })

  it('are skipped where nobody asks for them, and nothing is read beyond their block', () => {
    expect(read([capture])).toEqual({ frames: [], fault: undefined })
    const damaged = pcapngBlock(10, Uint8Array.from([0x4b, 0x53, 0x4c, 0x54, 255, 255, 0, 0]))
    const reader = new PcapReader({ onFrame: () => undefined, onTlsSecrets: () => expect.unreachable() })
    reader.push(
      concatBytes([pcapngSection({ interfaces: [{ linkType: 1 }] }), damaged, pcapngBlock(10, new Uint8Array(4))]),
    )
    expect(reader.end()).toBeUndefined()
  })
})
