/** Captures as they really come, given to the real command: the two directions of a link in two files, packed, through a pipe from tcpdump. */

import { spawn, spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { type WrittenFrame, writePcap } from '@tapwarden/pcap/pcap-writer'
import { engineMissing } from '@tapwarden/store/embedded/test-engine'
import { testCapture } from 'tapwarden/test-capture'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandEnd, runCommand, startCommand, until } from '../faults/command-process.js'
import { differences, type StorePicture, storePicture } from '../faults/store-picture.js'

const home = mkdtempSync(join(tmpdir(), 'tapwarden-replay-sources-'))
const path = (name: string): string => join(home, name)
const whole = testCapture(10)
let expected: StorePicture

/** What each of two interfaces sees of one link. */
function directions(): Uint8Array[] {
  const halves: [WrittenFrame[], WrittenFrame[]] = [[], []]
  const reader = new PcapReader({
    onFrame: ({ timestampUs, buffer, view, offset, end }) => {
      const destinationPort = view.getUint16(offset + 14 + 20 + 2)
      halves[destinationPort === 8_080 ? 0 : 1].push({ timestampUs, bytes: buffer.slice(offset, end) })
    },
  })
  reader.push(whole.bytes)
  return halves.map((frames) => writePcap(frames, { linkType: 1 }))
}

let storeCount = 0
function ask(args: readonly string[], stdin?: number) {
  const store = path(`store-${storeCount++}`)
  const running = startCommand(['replay', ...args, '--store', store, '--json'], home, {}, undefined, stdin)
  const judged = async (): Promise<CommandEnd & { readonly store: string }> => ({ ...(await running.ended), store })
  return { running, judged }
}

async function judge(args: readonly string[], stdin?: number): Promise<CommandEnd> {
  const ended = await ask(args, stdin).judged()
  expect(ended.err).toBe('')
  expect(JSON.parse(ended.out).transactions).toEqual({ seen: 30, new: 30, alreadyKnown: 0 })
  expect(differences(expected, await storePicture(ended.store))).toEqual([])
  return ended
}

beforeAll(async () => {
  writeFileSync(path('whole.pcap'), whole.bytes)
  writeFileSync(path('packed.pcap.gz'), gzipSync(whole.bytes))
  // Within the last record of 30, and of its data.
  writeFileSync(path('cut.pcap.gz'), gzipSync(whole.bytes).subarray(0, -12))
  for (const [i, bytes] of directions().entries()) writeFileSync(path(`direction-${i}.pcap`), bytes)
  const store = path('expected')
  if (engineMissing() !== undefined) return
  await runCommand(['replay', path('whole.pcap'), '--store', store], home)
  expected = await storePicture(store)
}, 120_000)
afterAll(() => rmSync(home, { recursive: true, force: true }))

const tcpdump = spawnSync('tcpdump', ['--version'], { env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } })
const isSkipped = tcpdump.error !== undefined && process.env['CI'] !== 'true'

describe.skipIf(engineMissing() !== undefined)('the same transactions are stored', () => {
  it('of a gzip file', () => judge([path('packed.pcap.gz')]), 60_000)

  it(
    'of the two directions of a link, each in a file',
    () => judge([path('direction-1.pcap'), path('direction-0.pcap')]),
    60_000,
  )

  it('of a file that is standard input', async () => {
    const stdin = openSync(path('packed.pcap.gz'), 'r')
    await judge(['-'], stdin)
    closeSync(stdin)
  }, 60_000)

  it.skipIf(isSkipped)(
    `of tcpdump -w - through a pipe${isSkipped ? ': tcpdump is not installed (Debian package tcpdump)' : ''}`,
    async () => {
      spawnSync('mkfifo', [path('pipe')])
      const args = ['-r', path('whole.pcap'), '-w', path('pipe'), '-U']
      const stdin = openSync(path('pipe'), constants.O_RDONLY | constants.O_NONBLOCK)
      const { running, judged } = ask(['-'], stdin)
      closeSync(stdin)
      spawn('tcpdump', args, { stdio: 'ignore', env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } })
      const { code, out, err } = await judged()
      expect([code, err, running.err()]).toEqual([0, '', ''])
      expect(JSON.parse(out).transactions.new).toBe(30)
    },
    60_000,
  )

  it('of a gzip file that is cut, as far as it goes, with a warning and exit code 65', async () => {
    const { code, err, out } = await ask([path('cut.pcap.gz')]).judged()
    expect([code, err]).toEqual([
      65,
      expect.stringMatching(/^tapwarden: \S+cut.pcap.gz ends in the middle of its compressed data[^\n]+\n$/),
    ])
    expect(JSON.parse(out).transactions.seen).toBeGreaterThan(25)
  }, 60_000)

  it('Ctrl-C ends the wait for a pipe that nobody fills', async () => {
    spawnSync('mkfifo', [path('silent')])
    const { running, judged } = ask([path('silent')])
    await until('the engine runs', () => running.child('engine-process') !== undefined)
    running.signal('SIGINT')
    expect((await judged()).code).toBe(130)
  }, 60_000)
})

it.each([
  ['empty', '', /^tapwarden: standard input is empty\n/],
  ['text', 'GET / HTTP/1.1', /^tapwarden: standard input is neither pcap nor pcapng: [^\n]+\n/],
])(
  '%s standard input → 66, one line',
  async (name, text, line) => {
    writeFileSync(path(name), text)
    const stdin = openSync(path(name), 'r')
    const { code, err } = await ask(['-'], stdin).judged()
    closeSync(stdin)
    expect([code, err]).toEqual([66, expect.stringMatching(line)])
  },
  60_000,
)
