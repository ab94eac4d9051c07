/** Whole programs on one capture: `tapwarden replay` into a fresh store, and the peers that are installed. */

import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { childrenOf, machineBusyUs, residentBytesOf } from './process-cost.js'

export interface ProgramCost {
  readonly name: string
  /** Undefined: not installed. */
  readonly run: ProgramRun | undefined
}

export interface ProgramRun {
  readonly wallSeconds: number
  /** User + system of the process and all that it started. */
  readonly cpuSeconds: number
  /** Cores that were busy with something else meanwhile, on average: why a wall clock may lie. */
  readonly othersCoreCount: number
  readonly mainMaxBytes: number
  readonly childMaxBytes: number
  /** Ten times a second, from the start on. */
  readonly memory: readonly MemorySample[]
}

export interface MemorySample {
  /** Resident: of the program, and of the largest process that it started (the engine). */
  readonly mainBytes: number
  readonly childBytes: number
}

const command = fileURLToPath(new URL('../../../services/tapwarden/bin/tapwarden.js', import.meta.url))
const sampleMs = 100

/** Throws when the replay fails, or stores another number of transactions than it read. */
export async function replayCost(capture: string): Promise<ProgramRun & { readonly transactionCount: number }> {
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-bench-replay-'))
  try {
    const environment = { ...process.env, TAPWARDEN_KEY_FILE: join(folder, 'fleet.key') }
    const args = [command, 'replay', capture, '--store', join(folder, 'store'), '--json']
    const { run, output } = await timed(process.execPath, args, environment)
    const { transactions } = JSON.parse(output.slice(output.indexOf('{'))) as {
      transactions: { seen: number; new: number }
    }
    if (transactions.new !== transactions.seen) {
      throw new Error(`${transactions.seen} transactions read, ${transactions.new} stored`)
    }
    return { ...run, transactionCount: transactions.seen }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

export async function peerCosts(capture: string): Promise<ProgramCost[]> {
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-bench-peer-'))
  const fields = ['http.request.method', 'http.request.uri', 'http.response.code'].flatMap((field) => ['-e', field])
  const peers: readonly (readonly [name: string, program: string, args: readonly string[]])[] = [
    ['tshark: HTTP fields', 'tshark', ['-r', capture, '-Y', 'http', '-T', 'fields', ...fields]],
    ['tcpflow: streams to files', 'tcpflow', ['-r', capture, '-o', join(folder, 'streams')]],
    ['tcpflow: HTTP content to files', 'tcpflow', ['-e', 'http', '-r', capture, '-o', join(folder, 'http')]],
  ]
  const costs: ProgramCost[] = []
  try {
    for (const [name, program, args] of peers) {
      const isInstalled = spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
      costs.push({ name, run: isInstalled ? (await timed(program, args, process.env)).run : undefined })
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  return costs
}

/** bash reports user and system time of everything below it that was waited for. */
async function timed(
  program: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<{ run: ProgramRun; output: string }> {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" 2>&3'
  const busyBeforeUs = machineBusyUs()
  const child = spawn('bash', ['-c', script, 'bash', program, ...args], {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const memory = new MemorySampler(child.pid ?? 0)
  const [output, times, messages] = await Promise.all([child.stdio[1], child.stdio[2], child.stdio[3]].map(textOf))
  memory.stop()
  const [wallSeconds, user, system] = (times ?? '').trim().split(/\s+/).slice(-3).map(Number)
  if (wallSeconds === undefined || user === undefined || system === undefined || !(wallSeconds > 0)) {
    throw new Error(`${program} did not run: ${times}${messages}`)
  }
  const cpuSeconds = user + system
  const othersUs = machineBusyUs() - busyBeforeUs - cpuSeconds * 1e6
  const run = {
    wallSeconds,
    cpuSeconds,
    othersCoreCount: Math.max(0, othersUs / 1e6 / wallSeconds),
    mainMaxBytes: Math.max(0, ...memory.samples.map(({ mainBytes }) => mainBytes)),
    childMaxBytes: Math.max(0, ...memory.samples.map(({ childBytes }) => childBytes)),
    memory: memory.samples,
  }
  return { run, output: output ?? '' }
}

async function textOf(stream: unknown): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

/** Of bash's child, which is the program, and of that one's children. */
class MemorySampler {
  readonly samples: MemorySample[] = []
  readonly #timer: NodeJS.Timeout

  constructor(bashPid: number) {
    this.#timer = setInterval(() => {
      const [main] = childrenOf(bashPid)
      const mainBytes = main === undefined ? undefined : residentBytesOf(main)
      if (main === undefined || mainBytes === undefined) return
      const childBytes = Math.max(0, ...childrenOf(main).map((pid) => residentBytesOf(pid) ?? 0))
      this.samples.push({ mainBytes, childBytes })
    }, sampleMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}
