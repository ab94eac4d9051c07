/** The services of the embedded stack in the order in which they start: each subscribes before whoever publishes to it begins. */

import type { RunningService } from '@tapwarden/runtime/service'
import type { StackParts } from './embedded-stack.js'

export type ServiceStarter = (parts: StackParts) => Promise<RunningService> | RunningService

export const serviceStarters: readonly ServiceStarter[] = []
