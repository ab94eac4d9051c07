/** A replay that is killed at some moment, and the replay after it: what is then wrong, in sentences. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { isAlive, kill, type RunningCommand, runCommand, startCommand, until } from './command-process.js'
import { differences, type StorePicture, storePicture } from './store-picture.js'

export type Victim = 'whole tree' | 'main process' | 'engine'
export const victims: readonly Victim[] = ['whole tree', 'main process', 'engine']

export interface Undisturbed {
  readonly picture: StorePicture
  /** How long the replay took. */
  readonly seconds: number
}

export interface KilledReplay {
  /** False where it had ended before. */
  readonly killed: boolean
  /** Stored when it was killed. */
  readonly rowsAfterKill: number
  readonly complaints: readonly string[]
}

/** A dying engine closes its files first. */
const childPatienceMs = 10_000
const alertFileName = 'alerts.ndjson'

export async function undisturbedReplay(captureFile: string, folder: string): Promise<Undisturbed> {
  const store = join(folder, 'undisturbed')
  const { code, seconds, err } = await runCommand(replayOf(captureFile, store), folder)
  if (code !== 0) throw new Error(`the undisturbed replay ended with ${code}: ${err}`)
  return { picture: await storePicture(store), seconds }
}

/** Kills after `afterMs`, in a store folder of its own: `name` below `folder`. */
export async function killedReplay(
  captureFile: string,
  folder: string,
  name: string,
  victim: Victim,
  afterMs: number,
  expected: StorePicture,
): Promise<KilledReplay> {
  const store = join(folder, name)
  const complaints: string[] = []
  const running = startCommand(replayOf(captureFile, store), folder)
  const killed = await Promise.race([running.ended.then(() => false), delay(afterMs).then(() => true)])
  if (killed) complaints.push(...(await strike(running, victim)))

  const again = await runCommand(replayOf(captureFile, store), folder)
  if (again.code !== 0)
    return { killed, rowsAfterKill: 0, complaints: [...complaints, `again: ${again.code}, ${again.err}`] }
  const { transactions } = JSON.parse(again.out) as { transactions: { alreadyKnown: number } }
  const picture = await storePicture(store)
  complaints.push(...differences(expected, picture), ...alertComplaints(store, picture))
  return { killed, rowsAfterKill: transactions.alreadyKnown, complaints }
}

async function strike(running: RunningCommand, victim: Victim): Promise<string[]> {
  const engine = running.child('engine-process')
  if (victim === 'whole tree') running.killTree()
  else if (victim === 'main process') running.signal('SIGKILL')
  // Before the engine is there, nothing but the main process can be hit.
  else if (engine === undefined) running.signal('SIGKILL')
  else kill(engine)
  const { code, signal, err } = await running.ended
  const complaints: string[] = []
  if (victim === 'engine' && engine !== undefined && signal === null && code !== 69)
    complaints.push(`without its engine the command ended with ${code}: ${err}`)
  if (engine !== undefined) {
    await until('the engine ends with its parent', () => !isAlive(engine), childPatienceMs).catch((error: Error) =>
      complaints.push(error.message),
    )
  }
  return complaints
}

/** Each finding and each decision is told, and told once. */
function alertComplaints(store: string, picture: StorePicture): string[] {
  const counts = new Map<string, number>()
  for (const line of readFileSync(join(store, alertFileName), 'utf8').split('\n').filter(Boolean)) {
    const { id } = JSON.parse(line) as { id: string }
    counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  const ids = [...(picture['findings'] ?? []), ...(picture['decisions'] ?? [])].map((row) => row.split("'")[1] ?? '')
  return [
    ...[...counts].filter(([, count]) => count > 1).map(([id, count]) => `alert ${id} was written ${count} times`),
    ...ids.filter((id) => !counts.has(id)).map((id) => `nobody was alerted of ${id}`),
  ]
}

function replayOf(captureFile: string, store: string): string[] {
  return ['replay', captureFile, '--store', store, '--json']
}
