/**
 * What a live sensor does at twice the rate that it can get rid of: `overload-run [--seconds 20] [--rate 4000]`. A source hands frames on by the clock; a bus takes
 * half as many transactions a second. Prints what was kept, how well the weights add up for each endpoint, and what memory it took, as JSON.
 */

import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { Bus } from '@tapwarden/bus/bus'
import { topicNames } from '@tapwarden/contracts/names'
import { transactionTopic } from '@tapwarden/contracts/transaction'
import { type BuiltFrame, buildConversation, type Turn } from '@tapwarden/net/frame-builder'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { writePcap } from '@tapwarden/pcap/pcap-writer'
import { createRedactor } from '@tapwarden/redaction/redact-transaction'
import { silentLogger } from '@tapwarden/runtime/logger'
import { runCapture } from '@tapwarden/service-capture/capture-pipeline'
import { captureConfigSchema } from '@tapwarden/service-capture/config'
import type { FrameSink, FrameSource } from '@tapwarden/service-capture/frame-source'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '20' }, rate: { type: 'string', default: '4000' } },
})
const seconds = Number(values.seconds)
const ratePerSecond = Number(values.rate)
if (!(seconds > 0 && seconds <= 600 && ratePerSecond > 0 && ratePerSecond <= 20_000)) {
  throw new Error('usage: overload-run [--seconds 1…600] [--rate 1…20000]')
}

const tickMs = 20
const requestsPerConversation = 5
/** One in ten is a login. */
const loginEvery = 10
const endpointCount = 8

/** How often each endpoint, by method and path, was really called. */
const sent = new Map<string, number>()
let clientNumber = 0

function conversation(atUs: number): BuiltFrame[] {
  const turns: Turn[] = []
  for (let i = 0; i < requestsPerConversation; i++) {
    const number = clientNumber * requestsPerConversation + i
    const isLogin = number % loginEvery === 0
    const request = isLogin ? 'POST /login' : `GET /things-${number % endpointCount}`
    sent.set(request, (sent.get(request) ?? 0) + 1)
    const length = isLogin ? 'Content-Length: 2\r\n' : ''
    const text = `${request} HTTP/1.1\r\nHost: shop.example\r\n${length}\r\n${isLogin ? '{}' : ''}`
    turns.push({ direction: 'c2s', bytes: Buffer.from(text) })
    turns.push({ direction: 's2c', bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}') })
  }
  const client = clientNumber++
  const clientIp = `10.${(client >> 16) & 255}.${(client >> 8) & 255}.${client & 255}`
  const ends = { clientIp, clientPort: 40_000, serverIp: '198.51.100.7', serverPort: 80 }
  return buildConversation(ends, turns, atUs, 100)
}

/** Frames by the clock: what is due at a tick is handed on at it. */
class PacedSource implements FrameSource {
  #frameCount = 0

  async frames(sink: FrameSink): Promise<void> {
    const startMs = performance.now()
    for (let due = 0; performance.now() - startMs < seconds * 1_000; ) {
      const target = ((performance.now() - startMs) / 1_000) * (ratePerSecond / requestsPerConversation)
      const frames: BuiltFrame[] = []
      for (; due < target; due++) frames.push(...conversation(Date.now() * 1_000))
      const capture = writePcap(frames, { linkType: 1 })
      const reader = new PcapReader({ onFrame: (frame) => sink.frame(frame) })
      reader.push(capture, 0, capture.length)
      this.#frameCount += frames.length
      await sink.afterBlock?.()
      await delay(tickMs)
    }
  }

  async stop(): Promise<void> {}

  statistics() {
    return {
      frameCount: this.#frameCount,
      bytesRead: 0,
      totalBytes: undefined,
      kernelDroppedCount: 0,
      restartCount: 0,
      warnings: [],
    }
  }
}

const weighted = new Map<string, number>()
const published = new Map<string, number>()
const states = new Set<string>()
let mostBytes = 0

/** Takes half of what comes, by the clock. */
const bus: Bus = {
  publish: async (topic, records) => {
    if (topic !== topicNames.transactions) return
    let count = 0
    for (const record of records) {
      count += record.messageCount
      for (const { method, path, weight } of transactionTopic.decode(record.value)) {
        const endpoint = `${method} ${path}`
        weighted.set(endpoint, (weighted.get(endpoint) ?? 0) + weight)
        published.set(endpoint, (published.get(endpoint) ?? 0) + 1)
      }
    }
    await delay((count / (ratePerSecond / 2)) * 1_000)
  },
  subscribe: () => {
    throw new Error('nobody reads here')
  },
  lag: () => 0,
  drained: async () => undefined,
  close: async () => undefined,
}

const memory = setInterval(() => {
  mostBytes = Math.max(mostBytes, process.memoryUsage.rss())
}, 250)
let running: (() => { overloadState: string }) | undefined
const looking = setInterval(() => {
  if (running !== undefined) states.add(running().overloadState)
}, 100)
const summary = await runCapture({
  source: new PacedSource(),
  bus,
  redactor: createRedactor({ fleetKey: new Uint8Array(32).fill(7), keyNumber: 1 }),
  config: captureConfigSchema.parse({}),
  logger: silentLogger,
  whenBusIsFull: 'shed',
  onStart: (statistics) => {
    running = statistics
  },
})
clearInterval(memory)
clearInterval(looking)
const logins = 'POST /login'
console.log(
  JSON.stringify(
    {
      seconds,
      sentPerSecond: ratePerSecond,
      takenPerSecond: ratePerSecond / 2,
      seen: summary.transactionCount,
      leftOut: summary.sampledOutCount,
      lost: summary.shedCount,
      states: [...states],
      loginsKept: (published.get(logins) ?? 0) / (sent.get(logins) ?? 1),
      weightedByTruth: Object.fromEntries(
        [...sent].map(([endpoint, count]) => [endpoint, Number(((weighted.get(endpoint) ?? 0) / count).toFixed(4))]),
      ),
      residentMiB: Math.round(mostBytes / 1_048_576),
    },
    undefined,
    2,
  ),
)
