import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { checkDisk } from './doctor.js'

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'doctor-'))
  writeFileSync(join(folder, 'file'), '')
})
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  ['', /^[0-9.]+ GiB free for \/.*\/doctor-\w+$/, 'it is there'],
  ['a/b', /^[0-9.]+ GiB free for .*\/a\/b, which will be made on first use$/, 'it can be made'],
  ['file', /^no store can be made in .*\/file; give another with --store DIR$/, 'a file has the name'],
  ['file/a', /^no store can be made in .*\/file\/a; give another with --store DIR$/, 'a file stands in the way'],
  ['/proc/absent/x', /^no store can be made in \/proc\/absent\/x; give another/, 'no disk is there'],
])('%j: %s, since %s', async (name, detail, _why) => {
  const check = await checkDisk(name.startsWith('/') ? name : join(folder, name))
  expect(check.detail).toMatch(detail)
  if (check.detail.startsWith('no store')) expect(check.state).toBe('fault')
})
