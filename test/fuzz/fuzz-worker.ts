/**
 * The process that runs cases, so that one which hangs it, ends it or fills its memory is a finding of `fuzz.ts` and not its end.
 *
 *   parent ──run a block──► here ──a report a case──► parent, who kills what has not reported for too long
 */

import process from 'node:process'
import { CaseChecker, type Complaint } from './check-case.js'
import { type Corpus, readCorpus } from './corpus.js'
import { type Finding, minimized, writeFinding } from './finding.js'
import { type FuzzCase, makeCase } from './fuzz-case.js'

export const blockCaseCount = 64

export interface WorkerTask {
  readonly seed: number
  readonly captures: readonly string[]
  /** As given by the user, for the words of a finding. */
  readonly namedCaptures: readonly string[]
  readonly folder: string
  readonly slowSeconds: number
}

export type WorkerOrder =
  | ({ readonly kind: 'start' } & WorkerTask)
  | { readonly kind: 'run'; readonly fromCase: number; readonly toCase: number }
  /** Write the frames of a case that ended a worker before this one. */
  | { readonly kind: 'export'; readonly caseIndex: number; readonly why: 'hang' | 'died'; readonly detail: string }

export interface CaseReport {
  readonly kind: 'case'
  readonly caseIndex: number
  readonly packetCount: number
  readonly transactionCount: number
  readonly cleanTransactionCount: number
  readonly rssBytes: number
}

export type WorkerReport =
  | { readonly kind: 'ready'; readonly digest: string }
  | CaseReport
  | { readonly kind: 'finding'; readonly finding: Finding }
  | { readonly kind: 'block-done' }

const triesMax = 150

class FuzzWorker {
  readonly #task: WorkerTask
  readonly #corpus: Corpus
  #checker = new CaseChecker()

  constructor(task: WorkerTask) {
    this.#task = task
    this.#corpus = readCorpus(task.captures)
    report({ kind: 'ready', digest: this.#corpus.digest })
  }

  /** A turn of the event loop between cases: reports must leave before the next one, which may be the last. */
  async run(fromCase: number, toCase: number): Promise<void> {
    this.#checker = new CaseChecker()
    for (let caseIndex = fromCase; caseIndex < toCase; caseIndex++) {
      this.#runCase(caseIndex)
      await new Promise<void>((resolve) => setImmediate(resolve))
    }
    report({ kind: 'block-done' })
  }

  exportCase(caseIndex: number, kind: 'hang' | 'died', detail: string): void {
    const { frames } = makeCase(this.#corpus, this.#task.seed, caseIndex)
    const finding = writeFinding({ caseIndex, kind, detail, reproducesAlone: true }, frames, this.#place())
    report({ kind: 'finding', finding })
  }

  #runCase(caseIndex: number): void {
    const fuzzCase = makeCase(this.#corpus, this.#task.seed, caseIndex)
    const before = process.cpuUsage()
    const { complaint, transactionCount, cleanTransactionCount } = this.#checker.check(fuzzCase)
    const { user, system } = process.cpuUsage(before)
    const seconds = (user + system) / 1e6
    if (complaint !== undefined) this.#find(fuzzCase, complaint)
    else if (seconds > this.#task.slowSeconds) {
      const detail = `${seconds.toFixed(1)} s of CPU for ${fuzzCase.frames.length} packets`
      const finding = writeFinding(
        { caseIndex, kind: 'slow', detail, reproducesAlone: true },
        fuzzCase.frames,
        this.#place(),
      )
      report({ kind: 'finding', finding })
    }
    const { mutatedPacketCount: packetCount } = fuzzCase
    report({
      kind: 'case',
      caseIndex,
      packetCount,
      transactionCount,
      cleanTransactionCount,
      rssBytes: process.memoryUsage.rss(),
    })
  }

  #find(fuzzCase: FuzzCase, { kind, detail }: Complaint): void {
    const isWrong = (frames: FuzzCase['frames']) =>
      new CaseChecker().check({ ...fuzzCase, frames }).complaint?.kind === kind
    const reproducesAlone = isWrong(fuzzCase.frames)
    const frames = reproducesAlone
      ? minimized(fuzzCase.frames, (fewer) => isWrong([...fewer]), triesMax)
      : fuzzCase.frames
    const found = { caseIndex: fuzzCase.caseIndex, kind, detail, reproducesAlone }
    report({ kind: 'finding', finding: writeFinding(found, frames, this.#place()) })
  }

  #place() {
    return { folder: this.#task.folder, seed: this.#task.seed, captures: this.#task.namedCaptures }
  }
}

function report(message: WorkerReport): void {
  process.send?.(message)
}

/** Only as a child: whoever imports the types of this file runs nothing. */
if (process.send !== undefined && process.argv[2] === 'fuzz-worker') {
  let worker: FuzzWorker | undefined
  process.on('message', (order: WorkerOrder) => {
    if (order.kind === 'start') worker = new FuzzWorker(order)
    else if (order.kind === 'run') void worker?.run(order.fromCase, order.toCase)
    else worker?.exportCase(order.caseIndex, order.why, order.detail)
  })
  process.on('disconnect', () => process.exit())
}
