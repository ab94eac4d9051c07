import { expect, it } from 'vitest'
import { RecentIds } from './recent-ids.js'

const idOf = (n: number) => n.toString(16).padStart(32, '0')

it('knows the last ones for certain, and no more than two generations', () => {
  const recent = new RecentIds(100)
  for (let n = 1; n <= 1_000; n++) {
    expect(recent.add(idOf(n))).toBe(true)
    expect(recent.add(idOf(n))).toBe(false)
    const forgotten = Array.from({ length: Math.min(100, n) }, (_, i) => n - i).filter(
      (each) => !recent.has(idOf(each)),
    )
    expect(forgotten).toEqual([])
    if (n > 200) expect(recent.has(idOf(n - 200))).toBe(false)
  }
})
