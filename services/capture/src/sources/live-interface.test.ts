import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writePcap } from '@tapwarden/pcap/pcap-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { captureProgramNames, capturePrograms } from './capture-program.js'
import type { FrameSink } from './frame-source.js'
import { captureFilter, LiveInterfaceSource, tryInterface } from './live-interface.js'

const noSink: FrameSink = { frame: () => undefined }

describe('what tcpdump is told and says', () => {
  it.each([
    [undefined, [], ''],
    ['  ', [8_123], 'not (tcp port 8123)'],
    ['tcp port 80 or tcp port 81', [], '(tcp port 80 or tcp port 81)'],
    ['tcp', [9_000, 8_123, 9_000], '(tcp) and not (tcp port 8123 or tcp port 9000)'],
  ])('filter %j without ports %j is %j', (filter, ports, expected) => {
    expect(captureFilter(filter, ports)).toBe(expected)
  })

  it.each([
    ['tcpdump: 15 packets captured, 30 packets received by filter, 7 packets dropped by kernel', 7],
    ['1 packet dropped by kernel\n12 packets dropped by kernel\n', 12],
    ['3 packets dropped by interface\n', undefined],
    ['tcpdump: listening on lo', undefined],
  ])('tcpdump: %j tells of %j drops', (text, count) => expect(capturePrograms.tcpdump.drops(text)).toBe(count))

  it.each([
    ["Packets received/dropped on interface 'Loopback: lo': 5/3 (pcap:3/dumpcap:0/flushed:0/ps_ifdrop:0) (60.0%)", 3],
    ["Capturing on 'Loopback: lo'\nFile: -\n", undefined],
  ])('dumpcap: %j tells of %j drops', (text, count) => expect(capturePrograms.dumpcap.drops(text)).toBe(count))
})

