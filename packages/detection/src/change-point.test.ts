import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BernoulliCusum, bernoulliStep, PoissonCusum, raisedProbability, Sprt, waldThreshold } from './change-point.js'

const probability = fc.double({ min: 0.02, max: 0.7, noNaN: true })
const outcomes = fc.array(fc.boolean(), { maxLength: 200 })
/** Gaps in µs, and the normal rate. */
const gaps = fc.array(fc.integer({ min: 0, max: 5_000_000 }), { maxLength: 100 })
const uncapped = Number.MAX_VALUE

/** Mulberry32: seeded, so that the bounds below hold or fail for good. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

describe('BernoulliCusum', () => {
  it('is the largest log-likelihood ratio of any suffix', () => {
    fc.assert(
      fc.property(outcomes, probability, (failures, p0) => {
        const cusum = new BernoulliCusum({ oddsRatio: 4, maxValue: uncapped })
        failures.forEach((failed, index) => {
          cusum.observe(failed, p0, index)
        })
        let naive = 0
        for (let from = 0; from <= failures.length; from++) {
          const sum = failures.slice(from).reduce((total, failed) => total + bernoulliStep(failed, p0, 4), 0)
          naive = Math.max(naive, sum)
        }
        expect(cusum.value).toBeCloseTo(naive, 6)
      }),
    )
  })

  it('never falls on a failure, never rises on a success, and stays between zero and its cap', () => {
    fc.assert(
      fc.property(outcomes, probability, (failures, p0) => {
        const cusum = new BernoulliCusum({ oddsRatio: 4, maxValue: 10 })
        return failures.every((failed, index) => {
          const before = cusum.value
          const after = cusum.observe(failed, p0, index)
          return after >= 0 && after <= 10 && (failed ? after >= before : after <= before)
        })
      }),
    )
  })

  it('good history banks no credit', () => {
    const cusum = new BernoulliCusum({ oddsRatio: 4, maxValue: uncapped })
    for (let i = 0; i < 1_000; i++) cusum.observe(false, 0.1, i)
    expect(cusum.value).toBe(0)
    cusum.observe(true, 0.1, 1_000)
    expect(cusum.value).toBeCloseTo(bernoulliStep(true, 0.1, 4), 12)
    expect(cusum.changePointUs).toBe(1_000)
  })

  it('raised odds are the stated multiple', () => {
    fc.assert(
      fc.property(probability, (p0) => {
        const p1 = raisedProbability(p0, 4)
        expect(p1 / (1 - p1)).toBeCloseTo((4 * p0) / (1 - p0), 9)
      }),
    )
  })

  it('at threshold 24: no alarm in a million outcomes at the normal rate, some 25 failures under attack', () => {
    const random = randomOf(7)
    const cusum = new BernoulliCusum({ oddsRatio: 4, maxValue: 48 })
    let highest = 0
    for (let i = 0; i < 1_000_000; i++) highest = Math.max(highest, cusum.observe(random() < 0.1, 0.1, i))
    expect(highest).toBeLessThan(24)
    let attempts = 0
    while (cusum.value < 24) {
      attempts++
      cusum.observe(random() < 0.97, 0.1, attempts)
    }
    expect(attempts).toBeLessThan(30)
  })
})

describe('PoissonCusum', () => {
  it('is the largest log-likelihood ratio since any event', () => {
    fc.assert(
      fc.property(gaps, fc.double({ min: 0.01, max: 5, noNaN: true }), (waits, rate) => {
        const cusum = new PoissonCusum(8)
        const steps: number[] = []
        let atUs = 0
        waits.forEach((gap, index) => {
          atUs += gap
          // The first event of an excursion pays no waiting time.
          steps.push(Math.log(8) - (index === 0 ? 0 : (7 * rate * gap) / 1e6))
          cusum.observe(atUs, rate, uncapped)
        })
        let naive = 0
        for (const step of steps) naive = Math.max(0, naive + step - Math.log(8)) + Math.log(8)
        expect(cusum.value).toBeCloseTo(naive, 6)
      }),
    )
  })

  it('an event of the past counts and moves no clock', () => {
    const cusum = new PoissonCusum(8)
    cusum.observe(2_000_000, 1, uncapped)
    cusum.observe(1_000_000, 1, uncapped)
    expect(cusum.value).toBeCloseTo(2 * Math.log(8), 9)
    expect(cusum.valueAt(2_000_000, 1)).toBeCloseTo(2 * Math.log(8), 9)
    expect(cusum.valueAt(60_000_000, 1)).toBe(0)
  })

  it.each([
    [700, 14],
    [100, 16],
  ])('factor 32, threshold 40, %d times normal: decides within %d requests', (times, limit) => {
    const random = randomOf(11)
    for (let run = 0; run < 50; run++) {
      const cusum = new PoissonCusum(32)
      let atUs = 0
      let requests = 0
      while (cusum.value < 40) {
        requests++
        atUs += (-Math.log(1 - random()) / (0.2 * times)) * 1e6
        cusum.observe(atUs, 0.2, uncapped)
      }
      expect(requests).toBeLessThanOrEqual(limit)
    }
  })

  it('factor 32: no alarm in 300,000 Poisson requests, at the normal rate or at three times it', () => {
    const random = randomOf(13)
    for (const times of [1, 3]) {
      const cusum = new PoissonCusum(32)
      let atUs = 0
      let highest = 0
      for (let i = 0; i < 300_000; i++) {
        atUs += (-Math.log(1 - random()) / (0.2 * times)) * 1e6
        highest = Math.max(highest, cusum.observe(atUs, 0.2, uncapped))
      }
      expect(highest).toBeLessThan(40)
    }
  })
})

describe('Sprt', () => {
  it.each([
    [[3, 3], 'alternative'],
    [[-3, -3], 'null'],
    [[3, -3], undefined],
  ])('%j → %s', (steps, verdict) => {
    const test = new Sprt({ threshold: waldThreshold(0.01, 0.01), prior: 0 })
    for (const step of steps) test.observe(step)
    expect(test.verdict()).toBe(verdict)
  })

  it('a lifetime of one side is undone by a bounded amount of the other', () => {
    const test = new Sprt({ threshold: 4, prior: 0 })
    for (let i = 0; i < 1_000; i++) test.observe(1)
    for (let i = 0; i < 12; i++) test.observe(-1)
    expect(test.verdict()).toBe('null')
  })
})
