/**
 * The sensor alone, in a process of its own: `capture-process FILE shape|sample`. From the file through redaction and encoding to batches, onto a bus that
 * counts and drops. Prints what it counted as one line of JSON. `capture-bench` runs it cold and reads its CPU.
 */

import type { Bus } from '@tapwarden/bus/bus'
import { topicNames } from '@tapwarden/contracts/names'
import { createRedactor } from '@tapwarden/redaction/redact-transaction'
import { runCapture } from '@tapwarden/service-capture/capture-pipeline'
import { captureConfigSchema } from '@tapwarden/service-capture/config'
import { PcapFileSource } from '@tapwarden/service-capture/pcap-file'

export interface CaptureCount {
  readonly transactionCount: number
  readonly packetCount: number
  readonly publishedCount: number
  readonly lineBytes: number
}

const fleetKey = new Uint8Array(32).fill(7)
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined, debug: () => undefined }

async function main(): Promise<void> {
  const [capture, treatment] = process.argv.slice(2)
  if (capture === undefined || (treatment !== 'shape' && treatment !== 'sample')) {
    throw new Error('usage: capture-process FILE shape|sample')
  }
  let publishedCount = 0
  let lineBytes = 0
  const bus: Bus = {
    publish: async (topic, records) => {
      if (topic !== topicNames.transactions) return
      for (const { messageCount, value } of records) {
        publishedCount += messageCount
        lineBytes += value.length
      }
    },
    subscribe: () => {
      throw new Error('nobody reads here')
    },
    lag: () => 0,
    drained: async () => undefined,
    close: async () => undefined,
  }
  const { transactionCount, packetCount } = await runCapture({
    source: new PcapFileSource([capture]),
    bus,
    redactor: createRedactor({ fleetKey, keyNumber: 1, contentPolicy: () => treatment }),
    config: captureConfigSchema.parse({}),
    logger: quiet as never,
  })
  const count: CaptureCount = { transactionCount, packetCount, publishedCount, lineBytes }
  console.log(JSON.stringify(count))
}

await main()
