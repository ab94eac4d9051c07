/**
 * The embedded stack: every service in one process tree, on the in-process bus and the embedded engine.
 *
 *   start:  engine → store → jobs → alerter → mitigator → detector → catalog      consumers before whoever publishes to them
 *   run:    capture publishes; everything follows
 *   stop:   (capture has ended) → bus drained → catalog → detector → mitigator → alerter → bus → jobs → store → engine
 *
 * A service that cannot go on ends the stack: `failed` rejects, and what is not committed is done again by the next replay.
 */

import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { consumerGroups, topicNames } from '@tapwarden/contracts/names'
import { EmbeddedJobs } from '@tapwarden/jobs/embedded'
import type { Logger } from '@tapwarden/runtime/logger'
import type { RunningService } from '@tapwarden/runtime/service'
import { UserError } from '@tapwarden/runtime/user-error'
import { startEngine } from '@tapwarden/store/embedded/engine'
import { type HttpStore, openStore } from '@tapwarden/store/http-store'
