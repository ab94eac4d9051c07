/**
 * `npm run bench:capture -- [--capture FILE] [--transactions N] [--rounds N] [--json] [--skip-peers]`
 *
 * The sensor alone beside other programs that read HTTP out of a capture: user + system of the whole process, started cold, rounds
 * interleaved, medians. Two rows are ours: the shape of every content, and settled content looked at once in ten. Without `--capture` it makes one (seeded).
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { writeApiCapture } from './api-capture.js'
import { capturePeers, type Program } from './capture-peers.js'
import type { CaptureCount } from './capture-process.js'
import { megabytes, number, table } from './table.js'
import { type ProgramRun, timed } from './timed.js'

const seed = 1
const goals = { shape: 50_000, sample: 100_000 }
/** Below this with every content shaped the sensor is not fast enough. */
const floor = 35_000

interface Row {
  readonly name: string
  readonly program: Program
  readonly isOurs: boolean
  /** Empty: not installed. */
  readonly runs: ProgramRun[]
  output: string
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      capture: { type: 'string' },
      transactions: { type: 'string', default: '100000' },
      rounds: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      'skip-peers': { type: 'boolean', default: false },
    },
  })
  const roundCount = positive(values.rounds)
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-bench-'))
  try {
    const capture = values.capture ?? madeCapture(folder, positive(values.transactions))
    const peers = values['skip-peers'] ? [] : capturePeers(capture, folder)
    const rows = [...ourRows(capture), ...peers.map((program) => rowOf(program, false))]
    const installed = rows.filter(({ program }) => isInstalled(program.command))
    for (let round = 0; round < roundCount; round++) {
      for (const row of installed) {
        const { run, output } = await timed(row.program.command, row.program.args, process.env)
        row.runs.push(run)
        row.output = row.isOurs ? output : ''
      }
    }
    report(rows, statSync(capture).size, roundCount, values.json)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function positive(text: string): number {
  const count = Number(text)
  if (!Number.isSafeInteger(count) || count < 1) throw new Error(`${text} is no positive whole number`)
  return count
}

function madeCapture(folder: string, transactionCount: number): string {
  const path = join(folder, `api-${transactionCount}.pcap`)
  writeApiCapture(path, { transactionCount, seed })
  return path
}

function isInstalled(command: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$0"', command]).status === 0
}

function rowOf(program: Program, isOurs: boolean): Row {
  return { name: program.name, program, isOurs, runs: [], output: '' }
}

function ourRows(capture: string): Row[] {
  const script = fileURLToPath(new URL('./capture-process.js', import.meta.url))
  const ours = (name: string, treatment: string, content: string): Row =>
    rowOf(
      {
        name,
        command: process.execPath,
        args: [script, capture, treatment],
        reassembles: 'yes',
        content,
        redacts: 'yes',
        output: 'NDJSON, paired by SEQ/ACK',
      },
      true,
    )
  return [
    ours('tapwarden, every content shaped', 'shape', 'decoded, all shaped'),
    ours('tapwarden, settled content 1 in 10', 'sample', 'decoded, 1 in 10 shaped'),
  ]
}

interface Measured {
  readonly name: string
  /** Undefined: not installed. */
  readonly cpuSeconds: number | undefined
  readonly wallSeconds: number | undefined
  readonly transactionsPerCpuSecond: number | undefined
  readonly bytesPerCpuSecond: number | undefined
  readonly packetsPerCpuSecond: number | undefined
  readonly residentMaxBytes: number | undefined
  readonly reassembles: string
  readonly content: string
  readonly redacts: string
  readonly output: string
}

function report(rows: readonly Row[], captureBytes: number, roundCount: number, asJson: boolean): void {
  const counts = rows.filter(({ isOurs }) => isOurs).map(({ output }) => JSON.parse(output) as CaptureCount)
  const [count] = counts
  if (count === undefined) throw new Error('nothing was measured')
  for (const { transactionCount, publishedCount } of counts) {
    if (publishedCount !== transactionCount) throw new Error(`${transactionCount} read, ${publishedCount} published`)
  }
  const measured = rows.map((row) => measuredOf(row, count, captureBytes))
  if (asJson) {
    console.log(JSON.stringify({ captureBytes, roundCount, counts, programs: measured }, undefined, 2))
    return
  }
  const size = `${number(count.transactionCount)} transactions, ${number(count.packetCount)} packets, ${megabytes(captureBytes)} MB`
  const lines = counts.map(({ lineBytes, publishedCount }) => number(lineBytes / publishedCount)).join(' and ')
  console.log(`${size}; ${availableParallelism()} cores; medians of ${roundCount} interleaved rounds, cold processes`)
  console.log(`published: ${lines} bytes a transaction\n`)
  console.log(speedTable(measured))
  console.log(`\n${workTable(measured)}`)
  console.log(`\n${goalLine(measured)}`)
}

function measuredOf({ name, program, runs }: Row, count: CaptureCount, captureBytes: number): Measured {
  const { reassembles, content, redacts, output } = program
  const cpuSeconds = median(runs.map((run) => run.cpuSeconds))
  const perSecond = (amount: number) => (cpuSeconds === undefined ? undefined : amount / cpuSeconds)
  return {
    name,
    cpuSeconds,
    wallSeconds: median(runs.map(({ wallSeconds }) => wallSeconds)),
    transactionsPerCpuSecond: perSecond(count.transactionCount),
    bytesPerCpuSecond: perSecond(captureBytes),
    packetsPerCpuSecond: perSecond(count.packetCount),
    residentMaxBytes: median(runs.map(({ mainMaxBytes }) => mainMaxBytes)),
    reassembles,
    content,
    redacts,
    output,
  }
}

/** Of an even number the lower one of the two in the middle; undefined of none. */
function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1]
}

function speedTable(measured: readonly Measured[]): string {
  return table([
    ['program', 'tx/CPU-s', 'MB/CPU-s', 'packets/CPU-s', 'CPU s', 'wall s', 'MB resident'],
    ...measured.map((row) =>
      row.cpuSeconds === undefined
        ? [row.name, 'absent']
        : [
            row.name,
            number(row.transactionsPerCpuSecond),
            number((row.bytesPerCpuSecond ?? 0) / 1e6),
            number(row.packetsPerCpuSecond),
            number(row.cpuSeconds, 2),
            number(row.wallSeconds, 2),
            megabytes(row.residentMaxBytes ?? 0),
          ],
    ),
  ])
}

function workTable(measured: readonly Measured[]): string {
  return table([
    ['program', 'reassembles', 'content', 'redacts', 'output'],
    ...measured.map(({ name, reassembles, content, redacts, output }) => [name, reassembles, content, redacts, output]),
  ])
}

function goalLine([shaped, sampled]: readonly Measured[]): string {
  const every = shaped?.transactionsPerCpuSecond ?? 0
  const settled = sampled?.transactionsPerCpuSecond ?? 0
  return [
    `every content shaped: ${number(every)} of ${number(goals.shape)} (floor ${number(floor)}: ${every >= floor ? 'kept' : 'LOST'})`,
    `settled content 1 in 10: ${number(settled)} of ${number(goals.sample)}`,
  ].join('\n')
}

await main()
