/** What is no capture file is refused in one line, before anything is opened that could block. */

import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { exitCodes } from '@tapwarden/runtime/user-error'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { testCapture } from '../test-capture.js'
import { inspectInputs } from './input-files.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'input-files-'))
  const { bytes } = testCapture(1)
  writeFileSync(join(folder, 'good.pcap'), bytes)
  writeFileSync(join(folder, 'good.pcap.gz'), gzipSync(bytes))
  writeFileSync(join(folder, 'good.pcap.zst'), Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0))
  writeFileSync(join(folder, 'text'), 'GET / HTTP/1.1')
  mkdirSync(join(folder, 'folder'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
})
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  ['pipe', 'is a pipe; save the capture to a file first', 'opening it would wait for a writer for ever'],
  ['/dev/null', 'is no file; save the capture to a file first', 'a device may be endless'],
  ['-', 'standard input cannot be read yet; save the capture to a file first', 'not a file of that name'],
  ['folder', 'is a folder; name the captures in it', 'a folder'],
  ['text', 'is neither pcap nor pcapng', 'no capture, and nothing we know'],
  ['good.pcap.gz', 'is neither pcap nor pcapng: it is compressed with gzip; gunzip it first', 'says what to do'],
  ['good.pcap.zst', 'is neither pcap nor pcapng: it is compressed with zstd; unzstd it first', 'says what to do'],
])('%s %s: %s', async (name, words, _why) => {
  const path = name === '-' || name.startsWith('/') ? name : join(folder, name)
  const { usable, faults } = await inspectInputs([path, join(folder, 'good.pcap')])
  expect(faults.map(({ message, exitCode }) => [message, exitCode])).toEqual([[`${path}: ${words}`, exitCodes.noInput]])
  expect(usable.map((file) => file.path)).toEqual([join(folder, 'good.pcap')])
})
