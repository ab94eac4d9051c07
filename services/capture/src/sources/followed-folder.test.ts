/** A rotating capture, written as tcpdump writes it: grown in pieces, files that appear, vanish and are written anew. */

import { spawnSync } from 'node:child_process'
import { appendFileSync, writeFileSync } from 'node:fs'
import { appendFile, chmod, mkdir, mkdtemp, rename, rm, truncate, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import {
  concatBytes,
  pcapHeader,
  pcapngBlock,
  pcapngPacket,
  pcapngSection,
  pcapRecord,
  writePcap,
  writePcapng,
} from '@tapwarden/pcap/pcap-writer'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FollowedFolderSource } from './followed-folder.js'

const ethernet = { linkType: 1 }
const startUs = 1_790_000_000_000_000
/** Of more than a kilobyte, as they mostly are. */
const frame = (us: number) => ({ timestampUs: startUs + us, bytes: new Uint8Array(1_400).fill(us & 0xff) })
const record = (us: number): Uint8Array => pcapRecord(frame(us), ethernet)
const capture = (...us: number[]): Uint8Array => writePcap(us.map(frame), ethernet)

let folder = ''
const at = (name: string): string => join(folder, name)
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'followed-folder-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

function follow(fromUs?: number) {
  const seen: number[] = []
  const waiting: { readonly count: number; readonly resolve: () => void }[] = []
  const source = new FollowedFolderSource({ folder, pollMs: 1, ...(fromUs === undefined ? {} : { fromUs }) })
  const running = source.frames({
    frame: ({ timestampUs, buffer, offset, capturedBytes }) => {
      const us = timestampUs - startUs
      seen.push(capturedBytes === 1_400 && buffer[offset] === (us & 0xff) ? us : -1)
    },
    afterBlock: () => {
      for (const { count, resolve } of waiting) if (seen.length >= count) resolve()
    },
  })
  return {
    source,
    seen,
    /** Resolves when so many frames were seen; rejects with what ended the source. */
    until: (count: number): Promise<void> =>
      Promise.race([
        running,
        new Promise<void>((resolve) => {
          if (seen.length >= count) resolve()
          else waiting.push({ count, resolve })
        }),
      ]),
    stop: async () => {
      await source.stop()
      await running
      return source.statistics()
    },
  }
}

it('reads what is there in the order of time, then what is written, also in pieces of a record', async () => {
  await writeFile(at('b'), capture(3, 4))
  await writeFile(at('z'), capture(1, 2))
  const { seen, until, stop, source } = follow()
  await until(4)
  await appendFile(at('b'), record(5).subarray(0, 7))
  await appendFile(at('b'), record(5).subarray(7, 900))
  await writeFile(at('c'), pcapHeader(ethernet).subarray(0, 3))
  await appendFile(at('b'), record(5).subarray(900))
  await until(5)
  await appendFile(at('c'), pcapHeader(ethernet).subarray(3))
  await appendFile(at('c'), record(6))
  await until(6)
  await writeFile(at('a.pcapng'), writePcapng([frame(7), frame(8)], { interfaces: [ethernet] }))
  await until(8)
  expect(seen).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
  expect(source.lastFrameUs).toBe(startUs + 8)
  expect(await stop()).toMatchObject({ frameCount: 8, warnings: [] })
})

