/** Configuration of the alerter: where alerts go. */

import { severities } from '@tapwarden/contracts/finding'
import { secret } from '@tapwarden/runtime/config'
import { z } from 'zod'

export const alerterConfigSchema = z.strictObject({
  /** A file that alerts are appended to, or `-` for stdout. */
  file: z.string().min(1).optional(),
  webhook: z
    .strictObject({
      /** Secret, since chat services put their key into it. */
      url: secret(z.url({ protocol: /^https?$/ })),
      /** Shared with the receiver; see `runtime/signed-webhook.ts`. */
      secret: secret(z.string().min(16)),
      timeoutMs: z.int().min(100).max(60_000).default(5_000),
    })
    .optional(),
  /** Findings below it are not alerted; neither are their decisions, which are made of findings that pass the policy. */
  minSeverity: z.enum(severities).default('low'),
  /** Decisions too. */
  decisions: z.boolean().default(true),
})
export type AlerterConfig = z.infer<typeof alerterConfigSchema>
