/**
 * `capture`: the sensor alone, and what it says of itself. Traffic is sent at rising rates, until some is lost: whatever the rate, sent = seen +
 * counted as lost. The rates and what was lost are printed.
 */

import { createSocket, type Socket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { concatBytes } from '@tapwarden/pcap/pcap-writer'
import { testCapture } from 'tapwarden/test-capture'
import { afterAll, describe, expect, it } from 'vitest'
import { runCommand, startCommand, until } from '../faults/command-process.js'
import { captureMissing } from '../servers/capture.js'

const home = mkdtempSync(join(tmpdir(), 'tapwarden-sensor-alone-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const file = join(home, 'shop.pcap')
const shop = testCapture(10)
writeFileSync(file, shop.bytes)

it('prints each transaction of a file, redacted, as one line', async () => {
  const { code, out, err } = await runCommand(['capture', file], home)
  expect([code, err]).toEqual([0, ''])
  const lines = out.trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).method).sort()).toHaveLength(shop.transactionCount)
  expect(out).not.toContain('canary-')
})

it('--stats says what was seen, and nothing else', async () => {
  const { code, out } = await runCommand(['capture', file, '--stats', '--json'], home)
  const total = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')
  expect(code).toBe(0)
  expect(total).toMatchObject({ kind: 'total', packets: shop.packetCount, transactions: shop.transactionCount })
  expect(out).not.toContain('/api/')
})

interface Total {
  readonly packets: number
  readonly drops: { readonly kernel: number }
  readonly source: Readonly<Record<string, number>>
}

/** Sends so many, in bursts of a millisecond's worth; resolves to how many the system took, and the rate that came of it. */
async function sendAt(socket: Socket, datagram: Uint8Array, port: number, perSecond: number, count: number) {
  const startedMs = performance.now()
  let [asked, sent, settled] = [0, 0, 0]
  while (asked < count) {
    const due = Math.min(count, Math.ceil(((performance.now() - startedMs) / 1_000) * perSecond))
    for (; asked < due; asked++) {
      socket.send(datagram, port, '127.0.0.1', (error) => {
        settled++
        if (error === null) sent++
      })
    }
    await delay(1)
  }
  const seconds = (performance.now() - startedMs) / 1_000
  await until('all are sent', () => settled === asked)
  return { sent, perSecond: Math.round(asked / seconds) }
}

/** Up to what a test process can send; the last is more than a sensor beside it takes. */
const rates = [5_000, 20_000, 80_000, 1_000_000]
const perRateCount = 20_000

async function raise(args: readonly string[], place: RegExp, datagram: Uint8Array, port?: number) {
  const running = startCommand(['capture', '--stats', '--json', ...args], home)
  await until('it watches', () => /watching|tapwarden:/.test(running.err()), 30_000)
  const socket = createSocket('udp4')
  const to = port ?? Number(place.exec(running.err())?.[1])
  let sent = 0
  const said: string[] = []
  for (const rate of rates) {
    const step = await sendAt(socket, datagram, to, rate, perRateCount)
    sent += step.sent
    said.push(`${step.sent} at ${step.perSecond}/s`)
  }
  socket.close()
  running.signal('SIGINT')
  const { code, out } = await running.ended
  expect(code).toBe(0)
  const total: Total = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')
  console.log(
    `${args.join(' ')}: sent ${said.join(', ')}; seen ${total.packets}, dropped by the kernel ${total.drops.kernel}`,
  )
  return { sent, total }
}

/** A mirrored segment of full size. */
const frame = concatBytes([Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0), new Uint8Array(1_500)])

describe('sent = seen + counted', () => {
  it.each([
    ['vxlan', Uint8Array.of(0x08, 0, 0, 0, 0, 0, 42, 0)],
    ['geneve', Uint8Array.of(0, 0, 0x65, 0x58, 0, 0, 42, 0)],
  ])(
    '--listen %s',
    async (kind, header) => {
      const place = new RegExp(`watching ${kind}://127\\.0\\.0\\.1:(\\d+)`)
      const { sent, total } = await raise(['--listen', `${kind}://127.0.0.1:0`], place, concatBytes([header, frame]))
      expect(total.packets + total.drops.kernel).toBe(sent)
      expect(total.packets).toBeGreaterThan(perRateCount)
    },
    60_000,
  )
})

const missing = await captureMissing()
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(missing)

it.skipIf(missing !== undefined)(
  `--interface lo ${missing ?? ''}`,
  async () => {
    const receiver = createSocket('udp4')
    await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve))
    const { port } = receiver.address()
    const args = ['--interface', 'lo', '--filter', `udp dst port ${port}`]
    const { sent, total } = await raise(args, /never/, new Uint8Array(1_400), port)
    receiver.close()
    // On lo each packet passes the kernel's ring twice, sent and received, and is seen once: a drop may be of either copy.
    expect(total.packets).toBeLessThanOrEqual(sent)
    expect(total.packets + total.drops.kernel).toBeGreaterThanOrEqual(sent)
  },
  60_000,
)
