import { assert } from '@tapwarden/base/assert'
import { type Bus, BusUnavailable, type OutgoingRecord } from '@tapwarden/bus/bus'
import { InProcessBus } from '@tapwarden/bus/in-process'
import { consumerGroups, type TopicName, topicNames } from '@tapwarden/contracts/names'
import { sensorIntervalTopic } from '@tapwarden/contracts/sensor-interval'
import { transactionTopic } from '@tapwarden/contracts/transaction'
import { FlowShare } from '@tapwarden/net/flow-share'
import { type BuiltFrame, buildConversation, type Turn } from '@tapwarden/net/frame-builder'
import { type FrameView, PcapReader } from '@tapwarden/pcap/pcap-reader'
import { writePcap } from '@tapwarden/pcap/pcap-writer'
import { createRedactor, type Redactor } from '@tapwarden/redaction/redact-transaction'
import { silentLogger } from '@tapwarden/runtime/logger'
import { describe, expect, it } from 'vitest'
import { type CaptureOptions, runCapture } from './capture-pipeline.js'
import { captureConfigSchema } from './config.js'
import type { FrameSink, FrameSource } from './sources/frame-source.js'

const startUs = 1_790_000_000_000_000
const redactor = createRedactor({ fleetKey: new Uint8Array(32).fill(7), keyNumber: 1 })

/** A capture in memory, in blocks of `blockBytes`. */
class MemorySource implements FrameSource {
  readonly #capture: Uint8Array
  readonly #blockBytes: number
  #frameCount = 0
  #isStopped = false

  constructor(frames: readonly BuiltFrame[], blockBytes = 4_096) {
    this.#capture = writePcap(frames, { linkType: 1 })
    this.#blockBytes = blockBytes
  }

