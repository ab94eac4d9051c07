/** Finding: a detector's conclusion about an actor, a campaign or an endpoint in a period. May be updated; merges by id. */

import { z } from 'zod'
import { topicNames } from './names.js'
import { defineTopic } from './topic.js'

export const actorKinds = ['address', 'session', 'access-token', 'account', 'fingerprint'] as const
export const actorSchema = z.object({ kind: z.enum(actorKinds), value: z.string() })
export type Actor = z.infer<typeof actorSchema>
export type ActorKind = Actor['kind']

/** OCSF severity_id 1–6. */
export const severities = ['informational', 'low', 'medium', 'high', 'critical', 'fatal'] as const

export const findingEndpointSchema = z.object({
  id: z.string(),
  host: z.string(),
  method: z.string(),
  pathTemplate: z.string(),
})

export const findingSchema = z.object({
  /** `f-` and 16 hex digits: hash of detector, subject and the event time of the change point; the same evidence, the same id. */
  id: z.string().regex(/^f-[0-9a-f]{16}$/),
  /** 1 for the first publication; each update raises it. The highest counts. */
  version: z.int().positive(),
  detector: z.object({ id: z.string(), version: z.int() }),
  /** OWASP Automated Threat, `OAT-008`, or API Security Top 10, `API2:2023`. */
  threat: z.string(),
  title: z.string(),
  /** The evidence in a sentence that a person can check. */
  summary: z.string(),
  severity: z.enum(severities),
  /** 0 to 1. */
  confidence: z.number().min(0).max(1),
  state: z.enum(['open', 'closed']),
  subject: z.object({
    kind: z.enum(['actor', 'campaign', 'endpoint']),
    /** One actor, or those that the campaign uses (at most 10,000, the busiest first). */
    actors: z.array(actorSchema),
    endpoint: findingEndpointSchema.optional(),
  }),
  /** Event time of the first and the last transaction that it rests on, and of the decision that it is one. */
  firstSeenUs: z.int(),
  lastSeenUs: z.int(),
  detectedAtUs: z.int(),
  evidence: z.object({
    /** At most 50, in time order. */
    transactionIds: z.array(z.string()),
    /** `attempts`, `failures`, `accounts` …: what was counted. */
    counts: z.record(z.string(), z.number()),
    /** What is normal here, in the same units as `observed`. */
    baseline: z.record(z.string(), z.number()),
    observed: z.record(z.string(), z.number()),
    /** Value of the test statistic and the threshold that it crossed. */
    statistic: z.number(),
    threshold: z.number(),
  }),
  /** What could not be seen while it was decided: `missedBytes`, `unansweredRequests`, `sampledWeight` … Empty when nothing was hidden. */
  blindness: z.record(z.string(), z.number()),
})
export type Finding = z.infer<typeof findingSchema>

export const findingTopic = defineTopic<Finding>(topicNames.findings, findingSchema)
