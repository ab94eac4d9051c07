import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { TransactionReader } from '@tapwarden/service-capture/transaction-reader'
import { expect, it } from 'vitest'
import { type ImpairedCapture, type Impairment, impairedCapture } from './impaired-capture.js'
import { isGoodEnough, LossScorer, scoreText, type TrueTransaction } from './loss-scoring.js'

function scoreOf({ capture, truths }: ImpairedCapture) {
  const scorer = new LossScorer(truths)
  const transactions = new TransactionReader({ onTransaction: scorer.onTransaction })
  const reader = new PcapReader({ onFrame: (frame) => transactions.frame(frame) })
  expect(reader.push(capture) ?? reader.end()).toBeUndefined()
  transactions.end()
  return scorer.score()
}

const intact: Impairment = { seed: 1, lostRatio: 0, lateRatio: 0, twiceRatio: 0 }

it.each<[string, Impairment]>([
  ['nothing', intact],
  ['some captured twice', { ...intact, twiceRatio: 0.02 }],
  ['many late', { ...intact, lateRatio: 0.1 }],
  ['some missing', { ...intact, lostRatio: 0.01 }],
  ['late and missing', { ...intact, seed: 2, lateRatio: 0.02, lostRatio: 0.02 }],
  ['all of it, often', { seed: 3, lateRatio: 0.05, lostRatio: 0.05, twiceRatio: 0.05 }],
])('every undamaged transaction is right and none is mispaired: %s', (_name, impairment) => {
  const score = scoreOf(impairedCapture(impairment))
  expect(score.undamagedCount + score.damagedCount).toBe(1_000)
  expect(scoreText(score)).toContain(`right ${score.undamagedCount} (100.0000 %)`)
  expect(score).toMatchObject({ wrongPairs: [], contradictions: [], duplicateCount: 0, unknown: [] })
  expect(score.damagedReportedCount).toBe(score.damagedKnowableCount)
  expect(score.damagedFlaggedCount).toBe(score.damagedKnowableCount)
  expect(score.damagedCount > 0).toBe(impairment.lostRatio > 0)
})

it.each<[string, (truth: TrueTransaction) => Partial<TrueTransaction>, number]>([
  ['content of other bytes', (truth) => ({ resp_crc32: (truth.resp_crc32 ?? 0) ^ 1 }), 1],
  ['another status', () => ({ status: 404 }), 1],
  ['another agent: wrong, but no wrong pair', () => ({ user_agent: 'x' }), 0],
])('sees what is wrong: %s', (_name, change, wrongPairCount) => {
  const { capture, truths } = impairedCapture(intact)
  const changed = truths.map((truth, index) => (index === 7 ? { ...truth, ...change(truth) } : truth))
  const score = scoreOf({ capture, truths: changed })
  expect(score).toMatchObject({ rightCount: 999, wrong: [{ uri: truths[7]?.uri }] })
  expect(score.wrongPairs).toHaveLength(wrongPairCount)
  expect(isGoodEnough(score)).toBe(false)
})
