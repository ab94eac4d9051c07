/** Writes `input.pcap` and `expected.jsonl` of every case anew: `node test/dist/pcaps/remake.js test/pcaps`. Read the differences before you commit. */

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { linesOf } from './read-case.js'

const folder = process.argv[2]
if (folder === undefined) throw new Error('give the folder of the cases')
for (const entry of readdirSync(folder, { withFileTypes: true })) {
  if (!entry.isDirectory()) continue
  const { make } = (await import(`./${entry.name}/make.js`)) as { make: () => Uint8Array }
  const capture = make()
  writeFileSync(join(folder, entry.name, 'input.pcap'), capture)
  writeFileSync(
    join(folder, entry.name, 'expected.jsonl'),
    linesOf(capture)
      .map((line) => `${line}\n`)
      .join(''),
  )
}