it('a ring that comes round, by truncating, renaming or unlinking, is read once each time', async () => {
  await writeFile(at('ring0'), capture(1))
  const { seen, until, stop } = follow()
  await until(1)
  await writeFile(at('ring1'), capture(2, 3))
  await until(3)
  await truncate(at('ring0'))
  await appendFile(at('ring0'), capture(4, 5, 6))
  await until(6)
  await writeFile(at('new'), capture(7, 8, 9))
  await rename(at('new'), at('ring1'))
  await until(9)
  await unlink(at('ring0'))
  await writeFile(at('ring0'), capture(10))
  await until(10)
  expect(seen.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  expect((await stop()).warnings).toEqual([])
})

it('a file that is renamed when it was read, or while it is, is read once, and nothing is lost', async () => {
  await writeFile(at('ring1'), capture(1))
  const { seen, until, stop } = follow()
  await until(1)
  await writeFile(at('new'), capture(2, 3))
  await until(3)
  await rename(at('new'), at('ring2'))
  await appendFile(at('ring2'), record(4))
  await until(4)
  await rename(at('ring2'), at('ring3'))
  await rename(at('ring1'), at('ring2'))
  await writeFile(at('ring1'), capture(5))
  await until(5)
  expect(seen).toEqual([1, 2, 3, 4, 5])
  expect((await stop()).warnings).toEqual([])
})

it('however the ring goes on between two calls of ours, frames come in the order in which they were written', async () => {
  const { seen, until, stop } = follow()
  const frameCount = 800
  for (let us = 0; us < frameCount; us++) {
    // Two frames a file, eight files. A file gets its last frame and the next is begun at once, perhaps between two looks at them.
    const path = at(`ring${Math.floor((us + 1) / 2) % 8}`)
    if (us % 2 === 1) writeFileSync(path, capture(us))
    else if (us === 0) writeFileSync(path, capture(us))
    else appendFileSync(path, record(us))
    if (us % 2 === 0 && us > 0) continue
    while (seen.length <= us) await nextTurn()
    for (let turns = (us * 7) % 23; turns > 0; turns--) await nextTurn()
  }
  await until(frameCount)
  expect(seen).toEqual([...Array(frameCount).keys()])
  expect((await stop()).warnings).toEqual([])
})

it('hands on TLS secrets that a capture brings along, in front of the frames behind them', async () => {
  const options = { interfaces: [ethernet] }
  const text = new TextEncoder().encode('CLIENT_RANDOM ab cd\n')
  const block = new Uint8Array(8 + text.length)
  new DataView(block.buffer).setUint32(0, 0x544c534b, true)
  new DataView(block.buffer).setUint32(4, text.length, true)
  block.set(text, 8)
  const parts = [pcapngSection(options), pcapngBlock(10, block), pcapngPacket(frame(1), options)]
  await writeFile(at('0'), concatBytes(parts))
  const source = new FollowedFolderSource({ folder, pollMs: 1 })
  const events: string[] = []
  await source.frames({
    tlsSecrets: (bytes, from, to) => void events.push(new TextDecoder().decode(bytes.subarray(from, to))),
    frame: () => void events.push('frame'),
    afterBlock: () => void source.stop(),
  })
  expect(events).toEqual(['CLIENT_RANDOM ab cd\n', 'frame'])
})

it('a restart skips what was dealt with before, and nothing else', async () => {
  await writeFile(at('0'), capture(1, 2))
  await writeFile(at('1'), capture(3, 4))
  const first = follow()
  await first.until(4)
  await first.stop()
  await appendFile(at('1'), record(5))
  await unlink(at('0'))
  await writeFile(at('2'), capture(6))
  const second = follow(startUs + 4)
  await second.until(3)
  expect(second.seen).toEqual([4, 5, 6])
  await second.stop()
})

it('says what it could not read, once, and goes on', async () => {
  const damaged = capture(1, 2, 3)
  new DataView(damaged.buffer).setUint32(24 + 1_416 + 8, 0xffff_ffff, true)
  await writeFile(at('damaged'), damaged)
  await writeFile(at('text'), 'GET / HTTP/1.1')
  await writeFile(at('old.pcap.gz'), gzipSync(capture(1)))
  await mkdir(at('folder'))
  await writeFile(at('cut'), capture(4, 5).subarray(0, -1))
  const { seen, until, stop } = follow()
  await until(2)
  await unlink(at('cut'))
  await writeFile(at('next'), capture(6))
  await until(3)
  const { warnings, oddities } = await stop()
  expect(seen).toEqual([1, 4, 6])
  expect(warnings).toEqual([
    expect.stringMatching(/damaged is damaged at byte 1440/),
    expect.stringMatching(/cut ended inside a record/),
  ])
  expect(Object.fromEntries(oddities ?? [])).toEqual({ 'source.file-damaged': 1, 'source.file-cut': 1 })
})

it('what is gone before it was read is counted as lost', async () => {
  await writeFile(at('0'), capture(1))
  await writeFile(at('1'), capture(2))
  const source = new FollowedFolderSource({ folder, pollMs: 1 })
  const seen: number[] = []
  const running = source.frames({
    frame: ({ timestampUs }) => void seen.push(timestampUs - startUs),
    // The ring goes on while the first file's frames are worked on.
    afterBlock: async () => {
      if (seen.length === 1) await unlink(at('1'))
      await writeFile(at('2'), capture(3))
      if (seen.length === 2) void source.stop()
    },
  })
  await running
  expect(seen).toEqual([1, 3])
  expect(source.statistics().oddities?.get('source.file-lost')).toBe(1)
  expect(source.statistics().warnings).toEqual([
    expect.stringMatching(/1 was gone before its last 1440 bytes were read/),
  ])
})

it.each([
  ['absent', 'missing'],
  ['file', 'missing'],
  ['refused', 'unreadable'],
])('%s → %s, in one line', async (name, code) => {
  await writeFile(at('file'), '')
  await mkdir(at('refused'))
  await chmod(at('refused'), 0)
  if (name === 'refused' && process.getuid?.() === 0) return // Root may read everything.
  const source = new FollowedFolderSource({ folder: at(name) })
  await expect(source.frames({ frame: () => undefined })).rejects.toMatchObject({
    code,
    message: expect.stringMatching(/^[^\n]+$/),
  })
})

const environment = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
const missing = spawnSync('tcpdump', ['--version'], { env: environment }).error !== undefined
const isSkipped = missing && process.env['CI'] !== 'true'

describe.skipIf(isSkipped)(
  `tcpdump${isSkipped ? ' [skipped: it is not installed (Debian package tcpdump)]' : ''}`,
  () => {
    it('-C: the files that it makes of a capture, and those that replace them, hold every frame once', async () => {
      const whole = join(folder, '..', `${folder.split('/').at(-1)}.pcap`)
      await writeFile(whole, capture(...Array(3_000).keys()))
      await chmod(folder, 0o777) // It gives its rights away.
      const run = (...args: string[]) =>
        spawnSync('tcpdump', ['-r', whole, '-w', at('ring'), '-C', '1', ...args], { env: environment })
      const { seen, until, stop } = follow()
      expect(run('-W', '10').status).toBe(0)
      await until(3_000)
      expect(seen).toEqual([...Array(3_000).keys()])
      await writeFile(whole, capture(...[...Array(1_500).keys()].map((us) => us + 3_000)))
      expect(run('-W', '10').status).toBe(0)
      await until(4_500)
      expect(seen).toEqual([...Array(4_500).keys()])
      await stop()
      await rm(whole)
    })
  },
)
