import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeFolder } from './make-folder.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'make-folder-'))
  writeFileSync(join(folder, 'file'), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

it('makes what is missing, for this user only, and may be asked again', async () => {
  await makeFolder(join(folder, 'a', 'b', 'c'))
  await makeFolder(join(folder, 'a', 'b', 'c'))
  expect(['a', 'a/b', 'a/b/c'].map((name) => statSync(join(folder, name)).mode & 0o777)).toEqual([0o700, 0o700, 0o700])
})

it.each([
  ['file', 'EEXIST', 'a file has the name'],
  ['file/below', 'ENOTDIR', 'a file stands in the way'],
])('%s: %s, since %s', async (name, code) => {
  await expect(makeFolder(join(folder, name))).rejects.toMatchObject({ code })
})

it('gives up where no folder can be made', async () => {
  await expect(makeFolder('/proc/absent/below')).rejects.toMatchObject({ code: 'ENOENT' })
})
