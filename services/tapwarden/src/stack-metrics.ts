/** The stack's own numbers for /metrics: what waits on the bus, by topic and by consumer group. */

import type { InProcessBus } from '@tapwarden/bus/in-process'
import { metricPrefix, topicNames } from '@tapwarden/contracts/names'
import { createMetrics, type Metrics } from '@tapwarden/runtime/metrics'

const topics = Object.values(topicNames)

export function stackMetrics(bus: InProcessBus): Metrics {
  const metrics = createMetrics({ prefix: metricPrefix, process: true })
  const labels = ['topic'] as const
  const byTopic = (name: string, help: string, value: (status: ReturnType<InProcessBus['status']>) => number): void => {
    metrics.gauge({ name, help, labels }, (gauge) => {
      for (const topic of topics) gauge.set({ topic }, value(bus.status(topic)))
    })
  }
  byTopic('bus_published_messages', 'Messages published since the start.', (status) => status.publishedMessageCount)
  byTopic('bus_retained_bytes', 'Bytes that some group has not committed.', (status) => status.retainedBytes)
  byTopic('bus_retained_records', 'Records that some group has not committed.', (status) => status.retainedRecordCount)
  byTopic(
    'bus_unheard_records',
    'Records dropped because no group had subscribed.',
    (status) => status.unheardRecordCount,
  )
  byTopic('bus_publish_waits', 'Times that a publisher had to wait for room.', (status) => status.publishWaitCount)
  return metrics
}
