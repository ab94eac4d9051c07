import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UserError } from '@tapwarden/runtime/user-error'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { inspectKeyLogFile, KeyLogFile } from './key-log-file.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tapwarden-keys-'))
  path = join(folder, 'keys.log')
})
afterEach(() => rmSync(folder, { recursive: true }))

const random = (byte: number) => byte.toString(16).padStart(2, '0').repeat(32)
const line = (byte: number) => `CLIENT_RANDOM ${random(byte)} ${'ab'.repeat(48)}\n`

describe('a key log file', () => {
  it('is read as it grows, emptied, replaced and away for a while', async () => {
    writeFileSync(path, line(1), { mode: 0o600 })
    const file = await KeyLogFile.open(path)
    const has = (byte: number) => file.keyLog.of(random(byte)) !== undefined
    expect([has(1), has(2)]).toEqual([true, false])
    expect(await file.read()).toBe(false)
    const [first, second] = [line(2).slice(0, 40), line(2).slice(40)]
    appendFileSync(path, first)
    expect([await file.read(), has(2)]).toEqual([false, false])
    appendFileSync(path, second)
    expect([await file.read(), has(2)]).toEqual([true, true])
    truncateSync(path)
    expect(await file.read()).toBe(false)
    appendFileSync(path, line(3))
    expect([await file.read(), has(3)]).toEqual([true, true])
    renameSync(path, `${path}.1`)
    expect(await file.read()).toBe(false)
    writeFileSync(path, line(4), { mode: 0o600 })
    expect([await file.read(), has(4), has(1)]).toEqual([true, true, true])
    expect(file.keyLog.counts()).toMatchObject({ connectionCount: 4, malformedCount: 0 })
    await file.close()
  })

  it.each([
    ['missing.log', 'does not exist'],
    ['folder', 'is a folder|is no regular file'],
  ])('%s %s: said before anything is started', async (name, why) => {
    mkdirSync(join(folder, 'folder'))
    for (const open of [inspectKeyLogFile, KeyLogFile.open]) {
      const fault = await open(join(folder, name)).catch((error: unknown) => error)
      expect(fault).toBeInstanceOf(UserError)
      expect(String(fault)).toMatch(new RegExp(`TLS key log .*${name}.*(?:${why})`))
    }
  })

  it('that everybody may read is told of', async () => {
    writeFileSync(path, line(1), { mode: 0o644 })
    expect(await inspectKeyLogFile(path)).toMatch(/every user of this machine.*chmod 600/)
    rmSync(path)
    writeFileSync(path, line(1), { mode: 0o600 })
    expect(await inspectKeyLogFile(path)).toBeUndefined()
  })
})
