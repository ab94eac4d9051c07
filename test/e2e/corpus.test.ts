/**
 * Other people's captures, all into one store, twice: nothing crashes, ids are distinct, and twice is once. Runs where the variable
 * TAPWARDEN_CAPTURE_CASES names a folder of `.pcap` and `.pcapng` files.
 */

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runCommand } from '../faults/command-process.js'
import { differences, storePicture } from '../faults/store-picture.js'

const corpus = process.env['TAPWARDEN_CAPTURE_CASES']
const home = mkdtempSync(join(tmpdir(), 'tapwarden-corpus-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

interface Summary {
  readonly files: number
  readonly packets: number
  readonly transactions: { readonly seen: number; readonly new: number; readonly alreadyKnown: number }
  readonly faults: readonly string[]
  readonly deadLetters: number
}

if (corpus !== undefined) {
  it('every capture of the corpus, into one store, twice', async () => {
    const captures = readdirSync(corpus)
      .filter((name) => /\.pcap(ng)?$/.test(name))
      .sort()
      .map((name) => join(corpus, name))
    const store = join(home, 'store')
    const replay = async (): Promise<Summary> => {
      const { code, signal, out, err } = await runCommand(
        ['replay', '--separate', ...captures, '--store', store, '--json'],
        home,
      )
      // Damaged captures are part of the corpus: they cost the exit code, and a line each.
      expect([0, 65, 66], `${signal}: ${err}`).toContain(code)
      return JSON.parse(out) as Summary
    }
    const first = await replay()
    const picture = await storePicture(store)
    const again = await replay()
    const pictureAgain = await storePicture(store)
    console.log(
      `${captures.length} captures, ${first.packets} packets, ${first.transactions.seen} transactions, ${first.faults.length} damaged`,
    )
    expect(first.deadLetters).toBe(0)
    expect(picture['transactions']).toEqual([`(${first.transactions.new},${first.transactions.new})`])
    expect(again.transactions).toMatchObject({ seen: first.transactions.seen, new: 0 })
    // Of an endpoint with more sensitive fields than are kept, those met first stay: in the order of reading, or of event time after it.
    const { 'sensitive fields': _order, ...comparable } = picture
    expect(differences(comparable, pictureAgain)).toEqual([])
  }, 600_000)
}
