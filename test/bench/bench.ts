/**
 * `npm run bench -- [--capture FILE] [--transactions N] [--rounds N] [--json] [--memory] [--skip-peers]`
 *
 * µs of CPU and bytes allocated a transaction for each step of the embedded path; then the whole `tapwarden replay` into a fresh store
 * beside tshark and tcpflow on the same capture. `--memory` instead replays a capture and one ten times longer and compares what stays
 * resident. Without `--capture` it makes one (seeded) in a temporary folder. Ratios are held against baselines.json: they
 * compare programs of one run, so that they mean the same on any machine.
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeApiCapture } from './api-capture.js'
import { allocationFlags } from './measure.js'
import { measureSteps, type StepCost } from './steps.js'
import { megabytes, number, table } from './table.js'
import type { MemorySample, ProgramRun } from './timed.js'
import { type ProgramCost, peerCosts, replayCost } from './whole-replay.js'

const seed = 1
/** Enough to see every kind of transaction, few enough that nothing is collected while bytes are counted. */
const allocationTransactionCount = 3_000
const tenfold = 10

interface BenchOptions {
  readonly capture: string | undefined
  readonly transactionCount: number
  readonly roundCount: number
  readonly json: boolean
  readonly withPeers: boolean
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      capture: { type: 'string' },
      transactions: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      json: { type: 'boolean', default: false },
      memory: { type: 'boolean', default: false },
      'skip-peers': { type: 'boolean', default: false },
      // How the bench calls itself, under the flags that counting needs.
      'count-bytes-of': { type: 'string' },
    },
  })
  if (values['count-bytes-of'] !== undefined) {
    const costs = await measureSteps(values['count-bytes-of'], { roundCount: 3, countsBytes: true })
    console.log(JSON.stringify(costs))
    return
  }
  const options = {
    capture: values.capture,
    transactionCount: positive(values.transactions ?? (values.memory ? '20000' : '50000')),
    roundCount: positive(values.rounds),
    json: values.json,
    withPeers: !values['skip-peers'],
  }
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-bench-'))
  try {
    if (values.memory) await memoryReport(folder, options)
    else await budgetReport(folder, options)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function positive(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`${text} is no positive whole number`)
  return count
}

async function budgetReport(folder: string, options: BenchOptions): Promise<void> {
  const capture = options.capture ?? madeCapture(folder, options.transactionCount)
  const timed = await measureSteps(capture, { roundCount: options.roundCount, countsBytes: false })
  const counted = bytesOfSteps(madeCapture(folder, allocationTransactionCount))
  const steps = timed.map((cost) => ({
    ...cost,
    allocatedBytes: counted.find(({ step }) => step === cost.step)?.allocatedBytes,
  }))
  const replay = await replayCost(capture)
  const peers = options.withPeers ? await peerCosts(capture) : []
  const ratios = ratiosOf(steps, replay, peers)
  if (options.json) {
    console.log(
      JSON.stringify({ transactionCount: replay.transactionCount, steps, replay, peers, ratios }, undefined, 2),
    )
    return
  }
  const { transactionCount } = replay
  const size = `${number(transactionCount)} transactions, ${megabytes(statSync(capture).size)} MB`
  console.log(`${size}; ${availableParallelism()} cores; the cheapest of ${options.roundCount} rounds\n`)
  console.log(stepTable(steps))
  console.log(`\n${programTable(transactionCount, replay, peers)}`)
  console.log(`\n${ratioTable(ratios)}`)
}

function madeCapture(folder: string, transactionCount: number): string {
  const path = join(folder, `api-${transactionCount}.pcap`)
  writeApiCapture(path, { transactionCount, seed })
  return path
}

function bytesOfSteps(capture: string): StepCost[] {
  const self = fileURLToPath(import.meta.url)
  const child = spawnSync(process.execPath, [...allocationFlags, self, '--count-bytes-of', capture], {
    encoding: 'utf8',
    maxBuffer: 16_777_216,
  })
  if (child.status !== 0) throw new Error(`counting bytes failed: ${child.stderr}`)
  return JSON.parse(child.stdout) as StepCost[]
}

function stepTable(steps: readonly StepCost[]): string {
  return table([
    ['step', 'µs of CPU/tx', 'tx/CPU-s', 'bytes allocated/tx'],
    ...steps.map(({ step, cpuUs, allocatedBytes }) => [
      step,
      number(cpuUs, 1),
      cpuUs > 0 ? number(1e6 / cpuUs) : '-',
      number(allocatedBytes),
    ]),
  ])
}

