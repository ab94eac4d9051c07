/** CPU and memory of processes, as Linux counts them in /proc; and what the rest of the machine did meanwhile. */

import { readFileSync } from 'node:fs'

/** `getconf CLK_TCK` is 100 on every Linux that Node runs on. */
const usPerTick = 10_000

/** User + system µs of a process so far, all its threads; 0 when it is gone. */
export function cpuUsOf(pid: number): number {
  try {
    // The name, in brackets, may hold blanks.
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? []
    return (Number(fields[11]) + Number(fields[12])) * usPerTick
  } catch {
    return 0
  }
}

/** Resident bytes of a process; undefined when it is gone. */
export function residentBytesOf(pid: number): number | undefined {
  try {
    const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024
  } catch {
    return undefined
  }
}

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ').filter(Boolean).map(Number)
  } catch {
    return []
  }
}

/** µs that all cores together were busy since the machine started: what others took is this less our own. */
export function machineBusyUs(): number {
  const [, user, nice, system, , , irq, softirq] = (readFileSync('/proc/stat', 'latin1').split('\n')[0] ?? '')
    .split(/\s+/)
    .map(Number)
  return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softirq ?? 0)) * usPerTick
}
