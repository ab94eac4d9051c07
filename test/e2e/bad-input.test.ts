/** Inputs that cannot be used, given to the real command over a store that holds something: one clear line each, the exit code, nothing lost. */

import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { pcapngSection } from '@tapwarden/pcap/pcap-writer'
import { engineMissing } from '@tapwarden/store/embedded/test-engine'
import { testCapture } from 'tapwarden/test-capture'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommand, startCommand } from '../faults/command-process.js'
import { differences, type StorePicture, storePicture } from '../faults/store-picture.js'

const home = mkdtempSync(join(tmpdir(), 'tapwarden-bad-input-'))
const path = (name: string): string => join(home, name)
const store = path('store')
const good = testCapture(10)
const nobody = 65_534

/** A section and an interface, then a packet block that claims 4 GiB. */
function hugeBlock(): Uint8Array {
  const block = new Uint8Array(32)
  new DataView(block.buffer).setUint32(0, 6, true)
  new DataView(block.buffer).setUint32(4, 0xffff_fffc, true)
  return Buffer.concat([pcapngSection({ interfaces: [{ linkType: 1 }] }), block])
}

let before: StorePicture

beforeAll(async () => {
  writeFileSync(path('good.pcap'), good.bytes)
  writeFileSync(path('packed-text.gz'), gzipSync('GET / HTTP/1.1'))
  writeFileSync(path('huge-block.pcapng'), hugeBlock())
  writeFileSync(path('half-header.pcap'), good.bytes.subarray(0, 20))
  writeFileSync(path('empty.pcap'), '')
  mkdirSync(path('folder'))
  expect((await runCommand(['replay', path('good.pcap'), '--store', store], home)).code).toBe(0)
  before = await storePicture(store)
}, 120_000)
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe.skipIf(engineMissing() !== undefined)('over a store that holds something', () => {
  it.each([
    ['packed-text.gz', 66],
    ['half-header.pcap', 66],
    ['empty.pcap', 66],
    ['folder', 66],
    ['absent.pcap', 66],
    ['huge-block.pcapng', 65],
  ])(
    '%s → %i, one line, and nothing changes',
    async (name, code) => {
      const ended = await runCommand(['replay', path(name), '--store', store, '--json'], home)
      expect(ended.code).toBe(code)
      expect(ended.err).toMatch(/^tapwarden: [^\n]+\n$/)
      expect(ended.err).toContain(path(name))
      expect(differences(before, await storePicture(store))).toEqual([])
    },
    60_000,
  )
})

it('a capture that this user may not read → 66, one line', async () => {
  writeFileSync(path('secret.pcap'), good.bytes)
  chmodSync(path('secret.pcap'), 0)
  chmodSync(home, 0o755)
  mkdirSync(path('other-home'))
  const isRoot = process.getuid?.() === 0
  // Root may read everything: somebody else asks then.
  if (isRoot) chownSync(path('other-home'), nobody, nobody)
  const args = ['replay', path('secret.pcap'), '--store', join(path('other-home'), 'store')]
  const ended = await startCommand(args, path('other-home'), {}, isRoot ? nobody : undefined).ended
  expect([ended.code, ended.err]).toEqual([66, `tapwarden: ${path('secret.pcap')}: may not be read by this user\n`])
}, 60_000)
