/** The fuzzer finds what it is there to find, makes the same cases from the same seed, and a short run of it finds nothing. Long ones: `npm run fuzz`. */

import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { CaseChecker } from './check-case.js'
import { readCorpus } from './corpus.js'
import { framesOfCapture, minimized } from './finding.js'
import { makeCase } from './fuzz-case.js'
import type { FuzzFrame } from './fuzz-frame.js'

const corpus = readCorpus([join(dirname(fileURLToPath(import.meta.url)), '..', 'pcaps')])
const seed = 20_261_124

it('a case does not depend on the cases made before it', () => {
  const first = makeCase(corpus, seed, 7)
  for (let index = 0; index < 20; index++) makeCase(corpus, seed, index)
  expect(makeCase(corpus, seed, 7)).toEqual(first)
})

it('finds nothing in a few thousand packets', () => {
  const checker = new CaseChecker()
  let [packetCount, transactionCount, cleanTransactionCount, openedRecordCount] = [0, 0, 0, 0]
  for (let caseIndex = 0; packetCount < 6_000; caseIndex++) {
    const fuzzCase = makeCase(corpus, seed, caseIndex)
    const checked = checker.check(fuzzCase)
    expect(checked.complaint, `case ${caseIndex} of seed ${seed}`).toBeUndefined()
    packetCount += fuzzCase.mutatedPacketCount
    transactionCount += checked.transactionCount
    cleanTransactionCount += checked.cleanTransactionCount
    openedRecordCount += checked.openedRecordCount
  }
  expect(transactionCount).toBeGreaterThan(100)
  expect(cleanTransactionCount).toBeGreaterThan(5)
  expect(openedRecordCount).toBeGreaterThan(100)
})

describe('a finding', () => {
  const frame = (first: number): FuzzFrame => ({
    bytes: Uint8Array.of(first),
    timestampUs: first,
    linkType: 1,
    isClean: false,
  })
  const frames = Array.from({ length: 100 }, (_, index) => frame(index))
  const holds = (kept: readonly FuzzFrame[], ...needed: number[]) =>
    needed.every((byte) => kept.some(({ bytes }) => bytes[0] === byte))

  it('is made as small as what shows it', () => {
    expect(minimized(frames, (kept) => holds(kept, 3, 60), 1_000).map(({ bytes }) => bytes[0])).toEqual([3, 60])
  })

  it('is not sought for longer than was asked', () => {
    let tries = 0
    minimized(frames, () => ++tries < 0, 30)
    expect(tries).toBe(30)
  })

  it('of a clean connection that gives something else beside the others is told', () => {
    const cases = Array.from({ length: 20 }, (_, index) => makeCase(corpus, seed, index))
    const fuzzCase = cases.find((each) => new CaseChecker().check(each).cleanTransactionCount > 0)!
    // Alone it is read without its data.
    const frames = fuzzCase.frames.map((each) => ({ ...each, isClean: each.isClean && each.bytes.length < 80 }))
    expect(new CaseChecker().check({ ...fuzzCase, frames }).complaint?.kind).toBe('clean-flow-changed')
  })
})

it('what is no capture has no frames', () => {
  expect(framesOfCapture(Uint8Array.of(1, 2, 3, 4))).toEqual([])
})
