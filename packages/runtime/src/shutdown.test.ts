import { EventEmitter } from 'node:events'
import { expect, it } from 'vitest'
import { silentLogger } from './logger.js'
import { shutdownOnSignal } from './shutdown.js'
import { ManualTimers } from './timers.js'

function scene() {
  const signals = new EventEmitter()
  const timers = new ManualTimers(0)
  const exits: number[] = []
  let finish: () => void = () => undefined
  let stops = 0
  const stop = () => {
    stops++
    return new Promise<void>((resolve) => {
      finish = resolve
    })
  }
  const shutdown = shutdownOnSignal({
    stop,
    deadlineMs: 1000,
    logger: silentLogger,
    timers,
    signals,
    exit: (code) => exits.push(code),
  })
  return { signals, timers, exits, shutdown, finish: () => finish(), stops: () => stops }
}

it('stops once at the first signal and leaves no listener and no timer behind', async () => {
  const { signals, timers, exits, shutdown, finish, stops } = scene()
  signals.emit('SIGTERM')
  expect(stops()).toBe(1)
  finish()
  await shutdown.stopped
  timers.advance(5000)
  expect([stops(), exits, signals.listenerCount('SIGINT'), signals.listenerCount('SIGTERM')]).toEqual([1, [], 0, 0])
})

it('leaves at once at the second signal', () => {
  const { signals, exits, stops } = scene()
  signals.emit('SIGINT')
  signals.emit('SIGINT')
  expect([stops(), exits]).toEqual([1, [130]])
})

it('leaves at its deadline', () => {
  const { signals, exits, timers } = scene()
  signals.emit('SIGINT')
  timers.advance(999)
  expect(exits).toEqual([])
  timers.advance(1)
  expect(exits).toEqual([1])
})
