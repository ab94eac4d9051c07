/** One run: blocks of cases handed to worker processes, watched from outside, with a state from which a later run goes on. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Finding } from './finding.js'
import { blockCaseCount, type CaseReport, type WorkerOrder, type WorkerReport, type WorkerTask } from './fuzz-worker.js'

export interface FuzzOptions extends WorkerTask {
  readonly workerCount: number
  readonly packetCount: number
  readonly caseSeconds: number
  readonly memoryMaxBytes: number
  readonly isResumed: boolean
  readonly onProgress: (state: FuzzState, rssBytes: number) => void
  readonly onFinding: (finding: Finding) => void
  readonly signal: AbortSignal
}

/** Of all blocks up to `nextCase`; what was read beyond is read again by whoever goes on. */
export interface FuzzState {
  readonly seed: number
  readonly digest: string
  nextCase: number
  packetCount: number
  transactionCount: number
  cleanTransactionCount: number
  rssMaxBytes: number
  findings: Finding[]
}

/** The corpus is not the one that the state was made with. */
export class OtherCorpusError extends Error {}

interface Block {
  readonly fromCase: number
  readonly reports: CaseReport[]
  readonly findings: Finding[]
}

export class FuzzRun {
  readonly #options: FuzzOptions
  #state: FuzzState | undefined
  #nextBlock = 0
  #packetCount = 0
  readonly #finished = new Map<number, Block>()

  constructor(options: FuzzOptions) {
    this.#options = options
  }

