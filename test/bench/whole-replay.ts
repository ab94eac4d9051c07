/** Whole programs on one capture: `tapwarden replay` into a fresh store, and the peers that are installed. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type ProgramRun, timed } from './timed.js'

export interface ProgramCost {
  readonly name: string
  /** Undefined: not installed. */
  readonly run: ProgramRun | undefined
}

const command = fileURLToPath(new URL('../../../services/tapwarden/bin/tapwarden.js', import.meta.url))

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
