/** An attack beside clean traffic, through what the service runs: what it cost, and whether the clean traffic noticed. */

import { createHash } from 'node:crypto'
import process from 'node:process'
import { transactionTopic } from '@tapwarden/contracts/transaction'
import { createRedactor } from '@tapwarden/redaction/redact-transaction'
import { TransactionReader, type TransactionReaderOptions } from '@tapwarden/service-capture/transaction-reader'
import { KeyLog } from '@tapwarden/tls/key-log'
import type { Attack } from './attack.js'
import { CleanTraffic, isCleanAddress } from './clean-traffic.js'

export interface AttackOutcome {
  readonly packetCount: number
  readonly rssMaxBytes: number
  readonly cleanCount: number
  /** Every clean transaction gave the line that it gives without the attack. */
  readonly isCleanIntact: boolean
  /** CPU of a clean transaction without the attack, and beside it. */
  readonly aloneUs: number
  readonly besideUs: number
  readonly attackPacketUs: number
  readonly attackTransactionCount: number
  /** Of anomalies and limits, those that were counted, by name. */
  readonly told: Readonly<Record<string, number>>
  readonly heldFlowCount: number
  readonly heldBytes: number
}

const startUs = 1_790_000_000_000_000
const stepUs = 20
const rssEverySteps = 256
/** Clean transactions come so many at a time: alone, each costs the same; beside others, what the processor's caches lost is paid once. */
const burstCount = 10
const lineCheckEvery = 500
const fleetKey = new Uint8Array(32).fill(7)

type Limits = Pick<TransactionReaderOptions, 'flowLimits' | 'httpLimits' | 'tls'>

/** `cleanCount` transactions of clean traffic are spread over the steps of the whole attack, or of the short one. */
export function runAttack(attack: Attack, isFull: boolean, cleanCount: number): AttackOutcome {
  const stepCount = isFull ? attack.fullCount : attack.shortCount
  const limits = isFull ? {} : (attack.shortLimits ?? {})
  const clock = isFull ? attack.clock : (attack.shortClock ?? attack.clock)
  run(undefined, stepCount, cleanCount, limits, clock) // Warms up what is compiled.
  const alone = run(undefined, stepCount, cleanCount, limits, clock)
  const beside = run(attack, stepCount, cleanCount, limits, clock)
  return {
    ...beside.outcome,
    isCleanIntact: beside.digest === alone.digest && beside.outcome.cleanCount === cleanCount,
    aloneUs: alone.outcome.besideUs,
  }
}

function run(
  attack: Attack | undefined,
  stepCount: number,
  cleanCount: number,
  limits: Limits,
  clock = (step: number) => step * stepUs,
) {
  const redactor = createRedactor({ fleetKey, keyNumber: 1 })
  const digest = createHash('sha256')
  let [cleanSeen, attackSeen] = [0, 0]
  const reader = new TransactionReader({
    ...limits,
    // An empty key log that may still grow: whatever is sealed waits.
    tls: { ...limits.tls, keyLog: new KeyLog(), waitsForKeys: true },
    onTransaction: (flow, raw) => {
      const { line } = redactor.redact(flow, raw)
      if ((cleanSeen + attackSeen) % lineCheckEvery === 0)
        for (const record of transactionTopic.decode(line)) transactionTopic.parse(record)
      if (isCleanAddress(flow.clientIp)) {
        cleanSeen++
        digest.update(line)
      } else attackSeen++
    },
  })
  const feed = (bytes: Uint8Array, timestampUs: number) =>
    reader.frame({
      buffer: bytes,
      view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
      offset: 0,
      end: bytes.length,
      timestampUs,
      linkType: 1,
    })
  const traffic = new CleanTraffic()
  const next = attack?.start()
  let [cleanUs, attackUs, packetCount, rssMaxBytes, cleanSent] = [0, 0, 0, process.memoryUsage.rss(), 0]
  for (let step = 0; step < stepCount; step++) {
    const atUs = startUs + clock(step)
    if (next !== undefined) {
      const frames = next(step)
      const before = cpuUs()
      for (const frame of frames) feed(frame, atUs)
      attackUs += cpuUs() - before
      packetCount += frames.length
      if (step % rssEverySteps === 0) rssMaxBytes = Math.max(rssMaxBytes, process.memoryUsage.rss())
    }
    const dueCount = Math.floor((cleanCount * (step + 1)) / stepCount) - cleanSent
    if (dueCount < burstCount && step < stepCount - 1) continue
    const frames = Array.from({ length: dueCount }, () => traffic.transaction(cleanSent++)).flat()
    const before = cpuUs()
    for (const frame of frames) feed(frame, atUs)
    cleanUs += cpuUs() - before
  }
  const { flows, frames, http } = reader.statistics()
  rssMaxBytes = Math.max(rssMaxBytes, process.memoryUsage.rss())
  reader.end()
  const told = Object.fromEntries([
    ...reader.anomalies(),
    ['flows.evictedFlowCount', flows.evictedFlowCount],
    ['flows.gapCount', flows.gapCount],
    ['frames.abandonedPacketCount', frames.abandonedPacketCount],
    ['http.bufferOverflowCount', http.bufferOverflowCount],
  ])
  return {
    digest: digest.digest('hex'),
    outcome: {
      packetCount,
      rssMaxBytes,
      cleanCount: cleanSeen,
      besideUs: cleanUs / cleanCount,
      attackPacketUs: packetCount === 0 ? 0 : attackUs / packetCount,
      attackTransactionCount: attackSeen,
      told,
      heldFlowCount: flows.flowCount,
      heldBytes: flows.bufferedBytes,
    },
  }
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
