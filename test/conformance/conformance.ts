/**
 * `npm run conformance -- DIR`: scores the capture steps, before redaction, against a corpus of captures, by the corpus's own
 * scripts/compare.py. With `--pcap FILE` it is the program under test: one JSON line a transaction, in the corpus's fields.
 *
 * Raw values are printed here and nowhere else: this is a test program, no command of Tapwarden does it.
 */

import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process, { argv, execPath, stderr, stdout } from 'node:process'
import { fileURLToPath } from 'node:url'
import { type CorpusReport, tableByTag } from './report.js'
import { transactionLines } from './transaction-lines.js'

const usage = 'usage: npm run conformance -- DIR [options of compare.py] | --pcap FILE'

function main(args: readonly string[]): number {
  if (args[0] === '--pcap' && args[1] !== undefined) return printTransactions(args[1])
  if (args[0] === undefined || args[0].startsWith('-')) {
    stderr.write(`${usage}\n`)
    return 2
  }
  return scoreCorpus(resolve(args[0]), args.slice(1))
}

/** Exit status as a capture program's: 1 when the file could not be read to its end; the lines before hold. */
function printTransactions(file: string): number {
  const { lines, fault } = transactionLines(readFileSync(file), keyLogBeside(file))
  stdout.write(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  if (fault === undefined) return 0
  stderr.write(`${file}: ${fault}\n`)
  return 1
}

/** Secrets of a capture's TLS connections stand beside it, as NAME.keylog or NAME.keys, or are in it (pcapng). */
function keyLogBeside(file: string): Uint8Array {
  const bases = [file, file.replace(/\.(?:pcap|pcapng|cap)$/, '')]
  const places = bases.flatMap((base) => ['keylog', 'keylog.txt', 'keys', 'sslkeylog'].map((end) => `${base}.${end}`))
  const found = places.find((place) => existsSync(place))
  return found === undefined ? new Uint8Array(0) : readFileSync(found)
}

function scoreCorpus(corpus: string, options: readonly string[]): number {
  const folder = mkdtempSync(join(tmpdir(), 'tapwarden-conformance-'))
  try {
    const self = fileURLToPath(import.meta.url)
    const reportFile = join(folder, 'report.json')
    const command = `'${execPath}' '${self}' --pcap {pcap}`
    const script = join(corpus, 'scripts', 'compare.py')
    const result = spawnSync('python3', [script, corpus, '--cmd', command, '--json', reportFile, ...options], {
      stdio: ['ignore', 'inherit', 'inherit'],
    })
    if (result.error !== undefined) {
      stderr.write(`compare.py did not run: ${result.error.message}\n`)
      return 2
    }
    stdout.write(tableByTag(JSON.parse(readFileSync(reportFile, 'utf8')) as CorpusReport))
    return result.status ?? 2
  } finally {
    rmSync(folder, { recursive: true })
  }
}

process.exitCode = main(argv.slice(2)) // Not `exit`: what was written to a pipe must arrive.
