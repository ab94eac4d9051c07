/**
 * The sensor, as the list of its steps:
 *
 *   frame ─► link, IP, fragments ─► flow ─► HTTP ─► redaction ─► batch of a partition ─► bus http.transactions.v1
 *   frame ─► interval of event time ──────────────────────────────────────────────────► bus sensor.intervals.v1
 *
 * Frame by frame all is synchronous; between the source's blocks we wait for the bus (a file), or shed and count (live).
 */

import { randomUUID } from 'node:crypto'
import type { Bus } from '@tapwarden/bus/bus'
import { topicNames } from '@tapwarden/contracts/names'
import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import type { TunnelStatistics } from '@tapwarden/net/decapsulation/tunnel-counts'
import type { FlowShare } from '@tapwarden/net/flow-share'
import type { FlowInfo } from '@tapwarden/net/flow-table'
import type { FrameView } from '@tapwarden/pcap/pcap-reader'
import type { Redactor } from '@tapwarden/redaction/redact-transaction'
import type { Logger } from '@tapwarden/runtime/logger'
import { KeyLog } from '@tapwarden/tls/key-log'
import { type CaptureStatistics, captureStatistics } from './capture-statistics.js'
import type { CaptureConfig } from './config.js'
import { Overload } from './overload.js'
import { type OverflowPolicy, RecordPublisher } from './record-publisher.js'
import { SensorIntervals, type SensorTotals } from './sensor-intervals.js'
import type { FrameSink, FrameSource } from './sources/frame-source.js'
import { KeyLogFile } from './tls/key-log-file.js'
import { type TlsSummary, tlsSummary } from './tls/tls-summary.js'
import { TransactionBatches } from './transaction-batches.js'
import { TransactionReader } from './transaction-reader.js'
import { tunnelOptionsOf } from './tunnel-options.js'

export interface CaptureOptions {
  readonly source: FrameSource
  readonly bus: Bus
  readonly redactor: Redactor
  readonly config: CaptureConfig
  readonly logger: Logger
  /** When the bus is full: a file waits, a live source sheds. Default `wait`. */
  readonly whenBusIsFull?: OverflowPolicy
  /**
   * The flows to read, where several workers read the same source; frames and their faults are counted by each. Records of all workers are
   * together those of one, in another order.
   */
  readonly share?: FlowShare
  /** Called once, before the first frame, with what tells how the sensor stands, whenever that is asked. */
  readonly onStart?: (statistics: () => CaptureStatistics) => void
  /** Secrets may still be written to the key log: connections wait for them. Default: where records are shed. */
  readonly keyLogGrows?: boolean
  /** After every block of the source. */
  readonly onProgress?: (progress: CaptureProgress) => void
  /**
   * Stops the source; what was captured is still published. Of a file, what is half read is not: the next run reads it whole, and then
   * must not find its id taken.
   */
  readonly signal?: AbortSignal
}

export interface CaptureProgress {
  readonly packetCount: number
  readonly transactionCount: number
  readonly bytesRead: number
  readonly totalBytes: number | undefined
  /** Capture clock of the newest frame, µs; 0 before the first. */
  readonly observedAtUs: number
}

export interface CaptureSummary {
  readonly packetCount: number
  /** Bytes of frames, as captured. */
  readonly bytes: number
  readonly flowCount: number
  readonly transactionCount: number
  readonly unansweredRequestCount: number
  readonly orphanResponseCount: number
  /** Messages whose content, or part of it, could not be decoded. */
  readonly undecodedContentCount: number
  /** Of the unanswered requests, those given up because too many waited, or held too much. */
  readonly pendingOverflowCount: number
  /** Connections given up because of a fault of the sensor's own. */
  readonly flowFaultCount: number
  readonly missedBytes: number
  readonly opaqueFlows: {
    readonly tls: number
    readonly http2: number
    readonly other: number
    readonly tunnel: number
  }
  readonly opaqueBytes: number
  readonly tls: TlsSummary
  readonly tunnels: TunnelStatistics
  readonly kernelDropCount: number
  readonly shedCount: number
  /** Transactions that others stand for. */
  readonly sampledOutCount: number
  readonly anomalies: Readonly<Record<string, number>>
  /** What was wrong with the source without ending it, in sentences. */
  readonly warnings: readonly string[]
}

