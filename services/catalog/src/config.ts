/** Configuration of the catalog service: strict, every key with its default. */

import { z } from 'zod'

export const catalogConfigSchema = z.strictObject({
  /** Rows of one insert into the store, and how long a smaller one waits for more. */
  insertRowsMaxCount: z.int().min(1).max(100_000).default(20_000),
  insertBytesMax: z
    .int()
    .min(1)
    .default(32 * 1_048_576),
  insertWaitMs: z.int().min(1).max(60_000).default(1_000),
  /** Transactions decoded and not stored yet; reading pauses above it. */
  pendingRowsMaxCount: z.int().min(1).max(1_000_000).default(60_000),
  pendingMaxBytes: z
    .int()
    .min(1)
    .default(64 * 1_048_576),
  /** How often changed endpoints and schemas are written. */
  endpointsIntervalMs: z.int().min(100).max(3_600_000).default(5_000),
  /** Latest transactions read back at start, so that schemas go on where they were. */
  restoreTransactionsMaxCount: z.int().min(0).max(1_000_000).default(50_000),
})
export type CatalogConfig = z.infer<typeof catalogConfigSchema>

export const catalogConfigDefaults: CatalogConfig = catalogConfigSchema.parse({})
