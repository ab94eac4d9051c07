/** What a sensor saw and could not see in one interval: blindness as data. The sequence shows intervals that were lost with a process. */

import { z } from 'zod'
import { topicNames } from './names.js'
import { defineTopic } from './topic.js'

const count = z.int().nonnegative()

/** From good to bad. `shedding`: fewer transactions are looked at, and each says for how many it stands. `blind`: something was lost of which nothing is known. */
export const overloadStates = ['calm', 'shedding', 'blind'] as const
export type OverloadState = (typeof overloadStates)[number]

export const sensorIntervalSchema = z.object({
  sensorId: z.string(),
  /** Random id of one run of the sensor, and the interval's number in it. */
  runId: z.string(),
  sequence: count,
  /** Capture clock, µs. */
  fromUs: count,
  toUs: count,
  packetCount: count,
  bytes: count,
  kernelDropCount: count,
  transactionCount: count,
  flowCount: count,
  missedBytes: count,
  /** Transactions shed on purpose, by declared policy. */
  shedCount: count,
  /** Transactions that others stand for, which say so by their weight. Absent before 0.6. */
  sampledOutCount: count.optional(),
  /** The worst that the sensor was in during the interval. Absent before 0.6. */
  overloadState: z.enum(overloadStates).optional(),
  /** Bytes on flows that are not HTTP or cannot be read (TLS without keys). */
  opaqueBytes: count,
  anomalies: z.record(z.string(), count),
})
export type SensorInterval = z.infer<typeof sensorIntervalSchema>

export const sensorIntervalTopic = defineTopic<SensorInterval>(topicNames.sensorIntervals, sensorIntervalSchema)
