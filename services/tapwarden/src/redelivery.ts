/**
 * What the in-process bus forgets when the process is killed: findings and decisions that were stored, and that the mitigator or the
 * alerter had not taken up. They are published again at the next start; both take the same one twice without harm.
 *
 * A mark in the state folder says whether the last process came to its end; after an orderly one nothing is read.
 */

import { access, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus } from '@tapwarden/bus/bus'
import { tableNames, topicNames } from '@tapwarden/contracts/names'
import { systemErrorCode } from '@tapwarden/runtime/user-error'
import type { Store } from '@tapwarden/store/store'

const markName = 'running'
/** Stored so long ago at most: whoever starts again a day later has looked at it. */
const storedMaxHours = 24
const documentsMaxCount = 10_000
/** Messages of one record on the bus. */
const messagesMaxCount = 64

const topics = [
  [topicNames.findings, tableNames.findings],
  [topicNames.decisions, tableNames.decisions],
] as const

/** Says that a process works on this state. Resolves to whether one did before, and never came to `markEnded`. */
export async function markRunning(stateFolder: string): Promise<boolean> {
  const path = join(stateFolder, markName)
  try {
    await access(path)
    return true
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw error
  }
  const file = await open(path, 'w', 0o600)
  await file.sync()
  await file.close()
  return false
}

/** Everything published was taken up. */
export async function markEnded(stateFolder: string): Promise<void> {
  await rm(join(stateFolder, markName), { force: true })
}

/** Publishes the newest version of each, the oldest first. Throws what the store and the bus throw. */
export async function redeliver(bus: Bus, store: Store): Promise<void> {
  for (const [topic, table] of topics) {
    const rows = await store.query<{ readonly document: string }>(
      `SELECT document FROM (
  SELECT document, stored_at, id, version FROM ${table} FINAL WHERE stored_at > now64(3) - INTERVAL {hours:UInt32} HOUR
  ORDER BY version DESC LIMIT 1 BY id)
ORDER BY stored_at DESC, id LIMIT {limit:UInt32}`,
      { hours: storedMaxHours, limit: documentsMaxCount },
    )
    const lines = rows.reverse().map(({ document }) => Buffer.from(`${document}\n`))
    for (let at = 0; at < lines.length; at += messagesMaxCount) {
      const group = lines.slice(at, at + messagesMaxCount)
      await bus.publish(topic, [{ partition: 0, value: Buffer.concat(group), messageCount: group.length }])
    }
  }
}
