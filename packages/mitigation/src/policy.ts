/** Policy: which finding leads to which decision, for how long, and who is never decided against. Parsed at the door, trusted inside. */

import { remediations } from '@tapwarden/contracts/decision'
import { actorKinds, type Finding, severities } from '@tapwarden/contracts/finding'
import { z } from 'zod'
import { isAddress, isNetwork } from './address.js'

/** What a finding of one threat leads to. */
const measureSchema = z.strictObject({
  /** OWASP number as findings carry it: `OAT-008`. */
  threat: z.string(),
  minSeverity: z.enum(severities).default('medium'),
  minConfidence: z.number().min(0).max(1).default(0.8),
  type: z.enum(remediations),
  /** How long after the last event that it rests on. */
  ttlMs: z.int().positive().max(86_400_000),
  /** The actors it is taken against; others that the finding names are left alone. */
  scopes: z.array(z.enum(actorKinds)).min(1),
  /** Where it holds: the finding's endpoint, its host, or anywhere. A finding without endpoint leads to nothing unless `anywhere`. */
  place: z.enum(['endpoint', 'host', 'anywhere']).default('endpoint'),
  /** Actors a finding may lead to decisions against, the busiest first. */
  actorsMaxCount: z.int().positive().max(10_000).default(2_000),
})
export type Measure = z.infer<typeof measureSchema>

const allowlistEntrySchema = z
  .strictObject({
    scope: z.enum(actorKinds),
    /** Addresses: an address or a CIDR. Other scopes: the value as transactions carry it, a token. */
    value: z.string(),
    /** Why, for whoever reads the audit log. */
    note: z.string().optional(),
  })
  .refine((entry) => entry.scope !== 'address' || isAddress(entry.value) || isNetwork(entry.value), {
    message: 'an address entry is an IP address or a CIDR',
    path: ['value'],
  })
export type AllowlistEntry = z.infer<typeof allowlistEntrySchema>

/** How many actors with a good history decisions may hit (blast-radius.ts). */
const blastRadiusSchema = z.strictObject({
  /** Share of the actors with a good history that the decisions of one finding may hit. */
  maxShare: z.number().min(0).max(1).default(0.001),
  /** So many may be hit in any case: by a finding about one named actor, and by one about a campaign. */
  actorFloorCount: z.int().nonnegative().default(1),
  campaignFloorCount: z.int().nonnegative().default(0),
  /** A good history: so many successful requests, the first of them within this long before the finding began. */
  successMinCount: z.int().positive().default(3),
  historyMs: z.int().positive().default(3_600_000),
})
export type BlastRadiusLimits = z.infer<typeof blastRadiusSchema>

export const policySchema = z.strictObject({
  /** Becomes the decision's origin. */
  name: z.string().min(1).default('default'),
  measures: z.array(measureSchema).default(() => [
    // Attributed addresses at the login endpoint only: whoever shares an address keeps the rest of the site.
    measureSchema.parse({ threat: 'OAT-008', type: 'ban', ttlMs: 900_000, scopes: ['address'] }),
    // The key at that endpoint: its other uses go on.
    measureSchema.parse({ threat: 'OAT-011', type: 'throttle', ttlMs: 900_000, scopes: ['access-token'] }),
  ]),
  /** Mutes enforcement only: findings about these actors are made and alerted like all others. */
  allowlist: z.array(allowlistEntrySchema).max(10_000).default([]),
  blastRadius: blastRadiusSchema.default(() => blastRadiusSchema.parse({})),
})
export type Policy = z.infer<typeof policySchema>

export const defaultPolicy: Policy = policySchema.parse({})

/** The first measure whose bars the finding passes. */
export function measureFor(policy: Policy, finding: Finding): Measure | undefined {
  return policy.measures.find(
    (measure) =>
      measure.threat === finding.threat &&
      severities.indexOf(finding.severity) >= severities.indexOf(measure.minSeverity) &&
      finding.confidence >= measure.minConfidence,
  )
}