/**
 * Runs until the source ends. Rejects with what the source or the bus failed with; what came before is published then, too. Rejects with `UserError`
 * when there is no key log where the configuration names one.
 */
export async function runCapture(options: CaptureOptions): Promise<CaptureSummary> {
  const { source, signal, config, logger } = options
  const { keyLogFile, keyLogPollMs } = config.tls
  const keys = keyLogFile === undefined ? undefined : await KeyLogFile.open(keyLogFile)
  const pipeline = new CapturePipeline(options, keys)
  const keysPoll = keys === undefined ? undefined : setInterval(() => void pipeline.takeKeys(), keyLogPollMs)
  options.onStart?.(() => pipeline.statistics())
  const stop = () => void source.stop()
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) stop()
  const linger = setInterval(() => pipeline.flushWaiting(), config.batch.lingerMs)
  try {
    await source.frames(pipeline)
  } finally {
    clearInterval(linger)
    clearInterval(keysPoll)
    signal?.removeEventListener('abort', stop)
    await pipeline.finish().finally(() => keys?.close())
  }
  const summary = pipeline.summary()
  logger.info({ transactions: summary.transactionCount, packets: summary.packetCount }, 'capture ended')
  return summary
}

class CapturePipeline implements FrameSink {
  readonly #options: CaptureOptions
  readonly #reader: TransactionReader
  readonly #batches: TransactionBatches
  readonly #intervals: SensorIntervals
  readonly #transactions: RecordPublisher
  readonly #intervalRecords: RecordPublisher
  readonly #isShedding: boolean
  readonly #overload: Overload
  #sampledOutCount = 0
  readonly #keys: KeyLogFile | undefined
  readonly #keyLogGrows: boolean
  /** Of the file, and of what captures bring along. */
  readonly #keyLog: KeyLog
  #packetCount = 0
  #bytes = 0
  #observedAtUs = 0
  #lastFrameAtMs = 0
  /** Event time at which the open batches close. */
  #closeAtUs = 0
  #hasFlowFault = false
  #hasKeysFault = false

