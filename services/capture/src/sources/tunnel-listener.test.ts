/** A mirror over loopback: what is sent arrives, or is counted as refused, or as dropped by the kernel. Nothing else can happen to it. */

import { createSocket, type Socket } from 'node:dgram'
import { platform } from 'node:os'
import type { RawTransaction } from '@tapwarden/http/raw-transaction'
import { buildConversation } from '@tapwarden/net/frame-builder'
import { concatBytes } from '@tapwarden/pcap/pcap-writer'
import { afterEach, describe, expect, it } from 'vitest'
import { TransactionReader } from '../transaction-reader.js'
import { type FrameSink, FrameSourceError } from './frame-source.js'
import { listenPlaceText, parseListenPlace } from './listen-place.js'
import { datagramFault, networkNumber, type TunnelKind } from './tunnel-datagram.js'
import { type TunnelListenerOptions, TunnelListenerSource } from './tunnel-listener.js'
import { dropsIn } from './udp-drops.js'
import { WallClock } from './wall-clock.js'

const vxlan = (network: number): Uint8Array => Uint8Array.of(0x08, 0, 0, 0, 0, network >> 8, network & 0xff, 0)
const gpe = (network: number): Uint8Array => Uint8Array.of(0x0c, 0, 0, 3, 0, network >> 8, network & 0xff, 0)
/** With two options: one of eight bytes, one without data. */
const geneve = (network: number): Uint8Array =>
  Uint8Array.of(0x04, 0, 0x65, 0x58, 0, network >> 8, network & 0xff, 0, 1, 2, 3, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 0)
const ethernet = new Uint8Array(14)

describe('a header', () => {
  it.each<[TunnelKind, Uint8Array, ReturnType<typeof datagramFault>, string]>([
    ['vxlan', vxlan(1), undefined, 'RFC 7348 §5'],
    ['vxlan', vxlan(1).fill(0xff, 0, 1), undefined, 'other flags are ignored on receipt'],
    ['vxlan', vxlan(1).fill(0, 0, 1), 'flags', 'without I there is no network number'],
    ['vxlan-gpe', gpe(1), undefined, 'draft-ietf-nvo3-vxlan-gpe §3'],
    ['vxlan-gpe', gpe(1).fill(0x0d, 0, 1), 'control', 'O: no packet of a tenant'],
    ['geneve', geneve(1), undefined, 'RFC 8926 §3.4'],
    ['geneve', geneve(1).fill(0x44, 0, 1), 'flags', 'version 1'],
    ['geneve', geneve(1).fill(0x80, 1, 2), 'control', 'O: for the end of the tunnel'],
    ['geneve', geneve(1).fill(0x3f, 0, 1), 'options', 'options longer than the datagram'],
  ])('of %s, case %#: %s', (kind, header, fault, _why) => {
    const datagram = concatBytes([header, ethernet])
    expect(datagramFault(kind, datagram, 0, datagram.length)).toBe(fault)
    expect(datagramFault(kind, datagram, 0, 21)).toBe('short')
  })

  it('tells its network, of three bytes', () => {
    expect(networkNumber(Uint8Array.of(8, 0, 0, 0, 0xff, 0xfe, 0xfd, 0), 0)).toBe(0xff_fefd)
  })
})

it.each([
  ['vxlan://0.0.0.0:4789', { kind: 'vxlan', host: '0.0.0.0', port: 4_789 }],
  ['vxlan://10.0.0.1', { kind: 'vxlan', host: '10.0.0.1', port: 4_789 }],
  ['geneve://[::]', { kind: 'geneve', host: '::', port: 6_081 }],
  ['vxlan-gpe://[fe80::1]:0/', { kind: 'vxlan-gpe', host: 'fe80::1', port: 0 }],
])('%s is a place to listen', (text, place) => {
  expect(parseListenPlace(text)).toEqual(place)
  expect(parseListenPlace(listenPlaceText(parseListenPlace(text)))).toEqual(place)
})

it.each([
  'vxlan',
  'udp://0.0.0.0:4789',
  'vxlan://host:4789',
  'vxlan://:4789',
  'vxlan://0.0.0.0:99999',
  'vxlan://1.2.3:1',
  'geneve://::1',
])('%s is none, and what one looks like is said', (text) =>
  expect(() => parseListenPlace(text)).toThrow(FrameSourceError))

