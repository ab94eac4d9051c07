/** The sensor's numbers for /metrics: the same that `capture --stats` prints. No label comes from traffic. */

import { overloadStates } from '@tapwarden/contracts/sensor-interval'
import type { Metrics } from '@tapwarden/runtime/metrics'
import type { CaptureStatistics } from '@tapwarden/service-capture/capture-statistics'

/** `statistics` is asked at each scrape; undefined while no sensor runs. */
export function addSensorMetrics(metrics: Metrics, statistics: () => CaptureStatistics | undefined): void {
  const plain = (name: string, help: string, value: (now: CaptureStatistics) => number): void => {
    metrics.gauge({ name, help }, (gauge) => {
      const now = statistics()
      if (now !== undefined) gauge.set(value(now))
    })
  }
  plain('capture_packets', 'Packets seen since the start.', (now) => now.packetCount)
  plain('capture_bytes', 'Bytes of these packets, as captured.', (now) => now.bytes)
  plain('capture_flows', 'Connections seen since the start.', (now) => now.flowCount)
  plain('capture_open_flows', 'Connections tracked now.', (now) => now.openFlowCount)
  plain('capture_transactions', 'Transactions seen since the start.', (now) => now.transactionCount)
  plain('capture_sampled_out', 'Transactions for which others stand.', (now) => now.sampledOutCount)
  plain('capture_missed_bytes', 'Bytes that connections carried and that were never seen.', (now) => now.missedBytes)
  plain('capture_opaque_bytes', 'Bytes of connections that cannot be read.', (now) => now.opaqueBytes)
  plain('capture_tls_bytes', 'Bytes of TLS connections.', (now) => now.tls.bytes)
  plain('capture_tls_undecrypted_bytes', 'Of these, bytes that could not be read.', (now) => now.tls.undecryptedBytes)
  metrics.gauge(
    {
      name: 'capture_drops',
      help: 'Lost since the start: packets by the kernel, transactions by the queue, what a limit left no room for.',
      labels: ['by'] as const,
    },
    (gauge) => {
      for (const [by, count] of Object.entries(statistics()?.drops ?? {})) gauge.set({ by }, count)
    },
  )
  metrics.gauge(
    { name: 'capture_overload_state', help: '1 for the state that the sensor is in.', labels: ['state'] as const },
    (gauge) => {
      const now = statistics()
      if (now === undefined) return
      for (const state of overloadStates) gauge.set({ state }, now.overloadState === state ? 1 : 0)
    },
  )
  metrics.gauge(
    { name: 'capture_source_faults', help: 'What went wrong with the source.', labels: ['fault'] as const },
    (gauge) => {
      for (const [fault, count] of Object.entries(statistics()?.source ?? {})) gauge.set({ fault }, count)
    },
  )
}
