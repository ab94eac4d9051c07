/** Alert: delivery of a finding or a decision to people, once. What a webhook, a file or a chat receives, as one JSON line. */

import { z } from 'zod'
import { decisionSchema } from './decision.js'
import { findingSchema } from './finding.js'

export const alertSchema = z.object({
  /** The finding's or decision's id: a receiver drops what it has. */
  id: z.string(),
  kind: z.enum(['finding', 'decision']),
  severity: z.string(),
  title: z.string(),
  summary: z.string(),
  finding: findingSchema.optional(),
  decision: decisionSchema.optional(),
})
export type Alert = z.infer<typeof alertSchema>
