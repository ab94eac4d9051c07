import { describe, expect, it } from 'vitest'
import { ManualTimers, pause, systemTimers } from './timers.js'

describe('ManualTimers', () => {
  it('runs what falls due in order of time, then of registration, at its time', () => {
    const timers = new ManualTimers(1_000)
    const ran: string[] = []
    const note = (name: string) => () => ran.push(`${name}@${timers.nowMs()}`)
    timers.after(20, note('b'))
    timers.after(10, note('a'))
    timers.after(20, note('c'))
    timers.after(31, note('late'))
    timers.after(5, () => timers.after(5, note('nested')))
    const callOff = timers.after(15, note('called off'))
    callOff()
    timers.advance(30)
    expect(ran).toEqual(['a@1010', 'nested@1010', 'b@1020', 'c@1020'])
    expect([timers.nowMs(), timers.pendingCount]).toEqual([1_030, 1])
  })
})

describe('pause', () => {
  it('ends with its time, or with the signal, and leaves no timer behind', async () => {
    const timers = new ManualTimers(0)
    const slept = pause(timers, 10)
    timers.advance(10)
    await slept
    const abort = new AbortController()
    const cut = pause(timers, 1_000, abort.signal)
    abort.abort()
    await cut
    await pause(timers, 1_000, abort.signal)
    expect(timers.pendingCount).toBe(0)
  })
})

it('a delay longer than setTimeout takes does not run at once', async () => {
  let ran = false
  const callOff = systemTimers.after(2 ** 40, () => {
    ran = true
  })
  await new Promise<void>((resolve) => systemTimers.after(1, resolve))
  callOff()
  expect(ran).toBe(false)
})
