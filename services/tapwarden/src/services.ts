/** The services of the embedded stack in the order in which they start: each subscribes before whoever publishes to it begins. */

import type { InProcessBus } from '@tapwarden/bus/in-process'
import { topicNames } from '@tapwarden/contracts/names'
import type { RunningService } from '@tapwarden/runtime/service'
import type { StackParts } from './embedded-stack.js'

export type ServiceStarter = (parts: StackParts) => Promise<RunningService> | RunningService

export const serviceStarters: readonly ServiceStarter[] = []

/** Records that some service set aside in this run. */
export function deadLetterCount(bus: InProcessBus): number {
  return bus.status(topicNames.deadLetters).publishedMessageCount
}
