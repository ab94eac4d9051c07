/**
 * `node test/dist/bench/capture-workers.js FILE… [--workers N] [--digest]`: the sensor alone, on N threads. Each reads the files itself, and
 * reassembles, parses, redacts and encodes the flows that are its share; what it publishes is counted and dropped. One JSON object on stdout.
 *
 * With --digest, lines are summed up by SHA-256, in any order: the same number for any N is the same multiset of lines.
 */

import { createHash } from 'node:crypto'
import { dirname, join, sep } from 'node:path'
import process, { argv, cpuUsage, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { assert } from '@tapwarden/base/assert'
import type { Bus, OutgoingRecord } from '@tapwarden/bus/bus'
import { type TopicName, topicNames } from '@tapwarden/contracts/names'
import { FlowShare, type FlowShareOptions } from '@tapwarden/net/flow-share'
import { createRedactor } from '@tapwarden/redaction/redact-transaction'
import { silentLogger } from '@tapwarden/runtime/logger'
import { type CaptureSummary, runCapture } from '@tapwarden/service-capture/capture-pipeline'
import { captureConfigSchema, contentPolicyOf } from '@tapwarden/service-capture/config'
import { PcapFileSource } from '@tapwarden/service-capture/pcap-file'

export interface CaptureWorkersOptions {
  readonly files: readonly string[]
  readonly workerCount: number
  /** Sum up the lines; costs a SHA-256 a transaction. */
  readonly withDigest?: boolean
}

export interface CaptureWorkersResult {
  readonly workerCount: number
  /** Of every worker, in order: how even the shares are. */
  readonly transactionCounts: readonly number[]
  readonly transactionCount: number
  /** NDJSON, as published. */
  readonly lineBytes: number
  /** Start of the first thread to the end of the last. */
  readonly wallMs: number
  /** User and system time of the process meanwhile. */
  readonly cpuMs: number
  /** 16 hex digits; absent unless asked for. */
  readonly digest?: string
}

interface WorkerTask extends CaptureWorkersOptions, FlowShareOptions {}

interface WorkerResult {
  readonly transactionCount: number
  readonly lineBytes: number
  readonly digest: bigint
}

/** Runs the threads to their end; rejects when one fails, and ends the others. */
export async function captureWithWorkers(options: CaptureWorkersOptions): Promise<CaptureWorkersResult> {
  const { workerCount } = options
  const startedMs = performance.now()
  const cpuBefore = cpuUsage()
  const threads = Array.from({ length: workerCount }, (_, workerIndex) => {
    const task: WorkerTask = { ...options, workerIndex }
    return new Worker(entryPoint(), { workerData: task, execArgv: [] })
  })
  try {
    const results = await Promise.all(threads.map(resultOf))
    const cpu = cpuUsage(cpuBefore)
    const sum = results.reduce((total, { digest }) => (total + digest) & digestMask, 0n)
    const transactionCounts = results.map((each) => each.transactionCount)
    return {
      workerCount,
      transactionCounts,
      transactionCount: transactionCounts.reduce((total, count) => total + count, 0),
      lineBytes: results.reduce((total, each) => total + each.lineBytes, 0),
      wallMs: Math.round(performance.now() - startedMs),
      cpuMs: Math.round((cpu.user + cpu.system) / 1_000),
      ...(options.withDigest === true ? { digest: sum.toString(16).padStart(16, '0') } : {}),
    }
  } finally {
    await Promise.all(threads.map((thread) => thread.terminate()))
  }
}

function resultOf(thread: Worker): Promise<WorkerResult> {
  return new Promise((resolve, reject) => {
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', (code) => reject(new Error(`a worker ended without a result (${code})`)))
  })
}

const digestMask = 0xffff_ffff_ffff_ffffn

/** Takes everything at once and keeps nothing. */
class CountingBus implements Bus {
  readonly #withDigest: boolean
  lineBytes = 0
  digest = 0n

  constructor(withDigest: boolean) {
    this.#withDigest = withDigest
  }

  async publish(topic: TopicName, records: readonly OutgoingRecord[]): Promise<void> {
    if (topic !== topicNames.transactions) return
    for (const { value } of records) {
      this.lineBytes += value.length
      if (this.#withDigest) this.#addLines(Buffer.from(value.buffer, value.byteOffset, value.length))
    }
  }

  #addLines(lines: Buffer): void {
    for (let from = 0; from < lines.length; ) {
      const to = lines.indexOf(0x0a, from) + 1
      const hash = createHash('sha256').update(lines.subarray(from, to)).digest()
      this.digest = (this.digest + hash.readBigUInt64BE(0)) & digestMask
      from = to
    }
  }

  subscribe(): never {
    throw new Error('the sensor only publishes')
  }

  lag(): number {
    return 0
  }

  async drained(): Promise<void> {}

  async close(): Promise<void> {}
}

/** The thread: the capture service as it is, on a bus that counts. */
async function runTask({ files, withDigest = false, ...share }: WorkerTask): Promise<WorkerResult> {
  const config = captureConfigSchema.parse({})
  const bus = new CountingBus(withDigest)
  const fleetKey = new Uint8Array(32).fill(7)
  const summary: CaptureSummary = await runCapture({
    source: new PcapFileSource(files),
    bus,
    redactor: createRedactor({ fleetKey, keyNumber: 1, contentPolicy: contentPolicyOf(config) }),
    config,
    logger: silentLogger,
    share: new FlowShare(share),
  })
  return { transactionCount: summary.transactionCount, lineBytes: bus.lineBytes, digest: bus.digest }
}

/** Threads run compiled code, also when we run from source (tests), since Node 20 reads no TypeScript. */
function entryPoint(): string {
  const here = dirname(fileURLToPath(import.meta.url))
  const folder = here.split(sep).includes('dist') ? here : join(here, '..', 'dist', 'bench')
  return join(folder, 'capture-workers.js')
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { workers: { type: 'string', default: '1' }, digest: { type: 'boolean', default: false } },
  })
  const workerCount = Number(values.workers)
  assert(Number.isSafeInteger(workerCount) && workerCount > 0 && positionals.length > 0, 'FILE… [--workers N]')
  const result = await captureWithWorkers({ files: positionals, workerCount, withDigest: values.digest })
  stdout.write(`${JSON.stringify(result)}\n`)
}

if (!isMainThread && isTask(workerData)) parentPort?.postMessage(await runTask(workerData))
else if (argv[1] === fileURLToPath(import.meta.url)) await main().catch(fail)

function isTask(data: unknown): data is WorkerTask {
  return typeof data === 'object' && data !== null && 'workerIndex' in data
}

function fail(error: unknown): void {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
}
