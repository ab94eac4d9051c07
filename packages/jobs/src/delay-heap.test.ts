import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DelayHeap } from './delay-heap.js'

it('gives entries in order of time, then of arrival, and none before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20 })), fc.integer({ min: 0, max: 20 }), (times, nowMs) => {
      const heap = new DelayHeap<{ readonly atMs: number; readonly index: number }>()
      times.forEach((atMs, index) => {
        heap.push(atMs, { atMs, index })
      })
      const given = []
      for (let next = heap.popDue(nowMs); next !== undefined; next = heap.popDue(nowMs)) given.push(next)
      const model = times
        .map((atMs, index) => ({ atMs, index }))
        .filter((entry) => entry.atMs <= nowMs)
        .sort((a, b) => a.atMs - b.atMs || a.index - b.index)
      expect(given).toEqual(model)
      expect(heap.size).toBe(times.length - model.length)
    }),
  )
})
