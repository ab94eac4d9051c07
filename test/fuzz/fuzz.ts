/**
 * `npm run fuzz`: mutated captures through the sensor, from frame to published line. See `README.md` beside this file.
 *
 * Exit status: 0 nothing was found, 1 something was, 2 wrong usage, 130 interrupted; what was done then is kept for `--resume`.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { repositoryRoot } from '../architecture/repository.js'
import { CaseChecker } from './check-case.js'
import { readCorpus } from './corpus.js'
import { type Finding, framesOfCapture } from './finding.js'
import { makeCase } from './fuzz-case.js'
import { FuzzRun, type FuzzState, OtherCorpusError } from './fuzz-run.js'

const usage = `usage: npm run fuzz -- [options] [CAPTURE | FOLDER …]

Mutates the captures in test/pcaps and those given, and reads what comes out as the sensor would.

  --packets N        mutated packets in all, those of the run that is resumed included (default 1000000)
  --seed N           the same seed and captures, the same packets (default 1)
  --resume           go on where the last run with this seed ended
  --workers N        processes at once (default 1)
  --memory-mib N     resident memory that a process may need (default 512)
  --case-seconds N   time after which a case counts as hung (default 60)
  --slow-seconds N   CPU time after which it counts as too slow (default 3)
  --folder DIR       for findings and the state of runs (default .cache/fuzz)
  --case N           run this case of the seed alone
  --read FILE        run the frames of a capture, as that of a finding, as they are
  --json             one object a finding and one for the result
`
const exitInterrupted = 130
const progressEveryMs = 5_000

async function main(): Promise<number> {
  const options = parsed()
  if (options === undefined) return 2
  const { values, positionals } = options
  if (values.help === true) {
    process.stdout.write(usage)
    return 0
  }
  const seed = wholeNumber(values.seed)
  const packetCount = wholeNumber(values.packets)
  const workerCount = wholeNumber(values.workers)
  const [memoryMib, caseSeconds, slowSeconds] = [
    values['memory-mib'],
    values['case-seconds'],
    values['slow-seconds'],
  ].map(wholeNumber)
  if ([seed, packetCount, workerCount, memoryMib, caseSeconds, slowSeconds].includes(undefined))
    return complain('a number is expected')
  const missing = [...positionals, ...(values.read === undefined ? [] : [values.read])].find(
    (path) => !existsSync(path),
  )
  if (missing !== undefined) return complain(`${missing} does not exist`)
  const root = repositoryRoot()
  const captures = [join(root, 'test', 'pcaps'), ...positionals.map((path) => resolve(path))]
  if (values.read !== undefined) return readOne(values.read)
  if (values.case !== undefined) {
    const caseIndex = wholeNumber(values.case)
    return caseIndex === undefined ? complain('--case takes a number') : runOne(captures, seed!, caseIndex)
  }
  const controller = new AbortController()
  process.once('SIGINT', () => controller.abort())
  process.once('SIGTERM', () => controller.abort())
  const say = (finding: Finding) =>
    process.stdout.write(values.json === true ? `${JSON.stringify(finding)}\n` : told(finding))
  const run = new FuzzRun({
    seed: seed!,
    captures,
    namedCaptures: positionals.map((path) => relative(process.cwd(), resolve(path))),
    folder: resolve(root, values.folder),
    slowSeconds: slowSeconds!,
    workerCount: workerCount!,
    packetCount: packetCount!,
    caseSeconds: caseSeconds!,
    memoryMaxBytes: memoryMib! * 2 ** 20,
    isResumed: values.resume,
    onProgress: progress(packetCount!),
    onFinding: say,
    signal: controller.signal,
  })
  const startedAt = performance.now()
  const state = await run.run()
  clearLine()
  process.stdout.write(summary(state, (performance.now() - startedAt) / 1_000, values.json))
  if (controller.signal.aborted) return exitInterrupted
  return state.findings.length === 0 ? 0 : 1
}

function parsed() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        packets: { type: 'string', default: '1000000' },
        seed: { type: 'string', default: '1' },
        resume: { type: 'boolean', default: false },
        workers: { type: 'string', default: '1' },
        'memory-mib': { type: 'string', default: '512' },
        'case-seconds': { type: 'string', default: '60' },
        'slow-seconds': { type: 'string', default: '3' },
        folder: { type: 'string', default: '.cache/fuzz' },
        case: { type: 'string' },
        read: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    complain(error instanceof Error ? error.message : String(error))
    return undefined
  }
}

function complain(message: string): number {
  process.stderr.write(`${message}\n\n${usage}`)
  return 2
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

function runOne(captures: readonly string[], seed: number, caseIndex: number): number {
  return checked(makeCase(readCorpus(captures), seed, caseIndex))
}

function readOne(file: string): number {
  const frames = framesOfCapture(new Uint8Array(readFileSync(file)))
  return checked({ caseIndex: 0, frames, kind: 'plain', mutatedPacketCount: frames.length, faultEvery: 3, keysAtUs: 0 })
}

function checked(fuzzCase: Parameters<CaseChecker['check']>[0]): number {
  const before = process.cpuUsage()
  const { complaint, transactionCount } = new CaseChecker().check(fuzzCase)
  const { user, system } = process.cpuUsage(before)
  const cost = `${fuzzCase.frames.length} packets, ${transactionCount} transactions, ${((user + system) / 1e6).toFixed(2)} s of CPU`
  process.stdout.write(
    `${cost}\n${complaint === undefined ? 'nothing is wrong' : `${complaint.kind}: ${complaint.detail}`}\n`,
  )
  return complaint === undefined ? 0 : 1
}

function told({ kind, caseIndex, detail, file, packetCount }: Finding): string {
  clearLine()
  const place =
    file === ''
      ? ''
      : `\n  ${packetCount} packets in ${relative(process.cwd(), file)}; the file beside it says how to run it again`
  return `${kind}, case ${caseIndex}: ${detail.split('\n').slice(0, 12).join('\n    ')}${place}\n`
}

function progress(packetCount: number): (state: FuzzState, rssBytes: number) => void {
  let saidAt = performance.now()
  return (state, rssBytes) => {
    const now = performance.now()
    if (now - saidAt < (process.stderr.isTTY ? 200 : progressEveryMs)) return
    saidAt = now
    const percent = Math.min(100, (100 * state.packetCount) / packetCount).toFixed(1)
    const line = `${percent} %: ${state.packetCount} packets, ${state.nextCase} cases, ${state.findings.length} findings, ${Math.round(rssBytes / 2 ** 20)} MiB`
    process.stderr.write(process.stderr.isTTY ? `\r${line}\x1b[K` : `${line}\n`)
  }
}

function clearLine(): void {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
}

function summary(state: FuzzState, seconds: number, asJson: boolean): string {
  const { seed, digest, nextCase, packetCount, transactionCount, cleanTransactionCount, rssMaxBytes, findings } = state
  if (asJson) {
    return `${JSON.stringify({ seed, digest, caseCount: nextCase, packetCount, transactionCount, cleanTransactionCount, rssMaxBytes, findingCount: findings.length })}\n`
  }
  const result = findings.length === 0 ? 'nothing was found' : `${findings.length} findings`
  return `seed ${seed}: ${packetCount} mutated packets in ${nextCase} cases, ${transactionCount} transactions, ${cleanTransactionCount} of them clean and all of these right unless said; at most ${Math.round(rssMaxBytes / 2 ** 20)} MiB; ${seconds.toFixed(0)} s: ${result}\n`
}

try {
  process.exitCode = await main()
} catch (error) {
  if (!(error instanceof OtherCorpusError)) throw error
  process.stderr.write(`${error.message}\n`)
  process.exitCode = 2
}