function programTable(transactionCount: number, replay: ProgramRun, peers: readonly ProgramCost[]): string {
  const row = (name: string, run: ProgramRun | undefined): string[] =>
    run === undefined
      ? [name, 'not installed']
      : [
          name,
          number(run.wallSeconds, 1),
          number(transactionCount / run.wallSeconds),
          number(run.cpuSeconds, 1),
          number((run.cpuSeconds / transactionCount) * 1e6, 1),
          number(transactionCount / run.cpuSeconds),
          megabytes(run.mainMaxBytes),
          megabytes(run.childMaxBytes),
          number(run.othersCoreCount, 1),
        ]
  return table([
    ['program', 'wall s', 'tx/s', 'CPU s', 'µs/tx', 'tx/CPU-s', 'MB', 'MB child', 'cores others used'],
    row('tapwarden replay, fresh store', replay),
    ...peers.map(({ name, run }) => row(name, run)),
  ])
}

interface Ratio {
  readonly name: string
  readonly measured: number | undefined
  /** What a run must not fall below. */
  readonly least: number
}

/** Of CPU, not of wall clock: on a shared machine the clock measures the others. */
function ratiosOf(
  steps: readonly StepCost[],
  replay: ProgramRun & { readonly transactionCount: number },
  peers: readonly ProgramCost[],
): Ratio[] {
  const baselines = JSON.parse(
    readFileSync(fileURLToPath(new URL('../../bench/baselines.json', import.meta.url)), 'utf8'),
  ) as Record<string, number>
  const captureUs = steps.find(({ step }) => step.startsWith('='))?.cpuUs
  const tshark = peers.find(({ name }) => name.startsWith('tshark'))?.run
  const content = peers.find(({ name }) => name.startsWith('tcpflow: HTTP'))?.run
  const perTransactionUs = (run: ProgramRun | undefined) =>
    run === undefined ? undefined : (run.cpuSeconds / replay.transactionCount) * 1e6
  const ratio = (over: number | undefined, under: number | undefined) =>
    over === undefined || under === undefined ? undefined : over / under
  const measured: Readonly<Record<string, number | undefined>> = {
    'tshark / whole replay': ratio(tshark?.cpuSeconds, replay.cpuSeconds),
    'tshark / capture alone': ratio(perTransactionUs(tshark), captureUs),
    'tcpflow HTTP content / capture alone': ratio(perTransactionUs(content), captureUs),
  }
  return Object.entries(baselines).map(([name, least]) => ({ name, measured: measured[name], least }))
}

function ratioTable(ratios: readonly Ratio[]): string {
  return table([
    ['CPU of the one / CPU of the other', 'measured', 'at least', ''],
    ...ratios.map(({ name, measured, least }) => [
      name,
      number(measured, 2),
      number(least, 2),
      measured === undefined ? 'not measured' : measured >= least ? 'kept' : 'LOST',
    ]),
  ])
}

/** Resident memory must follow from limits, not from the length of the capture: once they are reached, later parts are as large as earlier ones. */
async function memoryReport(folder: string, options: BenchOptions): Promise<void> {
  const sizes: string[][] = [['capture', 'transactions', 'MB of capture', 'main process MB', 'engine MB', 'tx/s']]
  const runs: (ProgramRun & { readonly transactionCount: number })[] = []
  for (const times of [1, tenfold]) {
    const capture = madeCapture(folder, options.transactionCount * times)
    const run = await replayCost(capture)
    runs.push(run)
    sizes.push([
      times === 1 ? 'once' : `${times} times longer`,
      number(run.transactionCount),
      megabytes(statSync(capture).size),
      megabytes(run.mainMaxBytes),
      megabytes(run.childMaxBytes),
      number(run.transactionCount / run.wallSeconds),
    ])
  }
  if (options.json) {
    console.log(JSON.stringify(runs, undefined, 2))
    return
  }
  console.log(`Largest resident sizes while replaying:\n\n${table(sizes)}`)
  console.log(`\nThe longer one, by tenths of its time:\n\n${tenthsTable(runs.at(-1)?.memory ?? [])}`)
}

function tenthsTable(samples: readonly MemorySample[]): string {
  const rows: string[][] = [['tenth', 'main process MB', 'engine MB']]
  for (let tenth = 0; tenth < tenfold; tenth++) {
    const part = samples.slice((tenth * samples.length) / tenfold, ((tenth + 1) * samples.length) / tenfold)
    rows.push([
      String(tenth + 1),
      megabytes(Math.max(0, ...part.map(({ mainBytes }) => mainBytes))),
      megabytes(Math.max(0, ...part.map(({ childBytes }) => childBytes))),
    ])
  }
  return table(rows)
}

await main()