  constructor(options: CaptureOptions, keys: KeyLogFile | undefined) {
    const { config, bus } = options
    const policy = options.whenBusIsFull ?? 'wait'
    this.#options = options
    this.#isShedding = policy === 'shed'
    this.#overload = new Overload(config.overload)
    this.#keys = keys
    this.#keyLog = keys?.keyLog ?? new KeyLog()
    const { pendingMaxBytes, totalMaxBytes } = config.tls
    // Beside a file the key log is as complete as it will be.
    this.#keyLogGrows = options.keyLogGrows ?? this.#isShedding
    if (!this.#keyLogGrows) keys?.keyLog.end()
    this.#reader = new TransactionReader({
      onTransaction: (flow, transaction) => this.#publish(flow, transaction),
      flowLimits: flowLimitsOf(config),
      httpLimits: config.http,
      tunnels: tunnelOptionsOf(config.tunnels),
      tls: {
        keyLog: this.#keyLog,
        waitsForKeys: keys !== undefined && this.#keyLogGrows,
        limits: { pendingMaxBytes, totalMaxBytes },
      },
      share: options.share,
      onFlowFault: (error) => this.#noteFlowFault(error),
    })
    this.#batches = new TransactionBatches(config.batch)
    this.#intervals = new SensorIntervals({
      sensorId: config.sensorId,
      runId: randomUUID(),
      intervalUs: config.intervalMs * 1_000,
      totals: () => this.#totals(),
      worstState: () => this.#overload.takeWorst(),
    })
    const { queueMaxRecords } = config
    this.#transactions = new RecordPublisher({ bus, topic: topicNames.transactions, policy, queueMaxRecords })
    this.#intervalRecords = new RecordPublisher({ bus, topic: topicNames.sensorIntervals, policy, queueMaxRecords })
  }

  frame(frame: FrameView): void {
    this.#offerInterval(this.#intervals.observe(frame.timestampUs))
    this.#packetCount++
    this.#bytes += frame.capturedBytes
    this.#observedAtUs = frame.timestampUs
    this.#reader.frame(frame)
    this.#closeByEventTime(frame.timestampUs)
  }

  tlsSecrets(bytes: Uint8Array, from: number, to: number): void {
    this.#keyLog.pushAside(bytes.subarray(from, to))
  }

  async afterBlock(): Promise<void> {
    this.#lastFrameAtMs = performance.now()
    this.#transactions.offer(this.#batches.takeFull())
    if (this.#isShedding) this.#weighLoad(Date.now() - this.#observedAtUs / 1_000)
    else await this.#settled()
    this.#options.onProgress?.(this.#progress())
  }

  /**
   * All partitions close together once event time has gone on by the linger: the order of records is then a function of the frames,
   * and partitions are never further apart in event time than that, however fast a file is read.
   */
  #closeByEventTime(atUs: number): void {
    const lingerUs = this.#options.config.batch.lingerMs * 1_000
    // A clock that jumped back (the next file is older) must not stop the closing.
    if (atUs < this.#closeAtUs && atUs >= this.#closeAtUs - lingerUs) return
    this.#closeAtUs = atUs + lingerUs
    this.#batches.closeOlder()
  }

  /** Called by the clock when no frame comes: what waits for company is sent, and event time goes on. */
  flushWaiting(): void {
    if (this.#options.source.comesAtOnce === true) return
    const lingerMs = this.#options.config.batch.lingerMs
    const quietMs = performance.now() - this.#lastFrameAtMs
    if (quietMs <= lingerMs) return
    if (this.#isShedding && this.#packetCount > 0) {
      this.#reader.advance(this.#observedAtUs + Math.trunc(quietMs * 1_000))
    }
    this.#batches.closeOlder()
    this.#offerUnlessFailed()
    if (this.#isShedding) this.#weighLoad(undefined)
  }

  /** `lagMs`: how late the newest frame was read, if there is one. */
  #weighLoad(lagMs: number | undefined): void {
    const { kernelDroppedCount } = this.#options.source.statistics()
    this.#overload.observe({
      nowMs: performance.now(),
      queueFill: this.#transactions.fill,
      waitingCount: this.#transactions.waitingCount,
      lagMs,
      lostCount: kernelDroppedCount + this.#transactions.shedCount,
    })
  }

  /** Called by the clock: secrets that were written meanwhile open what waits for them. Never rejects. */
  async takeKeys(): Promise<void> {
    if (!this.#keyLogGrows || this.#keys === undefined) return
    try {
      await this.#keys.read()
    } catch (error) {
      if (!this.#hasKeysFault) this.#options.logger.error({ error }, 'the TLS key log cannot be read any more')
      this.#hasKeysFault = true
    }
    this.#reader.keysMayHaveCome(this.#observedAtUs)
  }

  /** The source has ended: what is half done is handed on as it is, unless a later run will read all of it. */
  async finish(): Promise<void> {
    await this.takeKeys()
    const isReadAgain = !this.#isShedding && this.#options.signal?.aborted === true
    if (!isReadAgain) this.#reader.end()
    this.#batches.closeOlder()
    this.#transactions.offer(this.#batches.takeFull())
    this.#offerInterval(this.#intervals.close())
    await this.#settled()
  }

  statistics(): CaptureStatistics {
    return captureStatistics({
      observedAtUs: this.#observedAtUs,
      packetCount: this.#packetCount,
      bytes: this.#bytes,
      shedCount: this.#transactions.shedCount,
      sampledOutCount: this.#sampledOutCount,
      overloadState: this.#overload.state,
      reader: this.#reader.statistics(),
      source: this.#options.source.statistics(),
    })
  }

  summary(): CaptureSummary {
    const totals = this.#totals()
    const { http, tls, flowFaultCount } = this.#reader.statistics()
    const source = this.#options.source.statistics()
    return {
      packetCount: totals.packetCount,
      bytes: totals.bytes,
      flowCount: totals.flowCount,
      transactionCount: totals.transactionCount,
      unansweredRequestCount: http.unansweredRequestCount,
      orphanResponseCount: http.orphanResponseCount,
      undecodedContentCount: http.undecodedContentCount,
      pendingOverflowCount: http.pendingOverflowCount,
      flowFaultCount,
      missedBytes: totals.missedBytes,
      opaqueFlows: { ...http.opaqueFlows },
      opaqueBytes: totals.opaqueBytes,
      tls: tlsSummary(tls.counters, tls.servers, this.#hasKeyLog ? this.#keyLog : undefined),
      tunnels: this.#reader.statistics().frames.tunnels,
      kernelDropCount: totals.kernelDropCount,
      shedCount: totals.shedCount,
      sampledOutCount: totals.sampledOutCount,
      anomalies: Object.fromEntries(totals.anomalies),
      warnings: source.warnings,
    }
  }

  get #hasKeyLog(): boolean {
    return this.#keys !== undefined || this.#keyLog.generation > 0
  }

  #publish(flow: FlowInfo, transaction: RawTransaction): void {
    const { redactor } = this.#options
    const redacted = this.#isShedding
      ? redactor.redactKept(flow, transaction, this.#overload.shares)
      : redactor.redact(flow, transaction)
    if (redacted === undefined) this.#sampledOutCount++
    else this.#batches.add(redacted.partition, redacted.line, redacted.observedAtUs)
  }

  /** The first of each run is told with its place; without its message, which may quote what was captured. */
  #noteFlowFault(error: unknown): void {
    if (this.#hasFlowFault) return
    this.#hasFlowFault = true
    const { name, stack } = error instanceof Error ? error : new Error()
    const place = (stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
    this.#options.logger.error(
      { fault: name, place: place.slice(0, 8).map((line) => line.trim()) },
      'a connection was given up because of a fault of the sensor; further ones are only counted, as sensor.flow-fault',
    )
  }

  #offerInterval(line: Uint8Array | undefined): void {
    if (line !== undefined) this.#intervalRecords.offer([{ partition: 0, value: line, messageCount: 1 }])
  }

  /** A failure of the bus is thrown where the source can hear it, in `afterBlock`; a timer has nobody to tell. */
  #offerUnlessFailed(): void {
    try {
      this.#transactions.offer(this.#batches.takeFull())
    } catch (error) {
      this.#options.logger.error({ error }, 'transactions cannot be published')
      void this.#options.source.stop()
    }
  }

  async #settled(): Promise<void> {
    await this.#transactions.settled()
    await this.#intervalRecords.settled()
  }

  #progress(): CaptureProgress {
    const { bytesRead, totalBytes } = this.#options.source.statistics()
    const { http } = this.#reader.statistics()
    const { transactionCount } = http
    return { packetCount: this.#packetCount, transactionCount, bytesRead, totalBytes, observedAtUs: this.#observedAtUs }
  }

  #totals(): SensorTotals {
    const { flows, http } = this.#reader.statistics()
    return {
      packetCount: this.#packetCount,
      bytes: this.#bytes,
      kernelDropCount: this.#options.source.statistics().kernelDroppedCount,
      transactionCount: http.transactionCount,
      flowCount: flows.openedFlowCount,
      missedBytes: flows.missedBytes,
      shedCount: this.#transactions.shedCount,
      sampledOutCount: this.#sampledOutCount,
      opaqueBytes: http.opaqueBytes,
      anomalies: withOddities(this.#reader.anomalies(), this.#options.source.statistics().oddities),
    }
  }
}

function withOddities(anomalies: Map<string, number>, oddities?: ReadonlyMap<string, number>): Map<string, number> {
  for (const [name, count] of oddities ?? []) anomalies.set(name, count)
  return anomalies
}

function flowLimitsOf({ flows }: CaptureConfig) {
  return {
    flowMaxCount: flows.maxCount,
    idleTimeoutUs: flows.idleTimeoutMs * 1_000,
    closedTimeoutUs: flows.closedTimeoutMs * 1_000,
    halfBufferMaxBytes: flows.halfBufferMaxBytes,
    bufferMaxBytes: flows.bufferMaxBytes,
    gapTimeoutUs: flows.gapTimeoutMs * 1_000,
  }
}
