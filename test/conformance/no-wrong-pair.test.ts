/** Whatever is lost, late, repeated or forged: no request gets the response to another, and what was not harmed is paired. */

import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'
import { expect, it } from 'vitest'
import { Random } from '../random.js'
import { type PipelinedSpec, pipelinedCapture } from './pipelined-capture.js'

const intact: PipelinedSpec = { connectionCount: 60, lostRatio: 0, lateRatio: 0, twiceRatio: 0, forgedRatio: 0 }

function pairsOf(spec: PipelinedSpec, seed: number) {
  const wrong: string[] = []
  let rightCount = 0
  let openCount = 0
  const transactions = new TransactionReader({
    onTransaction: (_flow, { request, response, anomalies }) => {
      const answers = response?.fields.first('x-answers')
      if (response === undefined) openCount++
      else if (answers === undefined || `/${answers}` === request.target) rightCount++
      else wrong.push(`${request.target} got ${answers} (${anomalies.join()})`)
    },
  })
  const reader = new PcapReader({ onFrame: (frame) => transactions.frame(frame) })
  expect(reader.push(pipelinedCapture(spec, new Random(seed))) ?? reader.end()).toBeUndefined()
  transactions.end()
  return { wrong, rightCount, openCount }
}

it.each<[string, PipelinedSpec, number]>([
  ['intact', intact, 1],
  ['segments late', { ...intact, lateRatio: 0.05 }, 0.95],
  ['segments twice', { ...intact, twiceRatio: 0.1 }, 1],
  ['forged segments', { ...intact, forgedRatio: 0.1 }, 0.85],
  ['few lost', { ...intact, lostRatio: 0.01 }, 0.9],
  ['some lost, late and twice', { ...intact, lostRatio: 0.03, lateRatio: 0.03, twiceRatio: 0.01 }, 0.7],
  ['many lost', { ...intact, lostRatio: 0.1, lateRatio: 0.03, twiceRatio: 0.01 }, 0.3],
  ['all of it', { ...intact, lostRatio: 0.05, lateRatio: 0.05, twiceRatio: 0.05, forgedRatio: 0.1 }, 0.4],
])('no pair is wrong: %s', (_name, spec, rightMinRatio) => {
  for (const seed of [1, 2, 3]) {
    const { wrong, rightCount, openCount } = pairsOf(spec, seed)
    expect(wrong).toEqual([])
    expect(rightCount / (rightCount + openCount)).toBeGreaterThanOrEqual(rightMinRatio)
  }
})