  /** Until so many packets were mutated in all, or the signal. */
  async run(): Promise<FuzzState> {
    const workers = Array.from({ length: this.#options.workerCount }, () => this.#workUntilDone())
    await Promise.all(workers)
    if (this.#state === undefined) throw new Error('no worker was ready')
    return this.#state
  }

  async #workUntilDone(): Promise<void> {
    let rest: { block: Block; fromCase: number } | undefined
    do rest = await this.#workInProcess(rest)
    while (rest !== undefined)
  }

  /** Returns what is left of a block whose worker is no more; undefined when all is done. */
  async #workInProcess(
    rest: { block: Block; fromCase: number } | undefined,
  ): Promise<{ block: Block; fromCase: number } | undefined> {
    const { signal, caseSeconds, memoryMaxBytes } = this.#options
    const watched = new WatchedWorker(this.#options, caseSeconds)
    try {
      const digest = await watched.start()
      this.#state ??= this.#startState(digest)
      for (let at = rest ?? this.#take(); at !== undefined; at = this.#take()) {
        const { block } = at
        const end = block.fromCase + blockCaseCount
        const ended = await watched.run(at.fromCase, end, block, (rssBytes) => this.#noteMemory(rssBytes))
        if (ended !== undefined) {
          const caseIndex = Math.max(at.fromCase, (block.reports.at(-1)?.caseIndex ?? -1) + 1)
          block.findings.push(await exported(this.#options, caseIndex, ended))
          if (caseIndex + 1 < end) return { block, fromCase: caseIndex + 1 }
        }
        this.#finish(block)
        if (ended !== undefined || watched.rssBytes > memoryMaxBytes) return this.#take()
        if (signal.aborted) return undefined
      }
      return undefined
    } finally {
      watched.end()
    }
  }

  #take(): { block: Block; fromCase: number } | undefined {
    if (this.#options.signal.aborted || this.#packetCount >= this.#options.packetCount) return undefined
    const fromCase = this.#nextBlock
    this.#nextBlock += blockCaseCount
    return { block: { fromCase, reports: [], findings: [] }, fromCase }
  }

  #finish(block: Block): void {
    const { memoryMaxBytes, onFinding, onProgress } = this.#options
    const state = this.#state!
    const rssBytes = Math.max(0, ...block.reports.map((report) => report.rssBytes))
    if (rssBytes > memoryMaxBytes) {
      const { caseIndex } = block.reports.find((report) => report.rssBytes > memoryMaxBytes)!
      const detail = `${Math.round(rssBytes / 2 ** 20)} MiB resident`
      block.findings.push({ caseIndex, kind: 'memory', detail, packetCount: 0, reproducesAlone: false, file: '' })
    }
    for (const finding of block.findings) onFinding(finding)
    this.#packetCount += block.reports.reduce((sum, { packetCount }) => sum + packetCount, 0)
    this.#finished.set(block.fromCase, block)
    for (let next = this.#finished.get(state.nextCase); next !== undefined; next = this.#finished.get(state.nextCase)) {
      this.#finished.delete(state.nextCase)
      state.nextCase += blockCaseCount
      for (const { packetCount, transactionCount, cleanTransactionCount } of next.reports) {
        state.packetCount += packetCount
        state.transactionCount += transactionCount
        state.cleanTransactionCount += cleanTransactionCount
      }
      state.findings.push(...next.findings)
    }
    this.#save(state)
    onProgress(state, rssBytes)
  }

  #noteMemory(rssBytes: number): void {
    const state = this.#state
    if (state !== undefined && rssBytes > state.rssMaxBytes) state.rssMaxBytes = rssBytes
  }

  #startState(digest: string): FuzzState {
    const { seed, isResumed } = this.#options
    const fresh = {
      seed,
      digest,
      nextCase: 0,
      packetCount: 0,
      transactionCount: 0,
      cleanTransactionCount: 0,
      rssMaxBytes: 0,
      findings: [],
    }
    const state = isResumed ? (readState(this.#stateFile()) ?? fresh) : fresh
    if (state.digest !== digest) {
      throw new OtherCorpusError(
        'the captures are others than those that the run to be resumed was made from: start anew without --resume',
      )
    }
    this.#nextBlock = state.nextCase
    this.#packetCount = state.packetCount
    return state
  }

  #stateFile(): string {
    return join(this.#options.folder, `state-${this.#options.seed}.json`)
  }

  #save(state: FuzzState): void {
    mkdirSync(this.#options.folder, { recursive: true })
    writeFileSync(`${this.#stateFile()}.new`, `${JSON.stringify(state)}\n`)
    renameSync(`${this.#stateFile()}.new`, this.#stateFile())
  }
}

function readState(file: string): FuzzState | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as FuzzState
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

interface Ended {
  readonly why: 'hang' | 'died'
  readonly detail: string
}

/** A worker process and the clock that it runs against. */
class WatchedWorker {
  readonly #child: ChildProcess
  readonly #caseMs: number
  readonly #task: WorkerTask
  #clock: NodeJS.Timeout | undefined
  #isHung = false
  rssBytes = 0

  constructor({ seed, captures, namedCaptures, folder, slowSeconds }: WorkerTask, caseSeconds: number) {
    this.#task = { seed, captures, namedCaptures, folder, slowSeconds }
    this.#caseMs = caseSeconds * 1_000
    this.#child = fork(fileURLToPath(new URL('fuzz-worker.js', import.meta.url)), ['fuzz-worker'])
    this.#child.on('error', () => undefined) // It is gone: whoever reads its reports sees that.
  }

  /** Resolves with the digest of the corpus that the worker has read. */
  async start(): Promise<string> {
    this.order({ kind: 'start', ...this.#task })
    for await (const report of this.#reports()) if (report.kind === 'ready') return report.digest
    throw new Error('a worker ended before it had read the captures')
  }

  /** Resolves when the block is done, or with how the worker ended in it. */
  async run(
    fromCase: number,
    toCase: number,
    block: Block,
    noteMemory: (rssBytes: number) => void,
  ): Promise<Ended | undefined> {
    this.order({ kind: 'run', fromCase, toCase })
    for await (const report of this.#reports()) {
      if (report.kind === 'block-done') return undefined
      if (report.kind === 'finding') block.findings.push(report.finding)
      if (report.kind !== 'case') continue
      block.reports.push(report)
      this.rssBytes = report.rssBytes
      noteMemory(report.rssBytes)
    }
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
    const { exitCode, signalCode } = this.#child
    if (this.#isHung) return { why: 'hang', detail: `no end after ${this.#caseMs / 1_000} s` }
    return { why: 'died', detail: `the process ended with ${signalCode ?? `status ${exitCode}`}` }
  }

  async export(caseIndex: number, { why, detail }: Ended): Promise<Finding | undefined> {
    this.order({ kind: 'export', caseIndex, why, detail })
    for await (const report of this.#reports()) if (report.kind === 'finding') return report.finding
    return undefined
  }

  order(order: WorkerOrder): void {
    if (this.#child.connected) this.#child.send(order)
  }

  end(): void {
    clearTimeout(this.#clock)
    this.#child.kill('SIGKILL')
  }

  /** What the worker says, until it has said nothing for too long or is no more. */
  async *#reports(): AsyncGenerator<WorkerReport, void> {
    const reports: (WorkerReport | undefined)[] = []
    let wake: () => void = () => undefined
    const hear = (report: WorkerReport) => {
      reports.push(report)
      this.#wind()
      wake()
    }
    const end = () => {
      reports.push(undefined)
      wake()
    }
    // Not `exit`: what was said before it may still be on its way.
    this.#child.on('message', hear)
    this.#child.once('disconnect', end)
    if (!this.#child.connected) end()
    this.#wind()
    try {
      for (;;) {
        while (reports.length > 0) {
          const report = reports.shift()
          if (report === undefined) return
          yield report
        }
        await new Promise<void>((resolve) => {
          wake = resolve
          if (reports.length > 0) resolve()
        })
      }
    } finally {
      this.#child.off('message', hear)
      this.#child.off('disconnect', end)
      clearTimeout(this.#clock)
    }
  }

  #wind(): void {
    clearTimeout(this.#clock)
    this.#clock = setTimeout(() => {
      this.#isHung = true
      this.#child.kill('SIGKILL')
    }, this.#caseMs)
  }
}

/** By a process of its own: making the case may be what hangs. */
async function exported(task: WorkerTask, caseIndex: number, ended: Ended): Promise<Finding> {
  const unwritten = {
    caseIndex,
    kind: ended.why,
    detail: ended.detail,
    packetCount: 0,
    reproducesAlone: true,
    file: '',
  }
  const writer = new WatchedWorker(task, 60)
  try {
    await writer.start()
    return (await writer.export(caseIndex, ended)) ?? unwritten
  } finally {
    writer.end()
  }
}