it('drops are found by address and port, as Linux 6.1 prints them', () => {
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  513: 0100007F:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12345 2 0000000000000000 17
  514: 00000000:12B5 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12346 2 0000000000000000 4
`
  expect(dropsIn(table, '127.0.0.1', 4_789)).toBe(17)
  expect(dropsIn(table, '0.0.0.0', 4_789)).toBe(4)
  expect(dropsIn(table, '127.0.0.1', 4_790)).toBeUndefined()
  const table6 = `h\n 1: B80D0120000000000000000001000000:17C1 0:0 07 0:0 0:0 0 0 0 1 2 0 9\n`
  expect(dropsIn(table6, '2001:db8::1', 6_081)).toBe(9)
})

it('time goes on steadily, and follows the wall clock when that is set', () => {
  let [wallMs, steadyMs] = [1_000_000_000, 5]
  const clock = new WallClock({ wallMs: () => wallMs, steadyMs: () => steadyMs })
  const move = (byMs: number, drift = 0): number => {
    steadyMs += byMs
    wallMs += byMs + drift
    return clock.nowUs()
  }
  expect(clock.nowUs()).toBe(1_000_000_000_000)
  expect(move(0.25)).toBe(1_000_000_000_250)
  expect(move(2_000, 3)).toBe(1_000_002_000_250)
  expect(move(2_000, 60_000)).toBe(1_000_064_003_250)
  expect(move(2_000, -3_600_000)).toBe(1_000_064_003_250 + 2_000_000 - 3_600_000_000)
})

const sockets: Socket[] = []
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.close()
})

async function listening(options: Partial<TunnelListenerOptions>, sink: FrameSink) {
  const places = options.places ?? [parseListenPlace('vxlan://127.0.0.1:0')]
  const source = new TunnelListenerSource({ ...options, places })
  const running = source.frames(sink)
  await Promise.race([source.capturing, running])
  const sender = createSocket(places[0]?.host === '::1' ? 'udp6' : 'udp4')
  sockets.push(sender)
  /** Resolves when the system has taken it. */
  const send = (datagram: Uint8Array, place = 0): Promise<void> =>
    new Promise((resolve, reject) => {
      sender.send(datagram, source.ports[place] ?? 0, places[0]?.host ?? '', (error) =>
        error ? reject(error) : resolve(),
      )
    })
  const stop = async () => {
    await source.stop()
    await running
    return source.statistics()
  }
  return { source, running, send, stop }
}

const encoder = new TextEncoder()
function conversation(client: number): Uint8Array[] {
  const spec = { clientIp: `10.0.0.${client}`, clientPort: 5_000, serverIp: '10.9.0.1', serverPort: 80 }
  const turns = [
    { direction: 'c2s' as const, bytes: encoder.encode(`GET /${client} HTTP/1.1\r\nHost: a\r\n\r\n`) },
    { direction: 's2c' as const, bytes: encoder.encode('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok') },
  ]
  return buildConversation(spec, turns, 1_790_000_000_000_000).map(({ bytes }) => bytes)
}

describe('over loopback', () => {
  it.each<[string, (network: number) => Uint8Array]>([
    ['vxlan://127.0.0.1:0', vxlan],
    ['vxlan-gpe://127.0.0.1:0', gpe],
    ['geneve://[::1]:0', geneve],
  ])('%s: the transactions inside are found, at the time of the wall clock, and its networks are counted', async (place, header) => {
    const found: RawTransaction[] = []
    const paths: string[] = []
    const reader = new TransactionReader({
      onTransaction: (flow, transaction) => {
        found.push(transaction)
        paths.push(flow.clientIp)
      },
    })
    let firstUs = 0
    const { source, send, stop } = await listening(
      { places: [parseListenPlace(place)] },
      {
        frame: (frame) => {
          firstUs ||= frame.timestampUs
          reader.frame(frame)
        },
      },
    )
    const startedUs = Date.now() * 1_000
    for (const client of [1, 2])
      for (const frame of conversation(client)) await send(concatBytes([header(700 + client), frame]))
    const { frameCount, kernelDroppedCount, oddities } = await stop()
    reader.end()
    expect(paths).toEqual(['10.0.0.1', '10.0.0.2'])
    expect([frameCount, kernelDroppedCount, oddities?.size]).toEqual([conversation(1).length * 2, 0, 0])
    expect([...source.frameCountByNetwork]).toEqual([
      [701, conversation(1).length],
      [702, conversation(2).length],
    ])
    expect(firstUs).toBeGreaterThanOrEqual(startedUs - 1_000)
    expect(firstUs).toBeLessThan(startedUs + 60_000_000)
  })

  it('what is no mirror, and who may not send, is counted and not handed on', async () => {
    let frameCount = 0
    const places = [parseListenPlace('vxlan://127.0.0.1:0'), parseListenPlace('geneve://127.0.0.1:0')]
    const open = await listening({ places }, { frame: () => void frameCount++ })
    await open.send(Uint8Array.of(1, 2, 3))
    await open.send(concatBytes([vxlan(1).fill(0, 0, 1), ethernet]))
    await open.send(concatBytes([geneve(1).fill(0x80, 1, 2), ethernet]), 1)
    await open.send(concatBytes([geneve(1), ethernet]), 1)
    const { oddities } = await open.stop()
    expect(Object.fromEntries(oddities ?? [])).toEqual({
      'source.datagram-short': 1,
      'source.datagram-flags': 1,
      'source.datagram-control': 1,
    })
    const closed = await listening({ senders: ['10.0.0.0/8', '::1'] }, { frame: () => void frameCount++ })
    await closed.send(concatBytes([vxlan(1), ethernet]))
    expect(Object.fromEntries((await closed.stop()).oddities ?? [])).toEqual({ 'source.datagram-sender': 1 })
    const allowed = await listening({ senders: ['127.0.0.0/8'] }, { frame: () => void frameCount++ })
    await allowed.send(concatBytes([vxlan(1), ethernet]))
    await allowed.stop()
    expect(frameCount).toBe(2)
  })

  it.runIf(platform() === 'linux')(
    'a flood into a small socket: sent = handed on + refused + dropped by the kernel',
    async () => {
      const { send, stop } = await listening({ receiveBufferBytes: 65_536 }, { frame: () => undefined })
      const good = concatBytes([vxlan(1), new Uint8Array(1_000)])
      const bad = Uint8Array.of(0)
      const sent: Promise<void>[] = []
      for (let i = 0; i < 20_000; i++) sent.push(send(i % 10 === 0 ? bad : good))
      await Promise.all(sent)
      const { frameCount, kernelDroppedCount, oddities } = await stop()
      expect(kernelDroppedCount).toBeGreaterThan(0)
      expect(frameCount + kernelDroppedCount + (oddities?.get('source.datagram-short') ?? 0)).toBe(20_000)
    },
  )

  it('says what the kernel granted where that is less than was asked for', async () => {
    const { stop } = await listening({ receiveBufferBytes: 1_073_741_824 }, { frame: () => undefined })
    expect((await stop()).warnings).toEqual([
      expect.stringMatching(
        /^vxlan:\/\/127\.0\.0\.1:0: the kernel grants [0-9.]+ MiB of the 1024\.0 MiB .* net\.core\.rmem_max=/,
      ),
    ])
  })

  it('what the sink throws ends it', async () => {
    const { running, send } = await listening(
      {},
      {
        frame: () => {
          throw new RangeError('sink')
        },
      },
    )
    await send(concatBytes([vxlan(1), ethernet]))
    await expect(running).rejects.toThrow('sink')
  })

  it.each([
    ['in use', () => [parseListenPlace('vxlan://127.0.0.1:0')], 'listen-failed'],
    ['no address here', () => [parseListenPlace('vxlan://192.0.2.1:4789')], 'listen-failed'],
  ])('a place that is %s is told in one line', async (what, places, code) => {
    const taken = createSocket('udp4')
    sockets.push(taken)
    await new Promise<void>((resolve) => taken.bind(0, '127.0.0.1', resolve))
    const wanted = places().map((place) => (what === 'in use' ? { ...place, port: taken.address().port } : place))
    const source = new TunnelListenerSource({ places: wanted })
    await expect(source.frames({ frame: () => undefined })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^vxlan:[^\n]+$/),
    })
  })
})
