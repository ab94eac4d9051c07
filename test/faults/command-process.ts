/** The real command as a process that tests may kill, and the processes that it starts. */

import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'

const bin = join(dirname(createRequire(import.meta.url).resolve('tapwarden/command')), '..', 'bin', 'tapwarden.js')
const pollMs = 10

export interface CommandEnd {
  /** Null where a signal ended it. */
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly out: string
  readonly err: string
  readonly seconds: number
}

export interface RunningCommand {
  readonly pid: number
  readonly ended: Promise<CommandEnd>
  /** What it has written to stderr so far. */
  readonly err: () => string
  /** Processes that it started and that still run: `engine`, `tcpdump`. */
  child(program: string): number | undefined
  signal(name: NodeJS.Signals): void
  /** SIGKILL for it and everything that it started, at once. */
  killTree(): void
}

/**
 * Starts the command in a process group of its own, as user `uid`. `home` holds its key and, without `--store`, its store; `stdin` is a file
 * descriptor, nothing when absent.
 */
export function startCommand(
  args: readonly string[],
  home: string,
  environment: Readonly<Record<string, string>> = {},
  uid?: number,
  stdin?: number,
): RunningCommand {
  const startedMs = performance.now()
  const child = spawn(process.execPath, [bin, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: home, ...environment },
    stdio: [stdin ?? 'ignore', 'pipe', 'pipe'],
    detached: true,
    ...(uid === undefined ? {} : { uid, gid: uid }),
  })
  const { pid, stdout, stderr } = child
  if (pid === undefined || stdout === null || stderr === null) throw new Error('node cannot be started')
  let [out, err] = ['', '']
  stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text
  })
  stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text
  })
  return {
    pid,
    ended: endOf(child, () => ({ out, err, seconds: (performance.now() - startedMs) / 1_000 })),
    err: () => err,
    child: (program) => childrenOf(pid).find((each) => commandLine(each).includes(program)),
    signal: (name) => void child.kill(name),
    killTree: () => {
      // tcpdump has a process group of its own, so that Ctrl-C on a terminal does not reach it.
      for (const each of [pid, ...childrenOf(pid)]) kill(each)
    },
  }
}

/** Runs the command to its end. */
export function runCommand(
  args: readonly string[],
  home: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<CommandEnd> {
  return startCommand(args, home, environment).ended
}

/** Resolves once `condition` holds; rejects with `what` after `patienceMs`. */
export async function until(what: string, condition: () => boolean, patienceMs = 30_000): Promise<void> {
  const giveUpAt = performance.now() + patienceMs
  while (!condition()) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${patienceMs} ms: ${what}`)
    await delay(pollMs)
  }
}

export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It ended by itself a moment before.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** False also for a zombie: what is dead and not yet collected does nothing any more. */
export function isAlive(pid: number): boolean {
  return !['', 'Z', 'X'].includes(statusOf(pid).state)
}

export function childrenOf(pid: number): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((each) => statusOf(each).parent === pid)
}

function statusOf(pid: number): { readonly state: string; readonly parent: number } {
  const text = procText(pid, 'stat')
  // The name in parentheses may hold anything.
  const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { state, parent: Number(parent) }
}

function commandLine(pid: number): string {
  return procText(pid, 'cmdline').replaceAll('\0', ' ')
}

function procText(pid: number, file: 'stat' | 'cmdline'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return '' // It is gone.
  }
}

function endOf(child: ChildProcess, rest: () => Omit<CommandEnd, 'code' | 'signal'>): Promise<CommandEnd> {
  return new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal, ...rest() })))
}
