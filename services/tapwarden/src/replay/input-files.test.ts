/** What is no capture file is refused in one line, before anything is opened that could block. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { exitCodes } from '@tapwarden/runtime/user-error'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { testCapture } from '../test-capture.js'
import { bytesOfAll, inspectInputs } from './input-files.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'input-files-'))
  const { bytes } = testCapture(1)
  writeFileSync(join(folder, 'good.pcap'), bytes)
  writeFileSync(join(folder, 'good.pcap.gz'), gzipSync(bytes))
  writeFileSync(join(folder, 'good.pcap.xz'), Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0))
  writeFileSync(join(folder, 'text.gz'), gzipSync('GET / HTTP/1.1'))
  writeFileSync(join(folder, 'text'), 'GET / HTTP/1.1')
  mkdirSync(join(folder, 'folder'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
})
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  ['/dev/null', 'is no file; save the capture to a file first', 'a device may be endless'],
  ['folder', 'is a folder; name the captures in it', 'a folder'],
  ['text', 'is neither pcap nor pcapng: unknown magic number 0x47455420', 'no capture, and nothing we know'],
  ['text.gz', 'is neither pcap nor pcapng: unknown magic number 0x47455420', 'nor inside'],
  ['good.pcap.xz', 'is neither pcap nor pcapng: it is compressed with xz; unxz it first', 'says what to do'],
])('%s %s: %s', async (name, words, _why) => {
  const path = name.startsWith('/') ? name : join(folder, name)
  const { usable, faults } = await inspectInputs([path, join(folder, 'good.pcap')])
  expect(faults.map(({ message, exitCode }) => [message, exitCode])).toEqual([[`${path}: ${words}`, exitCodes.noInput]])
  expect(usable.map((file) => file.path)).toEqual([join(folder, 'good.pcap')])
})

it('what is packed is looked into; pipes and standard input are taken unseen, since they can be read once only', async () => {
  const [packed, pipe] = [join(folder, 'good.pcap.gz'), join(folder, 'pipe')]
  const { usable, faults } = await inspectInputs([packed, pipe, join(folder, 'good.pcap')])
  expect(faults).toEqual([])
  expect(usable[0]?.firstFrameUs).toBe(usable[2]?.firstFrameUs)
  expect(usable[1]).toEqual({ path: pipe, bytes: undefined, firstFrameUs: undefined })
  expect([bytesOfAll(usable), bytesOfAll(usable.slice(2))]).toEqual([undefined, testCapture(1).bytes.length])
})