describe('a capture that cannot start', () => {
  let folder = ''
  let standInCount = 0
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'live-interface-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** A stand-in for tcpdump; what it says was copied from tcpdump 4.99.3. */
  async function standIn(script: string): Promise<string> {
    const command = join(folder, `tcpdump-${standInCount++}`)
    await writeFile(command, `#!/bin/sh\n${script}\n`)
    await chmod(command, 0o755)
    return command
  }

  it.each([
    [
      'echo "tcpdump: lo: You don\'t have permission to perform this capture on that device" >&2; exit 1',
      'not-permitted',
    ],
    ['echo "tcpdump: nosuch: No such device exists" >&2; exit 1', 'interface-unknown'],
    ['echo "tcpdump: can\'t parse filter expression: syntax error" >&2; exit 1', 'filter-invalid'],
    ['echo "tcpdump: something new" >&2; exit 1', 'capture-ended'],
    ['kill -9 $$', 'capture-ended'],
  ])('%s → %s, in one line', async (script, code) => {
    const source = new LiveInterfaceSource({ interfaceName: 'lo', command: await standIn(script) })
    await expect(source.frames(noSink)).rejects.toMatchObject({ code, message: expect.stringMatching(/^[^\n]+$/) })
    expect(source.statistics().restartCount).toBe(0)
  })

  it('is told by a try too, which leaves nothing running when it succeeds', async () => {
    const refusing = await standIn('echo "tcpdump: nosuch: No such device exists" >&2; exit 1')
    await expect(tryInterface({ interfaceName: 'nosuch', command: refusing })).rejects.toMatchObject({
      code: 'interface-unknown',
    })
    const mark = join(folder, 'ended')
    const listening = await standIn(
      `echo "tcpdump: listening on lo" >&2; trap 'echo > ${mark}; exit' INT; while :; do sleep 0.01; done`,
    )
    await tryInterface({ interfaceName: 'lo', command: listening })
    expect(await readFile(mark, 'utf8')).toBe('\n')
  })

  it('says what to install when there is no tcpdump', async () => {
    const source = new LiveInterfaceSource({ interfaceName: 'lo', command: join(folder, 'nothing') })
    await expect(source.frames(noSink)).rejects.toMatchObject({ code: 'tcpdump-missing', message: /install/ })
  })

  it('restarts a capture that had begun, a limited number of times, and sums up drops', async () => {
    const command = await standIn('echo "tcpdump: listening on lo" >&2; echo "4 packets dropped by kernel" >&2; exit 1')
    const source = new LiveInterfaceSource({ interfaceName: 'lo', command, restartDelayMs: 1, restartMaxCount: 2 })
    await expect(source.frames(noSink)).rejects.toMatchObject({ code: 'capture-ended', retryable: true })
    expect(source.statistics()).toMatchObject({ restartCount: 2, kernelDroppedCount: 12 })
    expect(source.statistics().oddities?.get('source.capture-restarted')).toBe(2)
    await source.stop()
  })

  it('restarts without end as long as frames come: each is a gap that is counted', async () => {
    const capture = join(folder, 'one-frame.pcap')
    await writeFile(capture, writePcap([{ timestampUs: 1, bytes: new Uint8Array(60) }], { linkType: 1 }))
    const command = await standIn(`echo "tcpdump: listening on lo" >&2; cat ${capture}`)
    const source = new LiveInterfaceSource({ interfaceName: 'lo', command, restartDelayMs: 1, restartMaxCount: 1 })
    let frameCount = 0
    await source.frames({ frame: () => void (++frameCount === 6 && source.stop()) })
    expect([frameCount, source.statistics().oddities?.get('source.capture-restarted')]).toEqual([6, 5])
  })

  it('takes dumpcap where there is no tcpdump, or none that may capture', async () => {
    const path = process.env['PATH']
    const programs = join(folder, 'programs')
    await mkdir(programs)
    const install = async (name: string, script: string) => {
      await writeFile(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    }
    const refusal = "You don't have permission to perform this capture"
    const dumpcap = `echo "Capturing on 'lo'" >&2; echo "File: -" >&2; exec sleep 60`
    try {
      await install('tcpdump', `echo "tcpdump: lo: ${refusal} on that device" >&2; exit 1`)
      await install('dumpcap', `echo "Capturing on 'lo'" >&2; echo "dumpcap: ${refusal}" >&2; exit 1`)
      process.env['PATH'] = `${programs}:${path}`
      await expect(tryInterface({ interfaceName: 'lo' })).rejects.toMatchObject({
        code: 'not-permitted',
        message: expect.stringContaining('command -v tcpdump'),
      })
      await install('dumpcap', dumpcap)
      expect(await tryInterface({ interfaceName: 'lo' })).toBe('dumpcap')
      await install('tcpdump', 'echo "tcpdump: listening on lo" >&2; exec sleep 60')
      expect(await tryInterface({ interfaceName: 'lo' })).toBe('tcpdump')
      expect(await tryInterface({ interfaceName: 'lo', program: 'dumpcap' })).toBe('dumpcap')
    } finally {
      process.env['PATH'] = path
    }
  })
})

// Listing link types opens the interface, and so needs the permission, but captures nothing.
const probe = spawnSync('tcpdump', ['-i', 'lo', '-L'], {
  timeout: 5_000,
  env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
})
const cannotCapture =
  probe.error !== undefined
    ? `tcpdump does not run: ${probe.error.message}`
    : /permission|not permitted/i.test(String(probe.stderr))
      ? 'no permission to capture on lo (CAP_NET_RAW)'
      : undefined
const isSkipped = cannotCapture !== undefined && process.env['CI'] !== 'true'

/** dumpcap is not among the packages that the tests install: it is tried where it is found. */
function mayCapture(name: string): boolean {
  const tried = spawnSync(name, ['-i', 'lo', '-L'], { timeout: 5_000 })
  return tried.error === undefined && tried.status === 0
}

describe.skipIf(isSkipped)(`on the real loopback interface${isSkipped ? ` [skipped: ${cannotCapture}]` : ''}`, () => {
  const servers: Server[] = []
  afterAll(() => {
    for (const server of servers) server.close()
  })

  async function echoServer(): Promise<number> {
    const server = createServer((socket) => socket.pipe(socket))
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return (server.address() as AddressInfo).port
  }

  /** Sends `text` and waits for its echo. */
  async function exchange(port: number, text: string): Promise<void> {
    const socket = connect(port, '127.0.0.1')
    socket.end(text)
    for await (const _chunk of socket);
  }

  const installed = captureProgramNames.filter((name) => name === 'tcpdump' || mayCapture(name))

  it.each(
    installed,
  )('%s captures what the filter asks for, never our own ports, and outlives its death', async (program) => {
    const [watched, own] = [await echoServer(), await echoServer()]
    let captured = ''
    let onCaptured: () => void = () => undefined
    const source = new LiveInterfaceSource({
      interfaceName: 'lo',
      program,
      filter: `tcp port ${watched} or tcp port ${own}`,
      excludedPorts: [own],
      pollMs: 20,
      restartDelayMs: 1,
    })
    const running = source.frames({
      frame: ({ buffer, offset, end }) => {
        captured += Buffer.from(buffer.subarray(offset, end)).toString('latin1')
        onCaptured()
      },
    })
    /** Repeats an exchange until it is seen: a capture needs a moment to begin, and no event tells when. */
    const seen = async (text: string) => {
      while (!captured.includes(text)) {
        const arrival = new Promise<void>((resolve) => {
          onCaptured = resolve
        })
        await exchange(own, 'our own traffic')
        await exchange(watched, text)
        await Promise.race([arrival, new Promise((resolve) => setTimeout(resolve, 200))])
      }
    }
    await Promise.race([source.capturing, running]) // Whoever may not capture fails here.
    await seen('before the death')
    expect(source.isCapturing).toBe(true)
    process.kill(source.processId ?? 0, 'SIGKILL')
    await seen('after the death')
    await source.stop()
    await running
    expect(captured).not.toContain('our own traffic')
    expect(source.statistics()).toMatchObject({ restartCount: 1, kernelDroppedCount: 0 })
    expect([source.processId, source.isCapturing]).toEqual([undefined, false])
  })

  it.each(installed)('%s: every frame that was captured before stop is handed on', async (program) => {
    const port = await echoServer()
    const source = new LiveInterfaceSource({ interfaceName: 'lo', program, filter: `tcp port ${port}` })
    let last = ''
    const running = source.frames({
      frame: ({ buffer, offset, end }) => {
        last += Buffer.from(buffer.subarray(offset, end)).toString('latin1')
      },
    })
    await Promise.race([source.capturing, running]) // Whoever may not capture fails here.
    for (let index = 0; index < 50; index++) await exchange(port, `message ${index};`)
    await source.stop()
    await running
    for (let index = 0; index < 50; index++) expect(last).toContain(`message ${index};`)
  })

  it.each(installed)('%s refuses an unknown interface and a wrong filter, each in one line', async (program) => {
    const message = expect.stringMatching(/^[^\n]+$/)
    const unknown = new LiveInterfaceSource({ interfaceName: 'nosuch0', program })
    await expect(unknown.frames(noSink)).rejects.toMatchObject({ code: 'interface-unknown', message })
    const wrong = new LiveInterfaceSource({ interfaceName: 'lo', filter: 'tcp prt 80', program })
    await expect(wrong.frames(noSink)).rejects.toMatchObject({ code: 'filter-invalid', message })
  })
})
