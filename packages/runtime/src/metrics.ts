/** Counters and gauges of one process, scraped in Prometheus' text format. Names get the prefix here and nowhere else. */

import { assert } from '@tapwarden/base/assert'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface MetricOptions<Label extends string> {
  /** Without the prefix; counters end in `_total`, others in their unit (`_bytes`, `_seconds`). */
  readonly name: string
  readonly help: string
  /** A label's values come from a small fixed vocabulary, never from traffic. */
  readonly labels?: readonly Label[]
}

export interface Metrics {
  readonly contentType: string
  counter<Label extends string>(options: MetricOptions<Label>): Counter<Label>
  /** With `collect`, the value is asked for at each scrape. */
  gauge<Label extends string>(options: MetricOptions<Label>, collect?: (gauge: Gauge<Label>) => void): Gauge<Label>
  histogram<Label extends string>(options: MetricOptions<Label>, buckets: readonly number[]): Histogram<Label>
  /** Everything in the text format. */
  text(): Promise<string>
}

export interface CreateMetricsOptions {
  /** Such as `contracts/names.ts` spells it. */
  readonly prefix: string
  /** Also those of the process: CPU, memory, event loop, garbage collection. */
  readonly process?: boolean
}

export function createMetrics(options: CreateMetricsOptions): Metrics {
  assert(/^[a-z]+_$/.test(options.prefix), 'a metric prefix is a word and an underscore')
  const registry = new Registry()
  if (options.process === true) collectDefaultMetrics({ register: registry, prefix: options.prefix })
  const full = <Label extends string>(metric: MetricOptions<Label>) => ({
    name: `${options.prefix}${metric.name}`,
    help: metric.help,
    labelNames: [...(metric.labels ?? [])],
    registers: [registry],
  })
  return {
    contentType: registry.contentType,
    counter: (metric) => new Counter(full(metric)),
    gauge: (metric, collect) => {
      const gauge: Gauge<(typeof metric.labels & string[])[number]> = new Gauge({
        ...full(metric),
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      })
      return gauge
    },
    histogram: (metric, buckets) => new Histogram({ ...full(metric), buckets: [...buckets] }),
    text: () => registry.metrics(),
  }
}
