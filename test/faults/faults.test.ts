/** kill -9 in the middle of a replay, then the replay again: the store is that of an undisturbed one. Ten times each: `npm run test:faults`. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { engineMissing } from '@tapwarden/store/embedded/test-engine'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../random.js'
import { killedReplay, type Undisturbed, undisturbedReplay, victims } from './killed-replay.js'
import { shopCapture } from './shop-capture.js'

describe.skipIf(engineMissing() !== undefined)('kill -9 in the middle of a replay', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-faults-'))
  const captureFile = join(folder, 'shop.pcap')
  const random = new Random(7)
  let undisturbed: Undisturbed

  beforeAll(async () => {
    const capture = shopCapture({ seed: 3, minutes: 20 })
    writeFileSync(captureFile, capture.bytes)
    undisturbed = await undisturbedReplay(captureFile, folder)
    expect(undisturbed.picture['transactions']).toEqual([`(${capture.transactionCount},${capture.transactionCount})`])
    expect(undisturbed.picture['findings']).not.toEqual([])
  }, 120_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  it.each(victims)('of the %s', async (victim) => {
    // In the second half rows are on their way to the store.
    const afterMs = (0.5 + 0.5 * random.next()) * undisturbed.seconds * 1_000
    const { complaints } = await killedReplay(captureFile, folder, victim, victim, afterMs, undisturbed.picture)
    expect(complaints).toEqual([])
  }, 120_000)
})
