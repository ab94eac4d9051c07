/**
 * `npm run test:hostile`: each attack in full, in a process of its own, beside clean traffic.
 *
 *   npm run test:hostile -- [--only TEXT] [--memory-mib N] [--json]
 *
 * Exit status: 0 when all memory stayed below the cap, no clean transaction was lost or changed, and clean traffic kept half its speed;
 * 1 otherwise; 2 wrong usage. Speed is measured in CPU time; on a machine that is busy, look at it twice.
 */

import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { attacks } from './attacks.js'
import { type AttackOutcome, runAttack } from './run-attack.js'

const cleanCount = 3_000
const slowestRatio = 0.5
/** Of JavaScript's heap: without a bound it grows to a multiple of what is alive before it is cleared. */
const heapMib = 256
const mib = 2 ** 20

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    'memory-mib': { type: 'string', default: '512' },
    json: { type: 'boolean', default: false },
    'in-process': { type: 'string' },
  },
})

function main(): number {
  const inProcess = values['in-process']
  if (inProcess !== undefined) {
    const attack = attacks[Number(inProcess)]!
    process.stdout.write(JSON.stringify(runAttack(attack, true, cleanCount)))
    return 0
  }
  const memoryMaxBytes = Number(values['memory-mib']) * mib
  let faultCount = 0
  if (!values.json)
    process.stdout.write(
      `${'attack'.padEnd(50)} ${'steps'.padStart(9)} ${'µs/packet'.padStart(9)} ${'MiB'.padStart(5)} ${'clean'.padStart(7)} ${'speed'.padStart(6)}\n`,
    )
  for (const [index, attack] of attacks.entries()) {
    if (!attack.name.includes(values.only)) continue
    const outcome = inProcessOfItsOwn(index)
    const faults = outcome === undefined ? ['the process ended'] : faultsOf(outcome, memoryMaxBytes)
    if (faults.length > 0) faultCount++
    if (values.json)
      process.stdout.write(
        `${JSON.stringify({ name: attack.name, stepCount: attack.fullCount, faults, ...outcome })}\n`,
      )
    else process.stdout.write(row(attack.name, attack.fullCount, outcome, faults))
  }
  return faultCount === 0 ? 0 : 1
}

function inProcessOfItsOwn(index: number): AttackOutcome | undefined {
  const self = fileURLToPath(import.meta.url)
  const { status, stdout } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${heapMib}`, self, '--in-process', String(index)],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
      maxBuffer: 16 * mib,
    },
  )
  return status === 0 ? (JSON.parse(stdout) as AttackOutcome) : undefined
}

function faultsOf({ rssMaxBytes, isCleanIntact, aloneUs, besideUs }: AttackOutcome, memoryMaxBytes: number): string[] {
  return [
    ...(rssMaxBytes > memoryMaxBytes ? ['memory above the cap'] : []),
    ...(isCleanIntact ? [] : ['clean transactions lost or changed']),
    ...(aloneUs < slowestRatio * besideUs ? ['clean traffic slower than half its speed'] : []),
  ]
}

function row(name: string, stepCount: number, outcome: AttackOutcome | undefined, faults: readonly string[]): string {
  if (outcome === undefined) return `${name.padEnd(50)} ${faults.join(', ')}\n`
  const { attackPacketUs, rssMaxBytes, cleanCount: seen, aloneUs, besideUs, told } = outcome
  const counted = Object.entries(told).filter(([, count]) => count > 0)
  const most = counted.sort(([, a], [, b]) => b - a).slice(0, 4)
  const cells = [
    name.padEnd(50),
    String(stepCount).padStart(9),
    attackPacketUs.toFixed(1).padStart(9),
    String(Math.round(rssMaxBytes / mib)).padStart(5),
    String(seen).padStart(7),
    `${Math.round((100 * aloneUs) / besideUs)} %`.padStart(6),
  ]
  return `${cells.join(' ')}  ${faults.length === 0 ? '' : `${faults.join(', ').toUpperCase()}; `}${most.map(([what, count]) => `${what} ${count}`).join(', ')}\n`
}

process.exitCode = main()
