/**
 * `capture`: the sensor alone, and what it says of itself. Traffic is sent at rising rates, until some is lost: whatever the rate, sent = seen +
 * counted as lost. The rates and what was lost are printed.
 */

import { execFile, spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
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

it('prints each transaction of a file, redacted, as one line, the same each time', async () => {
  const { code, out, err } = await runCommand(['capture', file], home)
  const seen = `${shop.packetCount} packets, ${shop.transactionCount} transactions; not visible: `
  expect([code, err]).toEqual([0, expect.stringMatching(new RegExp(`^${seen}[^\\n]+\\n$`))])
  const lines = out.trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line).method).sort()).toHaveLength(shop.transactionCount)
  expect(out).not.toContain('canary-')
  expect((await runCommand(['capture', file], home)).out).toBe(out)
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

/** Up to what one process can send; the last is more than a sensor beside it takes. */
const rates = ['5000', '20000', '80000', '1000000']
const perRateCount = 20_000
const sender = join(dirname(fileURLToPath(import.meta.url)), 'rate-sender.mjs')

/** `through` is the command that starts the sender in a network of its own. */
async function raise(args: readonly string[], to: Place, datagram: Uint8Array, through: readonly string[] = []) {
  const running = startCommand(['capture', '--stats', '--json', ...args], home)
  await until('it watches', () => /watching|tapwarden:/.test(running.err()), 30_000)
  const port = typeof to.port === 'number' ? to.port : Number(to.port.exec(running.err())?.[1])
  const hex = Buffer.from(datagram).toString('hex')
  const [program = '', ...rest] = [
    ...through,
    process.execPath,
    sender,
    to.address,
    String(port),
    hex,
    String(perRateCount),
  ]
  const { stdout } = await promisify(execFile)(program, [...rest, ...rates])
  const { sent, steps }: { readonly sent: number; readonly steps: readonly string[] } = JSON.parse(stdout)
  running.signal('SIGINT')
  const { code, out } = await running.ended
  expect(code).toBe(0)
  const total: Total = JSON.parse(out.trimEnd().split('\n').at(-1) ?? '')
  const { packets, drops } = total
  console.log(
    `${args.join(' ')}: sent ${sent}, ${steps.join(', ')}; seen ${packets}, dropped by the kernel ${drops.kernel}`,
  )
  return { sent, total }
}

interface Place {
  readonly address: string
  /** Or where the sensor says it. */
  readonly port: number | RegExp
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
      const to = { address: '127.0.0.1', port: place }
      const { sent, total } = await raise(['--listen', `${kind}://127.0.0.1:0`], to, concatBytes([header, frame]))
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
    const { sent, total } = await raise(args, { address: '127.0.0.1', port }, new Uint8Array(1_400))
    receiver.close()
    // On lo each packet passes the kernel's ring twice, sent and received, and is seen once: a drop may be of either copy.
    expect(total.packets).toBeLessThanOrEqual(sent)
    expect(total.packets + total.drops.kernel).toBeGreaterThanOrEqual(sent)
  },
  60_000,
)

const outside = `tw${process.pid}`
const run = (command: string): boolean => {
  const [program = '', ...args] = command.split(' ')
  return spawnSync(program, args, { env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` } }).status === 0
}
/** A cable of two ends: one here, without an address; the other in a network of its own, which knows one neighbour. */
const hasCable =
  missing === undefined &&
  run(`ip netns add ${outside}`) &&
  run(`ip link add ${outside} type veth peer name far netns ${outside}`) &&
  run(`ip link set ${outside} up`) &&
  run(`ip -n ${outside} link set far up`) &&
  run(`ip -n ${outside} addr add 192.0.2.1/30 dev far`) &&
  run(`ip -n ${outside} neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev far`)
afterAll(() => run(`ip netns del ${outside}`)) // The cable goes with its end.

it.skipIf(!hasCable)(
  `--interface of a cable${hasCable ? '' : ': no network of its own can be made here (root, and the Debian package iproute2)'}`,
  async () => {
    const args = ['--interface', outside, '--filter', 'udp dst port 9000']
    const to = { address: '192.0.2.2', port: 9_000 }
    const { sent, total } = await raise(args, to, new Uint8Array(1_400), ['ip', 'netns', 'exec', outside])
    expect(total.packets + total.drops.kernel).toBe(sent)
  },
  60_000,
)
