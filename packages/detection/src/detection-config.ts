/**
 * Every threshold of the detectors, each with its reason. They come from the theory of the tests and from simulations of over-dispersed
 * benign traffic (README, Decisions); none comes from one site's traffic. What is normal at a site is learned, not written here.
 */

import { microsPerDay, microsPerHour, microsPerMinute, microsPerSecond } from '@tapwarden/base/units'
import { z } from 'zod'

const count = z.int().positive()
const spanUs = z.int().positive()
const positive = z.number().positive()
const ratio = z.number().gt(0).lt(1)

export const credentialStuffingConfigSchema = z.strictObject({
  /** Decided login outcomes, and event time, that an endpoint must show before its failures may be judged. */
  eventsMinCount: count.default(200),
  eventTimeMinUs: spanUs.default(15 * microsPerMinute),
  /** The odds of failure that the test looks for, over the learned ones. */
  oddsRatio: z.number().gt(1).default(4),
  /** Alarm threshold of the outcome tests: none in 3 million over-dispersed benign attempts at 24, some 7 a million at 16. */
  threshold: positive.default(24),
  /** A learned failure probability is held between these: below, few failures alarm; above, an attack passes for normal. */
  failureProbabilityMin: ratio.default(0.02),
  failureProbabilityMax: ratio.default(0.7),
  /** Outcomes that a learned probability remembers: an endpoint's, and one fingerprint's (which starts from the endpoint's). */
  endpointMemoryCount: count.default(5_000),
  fingerprintMemoryCount: count.default(2_000),
  /** Weight of the endpoint's probability in a fingerprint's, in outcomes. */
  fingerprintPriorCount: count.default(100),
  /** Distinct accounts, and passwords, per failed attempt that make it stuffing: 1 in theory; few accounts are cracking, few passwords spraying. */
  accountsPerAttemptMin: ratio.default(0.7),
  passwordsPerAttemptMin: ratio.default(0.5),
  /** A statistic above zero for so long without an alarm is a change of habits, and is learned. */
  excursionMaxUs: spanUs.default(6 * microsPerHour),
  /** Outage guards: log-likelihood ratio at which successes are held to be missing, or known-good logins to fail more than normal. */
  outageThreshold: positive.default(6),
  /** Normal rate of successes is remembered so long; long against an attack's onset, short against the day. */
  successRateMemoryUs: spanUs.default(30 * microsPerMinute),
  /** Share of innocent addresses accepted among those named (Wald's alpha), and the distinct accounts an address must have failed at. */
  namingError: ratio.default(0.0001),
  namingAccountsMinCount: count.min(2).default(2),
  /** An address's attempts are one episode until it pauses so long. In an episode failures at one account count once: a person, or a retrying program, is one surprise. */
  episodePauseUs: spanUs.default(10 * microsPerMinute),
  /** A campaign closes when its statistic is back at zero and so long has passed without evidence. */
  closeAfterUs: spanUs.default(5 * microsPerMinute),
  /** Updates of an open campaign: with each tenth more actors, and for fewer at most once in so long. */
  updateIntervalUs: spanUs.default(microsPerSecond),
  /** The change point's precision in a finding's id. */
  identityBucketUs: spanUs.default(5 * microsPerMinute),
  /** Login endpoints; each new session asks all of them whose login it followed. */
  endpointsMaxCount: count.default(256),
  fingerprintsMaxCount: count.default(1_024),
  partiesMaxCount: count.default(131_072),
  accountsMaxCount: count.default(262_144),
  actorsMaxCount: count.max(10_000).default(10_000),
})
export type CredentialStuffingConfig = z.infer<typeof credentialStuffingConfigSchema>

const rateTierSchema = z.strictObject({
  /** The rate that the test looks for, in multiples of normal. It never alarms below `(factor - 1) / ln(factor)` times normal. */
  factor: z.number().gt(1),
  threshold: positive,
})
export type RateTier = z.infer<typeof rateTierSchema>

export const scrapingConfigSchema = z.strictObject({
  /** Requests, and event time, that a key must show at an endpoint before its rate may be judged. */
  eventsMinCount: count.default(100),
  eventTimeMinUs: spanUs.default(30 * microsPerMinute),
  /** From this age a baseline knows its week: until then a nightly sync is unknown, and only what dwarfs one may alarm. */
  matureAfterUs: spanUs.default(7 * microsPerDay),
  /** Breaks even at 8.9 times normal; 700 times normal decides in 12 requests. */
  act: rateTierSchema.default({ factor: 32, threshold: 40 }),
  /** Breaks even at 26 times normal, above a sync of 20; 700 times normal decides in 9 requests. */
  actYoung: rateTierSchema.default({ factor: 128, threshold: 40 }),
  /** Breaks even at 3.4 times normal: worth knowing, not worth acting on. Mature baselines only. */
  observe: rateTierSchema.default({ factor: 8, threshold: 40 }),
  /** Requests since the change, without which a burst is a burst and no scraping. */
  requestsMinCount: count.default(15),
  /** The baseline's bins. */
  binUs: spanUs.default(5 * microsPerMinute),
  /** How many standard deviations of a bin's rate above its mean still count as normal: bursts are not changes. */
  dispersionCount: positive.default(2),
  /** Bins that the level remembers: a day of five-minute bins. */
  levelMemoryCount: count.default(288),
  /** An hour of the week follows its newest week so fast. */
  hourBlendRatio: ratio.default(0.3),
  /** Below this rate nothing is told apart from a person clicking: 15 requests in five minutes. */
  rateMinPerS: positive.default(0.05),
  closeAfterUs: spanUs.default(5 * microsPerMinute),
  /** A rate that stays is a new normal: the finding closes and the baseline starts again. */
  closeAtLatestAfterUs: spanUs.default(24 * microsPerHour),
  identityBucketUs: spanUs.default(5 * microsPerMinute),
  seriesMaxCount: count.default(65_536),
})
export type ScrapingConfig = z.infer<typeof scrapingConfigSchema>

export const detectionConfigSchema = z.strictObject({
  credentialStuffing: credentialStuffingConfigSchema.prefault({}),
  scraping: scrapingConfigSchema.prefault({}),
})
export type DetectionConfig = z.infer<typeof detectionConfigSchema>
