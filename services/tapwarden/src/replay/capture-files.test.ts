import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { linkTypeEthernet, writePcap } from '@tapwarden/pcap/pcap-writer'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { CaptureFiles } from './capture-files.js'
import { inspectInputs } from './input-files.js'

const startUs = 1_790_000_000_000_000
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'capture-files-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(name: string, seconds: readonly number[], damage = false): string {
  const frames = seconds.map((second) => ({
    timestampUs: startUs + second * 1_000_000,
    bytes: new Uint8Array([second]),
  }))
  const bytes = writePcap(frames, { linkType: linkTypeEthernet })
  // The second record claims 4 GiB.
  if (damage) new DataView(bytes.buffer).setUint32(24 + 17 + 8, 0xffff_ffff, true)
  const path = join(folder, name)
  writeFileSync(path, bytes)
  return path
}

/** Seconds of the frames, by capture. */
async function read(paths: readonly string[]): Promise<{ captures: number[][]; files: CaptureFiles }> {
  const { usable } = await inspectInputs(paths)
  const files = new CaptureFiles(usable)
  const captures: number[][] = []
  for (let next = files.nextCapture(); next !== undefined; next = files.nextCapture()) {
    const seen: number[] = []
    await next.frames({ frame: (frame) => seen.push(frame.buffer[frame.offset] ?? -1) })
    captures.push(seen)
  }
  return { captures, files }
}

it.each([
  [
    [
      [1, 2],
      [3, 4],
    ],
    [[1, 2, 3, 4]],
    'a rotated capture is one',
  ],
  [
    [
      [1, 2],
      [2, 4],
    ],
    [[1, 2, 2, 4]],
    'also where its parts touch',
  ],
  [
    [
      [5, 6],
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [1, 2, 3, 4],
    ],
    'one that begins before the last one ended is another',
  ],
  [[[], [1], []], [[1]], 'files without frames change nothing'],
])('%j is read as %j: %s', async (seconds, expected, _why) => {
  const { captures, files } = await read(seconds.map((each, i) => write(`${i}.pcap`, each)))
  expect(captures.filter((each) => each.length > 0)).toEqual(expected)
  expect(files.readBytes).toBe(seconds.flat().length * 17 + seconds.length * 24)
})

it('reads a damaged file up to its damage, and the next one all the same', async () => {
  const { captures, files } = await read([write('bad.pcap', [1, 2, 3], true), write('good.pcap', [4])])
  expect(captures).toEqual([[1, 4]])
  expect(files.faults.map((fault) => [fault.exitCode, fault.message.includes('bad.pcap is damaged at byte')])).toEqual([
    [65, true],
  ])
})
