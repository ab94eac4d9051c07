/**
 * The enforcer port: what applies decisions at an edge. Implementations: `haproxy.ts`, `forward-auth.ts`; later nginx, CrowdSec
 * bouncers, Envoy, webhooks. Every implementation passes `conformance.ts`. Enforcers fail open, and drop what expired by themselves.
 */

import type { Decision } from '@tapwarden/contracts/decision'
import type { ActorKind } from '@tapwarden/contracts/finding'

export interface EnforcerCapabilities {
  readonly scopes: readonly ActorKind[]
  readonly types: readonly Decision['type'][]
  /** Can it confine a decision to a host, a method, a path template? If not, such a decision is unsupported, never widened. */
  readonly where: { readonly host: boolean; readonly method: boolean; readonly path: boolean }
  readonly decisionsMaxCount: number
}

export interface Enforcer {
  readonly name: string
  readonly capabilities: EnforcerCapabilities
  /** Why it cannot express this decision, or undefined when it can. */
  unsupported(decision: Decision): string | undefined
  /** In force when it resolves; again with the same decision changes nothing. Throws `EnforcerUnavailable`. */
  apply(decision: Decision): Promise<void>
  /** Lifted when it resolves, known or not. Throws `EnforcerUnavailable`. */
  lift(decision: Decision): Promise<void>
  /** Ids of the decisions that it holds now, read back from it. Throws `EnforcerUnavailable`. */
  held(): Promise<readonly string[]>
  close(): Promise<void>
}

export class EnforcerUnavailable extends Error {
  override readonly name = 'EnforcerUnavailable'
  readonly retryable: boolean
  constructor(enforcer: string, operation: string, options: { readonly cause?: unknown; readonly retryable: boolean }) {
    super(`enforcer ${enforcer} unavailable: ${operation}`, { cause: options.cause })
    this.retryable = options.retryable
  }
}
