import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Load, Overload } from './overload.js'

const limits = { lagMaxMs: 1_000, oneInMax: 1_024 }
const well = { queueFill: 0, waitingCount: 0, lagMs: 5, lostCount: 0 }

/** Observes `load` each 100 ms of [fromMs, toMs). */
function hold(overload: Overload, fromMs: number, toMs: number, load: Omit<Load, 'nowMs'>): void {
  for (let nowMs = fromMs; nowMs < toMs; nowMs += 100) overload.observe({ nowMs, ...load })
}

it.each<[string, Omit<Load, 'nowMs'>, string]>([
  ['a queue half full', { ...well, queueFill: 0.5, waitingCount: 1 }, 'shedding'],
  ['frames read a second late', { ...well, lagMs: 1_005 }, 'shedding'],
  ['neither', { ...well, queueFill: 0.49, lagMs: 1_000 }, 'calm'],
])('%s', (_, load, state) => {
  const overload = new Overload(limits)
  overload.observe({ nowMs: 0, ...well })
  hold(overload, 100, 1_000, load)
  expect(overload.state).toBe(state)
  expect(overload.shares.ordinaryOneIn > 1).toBe(state === 'shedding')
})

it('a clock of the capture that is an hour off presses nothing', () => {
  const overload = new Overload(limits)
  hold(overload, 0, 5_000, { ...well, lagMs: 3_600_000 })
  hold(overload, 5_000, 6_000, { ...well, lagMs: undefined })
  hold(overload, 6_000, 10_000, { ...well, lagMs: 3_600_020 })
  expect(overload.state).toBe('calm')
})

it('keeps what matters most whole until the rest is down to one in 16, and no less than the limit says', () => {
  const overload = new Overload(limits)
  const seen: [number, number][] = []
  for (let nowMs = 0; nowMs < 12_000; nowMs += 250) {
    overload.observe({ nowMs, ...well, queueFill: 1, waitingCount: nowMs })
    const { ordinaryOneIn, foremostOneIn } = overload.shares
    if (seen.at(-1)?.[0] !== ordinaryOneIn) seen.push([ordinaryOneIn, foremostOneIn])
  }
  expect(seen).toEqual([
    [2, 1],
    [4, 1],
    [8, 1],
    [16, 1],
    [32, 2],
    [64, 4],
    [128, 8],
    [256, 16],
    [512, 32],
    [1_024, 64],
  ])
})

it('takes no further step while the pressure shrinks', () => {
  const overload = new Overload(limits)
  for (let step = 0; step < 50; step++) {
    overload.observe({ nowMs: step * 100, ...well, queueFill: 1, waitingCount: 100 - step, lagMs: 5_000 - step * 50 })
  }
  expect(overload.shares.ordinaryOneIn).toBe(2)
  hold(overload, 5_000, 6_400, { ...well, queueFill: 0.8, waitingCount: 200 })
  expect(overload.shares.ordinaryOneIn).toBeGreaterThan(2)
})

it('goes back one step in two seconds without pressure, to calm', () => {
  const overload = new Overload(limits)
  for (let nowMs = -2_000; nowMs < 800; nowMs += 100)
    overload.observe({ nowMs, ...well, queueFill: 1, waitingCount: nowMs + 2_000 })
  expect(overload.shares.ordinaryOneIn).toBe(8)
  hold(overload, 800, 2_600, well)
  expect(overload.shares.ordinaryOneIn).toBe(8)
  hold(overload, 2_600, 2_900, well)
  expect(overload.shares.ordinaryOneIn).toBe(4)
  hold(overload, 2_900, 7_000, well)
  expect(overload).toMatchObject({ state: 'calm', shares: { ordinaryOneIn: 1, foremostOneIn: 1 } })
})

it('is blind while something is lost, and for two seconds', () => {
  const overload = new Overload(limits)
  overload.observe({ nowMs: 0, ...well })
  overload.observe({ nowMs: 100, ...well, lostCount: 7 })
  expect(overload.state).toBe('blind')
  hold(overload, 200, 2_000, { ...well, lostCount: 7 })
  expect(overload.state).toBe('blind')
  hold(overload, 2_000, 2_300, { ...well, lostCount: 7 })
  expect(overload.state).not.toBe('blind')
})

it('whatever is observed, shares are powers of two within the limit', () => {
  const load = fc.record({
    nowMs: fc.nat(60_000),
    queueFill: fc.double({ min: 0, max: 1, noNaN: true }),
    waitingCount: fc.nat(100),
    lagMs: fc.option(fc.integer({ min: -5_000, max: 60_000 }), { nil: undefined }),
    lostCount: fc.nat(5),
  })
  fc.assert(
    fc.property(fc.array(load, { maxLength: 60 }), (loads) => {
      const overload = new Overload(limits)
      return loads
        .toSorted((a, b) => a.nowMs - b.nowMs)
        .every((each) => {
          overload.observe(each)
          const { ordinaryOneIn, foremostOneIn } = overload.shares
          return (
            Number.isInteger(Math.log2(ordinaryOneIn)) &&
            ordinaryOneIn <= 1_024 &&
            Number.isInteger(foremostOneIn) &&
            foremostOneIn <= ordinaryOneIn
          )
        })
    }),
  )
})
