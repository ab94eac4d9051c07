/**
 * `npm run demo`: live traffic → catalog → attack found → attack stopped, on loopback, without root.
 *
 *   npm run demo -- [--once] [--seed N] [--edge auto|haproxy|node] [--folder DIR]
 *
 * Exit status 0 only if, by the clients' log and by the store, both attacks were stopped and nobody else was refused.
 */

import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { parseArgs } from 'node:util'
import { play } from './acts.js'
import type { EdgeChoice } from './scene.js'

const usage = `npm run demo -- [options]

  --once           end after the verdict; without it people keep coming until Ctrl-C, so that you can look around
  --seed N         other people, goods and attack lists (default 1)
  --edge CHOICE    auto (HAProxy where it is installed and lo may be captured, else Node), haproxy, or node
  --folder DIR     where the store and the edge's files go (default: a new folder under the system's temporary folder)
  --help

Exit status: 0 both attacks stopped and nobody else refused; 1 not so; 2 usage.`

async function main(): Promise<number> {
  const edges = ['auto', 'haproxy', 'node']
  let values: { once?: boolean; seed?: string; edge?: string; folder?: string; help?: boolean }
  try {
    values = parseArgs({
      options: {
        once: { type: 'boolean' },
        seed: { type: 'string' },
        edge: { type: 'string' },
        folder: { type: 'string' },
        help: { type: 'boolean' },
      },
    }).values
  } catch (error) {
    console.error(`demo: ${(error as Error).message}\n\n${usage}`)
    return 2
  }
  if (values.help === true) {
    console.log(usage)
    return 0
  }
  const seed = Number(values.seed ?? 1)
  const edge = values.edge ?? 'auto'
  if (!Number.isSafeInteger(seed) || seed < 0 || !edges.includes(edge)) {
    console.error(`demo: --seed takes a whole number, --edge one of ${edges.join(', ')}\n\n${usage}`)
    return 2
  }
  const folder = values.folder ?? (await mkdtemp(join(tmpdir(), 'tapwarden-demo-')))
  const say = (line: string): void => console.log(line)
  const verdict = await play({
    seed,
    folder,
    edge: edge as EdgeChoice,
    say,
    ...(values.once === true
      ? {}
      : {
          afterwards: async (scene) => {
            sayQueries(scene.storeFolder, say)
            say('\nPeople keep coming; Ctrl-C ends it.')
            await once(process, 'SIGINT')
          },
        }),
  })
  if (values.once === true) {
    sayQueries(join(folder, 'store'), say)
    say(`\nThe store stays in ${folder} until you remove it.`)
  }
  return verdict.complaints.length === 0 ? 0 : 1
}

function sayQueries(storeFolder: string, say: (line: string) => void): void {
  const near = relative(process.cwd(), storeFolder)
  const store = near.startsWith('..') ? storeFolder : near
  say('\nTRY, in another terminal:')
  for (const sql of [
    'SELECT method, path_template, transaction_count FROM v_endpoints ORDER BY transaction_count DESC',
    'SELECT minute, transactions, status_4xx, client_count FROM v_traffic_by_minute ORDER BY minute DESC LIMIT 10',
    'SELECT value, effect, refused_count, passed_count FROM v_decisions ORDER BY refused_count DESC LIMIT 10',
  ])
    say(`  npx --no-install tapwarden query --store ${store} "${sql}"`)
}

process.exitCode = await main()
