/** All settings of the embedded stack: each service's own schema under its name, and what only the stack has. */

import { logLevels } from '@tapwarden/runtime/logger'
import { alerterConfigSchema } from '@tapwarden/service-alerter/config'
import { captureConfigSchema } from '@tapwarden/service-capture/config'
import { catalogConfigSchema } from '@tapwarden/service-catalog/config'
import { detectorConfigSchema } from '@tapwarden/service-detector/config'
import { mitigatorConfigSchema } from '@tapwarden/service-mitigator/config'
import { z } from 'zod'

export const tapwardenConfigSchema = z.object({
  store: z
    .object({
      /** Default: see default-folders.ts. */
      folder: z.string().min(1).optional(),
      /** Port of the engine's HTTP interface on loopback; 0 is any free one. */
      port: z.int().min(0).max(65_535).default(0),
    })
    .prefault({}),
  /** The fleet key that tokens are made with. Default: see default-folders.ts. */
  keyFile: z.string().min(1).optional(),
  log: z
    .object({
      /** Default: `warn` for commands that answer, `info` for `up`. */
      level: z.enum(logLevels).optional(),
      /** `auto`: lines for a person on a terminal, JSON elsewhere. */
      format: z.enum(['auto', 'json', 'line']).default('auto'),
    })
    .prefault({}),
  health: z
    .object({
      host: z.string().default('127.0.0.1'),
      /** Of `up`: /livez, /readyz, /metrics. 0 is any free port. */
      port: z.int().min(0).max(65_535).default(0),
    })
    .prefault({}),
  capture: captureConfigSchema.prefault({}),
  catalog: catalogConfigSchema.prefault({}),
  detector: detectorConfigSchema.prefault({}),
  mitigator: mitigatorConfigSchema.prefault({}),
  /** Without a file and a webhook, alerts are appended to `alerts.ndjson` in the store folder. */
  alerter: alerterConfigSchema.prefault({}),
  bus: z
    .object({
      retainedMaxBytes: z
        .int()
        .positive()
        .default(64 * 1_048_576),
      retainedMaxRecords: z.int().positive().default(8_192),
    })
    .prefault({}),
})
export type TapwardenConfig = z.output<typeof tapwardenConfigSchema>
