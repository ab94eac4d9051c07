/**
 * `node test/dist/conformance/loss-score.js CAPTURE TRUTH`: the capture steps, before redaction, on a capture with late, repeated or
 * missing segments, held against the list of what was truly sent (NDJSON). Exit status 0 when good enough.
 */

import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import process, { argv, stderr, stdout } from 'node:process'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'
import { isGoodEnough, LossScorer, scoreText, type TrueTransaction } from './loss-scoring.js'

const blockBytes = 1_048_576

function main([capture, truthFile]: readonly string[]): number {
  if (capture === undefined || truthFile === undefined) {
    stderr.write('usage: node test/dist/conformance/loss-score.js CAPTURE TRUTH\n')
    return 2
  }
  const lines = readFileSync(truthFile, 'utf8').split('\n')
  const scorer = new LossScorer(lines.filter((line) => line !== '').map((line) => JSON.parse(line) as TrueTransaction))
  const transactions = new TransactionReader({ onTransaction: scorer.onTransaction })
  const reader = new PcapReader({ onFrame: (frame) => transactions.frame(frame) })
  readBlocks(capture, (block) => reader.push(block))
  const fault = reader.end()
  transactions.end()
  const score = scorer.score()
  stdout.write(scoreText(score))
  if (fault !== undefined) stderr.write(`${capture}: ${fault.code}: ${fault.detail}\n`)
  return isGoodEnough(score) && fault === undefined ? 0 : 1
}

function readBlocks(path: string, onBlock: (block: Uint8Array) => void): void {
  const file = openSync(path, 'r')
  try {
    const block = new Uint8Array(blockBytes)
    for (;;) {
      const bytes = readSync(file, block, 0, blockBytes, null)
      if (bytes === 0) return
      onBlock(block.subarray(0, bytes))
    }
  } finally {
    closeSync(file)
  }
}

process.exitCode = main(argv.slice(2)) // Not `exit`: what was written to a pipe must arrive.
