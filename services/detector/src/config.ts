/** Configuration of the detector service. Thresholds of the detectors are those of `@tapwarden/detection/detection-config`. */

import { detectionConfigSchema } from '@tapwarden/detection/detection-config'
import { z } from 'zod'

export const detectorConfigSchema = z.strictObject({
  detection: detectionConfigSchema.prefault({}),
  /** A transaction waits at most so long for older ones of other partitions: time that an attack gains, against order. */
  reorderMaxMs: z.int().nonnegative().max(10_000).default(50),
  reorderMaxCount: z.int().positive().default(50_000),
  /** At start the state is rebuilt from the newest transactions in the store: at most so many, and so old. */
  restoreMaxCount: z.int().nonnegative().default(200_000),
  restoreMaxHours: z.int().positive().default(192),
  /** Ids of the last transactions, which a redelivery is recognised by: so many at least, twice as many at most; about 40 bytes each. */
  recentIdsMaxCount: z.int().positive().default(200_000),
})
export type DetectorConfig = z.infer<typeof detectorConfigSchema>
