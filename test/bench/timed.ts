/** One program, from start to end: its CPU with all that it starts, its memory, its output. */

import { spawn } from 'node:child_process'
import { childrenOf, machineBusyUs, residentBytesOf } from './process-cost.js'

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

const sampleMs = 100

/** bash reports user and system time of everything below it that was waited for. */
export async function timed(
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
