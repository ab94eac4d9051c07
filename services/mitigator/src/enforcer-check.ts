/** Does an edge answer, and has it what decisions need? Asked at start and by `doctor`: enforcers fail open, so nobody else would notice. */

import type { AccessKey } from '@tapwarden/enforcers/access-token'
import { type Enforcer, EnforcerUnavailable } from '@tapwarden/enforcers/enforcer'
import { UserError } from '@tapwarden/runtime/user-error'
import { type EnforcerConfig, openEnforcer } from './config.js'

/** Why it cannot be read back now, in one line; undefined when it can. What an edge lacks (a map, say) counts too. */
export async function enforcerFault(enforcer: Enforcer): Promise<string | undefined> {
  try {
    await enforcer.held()
    return undefined
  } catch (error) {
    if (!(error instanceof EnforcerUnavailable)) throw error
    return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
  }
}

/** The same of one that is only configured: opened, asked, closed. */
export async function configuredEnforcerFault(
  config: EnforcerConfig,
  accessKeys: readonly AccessKey[],
): Promise<string | undefined> {
  let enforcer: Enforcer
  try {
    enforcer = await openEnforcer(config, accessKeys)
  } catch (error) {
    if (!(error instanceof UserError || error instanceof EnforcerUnavailable)) throw error
    return error.message
  }
  try {
    return await enforcerFault(enforcer)
  } finally {
    await enforcer.close()
  }
}
