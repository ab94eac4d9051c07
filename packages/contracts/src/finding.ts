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
    /** Transactions that speak for the finding; `transactionIds` are some of them. Absent where nobody counted: optional, added later. */
    transactionCount: z.int().nonnegative().optional(),
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

/** One finding with every field filled: the reference for columns, tests and documentation. */
export const goldenFinding: Finding = {
  id: 'f-0123456789abcdef',
  version: 1,
  detector: { id: 'credential-stuffing', version: 1 },
  threat: 'OAT-008',
  title: 'Credential stuffing',
  summary: '212 of 220 login attempts failed in 9 s, 4 % are normal here',
  severity: 'high',
  confidence: 0.99,
  state: 'open',
  subject: {
    kind: 'campaign',
    actors: [
      { kind: 'address', value: '203.0.113.9' },
      { kind: 'fingerprint', value: 'c3a1b2d4e5f60718' },
    ],
    endpoint: { id: '00112233445566ff', host: 'shop.example', method: 'POST', pathTemplate: '/api/v1/login' },
  },
  firstSeenUs: 1_790_000_000_000_000,
  lastSeenUs: 1_790_000_009_000_000,
  detectedAtUs: 1_790_000_003_000_000,
  evidence: {
    transactionIds: ['0123456789abcdef0123456789abcdef'],
    transactionCount: 212,
    counts: { attempts: 220, failures: 212 },
    baseline: { failureRatio: 0.04 },
    observed: { failureRatio: 0.96 },
    statistic: 31.2,
    threshold: 24,
  },
  blindness: { unansweredRequests: 3 },
}
