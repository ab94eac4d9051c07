/** Endpoints: catalog rows, the snapshot that every consumer resolves paths with, and redirects between ids. */

import { z } from 'zod'
import { topicNames } from './names.js'
import { defineTopic } from './topic.js'

/** 16 hex digits: hash of host, method and path template. Stable while the template is. */
const endpointId = z.string().regex(/^[0-9a-f]{16}$/)

export const endpointSchema = z.object({
  id: endpointId,
  host: z.string(),
  method: z.string(),
  /** `/users/{userId}`; a parameter may stand inside a segment: `/files/{fileId}.json`. */
  pathTemplate: z.string(),
  /** True while the template is only the literal path of what was seen. */
  provisional: z.boolean(),
  firstSeenUs: z.int(),
  lastSeenUs: z.int(),
  transactionCount: z.int(),
  /** How requests to it authenticate: scheme → count. */
  authSchemes: z.record(z.string(), z.int()),
  /** Sensitive types: `in:name:type` → count. */
  sensitive: z.record(z.string(), z.int()),
  statusCounts: z.record(z.string(), z.int()),
  /** Version of the reducer's output: the row with the highest one counts. */
  version: z.int(),
})
export type Endpoint = z.infer<typeof endpointSchema>

export const endpointRedirectSchema = z.object({
  fromId: endpointId,
  toId: endpointId,
  reason: z.string(),
  decidedAtUs: z.int(),
})
export type EndpointRedirect = z.infer<typeof endpointRedirectSchema>

/** The decided templates of a host at a version, and the event time from which they hold (DESIGN "Decided" 6). */
export const endpointSnapshotSchema = z.object({
  host: z.string(),
  version: z.int(),
  effectiveFromUs: z.int(),
  endpoints: z.array(z.object({ id: endpointId, method: z.string(), pathTemplate: z.string() })),
  redirects: z.array(endpointRedirectSchema),
})
export type EndpointSnapshot = z.infer<typeof endpointSnapshotSchema>

export const endpointTopic = defineTopic<EndpointSnapshot>(topicNames.endpoints, endpointSnapshotSchema)
