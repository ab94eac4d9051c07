/**
 * Decision: act on an actor, somewhere, with a remediation, until a time, for a reason. Its life cycle and its effect are two things:
 *
 * state   proposed → approved → pushed → in-force → expired | withdrawn | failed     where the decision is
 * effect  unproven → effective | ineffective | evaded | collateral                   what the mirror shows
 */

import { z } from 'zod'
import { actorKinds } from './finding.js'
import { topicNames } from './names.js'
import { defineTopic } from './topic.js'

export const remediations = ['tag', 'throttle', 'delay', 'tarpit', 'challenge', 'deceive', 'ban'] as const
export const decisionStates = ['proposed', 'approved', 'pushed', 'in-force', 'expired', 'withdrawn', 'failed'] as const
export const decisionEffects = ['unproven', 'effective', 'ineffective', 'evaded', 'collateral'] as const
export type DecisionState = (typeof decisionStates)[number]
export type DecisionEffect = (typeof decisionEffects)[number]

export const decisionSchema = z.object({
  /** `d-` and 16 hex digits: hash of finding, scope, value and place. */
  id: z.string().regex(/^d-[0-9a-f]{16}$/),
  version: z.int().positive(),
  findingId: z.string(),
  /** What kind of actor, and which. */
  scope: z.enum(actorKinds),
  value: z.string(),
  /** Where it holds; absent members mean anywhere. `pathTemplate` needs an enforcer that can match it. */
  where: z.object({
    host: z.string().optional(),
    method: z.string().optional(),
    pathTemplate: z.string().optional(),
  }),
  type: z.enum(remediations),
  /** Decided, not enforced. */
  simulated: z.boolean(),
  /** Which policy it comes from. */
  origin: z.string(),
  reason: z.string(),
  createdAtMs: z.int(),
  /** Enforcers drop it by themselves at this wall-clock time. */
  untilMs: z.int(),
  state: z.enum(decisionStates),
  /** State at each enforcer by its name; `unsupported` is said, never pretended. */
  enforcers: z.record(
    z.string(),
    z.object({
      state: z.enum(['pending', 'in-force', 'lifted', 'failed', 'unsupported']),
      detail: z.string().optional(),
    }),
  ),
  effect: z.enum(decisionEffects),
  /** From mirrored packets: capture time of the first refusal, and requests in scope since the push. */
  firstRefusedUs: z.int().optional(),
  refusedCount: z.int(),
  /** Answered by the origin since the decision was in force. */
  passedCount: z.int(),
  /** Of them those within the grace for requests that were on their way, which do not speak against the decision. Optional: added later. */
  passedInGraceCount: z.int().optional(),
})
export type Decision = z.infer<typeof decisionSchema>

export const decisionTopic = defineTopic<Decision>(topicNames.decisions, decisionSchema)

/** One decision with every field filled: the reference for columns, tests and documentation. */
export const goldenDecision: Decision = {
  id: 'd-0123456789abcdef',
  version: 3,
  findingId: 'f-0123456789abcdef',
  scope: 'address',
  value: '203.0.113.9',
  where: { host: 'shop.example', method: 'POST', pathTemplate: '/api/v1/login' },
  type: 'ban',
  simulated: false,
  origin: 'policy:default',
  reason: 'OAT-008 Credential stuffing: 212 of 220 login attempts failed in 9 s, 4 % are normal here',
  createdAtMs: 1_790_000_003_100,
  untilMs: 1_790_000_909_000,
  state: 'in-force',
  enforcers: { 'edge-1': { state: 'in-force' }, 'edge-2': { state: 'unsupported', detail: 'cannot match a method' } },
  effect: 'effective',
  firstRefusedUs: 1_790_000_003_200_000,
  refusedCount: 41,
  passedCount: 2,
  passedInGraceCount: 2,
}
