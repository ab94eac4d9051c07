/** Feeds events to the detectors and keeps score against the labels. */

import type { Finding } from '@tapwarden/contracts/finding'
import { detectionConfigSchema } from '@tapwarden/detection/detection-config'
import { createDetectors } from '@tapwarden/detection/detectors'
import { type Event, endpoints, type LoginStyle, plainStyle, transactionOf } from './event.js'

export interface Score {
  /** The newest version of each finding. */
  readonly findings: ReadonlyMap<string, Finding>
  readonly published: readonly Finding[]
  /** Attack events up to and including the one that raised the first finding. */
  readonly attackEventsToAlarm: number | undefined
  readonly secondsToAlarm: number | undefined
  readonly benignEventCount: number
  readonly attackEventCount: number
  /** Named addresses by their truth. */
  readonly namedAttackers: ReadonlySet<string>
  readonly namedInnocents: ReadonlySet<string>
  /** For each named attacker, the attempts it had made when it was named. */
  readonly attemptsToNaming: readonly number[]
}

export function runDetectors(events: readonly Event[], style: LoginStyle = plainStyle): Score {
  const detectors = createDetectors(detectionConfigSchema.parse({}))
  const findings = new Map<string, Finding>()
  const published: Finding[] = []
  const attempts = new Map<string, number>()
  const named = new Map<string, number>()
  const innocents = new Set<string>()
  let attackFromS: number | undefined
  let attackEventCount = 0
  let attackEventsToAlarm: number | undefined
  let secondsToAlarm: number | undefined
  events.forEach((event, index) => {
    if (event.truth === 'attack') {
      attackEventCount++
      attackFromS ??= event.atS
      attempts.set(event.address, (attempts.get(event.address) ?? 0) + 1)
    }
    const transaction = transactionOf(event, index, style)
    for (const detector of detectors) {
      for (const finding of detector.observe(transaction, endpoints[event.kind])) {
        published.push(finding)
        findings.set(finding.id, finding)
        if (attackFromS !== undefined && attackEventsToAlarm === undefined) {
          attackEventsToAlarm = attackEventCount
          secondsToAlarm = event.atS - attackFromS
        }
        for (const actor of finding.subject.actors) {
          if (actor.kind !== 'address' || named.has(actor.value) || innocents.has(actor.value)) continue
          const made = attempts.get(actor.value)
          if (made === undefined) innocents.add(actor.value)
          else named.set(actor.value, made)
        }
      }
    }
  })
  return {
    findings,
    published,
    attackEventsToAlarm,
    secondsToAlarm,
    benignEventCount: events.length - attackEventCount,
    attackEventCount,
    namedAttackers: new Set(named.keys()),
    namedInnocents: innocents,
    attemptsToNaming: [...named.values()],
  }
}