  async frames(sink: FrameSink): Promise<void> {
    const reader = new PcapReader({ onFrame: (frame) => this.#hand(frame, sink) })
    for (let at = 0; at < this.#capture.length && !this.#isStopped; at += this.#blockBytes) {
      reader.push(this.#capture, at, Math.min(at + this.#blockBytes, this.#capture.length))
      await sink.afterBlock?.()
    }
  }

  #hand(frame: FrameView, sink: FrameSink): void {
    this.#frameCount++
    sink.frame(frame)
  }

  async stop(): Promise<void> {
    this.#isStopped = true
  }

  statistics() {
    const totalBytes = this.#capture.length
    return {
      frameCount: this.#frameCount,
      bytesRead: 0,
      totalBytes,
      kernelDroppedCount: 3,
      restartCount: 0,
      warnings: [],
    }
  }
}

/** `requests`: how many, or the method of each. */
function conversation(clientIndex: number, requests: number | readonly string[], atUs = startUs): BuiltFrame[] {
  const turns: Turn[] = []
  const methods = typeof requests === 'number' ? new Array<string>(requests).fill('GET') : requests
  for (const [i, method] of methods.entries()) {
    turns.push({
      direction: 'c2s',
      bytes: Buffer.from(`${method} /items/${i} HTTP/1.1\r\nHost: shop.example\r\n\r\n`),
    })
    turns.push({ direction: 's2c', bytes: Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}') })
  }
  const clientIp = `203.0.113.${clientIndex}`
  return buildConversation(
    { clientIp, clientPort: 40_000, serverIp: '198.51.100.7', serverPort: 80 },
    turns,
    atUs,
    1_000,
  )
}

/** Keeps what is published; `publish` waits for `gate`. */
function recordingBus(gate: () => Promise<void> = async () => undefined) {
  const records: (OutgoingRecord & { topic: TopicName })[] = []
  const bus: Bus = {
    publish: async (topic, outgoing) => {
      await gate()
      for (const record of outgoing) records.push({ ...record, topic })
    },
    subscribe: () => {
      throw new BusUnavailable('subscribe', { retryable: false })
    },
    lag: () => 0,
    drained: async () => undefined,
    close: async () => undefined,
  }
  const of = (topic: TopicName) => records.filter((record) => record.topic === topic)
  return {
    bus,
    of,
    transactions: () => of(topicNames.transactions).flatMap((each) => transactionTopic.decode(each.value)),
  }
}

/** Batches close by number alone, however slow the machine is. */
function options(
  source: FrameSource,
  bus: Bus,
  { batch, ...config }: { batch?: object; [key: string]: unknown } = {},
): CaptureOptions {
  return {
    source,
    bus,
    redactor,
    config: captureConfigSchema.parse({ ...config, batch: { lingerMs: 60_000, ...batch } }),
    logger: silentLogger,
  }
}

describe('runCapture', () => {
  it('turns frames into valid records, at most 64 transactions each, of one partition each', async () => {
    const { bus, of, transactions } = recordingBus()
    const summary = await runCapture(options(new MemorySource(conversation(1, 150)), bus))
    expect(summary).toMatchObject({
      transactionCount: 150,
      flowCount: 1,
      orphanResponseCount: 0,
      kernelDropCount: 3,
      anomalies: {},
    })
    expect(of(topicNames.transactions).map((record) => record.messageCount)).toEqual([64, 64, 22])
    expect(transactions().map((each) => transactionTopic.parse(each).path)).toEqual(
      [...Array(150).keys()].map((i) => `/items/${i}`),
    )
  })

  it('counts contents that could not be decoded', async () => {
    const turns: Turn[] = ['gzip', 'identity', 'x-own'].flatMap((coding) => [
      { direction: 'c2s', bytes: Buffer.from('GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n') },
      {
        direction: 's2c',
        bytes: Buffer.from(
          `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: 4\r\n\r\n\x1f\x01\x02\x03`,
        ),
      },
    ])
    const ends = { clientIp: '203.0.113.1', clientPort: 40_000, serverIp: '198.51.100.7', serverPort: 80 }
    const source = new MemorySource(buildConversation(ends, turns, startUs, 1_000))
    const summary = await runCapture(options(source, recordingBus().bus))
    expect(summary).toMatchObject({ transactionCount: 3, undecodedContentCount: 2 })
  })

  it('loses one connection to a fault of ours, not the sensor, and says so once', async () => {
    const { bus, transactions } = recordingBus()
    const errors: unknown[] = []
    const logger = { ...silentLogger, error: (...told: unknown[]) => errors.push(told) }
    const clients = [1, 2, 3, 4].flatMap((client) => conversation(client, 10, startUs + client * 777))
    const frames = clients.sort((a, b) => a.timestampUs - b.timestampUs)
    const faults: Readonly<Record<string, () => void>> = {
      '203.0.113.2 5': () => assert(false, 'what was captured'),
      '203.0.113.3 8': () => {
        throw new RangeError('what was captured')
      },
    }
    const faulty: Redactor = {
      ...redactor,
      redact: (flow, raw) => {
        faults[`${flow.clientIp} ${raw.flowIndex}`]?.()
        return redactor.redact(flow, raw)
      },
    }
    const summary = await runCapture({ ...options(new MemorySource(frames), bus), redactor: faulty, logger })
    expect(summary).toMatchObject({ flowFaultCount: 2, anomalies: { 'sensor.flow-fault': 2 } })
    expect(transactions().length).toBe(10 + 5 + 8 + 10)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject([{ fault: 'AssertionFailed' }, expect.stringContaining('sensor.flow-fault')])
    expect(JSON.stringify(errors)).not.toContain('what was captured')
  })

  it('gives the same multiset of lines however the source is cut into blocks', async () => {
    const frames = [...conversation(1, 20), ...conversation(2, 20)].sort((a, b) => a.timestampUs - b.timestampUs)
    const lines = async (blockBytes: number) => {
      const { bus, of } = recordingBus()
      await runCapture(options(new MemorySource(frames, blockBytes), bus))
      return of(topicNames.transactions)
        .flatMap((record) => Buffer.from(record.value).toString().split('\n'))
        .sort()
    }
    expect(await lines(101)).toEqual(await lines(1_000_000))
  })

  it('gives the same multiset of lines for any number of workers', async () => {
    const clients = [...Array(9).keys()].flatMap((client) => conversation(client, 20, startUs + client * 777))
    const frames = clients.sort((a, b) => a.timestampUs - b.timestampUs)
    const lines = async (workerCount: number) => {
      const { bus, of } = recordingBus()
      for (let workerIndex = 0; workerIndex < workerCount; workerIndex++) {
        const share = new FlowShare({ workerIndex, workerCount })
        await runCapture({ ...options(new MemorySource(frames), bus), share })
      }
      const text = of(topicNames.transactions).map((record) => Buffer.from(record.value).toString())
      return text.join('').trimEnd().split('\n').sort()
    }
    const alone = await lines(1)
    expect(alone).toHaveLength(180)
    for (const workerCount of [2, 3, 4]) expect(await lines(workerCount)).toEqual(alone)
  })

  it('names the client by what a trusted balancer says in front of the connection', async () => {
    const header = 'PROXY TCP4 192.0.2.77 198.51.100.7 51234 80\r\n'
    const request = 'GET / HTTP/1.1\r\nHost: shop.example\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n'
    const frames = buildConversation(
      { clientIp: '10.0.0.1', clientPort: 40_000, serverIp: '198.51.100.7', serverPort: 80 },
      [{ direction: 'c2s', bytes: Buffer.from(header + request) }],
      startUs,
    )
    const { bus, transactions } = recordingBus()
    const config = { trustedHops: ['10.0.0.0/8'] }
    const trusting = createRedactor({ fleetKey: new Uint8Array(32).fill(7), keyNumber: 1, ...config })
    await runCapture({ ...options(new MemorySource(frames), bus, config), redactor: trusting })
    expect(transactions()).toMatchObject([
      {
        clientIp: '10.0.0.1',
        clientAddress: '192.0.2.77',
        clientAddressSource: 'proxy-protocol',
        clientAddressSpoofable: false,
        forwardedFor: ['6.6.6.6', '192.0.2.77'],
      },
    ])
  })

  it('publishes the same records in the same order however the source is cut and paced, close together in event time', async () => {
    const lingerMs = 3
    const clients = [...Array(12).keys()]
    const frames = clients
      .flatMap((client) => conversation(client, 40, startUs + client * 7_000))
      .sort((a, b) => a.timestampUs - b.timestampUs)
    const published = async (blockBytes: number) => {
      // A bus so slow that a clock would close batches meanwhile, were it asked.
      const { bus, of } = recordingBus(() => new Promise((resolve) => setTimeout(resolve, 5)))
      const source = Object.assign(new MemorySource(frames, blockBytes), { comesAtOnce: true })
      await runCapture({
        ...options(source, bus),
        config: captureConfigSchema.parse({ batch: { lingerMs } }),
      })
      return of(topicNames.transactions).map(
        ({ partition, value }) => [partition, Buffer.from(value).toString()] as const,
      )
    }
    const records = await published(997)
    expect(records.length).toBeGreaterThan(20)
    expect(await published(50_000)).toEqual(records)
    let newestUs = 0
    for (const [, text] of records) {
      for (const { observedAtUs } of transactionTopic.decode(Buffer.from(text))) {
        expect(newestUs - observedAtUs).toBeLessThan(lingerMs * 1_000 + 10_000)
        newestUs = Math.max(newestUs, observedAtUs)
      }
    }
  })

  it('says by interval of event time what it saw', async () => {
    const { bus, of } = recordingBus()
    const frames = [...conversation(1, 2), ...conversation(2, 3, startUs + 25_000_000)]
    await runCapture(options(new MemorySource(frames), bus, { sensorId: 's-9' }))
    const intervals = of(topicNames.sensorIntervals).flatMap((record) => sensorIntervalTopic.decode(record.value))
    expect(intervals.map(({ sequence, transactionCount }) => [sequence, transactionCount])).toEqual([
      [0, 2],
      [1, 3],
    ])
    expect(sensorIntervalTopic.parse(intervals[1])).toMatchObject({
      sensorId: 's-9',
      fromUs: startUs + 25_000_000,
      flowCount: 1,
    })
    expect(intervals.reduce((sum, each) => sum + each.packetCount, 0)).toBe(frames.length)
  })

  it('lets a full bus hold a file back, without losing anything', async () => {
    const limits = { retainedMaxRecords: 2 }
    const bus = new InProcessBus(limits)
    const subscription = bus.subscribe({ topic: topicNames.transactions, group: consumerGroups.catalog })
    let seen = 0
    const reading = (async () => {
      for await (const batch of subscription.batches()) {
        for (const record of batch.records) seen += record.messageCount
        await batch.commit()
      }
    })()
    const summary = await runCapture(
      options(new MemorySource(conversation(1, 100)), bus, { batch: { maxTransactions: 3 } }),
    )
    await bus.close()
    await reading
    expect([summary.shedCount, seen]).toEqual([0, 100])
  })

  it('sheds the newest when live and the bus is full, and counts it', async () => {
    let open: () => void = () => undefined
    const opened = new Promise<void>((resolve) => {
      open = resolve
    })
    const { bus, transactions } = recordingBus(() => opened)
    const source = new MemorySource(conversation(1, 100))
    const running = runCapture({
      ...options(source, bus, {
        batch: { maxTransactions: 1 },
        queueMaxRecords: 10,
        overload: { oneInMax: 1 },
      }),
      whenBusIsFull: 'shed',
      onProgress: ({ transactionCount }) => transactionCount > 90 && open(),
    })
    const summary = await running
    expect(summary.shedCount).toBeGreaterThan(0)
    expect(transactions().length + summary.shedCount).toBe(summary.transactionCount)
  })

  it('leaves out ordinary transactions when live and pressed, and says for how many the others stand', async () => {
    const { bus, of, transactions } = recordingBus()
    const methods = Array.from({ length: 400 }, (_, i) => (i % 4 === 0 ? 'POST' : 'GET'))
    // The source tells of three packets that the kernel dropped: one step, and no second one in the time that this takes.
    const summary = await runCapture({
      ...options(new MemorySource(conversation(1, methods)), bus),
      whenBusIsFull: 'shed',
    })
    const published = transactions()
    expect(summary).toMatchObject({ transactionCount: 400, shedCount: 0, kernelDropCount: 3 })
    expect(summary.sampledOutCount).toBeGreaterThan(100)
    expect(published.length + summary.sampledOutCount).toBe(400)
    expect(published.filter(({ method }) => method === 'POST').map(({ weight }) => weight)).toEqual(
      new Array(100).fill(1),
    )
    const stoodFor = published.reduce((sum, { weight }) => sum + weight, 0)
    expect(Math.abs(stoodFor - 400)).toBeLessThan(5 * Math.sqrt(300))
    const intervals = of(topicNames.sensorIntervals).flatMap((each) => sensorIntervalTopic.decode(each.value))
    expect(intervals.map(({ overloadState }) => overloadState)).toContain('blind')
    expect(intervals.reduce((sum, each) => sum + (each.sampledOutCount ?? 0), 0)).toBe(summary.sampledOutCount)
  })

  it('leaves out nothing of a file', async () => {
    const { bus, transactions } = recordingBus()
    const summary = await runCapture(options(new MemorySource(conversation(1, 100)), bus))
    expect(summary.sampledOutCount).toBe(0)
    expect(transactions().map(({ weight }) => weight)).toEqual(new Array(100).fill(1))
  })

  it('stops at a signal with everything published that was captured', async () => {
    const { bus, transactions } = recordingBus()
    const abort = new AbortController()
    const summary = await runCapture({
      ...options(new MemorySource(conversation(1, 100)), bus),
      signal: abort.signal,
      onProgress: ({ transactionCount }) => transactionCount > 10 && abort.abort(),
    })
    expect(summary.transactionCount).toBeGreaterThan(10)
    expect(summary.transactionCount).toBeLessThan(100)
    expect(transactions().length).toBe(summary.transactionCount)
  })

  it.each([
    [false, 'rejects', 'a bus that is gone ends the capture'],
    [true, 'resolves', 'a bus that is away for a moment is tried again'],
  ])('retryable %s: %s, %s', async (retryable, outcome) => {
    let failures = 1
    const { bus } = recordingBus(async () => {
      if (failures-- > 0) throw new BusUnavailable('publish', { retryable })
    })
    const running = runCapture(options(new MemorySource(conversation(1, 5)), bus)).then(
      () => 'resolves',
      () => 'rejects',
    )
    expect(await running).toBe(outcome)
  })
})

it.each<[object, string]>([
  [{ flows: { maxCuont: 1 } }, 'an unknown key'],
  [{ trustedHops: ['10.0.0.0/99'] }, 'no range'],
  [{ trustedHopsWrite: ['x-real-ip'] }, 'a claim that is not read'],
  [{ batch: { maxTransactions: 0 } }, 'an empty record'],
  [{ content: { policy: 'everything' } }, 'no policy'],
])('configuration %j is refused: %s', (config, _why) =>
  expect(captureConfigSchema.safeParse(config).success).toBe(false))
