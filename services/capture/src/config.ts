/** The sensor's configuration: every limit and timeout of the path from frame to record, each with its default. */

import { hopClaims, isCidr } from '@tapwarden/redaction/client-address'
import type { ContentPolicy, ContentTreatment } from '@tapwarden/redaction/redact-transaction'
import { z } from 'zod'
import { captureProgramNames } from './sources/capture-program.js'
import { tunnelsSchema } from './tunnel-options.js'

const bytes = (standard: number) => z.int().positive().default(standard)
const count = (standard: number) => z.int().positive().default(standard)
const milliseconds = (standard: number) => z.int().positive().default(standard)

const flowsSchema = z.strictObject({
  /** Connections tracked at once; the longest idle leaves. */
  maxCount: count(65_536),
  idleTimeoutMs: milliseconds(600_000),
  closedTimeoutMs: milliseconds(5_000),
  /** Data that came too early, of one direction and of all. */
  halfBufferMaxBytes: bytes(4_194_304),
  bufferMaxBytes: bytes(33_554_432),
  /** How long a hole may stay open that nobody acknowledged. */
  gapTimeoutMs: milliseconds(5_000),
})

const httpSchema = z.strictObject({
  headMaxBytes: bytes(65_536),
  pendingRequestsMax: count(1_000),
  contentMaxBytes: bytes(1_048_576),
  decodedMaxBytes: bytes(8_388_608),
  flowBufferedMaxBytes: bytes(4_194_304),
  totalBufferedMaxBytes: bytes(67_108_864),
})

const batchSchema = z.strictObject({
  /** Transactions of one partition that travel in one record. */
  maxTransactions: z.int().min(1).max(10_000).default(64),
  maxBytes: bytes(262_144),
  /** Live: a transaction waits so long for others, at most. */
  lingerMs: milliseconds(200),
})

/** Of `up --interface`. */
const liveSchema = z.strictObject({
  /** `auto`: tcpdump, and dumpcap where there is no tcpdump, or none that may capture. */
  program: z.enum(['auto', ...captureProgramNames]).default('auto'),
  /** The kernel's ring: two thousand frames where the link may carry 64 KiB ones. */
  bufferKib: count(131_072),
  /** Restarts in a row that bring no frame, before the capture has failed. */
  restartMaxCount: count(20),
})

/** Of `up --listen`. */
const listenSchema = z.strictObject({
  /** Of each socket, as far as net.core.rmem_max lets the kernel grant it. */
  receiveBufferBytes: bytes(33_554_432),
  /** Addresses and CIDR ranges whose datagrams are taken; all when empty. Whoever may send to the port makes what the sensor sees. */
  senders: z.array(z.string().refine(isCidr, 'an address or a CIDR range')).default([]),
})

/** Of `up --follow`. */
const followSchema = z.strictObject({
  /** Between two looks at a folder in which nothing is new. */
  pollMs: milliseconds(250),
  /** Between two notes of how far everything is stored. */
  checkpointMs: milliseconds(30_000),
  /** Event time that a restart reads again, for connections that were open: at least as long as the longest request may take. */
  rewindMs: z.int().min(1_000).default(600_000),
})

/** What is encrypted, and with what it may be read. */
const tlsSchema = z.strictObject({
  /** Secrets in the format of SSLKEYLOGFILE. Read when the sensor starts, and live as it grows. */
  keyLogFile: z.string().min(1).optional(),
  /** Live: between two looks at that file. */
  keyLogPollMs: milliseconds(200),
  /** Live: records that wait for secrets, of one connection; and what all connections hold together. */
  pendingMaxBytes: bytes(262_144),
  totalMaxBytes: bytes(67_108_864),
})

/** Live: fewer transactions are looked at before any is lost; each says for how many it stands. */
const overloadSchema = z.strictObject({
  /** Frames may be read so much later than the promptest so far. */
  lagMaxMs: milliseconds(2_000),
  /** One ordinary transaction in so many is kept at least: a power of two; 1 never leaves any out. */
  oneInMax: z
    .int()
    .min(1)
    .max(1_024)
    .refine((oneIn) => (oneIn & (oneIn - 1)) === 0, 'a power of two')
    .default(1_024),
})

const contentPolicies = ['none', 'sample', 'shape'] as const

export const captureConfigSchema = z.strictObject({
  sensorId: z.string().min(1).max(64).default('sensor-1'),
  /** Addresses and CIDR ranges of our own proxies, whose forwarded client addresses are believed. */
  trustedHops: z.array(z.string().refine(isCidr, 'an address or a CIDR range')).default([]),
  /**
   * What those proxies say the client's address in. Say what yours write: with both fields believed, whoever sends the other one along
   * makes his address count as spoofable.
   */
  trustedHopsWrite: z.array(z.enum(hopClaims)).default([...hopClaims]),
  content: z
    .strictObject({
      /** What is looked at of content: nothing, one response in `sampling` (requests, logins and errors always), everything. */
      policy: z.enum(contentPolicies).default('shape'),
      /** Exceptions by host, lower case, without wildcard. */
      hosts: z.record(z.string(), z.enum(contentPolicies)).default({}),
      /** Hosts whose schemas have settled: short for `sample` under `hosts`, which wins. */
      sampled: z.array(z.string()).default([]),
      /** `sample` looks at one in so many. */
      sampling: z.int().min(2).max(1_000).default(10),
    })
    .prefault({}),
  live: liveSchema.prefault({}),
  listen: listenSchema.prefault({}),
  follow: followSchema.prefault({}),
  flows: flowsSchema.prefault({}),
  http: httpSchema.prefault({}),
  tunnels: tunnelsSchema.prefault({}),
  tls: tlsSchema.prefault({}),
  batch: batchSchema.prefault({}),
  /** Live: records that may wait for the bus before new ones are shed, the newest first. A file waits instead. */
  queueMaxRecords: count(1_024),
  overload: overloadSchema.prefault({}),
  /** Event time between two records of what the sensor saw. */
  intervalMs: milliseconds(10_000),
})

export type CaptureConfig = z.infer<typeof captureConfigSchema>

/** For the redactor: the policy of a host. */
export function contentPolicyOf(config: CaptureConfig): ContentPolicy {
  const { policy, sampled } = config.content
  const hosts = new Map<string, ContentTreatment>(sampled.map((host) => [host, 'sample']))
  for (const [host, treatment] of Object.entries(config.content.hosts)) hosts.set(host, treatment)
  return hosts.size === 0 ? () => policy : (host) => hosts.get(host) ?? policy
}
