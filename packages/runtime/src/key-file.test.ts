import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { loadFleetKeys, parseFleetKeys } from './key-file.js'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'key-file-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

it('makes one key, for its owner only, and finds it again; two that start at once agree', async () => {
  const path = join(folder, 'deep', 'fleet.key')
  const [first, second] = await Promise.all([loadFleetKeys(path), loadFleetKeys(path)])
  expect(first).toEqual(second)
  expect(first[0].bytes).toHaveLength(32)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(await loadFleetKeys(path)).toEqual(first)
  expect(readdirSync(join(folder, 'deep'))).toEqual(['fleet.key'])
})

it.each([0o640, 0o604, 0o666])('refuses a key file of mode %o', async (mode) => {
  const path = join(folder, 'fleet.key')
  await loadFleetKeys(path)
  chmodSync(path, mode)
  await expect(loadFleetKeys(path)).rejects.toThrow(/others may read .* chmod 600/)
})

it('says when it cannot be created', async () => {
  const file = join(folder, 'file')
  writeFileSync(file, '')
  await expect(loadFleetKeys(join(file, 'fleet.key'))).rejects.toThrow(/fleet\.key/)
  expect(existsSync(join(file, 'fleet.key'))).toBe(false)
})

const hex = (digit: string) => digit.repeat(64)

it('the highest id comes first', () => {
  const keys = parseFleetKeys('k', `2 ${hex('b')}\n10 ${hex('c')}\n1 ${hex('a')}\n`)
  expect(keys.map((key) => key.id)).toEqual([10, 2, 1])
})

it.each([
  '',
  '1 abc',
  `0 ${hex('a')}`,
  `1 ${hex('a')}\n1 ${hex('b')}`,
  `1 ${hex('A')}`,
  'x',
])('%j is no key file', (text) => {
  expect(() => parseFleetKeys('k', text)).toThrow(/^k: /)
})
