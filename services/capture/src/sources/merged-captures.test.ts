/** Law: whatever way frames are spread over captures, each in order, merging gives them in the order of time. */

import { execFile } from 'node:child_process'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { writePcap, writePcapng } from '@tapwarden/pcap/pcap-writer'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { lookAtCapture } from './capture-start.js'
import { MergedCapturesSource } from './merged-captures.js'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'merged-captures-'))
})
afterAll(() => rm(folder, { recursive: true }))

interface Seen {
  readonly timestampUs: number
  /** What the frame says of itself: which capture, and its number there. */
  readonly capture: number
  readonly number: number
  readonly isWhole: boolean
}

const startUs = 1_790_000_000_000_000
type Way = 'pcap' | 'pcapng' | 'gzip'

function bytesOf(capture: number, timesUs: readonly number[], frameBytes: number, way: Way): Uint8Array {
  const frames = timesUs.map((us, number) => {
    const bytes = new Uint8Array(frameBytes).fill(capture)
    new DataView(bytes.buffer).setUint32(0, number)
    return { timestampUs: startUs + us, bytes }
  })
  if (way === 'pcapng') return writePcapng(frames, { interfaces: [{ linkType: 1 }] })
  const pcap = writePcap(frames, { linkType: 1 })
  return way === 'gzip' ? gzipSync(pcap) : pcap
}

async function write(name: string, bytes: Uint8Array): Promise<string> {
  const path = join(folder, name)
  await writeFile(path, bytes)
  return path
}

async function merged(paths: readonly string[], options = {}) {
  const captures = await Promise.all(
    paths.map(async (path) => ({ path, firstFrameUs: (await lookAtCapture(path)).firstFrameUs })),
  )
  const source = new MergedCapturesSource(captures, options)
  const seen: Seen[] = []
  let blockCount = 0
  await source.frames({
    frame: ({ timestampUs, buffer, view, offset, end, capturedBytes }) => {
      const capture = buffer[offset + 4] ?? -1
      const isWhole =
        end - offset === capturedBytes && buffer[end - 1] === capture && view.getUint8(end - 1) === capture
      seen.push({ timestampUs: timestampUs - startUs, capture, number: view.getUint32(offset), isWhole })
    },
    afterBlock: () => void blockCount++,
  })
  return { seen, source, blockCount }
}

it('any spread of frames over captures is read in the order of time, each capture in its own', async () => {
  // Times are drawn small, so that many are equal; a capture of 3,000 frames of 300 bytes has more than one block.
  const captureOf = fc.record({
    fromUs: fc.integer({ min: 0, max: 5_000 }),
    gapsUs: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3_000, size: 'max' }),
    way: fc.constantFrom<Way>('pcap', 'pcapng', 'gzip'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(captureOf, { minLength: 1, maxLength: 5 }), async (captures) => {
      const times = captures.map(({ fromUs, gapsUs }) => {
        let us = fromUs
        return gapsUs.map((gap) => {
          us += gap
          return us
        })
      })
      const paths: string[] = []
      for (const [i, { way }] of captures.entries())
        paths.push(await write(`${i}`, bytesOf(i, times[i] ?? [], 300, way)))
      const expected = times
        .flatMap((each, capture) =>
          each.map((timestampUs, number) => ({ timestampUs, capture, number, isWhole: true })),
        )
        .toSorted((a, b) => a.timestampUs - b.timestampUs || a.capture - b.capture || a.number - b.number)
      const { seen, source } = await merged(paths)
      expect(source.faults).toEqual([])
      expect(seen).toEqual(expected)
    }),
    { numRuns: 25 },
  )
})

it('captures that follow one another are opened one at a time, whatever order they are named in', async () => {
  const paths = [
    await write('later', bytesOf(1, [100, 101], 300, 'pcap')),
    await write('sooner', bytesOf(2, [1, 99], 300, 'pcap')),
    await write('last', bytesOf(3, [200], 300, 'pcap')),
  ]
  const { seen, source } = await merged(paths, { openMaxCount: 1 })
  expect(seen.map(({ capture }) => capture)).toEqual([2, 2, 1, 1, 3])
  expect(source.statistics()).toMatchObject({ frameCount: 5, warnings: [] })
})

it('more that overlap than may be open are read when one has ended, and that is said once', async () => {
  const paths: string[] = []
  for (let i = 0; i < 4; i++) paths.push(await write(`overlap-${i}`, bytesOf(i, [i, 100 + i], 300, 'pcap')))
  const { seen, source } = await merged(paths, { openMaxCount: 2 })
  expect(seen).toHaveLength(8)
  expect(source.statistics().warnings).toEqual([expect.stringMatching(/^more than 2 captures overlap in time/)])
})

it('damage and cuts cost what is behind them in their capture alone', async () => {
  const damaged = bytesOf(1, [10, 20, 30], 300, 'pcap')
  new DataView(damaged.buffer).setUint32(24 + 316 + 8, 0xffff_ffff, true)
  const paths = [
    await write('damaged', damaged),
    await write('good', bytesOf(2, [5, 15, 25], 300, 'pcap')),
    await write('cut', bytesOf(3, [1, 7, 40], 300, 'pcap').subarray(0, -1)),
    join(folder, 'absent'),
  ]
  const captures = paths.map((path) => ({ path, firstFrameUs: undefined }))
  const source = new MergedCapturesSource(captures)
  const seen: number[] = []
  await source.frames({ frame: ({ timestampUs }) => void seen.push(timestampUs - startUs) })
  expect(seen).toEqual([1, 5, 7, 10, 15, 25])
  expect(source.faults.map(({ code }) => code)).toEqual(['missing', 'record-too-large'])
  expect(source.statistics().warnings).toEqual([expect.stringMatching(/cut ends inside a record/)])
})

it('pipes are merged as they come: nothing is handed on before an older frame could come through another', async () => {
  const names = ['in', 'out']
  const paths = names.map((name) => join(folder, `pipe-${name}`))
  for (const path of paths) await promisify(execFile)('mkfifo', [path])
  const seen: number[] = []
  let onSeen: () => void = () => undefined
  const source = new MergedCapturesSource(paths.map((path) => ({ path, firstFrameUs: undefined })))
  const running = source.frames({
    frame: ({ timestampUs }) => {
      seen.push(timestampUs - startUs)
      onSeen()
    },
  })
  const [first, second] = paths.map((path) => createWriteStream(path))
  first?.write(bytesOf(1, [1, 4, 6], 300, 'pcap'))
  const untilTwo = new Promise<void>((resolve) => {
    onSeen = () => seen.length === 2 && resolve()
  })
  second?.write(bytesOf(2, [2, 3], 300, 'pcap').subarray(0, 24 + 316))
  await untilTwo
  expect(seen).toEqual([1, 2])
  second?.end(bytesOf(2, [2, 3], 300, 'pcap').subarray(24 + 316))
  first?.end()
  await running
  expect(seen).toEqual([1, 2, 3, 4, 6])
  expect(source.comesAtOnce).toBe(false)
})

it('stop ends it between blocks', async () => {
  const path = await write('long', bytesOf(1, [...Array(20_000).keys()], 300, 'pcap'))
  const source = new MergedCapturesSource([{ path, firstFrameUs: startUs }])
  let frameCount = 0
  await source.frames({ frame: () => void frameCount++, afterBlock: () => void source.stop() })
  expect(frameCount).toBeLessThan(8_000)
})
