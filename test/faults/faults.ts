/**
 * `npm run test:faults`: kill -9 at random moments of a replay, then the replay again, and the store against an undisturbed one's.
 *
 *   npm run test:faults -- [--runs N] [--minutes N] [--seed N]
 *
 * One of `runs` moments lies in each part of the time that an undisturbed replay takes, from its start to its end.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Random } from '../random.js'
import { killedReplay, undisturbedReplay, victims } from './killed-replay.js'
import { shopCapture } from './shop-capture.js'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '60' },
    seed: { type: 'string', default: '1' },
  },
})
const [runCount, minutes, seed] = [Number(values.runs), Number(values.minutes), Number(values.seed)]
const random = new Random(seed).fork('kills')
const folder = await mkdtemp(join(tmpdir(), 'tapwarden-faults-'))
let complaintCount = 0
try {
  const capture = shopCapture({ seed, minutes })
  const file = join(folder, 'shop.pcap')
  await writeFile(file, capture.bytes)
  const { picture, seconds } = await undisturbedReplay(file, folder)
  console.log(
    `${capture.transactionCount} transactions, ${picture['endpoints']?.length} endpoints, ${picture['findings']?.length} findings; undisturbed: ${seconds.toFixed(1)} s\n`,
  )
  console.log('killed        after s   rows then   the replay after it')
  for (const victim of victims) {
    for (let run = 0; run < runCount; run++) {
      const afterMs = ((run + random.next()) / runCount) * seconds * 1_000
      const name = `${victim}-${run}`.replaceAll(' ', '-')
      const { killed, rowsAfterKill, complaints } = await killedReplay(file, folder, name, victim, afterMs, picture)
      const verdict = complaints.length === 0 ? 'the same' : complaints.join('\n    ')
      const after = (afterMs / 1_000).toFixed(2).padStart(7)
      const rows = String(rowsAfterKill).padStart(9)
      console.log(`${victim.padEnd(12)}  ${after}   ${rows}   ${killed ? verdict : `${verdict} (it had ended)`}`)
      complaintCount += complaints.length
      await rm(join(folder, name), { recursive: true, force: true })
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true })
}
console.log(complaintCount === 0 ? '\nno difference' : `\n${complaintCount} differences`)
process.exitCode = complaintCount === 0 ? 0 : 1
