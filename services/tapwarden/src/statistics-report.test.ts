import { ManualTimers } from '@tapwarden/runtime/timers'
import type { CaptureStatistics } from '@tapwarden/service-capture/capture-statistics'
import { expect, it } from 'vitest'
import type { Output } from './output.js'
import { intervalBetween, intervalLine } from './statistics-line.js'
import { startStatisticsReport } from './statistics-report.js'

function statisticsAt(step: number, more: Partial<CaptureStatistics> = {}): CaptureStatistics {
  return {
    observedAtUs: step,
    packetCount: 1_000 * step,
    bytes: 1_000_000 * step,
    transactionCount: 100 * step,
    flowCount: 10 * step,
    openFlowCount: 7,
    missedBytes: 0,
    opaqueBytes: 0,
    drops: { kernel: 0, queue: 0, limit: 0 },
    sampledOutCount: 0,
    overloadState: 'calm',
    source: {},
    tls: { bytes: 0, undecryptedBytes: 0, servers: [] },
    ...more,
  }
}

it.each<[CaptureStatistics, number, string]>([
  [
    statisticsAt(3),
    1,
    '2,000 packets/s · 16.0 Mbit/s · 200 transactions/s · flows 20 new, 7 open · dropped 0 by the kernel, 0 by the queue, 0 by limits',
  ],
  [
    statisticsAt(3, {
      drops: { kernel: 5, queue: 6, limit: 7 },
      sampledOutCount: 8,
      overloadState: 'shedding',
      missedBytes: 1_460,
      source: { 'source.capture-restarted': 1 },
      tls: {
        bytes: 400,
        undecryptedBytes: 300,
        servers: [
          {
            server: '192.0.2.1:443',
            serverName: 'a\u001b.example',
            flowCount: 1,
            undecryptedFlowCount: 1,
            bytes: 300,
            undecryptedBytes: 300,
          },
          {
            server: '192.0.2.2:443',
            serverName: '',
            flowCount: 1,
            undecryptedFlowCount: 0,
            bytes: 100,
            undecryptedBytes: 0,
          },
        ],
      },
    }),
    2,
    '1,000 packets/s · 8.0 Mbit/s · 100 transactions/s · flows 20 new, 7 open · dropped 5 by the kernel, 6 by the queue, 7 by limits · shedding: 8 transactions left out, others stand for them · 1,460 bytes missed · source.capture-restarted 1 · TLS unread a\\u{1b}.example 100 %, 192.0.2.2:443 0 %',
  ],
])('case %#: a line says what came, what was lost, and what cannot be read', (now, seconds, line) => {
  expect(intervalLine(intervalBetween(statisticsAt(1), now, seconds))).toBe(line)
})

function report(json: boolean, isTerminal: boolean) {
  const timers = new ManualTimers(0)
  const lines: string[] = []
  const written: string[] = []
  let step = 1
  const output: Output = {
    interactive: isTerminal,
    columns: 40,
    out: (text) => lines.push(text),
    note: () => undefined,
  }
  const terminal = { write: (text: string | Uint8Array) => written.push(String(text)) > 0 }
  const running = startStatisticsReport({
    statistics: () => statisticsAt(step),
    output,
    json,
    terminal: isTerminal ? terminal : undefined,
    timers,
  })
  const pass = (ms: number): void => {
    step++
    timers.advance(ms)
  }
  return { running, timers, lines, written, pass }
}

it('prints a line each second, the rest of the last one, and the sum', () => {
  const { running, timers, lines, pass } = report(false, false)
  pass(1_000)
  pass(1_000)
  pass(500)
  running.stop()
  expect(lines.map((line) => line.split(' · ')[0])).toEqual([
    '1,000 packets/s',
    '1,000 packets/s',
    '2,000 packets/s',
    'in all: 4,000 packets, 400 transactions in 2.5 s',
  ])
  expect(timers.pendingCount).toBe(0)
})

it('on a terminal one line is written over, and fits', () => {
  const { running, lines, written, pass } = report(false, true)
  pass(1_000)
  pass(1_000)
  running.stop()
  expect(lines).toEqual([])
  const over = '\r\u001b[K'
  expect(written[0]).toBe(`${over}1,000 packets/s · 8.0 Mbit/s · 100 tra…`)
  expect(written.at(-1)?.startsWith(`${over}in all: 3,000 packets`)).toBe(true)
  expect(written.at(-1)?.endsWith('\n')).toBe(true)
})

it('with --json each second is an object, growth apart from sums', () => {
  const { running, lines, pass } = report(true, true)
  pass(1_000)
  running.stop()
  const [second, total] = lines.map((line) => JSON.parse(line))
  expect(second).toMatchObject({ kind: 'interval', atMs: 1_000, seconds: 1, packets: 1_000, bits: 8_000_000 })
  expect(total).toMatchObject({ kind: 'total', packets: 2_000, flows: { begun: 20, open: 7 } })
})
