/** Where alerts are written: the folder is made, and what cannot be is one line. */

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { exitCodes } from '@tapwarden/runtime/user-error'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { AlertFile } from './alert-file.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'alert-file-'))
  writeFileSync(join(folder, 'file'), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

it('makes its folder, for this user only', async () => {
  const file = await AlertFile.open(join(folder, 'log', 'tapwarden', 'alerts.ndjson'))
  await file.close()
  expect(readFileSync(join(folder, 'log', 'tapwarden', 'alerts.ndjson'), 'utf8')).toBe('')
  expect(statSync(join(folder, 'log')).mode & 0o777).toBe(0o700)
})

it.each([
  ['file/alerts.ndjson', 'cannot be made: a part of its path is no folder'],
  ['.', 'is a folder, not a file'],
])('%s: %s', async (name, words) => {
  const path = join(folder, name)
  await expect(AlertFile.open(path)).rejects.toMatchObject({
    message: `${path}: ${words}; set alerter.file to another`,
    exitCode: exitCodes.cannotCreate,
  })
})

it('gives up where no folder can be made', async () => {
  await expect(AlertFile.open('/proc/absent/alerts.ndjson')).rejects.toMatchObject({ exitCode: exitCodes.cannotCreate })
})
