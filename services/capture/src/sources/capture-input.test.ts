/** Captures as people have them: compressed, cut, piped. Each gives the frames that it holds, or one line that says what to do. */

import { spawn } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as zlib from 'node:zlib'
import { writePcap } from '@tapwarden/pcap/pcap-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CaptureInput } from './capture-input.js'
import { PcapFileSource } from './pcap-file.js'

const frames = [...Array(1_500).keys()].map((index) => ({
  timestampUs: index,
  // Compresses badly, so that a cut of the file is a cut of the capture.
  bytes: Uint8Array.from({ length: 900 }, (_, at) => ((index * 7_919 + at * at * 31) >> 3) & 0xff),
}))
const capture = Buffer.from(writePcap(frames, { linkType: 1 }))
const {
  zstdCompressSync,
}: Pick<typeof zlib, 'gzipSync'> & {
  readonly zstdCompressSync?: (bytes: Uint8Array) => Buffer
} = zlib

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'capture-input-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function read(path: string) {
  const source = new PcapFileSource([path])
  let frameCount = 0
  let isInOrder = true
  const failure: unknown = await source
    .frames({
      frame: ({ timestampUs, capturedBytes, buffer, offset }) => {
        isInOrder &&= timestampUs === frameCount && capturedBytes === 900
        isInOrder &&= buffer[offset + 1] === frames[frameCount]?.bytes[1]
        frameCount++
      },
    })
    .then(
      () => undefined,
      (error) => error,
    )
  const { bytesRead, totalBytes, warnings } = source.statistics()
  return { frameCount, isInOrder, failure, bytesRead, totalBytes, warnings }
}

async function readBytes(bytes: Uint8Array) {
  const path = join(folder, 'input')
  await writeFile(path, bytes)
  return { path, ...(await read(path)) }
}

const compressions = [
  { name: 'gzip', pack: (bytes: Uint8Array): Uint8Array => zlib.gzipSync(bytes) },
  ...(zstdCompressSync === undefined ? [] : [{ name: 'zstd', pack: zstdCompressSync }]),
]

describe.each(compressions)('$name', ({ pack }) => {
  const packed = pack(capture)

  it('gives the same frames, and tells its own size as what is read', async () => {
    const { frameCount, isInOrder, failure, bytesRead, totalBytes, warnings } = await readBytes(packed)
    expect([frameCount, isInOrder, failure, warnings]).toEqual([1_500, true, undefined, []])
    expect([bytesRead, totalBytes]).toEqual([packed.length, packed.length])
  })

  it('may be several parts, one after the other, and zero padding', async () => {
    const half = capture.length >> 1
    const parts = [pack(capture.subarray(0, half)), pack(capture.subarray(half)), Buffer.alloc(700)]
    expect(await readBytes(Buffer.concat(parts))).toMatchObject({ frameCount: 1_500, isInOrder: true, warnings: [] })
  })

  it.each([0.999, 0.7, 0.3])('cut at %d of it, it is read up to there, with a warning', async (ratio) => {
    const { path, frameCount, isInOrder, failure, warnings } = await readBytes(
      packed.subarray(0, packed.length * ratio),
    )
    expect([isInOrder, failure]).toEqual([true, undefined])
    expect(frameCount).toBeGreaterThan(1_500 * ratio - 350) // Of zstd whole blocks of 128 KiB.
    expect(warnings).toEqual([`${path} ends in the middle of its compressed data; what came before it was read`])
  })

  it('that holds no capture is told like one that is not packed', async () => {
    expect((await readBytes(pack(Buffer.from('GET / HTTP/1.1')))).failure).toMatchObject({ code: 'not-a-capture' })
    expect((await readBytes(pack(new Uint8Array(0)))).failure).toMatchObject({ code: 'empty' })
  })

  it('a bomb is read in blocks of bounded size', async () => {
    const path = join(folder, 'bomb')
    await writeFile(path, pack(Buffer.alloc(50_000_000)))
    const input = await CaptureInput.open(path)
    let [bytes, largestBytes] = [0, 0]
    for await (const block of input.blocks()) {
      bytes += block.length
      largestBytes = Math.max(largestBytes, block.length)
    }
    await input.close()
    expect(bytes).toBe(50_000_000)
    expect(largestBytes).toBeLessThanOrEqual(262_144)
  })
})

it('gzip damaged in the middle is a damage, in one line', async () => {
  const damaged = Buffer.from(zlib.gzipSync(capture))
  damaged.fill(0x55, damaged.length >> 1, (damaged.length >> 1) + 64)
  expect((await readBytes(damaged)).failure).toMatchObject({
    code: 'malformed-record',
    message: expect.stringMatching(/^\S+ is damaged in its gzip data: [^\n]+$/),
  })
})

it('zstd where Node has none says what to do, and is read where it has', async () => {
  const { failure } = await readBytes(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0))
  if (zstdCompressSync !== undefined) expect(failure).toMatchObject({ code: 'empty' })
  else
    expect(failure).toMatchObject({ code: 'compressed', message: /zstd, which Node .* cannot read: unzstd it first/ })
})

it.each(['xz', 'bzip2'])('%s says what to do', async (name) => {
  const magic = name === 'xz' ? [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] : [0x42, 0x5a, 0x68, 0x39]
  expect((await readBytes(Uint8Array.from(magic))).failure).toMatchObject({
    message: new RegExp(`compressed with ${name}`),
  })
})

describe('a named pipe', () => {
  let pipeCount = 0
  async function pipe(): Promise<string> {
    const path = join(folder, `pipe-${pipeCount++}`)
    await new Promise((resolve) => spawn('mkfifo', [path]).on('close', resolve))
    return path
  }

  it.each([
    ['plain', capture],
    ['gzip', zlib.gzipSync(capture)],
  ])('%s, byte by byte at first, is read to its end, which nobody knows before', async (_name, bytes) => {
    const path = await pipe()
    const reading = read(path)
    const writer = createWriteStream(path)
    for (let at = 0; at < 5; at++) await new Promise((resolve) => writer.write(bytes.subarray(at, at + 1), resolve))
    writer.end(bytes.subarray(5))
    expect(await reading).toMatchObject({
      frameCount: 1_500,
      isInOrder: true,
      failure: undefined,
      totalBytes: undefined,
    })
  })

  it('that nobody fills is let go when it is stopped', async () => {
    const source = new PcapFileSource([await pipe()])
    const reading = source.frames({ frame: () => undefined })
    await new Promise((resolve) => setImmediate(resolve))
    await source.stop()
    await reading
    expect(source.comesAtOnce).toBe(false)
  })
})
