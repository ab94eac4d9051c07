/** Configuration of the mitigator: what it may do, by which enforcers, under which policy. */

import type { AccessKey } from '@tapwarden/enforcers/access-token'
import type { Enforcer } from '@tapwarden/enforcers/enforcer'
import { ForwardAuthEnforcer } from '@tapwarden/enforcers/forward-auth'
import { HaproxyEnforcer } from '@tapwarden/enforcers/haproxy'
import { modes } from '@tapwarden/mitigation/decide'
import { policySchema } from '@tapwarden/mitigation/policy'
import type { Timers } from '@tapwarden/runtime/timers'
import { z } from 'zod'

const name = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/)

export const enforcerConfigSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('haproxy'),
    name: name.default('haproxy'),
    /** Runtime API: path of the unix socket, or `host:port`. */
    socket: z.string().min(1),
    /** Exactly as HAProxy's configuration spells it. */
    mapFolder: z.string().min(1).default('/etc/haproxy/tapwarden'),
  }),
  z.strictObject({
    kind: z.literal('forward-auth'),
    name: name.default('forward-auth'),
    listen: z.strictObject({ host: z.string().default('127.0.0.1'), port: z.int().min(0).max(65_535) }),
    /** Addresses and CIDRs of edges that may say who their client is. */
    trustedEdges: z.array(z.string()).default(['127.0.0.0/8', '::1']),
    /** nginx's `auth_request` knows 401 and 403 only. */
    throttleStatus: z.union([z.literal(429), z.literal(403)]).default(429),
  }),
])
export type EnforcerConfig = z.infer<typeof enforcerConfigSchema>

export const mitigatorConfigSchema = z.strictObject({
  /** `simulate` decides and refuses nothing. */
  mode: z.enum(modes).default('simulate'),
  enforcers: z
    .array(enforcerConfigSchema)
    .default([])
    .refine((list) => new Set(list.map((each) => each.name)).size === list.length, 'two enforcers have one name'),
  policy: policySchema.default(() => policySchema.parse({})),
  /** How often what enforcers hold is compared with what they should hold. */
  reconcileMs: z.int().min(100).default(10_000),
  /** Counts of a decision's effect are published at most this often; a change of the effect at once. */
  effectPublishMs: z.int().min(100).default(2_000),
})
export type MitigatorConfig = z.infer<typeof mitigatorConfigSchema>

/** Opens what the configuration names, unless it only simulates: then nothing of an edge is touched. The caller closes them. */
export async function openEnforcers(
  config: MitigatorConfig,
  accessKeys: readonly AccessKey[],
  timers?: Timers,
): Promise<Enforcer[]> {
  if (config.mode === 'simulate') return []
  return Promise.all(config.enforcers.map((each) => openEnforcer(each, accessKeys, timers)))
}

export async function openEnforcer(
  config: EnforcerConfig,
  accessKeys: readonly AccessKey[],
  timers?: Timers,
): Promise<Enforcer> {
  const clock = timers === undefined ? {} : { timers }
  if (config.kind === 'haproxy') return new HaproxyEnforcer({ ...config, ...clock })
  return ForwardAuthEnforcer.start({ ...config, accessKeys, ...clock })
}
