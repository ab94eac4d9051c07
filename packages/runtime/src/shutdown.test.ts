import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { silentLogger } from './logger.js'
import { shutdownOnSignal } from './shutdown.js'
import { ManualTimers } from './timers.js'

function scene(deadlineMs = 1000) {
  const signals = new EventEmitter()
  const timers = new ManualTimers(0)
  const deaths: string[] = []
  let finish: () => void = () => undefined
  const said: string[] = []
  let stops = 0
  const stop = () => {
    stops++
    return new Promise<void>((resolve) => {
      finish = resolve
    })
  }
  const shutdown = shutdownOnSignal({
    stop,
    deadlineMs,
    logger: silentLogger,
    timers,
    signals,
    onStopping: () => said.push('stopping'),
    onAbandoned: () => said.push('abandoned'),
    die: (signal) => deaths.push(signal),
  })
  return { signals, timers, deaths, said, shutdown, finish: () => finish(), stops: () => stops }
}

it('stops once at the first signal and leaves no listener and no timer behind', async () => {
  const { signals, timers, deaths, said, shutdown, finish, stops } = scene()
  signals.emit('SIGTERM')
  expect(stops()).toBe(1)
  finish()
  await shutdown.stopped
  timers.advance(5000)
  expect([stops(), deaths, signals.listenerCount('SIGINT'), signals.listenerCount('SIGTERM')]).toEqual([1, [], 0, 0])
  expect(said).toEqual(['stopping'])
})

it.each([
  [3, [], ['stopping'], 'a launcher passes on what the terminal sent to the whole group'],
  [999, [], ['stopping'], 'still the same wish'],
  [1_000, ['SIGTERM'], ['stopping', 'abandoned'], 'a person who means it'],
])('a second signal after %i ms: %j', (afterMs, died, words, _why) => {
  const { signals, deaths, said, timers, stops } = scene(60_000)
  signals.emit('SIGINT')
  timers.advance(afterMs)
  signals.emit('SIGTERM')
  expect([stops(), deaths, said]).toEqual([1, died, words])
})

it('ends at its deadline', () => {
  const { signals, deaths, timers } = scene()
  signals.emit('SIGINT')
  timers.advance(999)
  expect(deaths).toEqual([])
  timers.advance(1)
  expect(deaths).toEqual(['SIGKILL'])
})

describe('a process with a thread that is blocked for ever', () => {
  // The child runs compiled code: Node 20 reads no TypeScript.
  const shutdown = new URL('../dist/shutdown.js', import.meta.url).href
  const script = `
    import { execFileSync } from 'node:child_process'
    import { mkdtempSync, open, rmSync } from 'node:fs'
    const { shutdownOnSignal } = await import(process.argv[1])
    const folder = mkdtempSync('/tmp/tapwarden-shutdown-')
    execFileSync('mkfifo', [folder + '/pipe'])
    open(folder + '/pipe', 'r', () => undefined)
    const logger = { info: () => undefined, error: () => undefined }
    const onStopping = () => rmSync(folder, { recursive: true })
    shutdownOnSignal({ stop: () => new Promise(() => undefined), deadlineMs: 100, logger, onStopping })
    setTimeout(() => process.kill(process.pid, 'SIGINT'), 50)
    setTimeout(() => undefined, 60_000)`

  it('ends at its deadline all the same', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, shutdown], { stdio: 'ignore' })
    const guard = setTimeout(() => child.kill('SIGHUP'), 4_000)
    const [, signal] = await once(child, 'exit')
    clearTimeout(guard)
    expect(signal).toBe('SIGKILL')
  })
})
