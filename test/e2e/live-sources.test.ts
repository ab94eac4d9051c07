/** Live traffic that comes without an interface: a cloud mirror's datagrams, and a folder of rotating captures, which outlives any kill. */

import { createSocket } from 'node:dgram'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PcapReader } from '@tapwarden/pcap/pcap-reader'
import { concatBytes, type WrittenFrame, writePcap } from '@tapwarden/pcap/pcap-writer'
import { engineMissing } from '@tapwarden/store/embedded/test-engine'
import { testCapture } from 'tapwarden/test-capture'
import { afterAll, describe, expect, it } from 'vitest'
import { type RunningCommand, runCommand, startCommand, until } from '../faults/command-process.js'
import { differences, storePicture } from '../faults/store-picture.js'

const home = mkdtempSync(join(tmpdir(), 'tapwarden-live-sources-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))
const path = (name: string): string => join(home, name)
const clientCount = 40
const whole = testCapture(clientCount)

function framesOf(bytes: Uint8Array): WrittenFrame[] {
  const frames: WrittenFrame[] = []
  new PcapReader({
    onFrame: ({ timestampUs, buffer, offset, end }) => frames.push({ timestampUs, bytes: buffer.slice(offset, end) }),
  }).push(bytes)
  return frames
}
const frames = framesOf(whole.bytes)

async function watching(running: RunningCommand): Promise<string> {
  await until('it watches', () => /watching|tapwarden:/.test(running.err()), 60_000)
  return running.err()
}

async function metric(running: RunningCommand, line: RegExp): Promise<number> {
  const port = /health http:\/\/127\.0\.0\.1:(\d+)/.exec(running.err())?.[1]
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  return Number(line.exec(text)?.[1])
}

/** Polls until `/metrics` says so: nothing else tells how far the sensor is. */
async function untilMetric(running: RunningCommand, line: RegExp, value: number): Promise<void> {
  const giveUpAt = performance.now() + 30_000
  while ((await metric(running, line)) !== value) {
    if (performance.now() > giveUpAt) throw new Error(`${line} is ${await metric(running, line)}, not ${value}`)
  }
}

describe.skipIf(engineMissing() !== undefined)('up', () => {
  it.each([
    ['vxlan', Uint8Array.of(0x08, 0, 0, 0, 0, 0, 42, 0)],
    ['geneve', Uint8Array.of(0x01, 0, 0x65, 0x58, 0, 0, 42, 0, 1, 2, 3, 0)],
  ])(
    '--listen %s: what a mirror sends is stored; what is no mirror is counted',
    async (kind, header) => {
      const store = path(kind)
      const up = startCommand(['up', '--listen', `${kind}://127.0.0.1:0`, '--store', store, '--json'], home)
      const port = Number(/watching \w+:\/\/127\.0\.0\.1:(\d+)/.exec(await watching(up))?.[1])
      const sender = createSocket('udp4')
      const send = (bytes: Uint8Array): Promise<void> =>
        new Promise((resolve, reject) =>
          sender.send(bytes, port, '127.0.0.1', (error) => (error ? reject(error) : resolve())),
        )
      await send(Uint8Array.of(1))
      for (const { bytes } of frames) await send(concatBytes([header, bytes]))
      sender.close()
      await untilMetric(up, /^tapwarden_capture_packets (\d+)/m, frames.length)
      expect(await metric(up, /^tapwarden_capture_source_faults\{fault="source.datagram-short"\} (\d+)/m)).toBe(1)
      expect(await metric(up, /^tapwarden_capture_drops\{by="kernel"\} (\d+)/m)).toBe(0)
      up.signal('SIGINT')
      const { code, out } = await up.ended
      expect(code).toBe(0)
      expect(JSON.parse(out)).toMatchObject({
        packets: frames.length,
        transactions: { seen: 3 * clientCount, new: 3 * clientCount },
      })
      const sql = 'SELECT vni, tunnels, count() AS n FROM v_transactions GROUP BY vni, tunnels'
      const asked = await runCommand(['query', sql, '--json', '--store', store], home)
      expect(JSON.parse(asked.out)).toEqual({ vni: 42, tunnels: [kind], n: 3 * clientCount })
    },
    120_000,
  )

  it('--follow: killed at any moment, and started again, it loses and repeats nothing', async () => {
    writeFileSync(path('whole.pcap'), whole.bytes)
    await runCommand(['replay', path('whole.pcap'), '--store', path('expected')], home)
    const expected = await storePicture(path('expected'))

    const ring = path('ring')
    mkdirSync(ring)
    // Files end within a connection, and at the kill within a record.
    const third = Math.floor(frames.length / 3) + 2
    const first = writePcap(frames.slice(0, third), { linkType: 1 })
    writeFileSync(join(ring, 'ring0'), first.subarray(0, -5))
    const store = path('followed')
    const args = ['up', '--follow', ring, '--store', store, '--json']
    const settings = { TAPWARDEN_CAPTURE__FOLLOW__CHECKPOINT_MS: '20' }
    const killed = startCommand(args, home, settings)
    await watching(killed)
    await untilMetric(killed, /^tapwarden_capture_packets (\d+)/m, third - 1)
    appendFileSync(join(ring, 'ring0'), first.subarray(-5))
    const begun = writePcap(frames.slice(third, third + 20), { linkType: 1 })
    writeFileSync(join(ring, 'ring1'), concatBytes([begun, new Uint8Array(7)]))
    await untilMetric(killed, /^tapwarden_capture_packets (\d+)/m, third + 20)
    killed.killTree()
    await killed.ended

    writeFileSync(join(ring, 'ring1'), writePcap(frames.slice(third, 2 * third), { linkType: 1 }))
    const stopped = startCommand(args, home, settings)
    await watching(stopped)
    await untilMetric(stopped, /^tapwarden_capture_packets (\d+)/m, 2 * third)
    stopped.signal('SIGINT')
    expect((await stopped.ended).code).toBe(0)

    // The ring has come round to the first file, and gone on.
    unlinkSync(join(ring, 'ring0'))
    writeFileSync(join(ring, 'ring0'), writePcap(frames.slice(2 * third), { linkType: 1 }))
    const last = startCommand(args, home, { ...settings, TAPWARDEN_CAPTURE__FOLLOW__REWIND_MS: '5000' })
    await watching(last)
    const connections = async (): Promise<string> =>
      (await runCommand(['query', 'SELECT count() AS n FROM v_transactions', '--json', '--store', store], home)).out
    while (!(await connections()).includes(`"n":${3 * clientCount}}`));
    last.signal('SIGINT')
    expect((await last.ended).code).toBe(0)
    expect(differences(expected, await storePicture(store))).toEqual([])
  }, 180_000)
})

it.each([
  [
    ['up'],
    2,
    /^tapwarden: say what to watch: --interface NAME, --listen vxlan:\/\/ADDRESS:PORT or --follow DIR; .*files as well\n$/,
  ],
  [['up', '-i', 'lo', '--follow', '/tmp'], 2, /^tapwarden: watch one at a time: [^\n]+\n$/],
  [['up', '--follow', '/tmp', '--filter', 'tcp'], 2, /^tapwarden: --filter goes with --interface; [^\n]+\n$/],
  [
    ['up', '--listen', 'vxlan://somewhere'],
    2,
    /^tapwarden: vxlan:\/\/somewhere: write vxlan:\/\/ADDRESS:PORT,? [^\n]+\n$/,
  ],
  [
    ['up', '--listen', 'vxlan://192.0.2.1:4789'],
    69,
    /^tapwarden: vxlan:\/\/192.0.2.1:4789: that is no address [^\n]+\n$/,
  ],
  [['up', '--follow', '/absent'], 66, /^tapwarden: \/absent does not exist; make it, or name another\n$/],
])('%j → %i, one line', async (args, code, line) => {
  const ended = await runCommand([...args, '--store', path('untouched')], home)
  expect([ended.code, ended.err]).toEqual([code, expect.stringMatching(line)])
})
