import { Writable } from 'node:stream'
import { ManualTimers } from '@tapwarden/runtime/timers'
import { expect, it } from 'vitest'
import type { Output } from './output.js'
import { startProgress } from './progress.js'

function memory(): Output & { readonly notes: string[] } {
  const notes: string[] = []
  return { interactive: false, columns: 80, notes, out: () => undefined, note: (text) => notes.push(text) }
}

it('elsewhere than on a terminal it is a line every five seconds, and none once stopped', () => {
  const timers = new ManualTimers(0)
  const output = memory()
  const pipe = new Writable() as NodeJS.WriteStream
  const progress = startProgress(200, output, pipe, timers)
  progress.update({ file: 'a\u001b.pcap', readBytes: 50, packets: 1000, transactions: 10 })
  timers.advance(4_999)
  expect(output.notes).toEqual([])
  timers.advance(1)
  expect(output.notes).toEqual(['25 %, 1,000 packets, 10 transactions (a\\u{1b}.pcap)'])
  progress.stop()
  timers.advance(60_000)
  expect([output.notes.length, timers.pendingCount]).toEqual([1, 0])
})
