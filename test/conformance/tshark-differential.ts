/**
 * `node test/dist/conformance/tshark-differential.js FOLDER…`: for each capture, the multiset of (method, host, URI, status) as we see it
 * against tshark's. A capture that differs is expected to stand in tshark-differences.md, under the reason for it; exit status 1 when one
 * does not, or when one that stands there differs no more (captures of FOLDER only).
 *
 * Raw values are printed here: this is a test program, no command of Tapwarden does it.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, join, sep } from 'node:path'
import process, { argv, stderr, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'
import { transactionLines } from './transaction-lines.js'
import { type ComparedTransaction, tsharkTransactions, tsharkVersion } from './tshark-transactions.js'

export interface Difference {
  readonly onlyOurs: readonly string[]
  readonly onlyTshark: readonly string[]
  readonly commonCount: number
}

const here = dirname(fileURLToPath(import.meta.url)).replace(`${sep}dist${sep}`, sep)

/** Captures below a folder by the name they have in the list: of `x/input.pcap`, that of its folder. */
export function capturesBelow(folder: string): Map<string, string> {
  const files = new Map<string, string>()
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) for (const [name, file] of capturesBelow(path)) files.set(name, file)
    else if (/\.(?:pcap|pcapng|cap)$/.test(entry.name))
      files.set(entry.name.startsWith('input.') ? basename(folder) : entry.name.replace(/\.\w+$/, ''), path)
  }
  return new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Undefined when there is none; a text when tshark could not read the file. */
export function differenceOf(file: string): Difference | string | undefined {
  const theirs = tsharkTransactions(file)
  if (theirs.kind === 'failed') return theirs.why
  const difference = compare(transactionLines(readFileSync(file)).lines, theirs.transactions)
  return difference.onlyOurs.length + difference.onlyTshark.length === 0 ? undefined : difference
}

export function compare(ours: readonly ComparedTransaction[], theirs: readonly ComparedTransaction[]): Difference {
  const open = new Map<string, number>()
  for (const each of ours) open.set(keyOf(each), (open.get(keyOf(each)) ?? 0) + 1)
  const onlyTshark: string[] = []
  let commonCount = 0
  for (const each of theirs) {
    const count = open.get(keyOf(each)) ?? 0
    if (count === 0) onlyTshark.push(keyOf(each))
    else {
      open.set(keyOf(each), count - 1)
      commonCount++
    }
  }
  const onlyOurs = [...open].flatMap(([key, count]) => new Array<string>(count).fill(key))
  return { onlyOurs, onlyTshark, commonCount }
}

function keyOf({ method, host, uri, status }: ComparedTransaction): string {
  return JSON.stringify([method, host, uri, status])
}

/** Name of a capture → the heading of tshark-differences.md that it stands under. Names are the first code of a list's entry. */
export function explainedDifferences(): Map<string, string> {
  const explained = new Map<string, string>()
  let heading = ''
  for (const line of readFileSync(join(here, 'tshark-differences.md'), 'utf8').split('\n')) {
    if (line.startsWith('## ')) heading = line.slice(3)
    for (const [, name] of line.startsWith('- ') ? line.matchAll(/`([^`]+)`/g) : []) explained.set(name ?? '', heading)
  }
  return explained
}

const shownMaxCount = 6

function main(folders: readonly string[]): number {
  const version = tsharkVersion()
  if (folders.length === 0 || version === undefined) {
    stderr.write(folders.length === 0 ? 'usage: tshark-differential FOLDER…\n' : 'tshark is not installed\n')
    return 2
  }
  const explained = explainedDifferences()
  const byReason = new Map<string, number>()
  let unexplained = 0
  let same = 0
  for (const [name, file] of folders.flatMap((folder) => [...capturesBelow(folder)])) {
    const difference = differenceOf(file)
    const reason = explained.get(name)
    if (difference === undefined) {
      same++
      if (reason !== undefined) stdout.write(`${name}: differs no more (${reason})\n`)
      if (reason !== undefined) unexplained++
      continue
    }
    byReason.set(reason ?? '(no reason given)', (byReason.get(reason ?? '(no reason given)') ?? 0) + 1)
    if (reason === undefined) unexplained++
    stdout.write(`${name}: ${reason ?? 'NO REASON GIVEN'}\n${shown(difference)}`)
  }
  stdout.write(`\n${version}\n${same} captures alike\n`)
  for (const [reason, count] of [...byReason].sort(([, a], [, b]) => b - a)) stdout.write(`${count} ${reason}\n`)
  return unexplained === 0 ? 0 : 1
}

function shown(difference: Difference | string): string {
  if (typeof difference === 'string') return `   tshark failed: ${difference}\n`
  const lines = (sign: string, keys: readonly string[]) =>
    keys
      .slice(0, shownMaxCount)
      .map((key) => `   ${sign} ${key.slice(0, 300)}\n`)
      .join('') + (keys.length > shownMaxCount ? `   ${sign} … ${keys.length - shownMaxCount} more\n` : '')
  const counts = `   alike ${difference.commonCount}, ours ${difference.onlyOurs.length}, tshark ${difference.onlyTshark.length}\n`
  return counts + lines('ours  ', difference.onlyOurs) + lines('tshark', difference.onlyTshark)
}

if (argv[1] === fileURLToPath(import.meta.url)) process.exitCode = main(argv.slice(2))
